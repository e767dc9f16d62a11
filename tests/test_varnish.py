"""examples/varnish/seealso.vcl as it stands, run by a real Varnish in front of a website and a real service."""

import http.client
import itertools
import re
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import pytest

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.conftest import ROOT
from tests.faults.trial import decided
from tests.listener import listening
from tests.load.rate import Rate, blocks
from tests.makers import articles, index_of
from tests.servers import START_SECONDS_MAX, Answer, Running, free_port, request, serving
from tests.varnish import EXAMPLE, Website, varnish, website

# A machine that is busy with other tests is no slow service.
PATIENT = {
    ".connect_timeout = 300ms;": ".connect_timeout = 30s;",
    ".first_byte_timeout = 800ms;": ".first_byte_timeout = 30s;",
    ".between_bytes_timeout = 800ms;": ".between_bytes_timeout = 30s;",
    ".timeout = 1s;": ".timeout = 30s;",
}
EMPTY = b"<p>before</p><p>after</p>"


class House(NamedTuple):
    """Varnish, the website and the service behind it, and an editor's key."""

    front: Running
    site: Website
    service: Running
    key: str

    def get(self, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return request(urllib.request.Request(self.front.url + path, headers=named), 60)

    def take_down(self, article_id: str) -> None:
        taken = self.service.send("POST", f"/v1/articles/{article_id}/takedown", {"reason": "tried"}, self.key)
        assert decided(taken), taken

    def restore(self, article_id: str) -> None:
        path = f"/v1/articles/{article_id}/takedown?reason=tried"
        restored = self.service.send("DELETE", path, None, self.key)
        assert decided(restored), restored
        self.wait_until_caches_know()

    def wait_until_caches_know(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while self.service.send("GET", "/v1/purges?state=waiting", None, self.key).json()["purges"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@contextmanager
def built(folder: Path, changes: dict[str, str] | None = None, **settings: str) -> Iterator[House]:
    port, index = free_port(), folder / "index"
    index_of(index, articles(12))
    key = create_key(Store(index), "editor", "editor", "a test")[1]
    (written,) = re.findall(r"^# +(SEEALSO_.+) seealso serve$", EXAMPLE.read_text(), re.M)
    told = dict(each.split("=", 1) for each in written.replace(":6081/", f":{port}/").split())
    with ExitStack() as stack:
        site = stack.enter_context(website(folder / "www"))
        service = stack.enter_context(serving(index, folder / "log", 2, True, **told, **settings))
        front = stack.enter_context(varnish(folder / "varnish", port, site, service.url, PATIENT | (changes or {})))
        yield House(front, site, service, key)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with built(tmp_path_factory.mktemp("house")) as house:
        yield house


def shows(number: int) -> bytes:
    """Return how a block names one of the articles."""
    return f">Piece {number}<".encode()


def test_block_is_included_in_a_page_as_the_page_asks(house: House) -> None:
    text = house.get(house.site.page("/related/a001", "/related/a002?limit=1&amp;section=none")).body
    assert text.startswith(b"<p>before</p>")
    assert text.endswith(b"<p>after</p>")
    assert text.count(b'<h2 class="seealso-heading">') == 1
    assert house.get(house.site.page("/related/a001?limit=2")).body.count(b"<li") == 2


def test_what_the_reader_sends_along_does_not_change_the_block(house: House) -> None:
    path = house.site.page("/related/a002")
    plain = house.get(path).body
    etag = house.get("/v1/articles/a002/related.html").headers["etag"]
    for name, value in {
        "Cookie": "session=1",
        "Authorization": "Bearer nothing",
        "If_None_Match": etag,
        "Range": "bytes=0-9",
        "Origin": "https://a.example",
    }.items():
        answer = house.get(path, **{name: value})
        assert plain.startswith(answer.body) if name == "Range" else answer.body == plain, name


def test_page_without_a_block_is_a_page(house: House) -> None:
    for wrong in ("/related/nobody", "/related/a001?limit=0", "/related/"):
        assert house.get(house.site.page(wrong)).body == EMPTY, wrong


def test_place_of_the_block_is_not_to_be_asked_from_outside(house: House) -> None:
    for path in ("/related/a001", "/v1/status", "/metrics", "/desk/"):
        assert house.get(path).status == 404, path


def test_block_is_fetched_once_and_kept_as_long_as_it_says(house: House) -> None:
    path = "/v1/articles/a003/related?limit=9"
    first, second = house.get(path), house.get(path)
    assert (first.headers["x-proxy-cache"], second.headers["x-proxy-cache"]) == ("MISS", "HIT")
    assert first.body == second.body
    assert second.headers["cache-control"].startswith("public, max-age=")
    assert "xkey" not in second.headers
    assert house.get(path, If_None_Match=first.headers["etag"]).status == 304


def test_events_and_batches_are_passed_on(house: House) -> None:
    assert house.front.post("/v1/events", {"blocks": [{"article": "a001", "shown": ["a004"]}]}).status == 204
    assert house.front.post("/v1/related", {"articles": ["a001"]}).json()["blocks"]


def test_each_reader_has_a_rate_of_their_own_whatever_they_say_of_themselves(tmp_path: Path) -> None:
    def status(port: int, reader: str, says: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(reader, 0))
        headers = {"Content-Type": "application/json", "X-Forwarded-For": says}
        connection.request("POST", "/v1/page", b'{"article": "a001", "blocks": [{"name": "below"}]}', headers)
        answer = connection.getresponse()
        connection.close()
        return answer.status

    # Where Redis is late, each worker counts by itself.
    with built(tmp_path, SEEALSO_RATE_LIMIT="1/hour", SEEALSO_REDIS_TIMEOUT_MS="10000") as house:
        port = int(house.front.url.rpartition(":")[2])
        assert status(port, "127.0.0.2", "x") == 200
        assert status(port, "127.0.0.2", "192.0.2.1") == 429
        assert status(port, "127.0.0.3", "192.0.2.1") == 200
    (told,) = re.findall(r"^ +(SEEALSO_.+)$", (ROOT / "docs/clients.md").read_text(), re.M)
    assert "SEEALSO_PROXIES=1" in told.split()


def test_events_come_without_what_the_browser_adds(house: House, tmp_path: Path) -> None:
    with (
        listening() as service,
        varnish(tmp_path / "varnish", free_port(), house.site, service.url, PATIENT) as front,
    ):
        headers = {"Cookie": "session=1", "Referer": "https://a.example/x", "User-Agent": "Firefox"}
        assert request(urllib.request.Request(f"{front.url}/v1/events", b"{}", headers), 60).status == 200
    ((told, body),) = [(told, body) for _, path, told, body in service.asked if path == "/v1/events"]
    assert (body, told["user-agent"]) == (b"{}", "Firefox")
    assert not {"cookie", "referer"} & set(told)


def test_what_was_taken_down_is_dropped_by_its_key_and_nothing_else_is(house: House) -> None:
    page, other = house.site.page("/related/a000"), "/v1/articles/a001/related"
    assert shows(3) in house.get(page).body
    assert b'"a003"' not in house.get(other).body
    house.get(other)
    house.take_down("a003")
    house.wait_until_caches_know()
    assert shows(3) not in house.get(page).body
    assert house.get(house.site.page("/related/a003")).body == EMPTY
    assert house.get(other).headers["x-proxy-cache"] == "HIT"
    house.restore("a003")


def test_only_named_machines_have_anything_dropped(house: House, tmp_path: Path) -> None:
    purge = urllib.request.Request(f"{house.front.url}/.seealso/purge", b"", {"Surrogate-Key": "article:a000"})
    house.get("/v1/articles/a000/related?limit=7")
    taken = request(purge, 60)
    assert (taken.status, int(taken.headers["x-dropped"]) > 0) == (200, True)
    assert house.get("/.seealso/purge", Surrogate_Key="article:a000").status == 400
    assert house.front.post("/.seealso/purge", {}).status == 400
    with varnish(
        tmp_path / "varnish", free_port(), house.site, house.service.url, {'"127.0.0.1";\n    "::1"': '"192.0.2.1"'}
    ) as stranger:
        purge.full_url = f"{stranger.url}/.seealso/purge"
        assert request(purge, 60).status == 403


def test_what_is_being_fetched_while_it_is_dropped_is_not_kept(house: House, tmp_path: Path) -> None:
    asked, dropped = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/v1/articles/"):
            asked.set()
            assert dropped.wait(60)
        handler.send_response(200)
        for name, value in {
            "Cache-Control": "max-age=900",
            "Surrogate-Key": "article:a",
            "Content-Length": "0",
        }.items():
            handler.send_header(name, value)
        handler.end_headers()

    with (
        listening() as service,
        varnish(tmp_path / "varnish", free_port(), house.site, service.url, PATIENT) as front,
    ):
        service.instead = slow
        before = threading.Thread(target=front.get, args=("/v1/articles/a/related",))
        before.start()
        assert asked.wait(60)
        purge = urllib.request.Request(f"{front.url}/.seealso/purge", b"", {"Surrogate-Key": "article:other"})
        assert request(purge, 60).status == 200
        dropped.set()
        before.join()
        levels = [front.get("/v1/articles/a/related").headers["x-proxy-cache"] for _ in range(2)]
    assert levels == ["MISS", "HIT"]


def test_what_was_kept_is_shown_while_the_service_fails_and_else_nothing(tmp_path: Path) -> None:
    with built(tmp_path, SEEALSO_FRESH_MIN_S="1", SEEALSO_FRESH_MAX_S="1") as house:
        known, unknown = house.site.page("/related/a005"), house.site.page("/related/a006")
        whole = house.get(known).body
        assert shows(8) in whole
        house.service.process.send_signal(signal.SIGKILL)
        house.service.process.wait()
        time.sleep(2)  # longer than it is fresh
        for _ in range(3):  # before Varnish has noticed, and after
            assert house.get(known).body == whole
            assert house.get(unknown).body == EMPTY
            assert house.get("/v1/articles/a006/related").status == 503
            time.sleep(2)


def test_service_that_hangs_holds_no_page(tmp_path: Path) -> None:
    answered = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        answered.wait(60)

    with website(tmp_path / "www") as site, listening() as service:
        service.instead = hang
        try:
            with varnish(tmp_path / "varnish", free_port(), site, service.url, {}) as front:
                assert front.get(site.page("/related/a001")).body == EMPTY
        finally:
            answered.set()


def test_nothing_that_was_taken_down_comes_out_of_the_cache(tmp_path: Path) -> None:
    paths = [f"/v1/articles/a{number:03}/related{ends}" for number in range(12) for ends in ("", ".html")]
    down: list[tuple[str, float, float]] = []
    waits = []
    with built(tmp_path) as house, Rate(int(house.front.url.rpartition(":")[2]), blocks(paths), 60.0) as cached:
        for number in itertools.chain(range(0, 12, 3), range(1, 12, 3)):
            time.sleep(0.1)
            article_id = f"a{number:03}"
            house.take_down(article_id)
            acknowledged = time.monotonic()
            house.wait_until_caches_know()
            begun = time.monotonic()
            waits.append(begun - acknowledged)
            time.sleep(0.3)
            down.append((article_id, begun, time.monotonic()))
            house.restore(article_id)
    shown = [
        (outcome.path, article_id)
        for outcome in cached.outcomes
        for article_id, begin, end in down
        if begin < outcome.due and outcome.due + outcome.seconds < end and outcome.status == 200
        if f'"{article_id}"'.encode() in outcome.body or shows(int(article_id[1:])) in outcome.body
        if outcome.path.split("/")[3] != article_id
    ]
    assert not shown
    assert len([outcome for outcome in cached.outcomes if outcome.status == 200]) > 50
    print(f"\n{len(down)} takedowns known to the cache {max(waits):.3f} s after the acknowledgement, at the latest")  # noqa: T201
