"""examples/nginx/seealso.conf, run by a real nginx before two real instances; with more patience where it says so."""

import gzip
import http.client
import itertools
import json
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.listener import listening
from tests.makers import article, articles, index_of
from tests.nginx import EXAMPLE, Proxy, proxy
from tests.servers import START_SECONDS_MAX, Running, request, serving

SLOW = 100
# Much more than the second that a page waits, as the machine may be busy; half of what everything else waits.
PAGE_SECONDS_MAX = 30.0


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, articles(12))
    return folder


@pytest.fixture(scope="module")
def services(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Running]]:
    folder = tmp_path_factory.mktemp("log")
    with ExitStack() as stack:
        yield [
            stack.enter_context(serving(index, folder / name, workers=1, SEEALSO_PROXIES="1"))
            for name in ("first", "second")
        ]


@pytest.fixture(scope="module")
def nginx(services: list[Running], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxy(tmp_path_factory.mktemp("nginx"), [each.url for each in services]) as running:
        yield running


def page(nginx: Proxy, article: str) -> str:
    """Put a page that includes an article's block on the website, and return its path."""
    path = f"{len(list(nginx.www.iterdir()))}.html"
    (nginx.www / path).write_text(f'<p>before</p><!--#include virtual="/related/{article}" --><p>after</p>')
    return f"/{path}"


def test_block_is_included_in_a_page(nginx: Proxy) -> None:
    text = nginx.get(page(nginx, "a001")).body.decode()
    assert text.startswith("<p>before</p>")
    assert text.endswith("<p>after</p>")
    assert '<h2 class="seealso-heading">' in text


def test_what_a_page_asks_of_its_block_is_passed_on(nginx: Proxy) -> None:
    assert nginx.get(page(nginx, "a001?limit=2")).body.count(b"<li") == 2
    assert nginx.get(page(nginx, "a001?limit=1&stories=all")).body.count(b"<li") == 1


def test_what_the_reader_sends_along_does_not_change_the_block(nginx: Proxy) -> None:
    path = page(nginx, "a002")
    plain = nginx.get(path).body
    block = nginx.get("/v1/articles/a002/related.html")
    for name, value in {
        "Accept-Encoding": "gzip, br, zstd",
        "If-None-Match": block.headers["etag"],
        "Range": "bytes=0-9",
        "X-Forwarded-For": "192.0.2.1",
    }.items():
        answer = nginx.get(path, {name: value})
        assert (answer.status, answer.body) == (200, plain), name


def test_page_without_a_block_is_a_page(nginx: Proxy) -> None:
    assert nginx.get(page(nginx, "nobody")).body == b"<p>before</p><p>after</p>"
    assert nginx.get(page(nginx, "a001?limit=0")).body == b"<p>before</p><p>after</p>"


def test_place_of_the_block_is_not_to_be_asked_from_outside(nginx: Proxy) -> None:
    assert nginx.get("/related/a001").body == b""
    assert nginx.get("/v1/status").status == 404
    assert nginx.get("/metrics").status == 404


def test_answers_come_compressed_as_the_client_reads_them_and_are_kept_for_each(nginx: Proxy) -> None:
    path = "/v1/articles/a003/related?limit=9"
    plain = nginx.get(path)
    assert "content-encoding" not in plain.headers
    for asked in ("gzip", "gzip, deflate", "deflate, gzip;q=0.8"):
        answer = nginx.get(path, {"Accept-Encoding": asked})
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.body) == plain.body
    assert answer.headers["x-proxy-cache"] == "HIT"
    assert nginx.get(path).body == plain.body
    assert nginx.get(path, {"If-None-Match": plain.headers["etag"]}).status == 304


def test_coding_that_is_smallest_is_asked_for(nginx: Proxy) -> None:
    for asked, given in {"gzip, deflate, br, zstd": "br", "gzip, zstd": "zstd", "gzip": "gzip"}.items():
        assert nginx.get("/related.js", {"Accept-Encoding": asked}).headers["content-encoding"] == given


def test_what_pages_load_comes_from_the_website_itself(nginx: Proxy, services: list[Running]) -> None:
    for path in ("/related.js", "/related.css"):
        answer = nginx.get(path)
        assert (answer.status, answer.body) == (200, services[0].get(path).body)
        assert answer.headers["cache-control"].startswith("public, max-age=")
        assert nginx.ask("POST", path).status == 403


def test_events_are_passed_on_without_what_the_browser_adds(tmp_path: Path) -> None:
    with listening() as service, proxy(tmp_path / "nginx", [service.url] * 2) as nginx:
        headers = {"Cookie": "session=1", "Referer": "https://a.example/x", "User-Agent": "Firefox"}
        asked = urllib.request.Request(f"{nginx.front.url}/v1/events", b"{}", headers)
        assert request(asked, 60).status == 200
        assert nginx.get("/v1/events").status == 403
    ((method, path, told, body),) = service.asked
    assert (method, path, body, told["user-agent"]) == ("POST", "/v1/events", b"{}", "Firefox")
    assert not {"cookie", "referer"} & set(told)


def open_to(service: Running) -> int:
    """Return how many connections to a service's port are established, from the kernel's table."""
    port = int(service.url.rpartition(":")[2])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[3] == "01" and row[1].endswith(f":{port:04X}"))


def test_bodies_sent_byte_by_byte_are_held_by_nginx_and_not_by_the_service(
    index: Path, services: list[Running], nginx: Proxy, tmp_path: Path
) -> None:
    body = json.dumps({"text": 7}).encode()
    head = (
        f"POST /v1/similar HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    before = sum(map(open_to, services))
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port), 60)) for _ in range(SLOW)]
        for each in slow:
            each.sendall(head.encode())
        for byte in body[:-1]:
            for each in slow:
                each.sendall(bytes([byte]))
            assert sum(map(open_to, services)) <= before
            assert nginx.get(f"/v1/articles/a004/related?exclude=x{byte}").status == 200
            before = max(before, sum(map(open_to, services)))  # those two are kept open for the next
        for each in slow[:3]:
            each.sendall(body[-1:])
            assert each.recv(65_536).startswith(b"HTTP/1.1 400 ")


def ask(nginx: Proxy, paths: Iterator[str], stop: threading.Event, statuses: list[str]) -> None:
    """Ask again and again, by GET and by POST in turn, each time for what nobody asked for before."""
    while not stop.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=60)
        try:
            for _ in range(20):
                number = next(paths)
                connection.request("GET", f"/v1/articles/a{len(number) % 10:03}/related?exclude=x{number}")
                answer = connection.getresponse()
                answer.read()
                statuses.append(f"GET {answer.status}")
                connection.request("POST", "/v1/similar", b"{}", {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                statuses.append(f"POST {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            statuses.append(repr(error))
        finally:
            connection.close()


def test_what_needs_a_key_is_not_passed_on(index: Path, nginx: Proxy) -> None:
    _, key = create_key(Store(index), "Night desk", "admin", "ann")
    asked = {"Authorization": f"Bearer {key}"}
    for path in ("/v1/articles/a001", "/v1/articles/a001/proof", "/v1/articles/a001/takedown"):
        for method in ("GET", "PUT", "DELETE", "POST"):
            answer = nginx.ask(method, path, asked)
            assert answer.status in (404, 405), (method, path)
            assert "x-request-id" not in answer.headers
    for method in ("PUT", "DELETE", "POST"):
        assert nginx.ask(method, "/v1/articles/a001/related", asked).status == 403
    assert nginx.ask("HEAD", "/v1/articles/a001/related").status == 200
    assert nginx.ask("OPTIONS", "/v1/articles/a001/related").headers["allow"]


def test_block_that_needs_a_key_is_kept_for_nobody(index: Path, tmp_path: Path) -> None:
    path = "/v1/articles/a001/related"
    _, key = create_key(Store(index), "An app", "read", "ann")
    with (
        serving(index, tmp_path / "first", workers=1, SEEALSO_READING="keyed") as first,
        serving(index, tmp_path / "second", workers=1, SEEALSO_READING="keyed") as second,
        proxy(tmp_path / "nginx", [first.url, second.url]) as nginx,
    ):
        assert nginx.get(path, {"Authorization": f"Bearer {key}"}).status == 200
        assert nginx.get(path).status == 401


def test_cookies_of_the_website_neither_reach_the_service_nor_spoil_the_cache(nginx: Proxy) -> None:
    path = "/v1/articles/a001/related?limit=5"
    levels = [nginx.get(path, {"Cookie": f"visitor={each}"}).headers["x-proxy-cache"] for each in "ab"]
    assert levels == ["MISS", "HIT"]


def test_block_of_fifty_cards_with_the_longest_ids_comes_through(tmp_path: Path) -> None:
    pieces = [article(f"{number:03}".rjust(200, "x"), body="tides moon sea harbour") for number in range(60)]
    index_of(tmp_path / "index", pieces)
    path = f"/v1/articles/{pieces[0].id}/related"
    with (
        serving(tmp_path / "index", tmp_path / "log", workers=1) as service,
        proxy(tmp_path / "nginx", [service.url, service.url]) as nginx,
    ):
        answer = nginx.get(f"{path}?limit=50&min_probability=0&stories=all")
        assert answer.status == 200
        assert answer.headers["surrogate-key"].count("article:") == answer.headers["cache-tag"].count("article:") == 51
        assert b"seealso-heading" in nginx.get(page(nginx, pieces[0].id)).body


@contextmanager
def unlimited(index: Path, log: Path) -> Iterator[Running]:
    """Run a service that refuses none of these clients, and waits for Redis, however busy the machine is."""
    with serving(
        index,
        log,
        workers=2,
        SEEALSO_RATE_LIMIT="none",
        SEEALSO_THREADS="32",
        SEEALSO_WAIT_MS="60000",
        SEEALSO_REDIS_TIMEOUT_MS="10000",
    ) as service:
        yield service


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_nothing_fails_while_one_of_two_instances_ends(
    index: Path, tmp_path: Path, how: signal.Signals, code: int
) -> None:
    statuses: list[str] = []
    stop = threading.Event()
    paths = map(str, itertools.count())
    with (
        unlimited(index, tmp_path / "first") as first,
        unlimited(index, tmp_path / "second") as second,
        proxy(tmp_path / "nginx", [first.url, second.url]) as nginx,
    ):
        clients = [threading.Thread(target=ask, args=(nginx, paths, stop, statuses)) for _ in range(8)]
        for each in clients:
            each.start()
        wait_for_more(statuses, 400)
        first.process.send_signal(how)
        assert first.process.wait(30) == code
        wait_for_more(statuses, 400)
        stop.set()
        for each in clients:
            each.join()
        assert open_to(second) > 0
    assert set(statuses) == {"GET 200", "POST 400"}


def wait_for_more(statuses: list[str], more: int) -> None:
    wanted = len(statuses) + more
    deadline = time.monotonic() + START_SECONDS_MAX
    while len(statuses) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_asked_lately_is_shown_when_both_instances_fail(index: Path, tmp_path: Path) -> None:
    with (
        serving(index, tmp_path / "first", workers=1) as first,
        serving(index, tmp_path / "second", workers=1) as second,
        proxy(tmp_path / "nginx", [first.url, second.url]) as nginx,
    ):
        known, unknown = page(nginx, "a005"), page(nginx, "a006")
        whole = nginx.get(known).body
        block = nginx.get("/v1/articles/a007/related")
        for service in (first, second):
            service.process.send_signal(signal.SIGKILL)
            service.process.wait()
        time.sleep(6)  # longer than nginx keeps it without asking
        stale = nginx.get("/v1/articles/a007/related")
        assert (stale.status, stale.body, stale.headers["x-proxy-cache"]) == (200, block.body, "STALE")
        assert nginx.get(known).body == whole
        assert nginx.get(unknown).body == b"<p>before</p><p>after</p>"
        assert nginx.get("/v1/articles/a008/related").status == 502


def test_what_was_taken_down_is_not_shown_out_of_the_cache(tmp_path: Path) -> None:
    now = [200]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not now[0]:
            handler.close_connection = True
            return
        body = b"<section>taken down</section>" if now[0] == 200 else b"{}"
        handler.send_response(now[0])
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with listening() as service, proxy(tmp_path / "nginx", [service.url] * 2) as nginx:
        service.instead = answer
        asked, other = [[page(nginx, each), f"/v1/articles/{each}/related"] for each in ("a001", "a002")]

        def shown(paths: list[str]) -> list[bool]:
            return [b"taken down" in nginx.get(path).body for path in paths]

        assert shown(asked + other) == [True] * 4
        time.sleep(6)  # longer than nginx keeps it without asking
        now[0] = 410
        assert shown(asked) == [False, False]
        now[0] = 0  # what said that it is gone was kept in the place of the block
        assert shown(asked) == [False, False]
        for now[0] in (503, 500):  # nobody asked for this one since, and an instance that answers knows of it
            assert shown(other) == [False, False]


def test_blocks_of_one_site_are_not_shown_on_another(tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = f"of {handler.headers['Host']}".encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with listening() as service, proxy(tmp_path / "nginx", [service.url] * 2) as nginx:
        service.instead = answer
        for path in (page(nginx, "a001"), "/v1/articles/a001/related", "/related.css"):
            for host in ("www.coast.example", "www.city.example"):
                assert f"of {host}" in nginx.get(path, {"Host": host}).body.decode(), path


def test_service_that_hangs_holds_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        answered.wait(60)

    text, usual = EXAMPLE.read_text(), "proxy_read_timeout 5s;"
    assert text.count(usual) == 1
    # It is to be the half a second of the page's own that ends this in time, and nothing else.
    (tmp_path / "seealso.conf").write_text(text.replace(usual, "proxy_read_timeout 60s;"))
    monkeypatch.setattr("tests.nginx.EXAMPLE", tmp_path / "seealso.conf")
    with listening() as service, proxy(tmp_path / "nginx", [service.url] * 2, patient=False) as nginx:
        service.instead = hang
        path, bodies = page(nginx, "a001"), []
        try:
            # The second waits for the first, which asks for the same; and then by itself.
            readers = [threading.Thread(target=lambda: bodies.append(nginx.get(path).body)) for _ in range(2)]
            for each in readers:
                each.start()
            for each in readers:
                each.join(PAGE_SECONDS_MAX)
            assert bodies == [b"<p>before</p><p>after</p>"] * 2
        finally:
            answered.set()
    assert [path for _, path, _, _ in service.asked] == ["/v1/articles/a001/related.html"] * len(service.asked)
    assert len(service.asked) <= 2  # nobody asks a second time
