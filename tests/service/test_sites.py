"""Several sites in one service, and the wall between them: two with articles of the same ids, and nothing crosses."""

import errno
import gc
import json
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings, strategies
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client, TestResponse

from seealso.editorial import store as store_module
from seealso.editorial.backup import back_up
from seealso.editorial.decisions import now
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.encoder import Encoder
from seealso.errors import SettingsInvalid
from seealso.settings import ServiceSettings
from seealso.sites import Site, read_sites
from service.app import create_app, sessions_of
from service.cache import Cache, Missing
from service.lanes import blocking_threads
from service.metrics import Families
from service.parts import Parts
from service.server import threads_of_worker
from service.sites import Encoders, Sites, host_in
from service.wsgi import create_worker, prepare
from tests.kept import kept_in
from tests.listener import listening
from tests.makers import HashEncoder, article, articles, index_of
from tests.postgres import postgres_schema
from tests.seealso.test_posts import WORDPRESS
from tests.servers import Running, serving
from tests.service.api.test_webhooks import signature
from tests.service.conftest import wait_for_connections
from tests.waiting import WAIT_SECONDS_MAX, wait_until

COAST, CITY = "related.coast.example", "related.city.example"
HOSTS = {"coast": COAST, "city": CITY}
NOWHERE = "203.0.113.7:8080"
BLOCK = "/v1/articles/a001/related"
OURS = {"Sec-Fetch-Site": "same-origin"}
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}


def pieces(of: str, count: int = 12) -> list[Any]:
    """Return articles whose ids are those of the other site's, and whose titles are not."""
    return [
        article(each.id, title=f"{of} {each.title}", body=each.body, section="News", published="2026-01-01")
        for each in articles(count)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of each site."""
    folder = tmp_path_factory.mktemp("sites")
    for name in HOSTS:
        index_of(folder / name, pieces(name))
    return folder


def file_of(folder: Path, **tables: str) -> Path:
    """Write the file of sites; `tables`: what each says beside its host and its index."""
    path = folder / "sites.toml"
    said = [
        f'[sites.{name}]\nhosts = ["{host}"]\nindex = "{name}"\n{tables.get(name, "")}\n'
        for name, host in HOSTS.items()
    ]
    path.write_text("\n".join(said))
    return path


@dataclass
class Two:
    """Two sites as one worker serves them."""

    folder: Path
    app: Sites
    parts: dict[str, Parts]

    def ask(self, site: str, path: str, method: str = "GET", key: str | None = None, **given: Any) -> TestResponse:
        """Send a request to a site, or to a host that is named in its stead."""
        headers = dict(given.pop("headers", {})) | ({} if key is None else {"Authorization": f"Bearer {key}"})
        host = HOSTS.get(site, site)
        return Client(self.app, use_cookies=False).open(
            path, base_url=f"https://{host}/", method=method, headers=headers, **given
        )

    def key(self, site: str, scope: Any = "admin") -> str:
        made = create_key(self.parts[site].editorial.store(), f"{site} {scope}", scope, "ann")[1]
        self.parts[site].editorial.catch_up()
        return made

    def titles(self, site: str, path: str = f"{BLOCK}?min_probability=0&stories=all") -> list[str]:
        return [card["title"] for card in self.ask(site, path).get_json()["related"]]


MakeTwo = Callable[..., Two]


@pytest.fixture
def make_two(built: Path, tmp_path: Path, redis_url: str, patient: None) -> Iterator[MakeTwo]:
    made: list[Two] = []

    def make(
        load: Callable[[str], Encoder] = HashEncoder, same: bool = False, coast: str = "", city: str = "", **more: Any
    ) -> Two:
        """Serve both; `same`: the city's snapshot is the coast's, byte for byte."""
        for name in HOSTS:
            shutil.copytree(built / ("coast" if same else name), tmp_path / name)
            (tmp_path / name / "editorial.db").unlink(missing_ok=True)
        path = file_of(tmp_path, coast=coast, city=city)
        given: dict[str, Any] = {"redis_url": redis_url, "redis_timeout_ms": 10_000, "rate_limit": "none"} | more
        families, encoders = Families(named=True), Encoders(load)
        sites = read_sites(ServiceSettings(sites=path, **given))
        apps = [(site, create_app(site.settings, encoders.load, families, taken_s=WAIT_SECONDS_MAX)) for site in sites]
        for _, app in apps:
            wait_for_connections(app)
        parts = {str(site.name): app.extensions["seealso"] for site, app in apps}
        made.append(Two(tmp_path, Sites(apps, families), parts))
        return made[-1]

    with redis.Redis.from_url(redis_url) as server:
        server.flushall()
    yield make
    for two in made:
        for here in two.parts.values():
            here.cache.close()
            here.editorial.close()


@pytest.fixture
def two(make_two: MakeTwo) -> Two:
    return make_two()


# which site is asked


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("a.example", "a.example"),
        ("A.Example", "a.example"),
        ("a.example:8080", "a.example"),
        ("a.example:", "a.example"),
        ("a.example.", "a.example"),
        ("a.example.:443", "a.example"),
        ("a.example..", "a.example."),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
        ("a.example:²", "a.example:²"),
        ("a.example:80:80", "a.example:80"),
        ("b.example, a.example", "b.example, a.example"),
        ("", ""),
    ],
)
def test_host_is_told_as_sites_name_theirs(header: str, host: str) -> None:
    assert host_in(header) == host


def test_same_address_is_each_sites_own(two: Two) -> None:
    for name in HOSTS:
        for _ in range(2):  # made, then from the copy
            titles = two.titles(name)
            assert len(titles) == 11
            assert all(title.startswith(f"{name} ") for title in titles)
        assert two.ask(name, BLOCK + ".html").text.count(f"{name} Piece") > 0
        assert two.ask(name, "/v1/articles/a001").get_json()["title"] == f"{name} Piece 1"


@pytest.mark.parametrize("host", [CITY.upper(), f"{CITY}:8080", f"{CITY}.", f"{CITY}.:443"])
def test_host_may_have_a_port_capitals_and_a_dot_at_its_end(two: Two, host: str) -> None:
    assert two.ask(host, "/v1/articles/a001").get_json()["title"] == "city Piece 1"


@pytest.mark.parametrize("host", [NOWHERE, "localhost", f"x.{CITY}", f"{CITY}.x", f"{COAST},{CITY}"])
@pytest.mark.parametrize(("method", "path"), [("GET", BLOCK), ("GET", "/v1/status"), ("GET", "/"), ("POST", "/readyz")])
def test_host_of_no_site_is_misdirected(two: Two, host: str, method: str, path: str) -> None:
    answer = two.ask(host, path, method)
    assert (answer.status_code, answer.content_type) == (421, "application/problem+json")
    told = answer.get_json()
    assert told["type"] == "urn:seealso:problem:unknown-site"
    assert repr(host) in told["detail"]
    assert not any(known in told["detail"].replace(repr(host), "") for known in HOSTS.values())
    assert answer.headers["X-Request-Id"] == told["request_id"]


def test_request_without_a_host_is_misdirected(two: Two) -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": BLOCK, "QUERY_STRING": ""}
    told: list[Any] = []
    b"".join(two.app(environ, lambda *given: told.append(given)))
    assert told[0][0] == "421 Misdirected Request"


# what one has, the other has not


def test_redis_keeps_what_is_each_sites_own(make_two: MakeTwo, redis_url: str) -> None:
    two = make_two(same=True, copies_mb=0)
    assert two.parts["coast"].current.snapshot().id == two.parts["city"].current.snapshot().id
    for name in HOSTS:
        two.ask(name, BLOCK)
        assert two.ask(name, BLOCK).headers["X-Seealso-Cache"] == "redis"
    with redis.Redis.from_url(redis_url) as server:
        keys = kept_in(server, "seealso:2:*")
    assert sorted(key.split(":")[3] for key in keys) == ["city", "coast"]
    assert all(key.startswith("seealso:2:site:") for key in keys)


def test_one_key_in_two_sites_is_two_keys(redis_url: str) -> None:
    caches = {site: Cache(redis_url, 10_000, 60, site=site) for site in (None, "coast", "city")}
    wait_until(lambda: all(cache.state == "up" for cache in caches.values()))
    for site, cache in caches.items():
        cache.put("era:snapshot:one", str(site).encode())
        while cache.fetch("era:snapshot:one") is Missing.ANOTHERS:
            time.sleep(0.001)
    assert {site: cache.fetch("era:snapshot:one") for site, cache in caches.items()} == {
        None: b"None",
        "coast": b"coast",
        "city": b"city",
    }
    for cache in caches.values():
        cache.close()


def test_surrogate_keys_and_purges_are_each_sites_own(make_two: MakeTwo) -> None:
    with listening() as listener:
        two = make_two(same=True, purge_webhook=listener.url)
        named = {name: set(two.ask(name, BLOCK).headers["Surrogate-Key"].split()) for name in HOSTS}
        assert "city:article:a001" in named["city"]
        assert not named["coast"] & named["city"]
        for path, body in (
            ("/v1/articles/a001/takedown", {"reason": "tried"}),
            ("/v1/rules", {"action": "exclude", "about": {"article": "a002"}, "reason": "tried"}),
        ):
            assert two.ask("coast", path, "POST", two.key("coast"), json=body).status_code == 200
        put = {"title": "New", "body": "tides moon"}
        assert two.ask("coast", "/v1/articles/new", "PUT", two.key("coast"), json=put).status_code == 200
        for here in two.parts.values():
            assert here.purging is not None
            here.purging.send_due()
    told = [json.loads(body) for _, _, _, body in listener.asked]
    assert len(told) == 3
    assert {message["site"] for message in told} == {"coast"}
    keys = {key for message in told for key in message["keys"]}
    assert all(key.startswith("coast:") for key in keys)
    assert keys & named["coast"]


def test_takedown_is_of_one_site(two: Two) -> None:
    key = two.key("coast", "editor")
    assert two.ask("coast", "/v1/articles/a001/takedown", "POST", key, json={"reason": "tried"}).status_code == 200
    assert two.ask("coast", BLOCK).status_code == 410
    assert two.ask("city", BLOCK).status_code == 200
    assert "city Piece 1" in two.titles("city", "/v1/articles/a002/related?min_probability=0&stories=all")
    assert two.ask("city", "/v1/takedowns", key=two.key("city")).get_json() == {"takedowns": []}


def test_pins_and_exclusions_are_of_one_site(two: Two) -> None:
    before, key = two.titles("city"), two.key("coast", "editor")
    for rule in (
        {"action": "pin", "under": {"article": "a001"}, "about": {"article": "a011"}, "number": 1},
        {"action": "exclude", "about": {"article": before[0].replace("city Piece ", "a00")}},
    ):
        answer = two.ask("coast", "/v1/rules", "POST", key, json=rule | {"reason": "tried"})
        assert answer.status_code == 200, answer.text
    assert two.titles("coast")[0] == "coast Piece 11"
    assert two.titles("city") == before
    assert two.ask("city", "/v1/changes", key=two.key("city")).get_json()["changes"][0]["action"] == "key-created"


def test_live_articles_are_of_one_site(two: Two) -> None:
    key = two.key("coast", "index")
    for article_id, title in (("new", "News from the sea"), ("a001", "Piece 1 again")):
        body = {"title": title, "body": "tides moon sea harbour"}
        assert two.ask("coast", f"/v1/articles/{article_id}", "PUT", key, json=body).status_code == 200
    assert two.ask("coast", "/v1/articles/new").get_json()["title"] == "News from the sea"
    assert two.ask("city", "/v1/articles/new").status_code == 404
    assert two.ask("city", "/v1/articles/a001").get_json()["title"] == "city Piece 1"
    assert all(title.startswith("city ") for title in two.titles("city"))


def test_snapshot_of_one_leaves_the_others_where_it_is(two: Two) -> None:
    here, kept = two.parts["city"], two.parts["city"].current.snapshot()
    two.titles("city")
    index_of(two.folder / "coast", pieces("newer", 15))
    for each in two.parts.values():
        each.current.refresh()
    assert two.ask("coast", "/v1/articles/a014").get_json()["title"] == "newer Piece 14"
    assert here.current.snapshot() is kept
    assert two.ask("city", f"{BLOCK}?min_probability=0&stories=all").headers["X-Seealso-Cache"] == "copy"
    assert two.ask("city", "/v1/articles/a014").status_code == 404


def test_rollback_is_of_one_site(two: Two) -> None:
    first = two.parts["coast"].current.snapshot().id
    index_of(two.folder / "coast", pieces("newer", 15))
    for each in two.parts.values():
        each.current.refresh()
    kept, key = two.parts["city"].current.snapshot(), two.key("coast")
    asked: dict[str, Any] = {"method": "POST", "json": {"reason": "a broken feed"}}
    back = f"/v1/snapshots/{first}/rollback"
    assert two.ask("city", back, key=key, **asked).status_code == 401
    assert two.ask("city", back, key=two.key("city"), **asked).status_code in (404, 409)
    assert two.ask("coast", back, key=key, **asked).status_code == 200
    for each in two.parts.values():
        each.current.refresh()
    assert two.parts["coast"].current.snapshot().id == first
    assert two.parts["city"].current.snapshot() is kept


def test_message_of_one_sites_content_system_is_none_of_the_others(make_two: MakeTwo) -> None:
    two = make_two(**{name: f'wordpress_secret = "the secret of the {name}"' for name in HOSTS})
    body = json.dumps({"event": "published", "time": int(time.time()), "post": WORDPRESS}).encode()
    headers = {
        "X-Hub-Signature-256": signature(body, "the secret of the coast"),
        "Content-Type": "application/json",
    }
    told = {
        name: two.ask(name, "/v1/webhooks/wordpress", "POST", data=body, headers=headers).status_code for name in HOSTS
    }
    assert told == {"coast": 200, "city": 401}
    assert two.ask("coast", "/v1/articles/42").status_code == 200
    assert two.ask("city", "/v1/articles/42").status_code == 404


def test_what_readers_saw_is_counted_for_their_site(two: Two) -> None:
    shown = {"blocks": [{"article": "a001", "block": "below", "shown": ["a002"]}]}
    assert two.ask("coast", "/v1/events", "POST", json=shown, headers=BROWSER).status_code == 204
    assert [two.parts[name].clicks.put_away() for name in HOSTS] == [1, 0]
    told = {name: two.ask(name, "/v1/clicks", key=two.key(name)).get_json() for name in HOSTS}
    assert [each["shown"] for each in told["coast"]["rates"]] == [1]
    assert told["city"]["rates"] == []


def test_session_of_one_is_none_in_the_other(make_two: MakeTwo) -> None:
    two = make_two(session_secret="the same for all of them, 32 at least")
    answer = two.ask("coast", "/desk/login", "POST", data={"key": two.key("coast")}, headers=OURS)
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert two.ask("coast", "/v1/keys", headers={"Cookie": cookie}).status_code == 200
    assert two.ask("city", "/v1/keys", headers={"Cookie": cookie}).status_code == 401
    assert two.ask("city", "/desk/", headers={"Cookie": cookie}).status_code == 302


def test_session_would_be_none_in_the_other_had_both_the_same_key_and_secret(tmp_path: Path) -> None:
    secret = "the same for all of them, 32 at least"
    key, _ = create_key(Store(tmp_path), "ann", "admin", "x")
    coast, city, nameless = (
        sessions_of(ServiceSettings(session_secret=secret, site=site), None) for site in ("coast", "city", None)
    )
    signatures = {sessions.begin(key).rpartition(".")[2] for sessions in (coast, city, nameless)}
    assert len(signatures) == 3


def test_strangers_are_counted_for_each_site(make_two: MakeTwo) -> None:
    two = make_two(rate_limit="2/hour", login_limit="1/hour")

    def allowed(site: str) -> int:
        asked = [two.ask(site, "/v1/similar", "POST", json={"text": "tides moon"}).status_code for _ in range(5)]
        assert set(asked) == {200, 429}
        return asked.count(200)

    assert [allowed("coast"), allowed("city")] == [2, 2]
    failed = [two.ask("coast", "/desk/login", "POST", data={"key": "x"}, headers=OURS).status_code for _ in range(2)]
    assert failed == [401, 429]
    assert two.ask("city", "/desk/login", "POST", data={"key": "x"}, headers=OURS).status_code == 401


def test_site_has_no_more_of_the_threads_than_its_own(make_two: MakeTwo) -> None:
    two = make_two(coast="threads = 1", city="threads = 2")
    coast = two.parts["coast"].settings
    places = blocking_threads(coast)
    entered, go_on = threading.Semaphore(0), threading.Event()

    class Hung:
        """A store's counter at which whoever looks hangs, as at a disk that does not answer."""

        def __getitem__(self, _: int) -> int:
            entered.release()
            assert go_on.wait(60)
            return 0

    numbers, two.parts["coast"].editorial._numbers = two.parts["coast"].editorial._numbers, Hung()  # type: ignore[assignment]
    with ThreadPoolExecutor(places) as asking:
        hung = [asking.submit(two.ask, "coast", BLOCK) for _ in range(places)]
        for _ in range(places):
            assert entered.acquire(timeout=60)
        refused = two.ask("coast", BLOCK)
        assert (refused.status_code, refused.get_json()["type"]) == (503, "urn:seealso:problem:busy")
        assert two.titles("city")
        assert two.ask(NOWHERE, "/livez").status_code == 200
        two.parts["coast"].editorial._numbers = numbers
        go_on.set()
        assert {each.result().status_code for each in hung} <= {200, 503}
    assert two.ask("coast", BLOCK).status_code == 200


def test_place_is_held_while_an_answer_streams_and_given_back_once(make_two: MakeTwo) -> None:
    two = make_two(coast="threads = 1")
    site, key = two.app._by_host[COAST], two.key("coast")
    free = len(site.places)
    environ = {"HTTP_HOST": COAST, "REQUEST_METHOD": "GET", "PATH_INFO": "/desk/log.csv", "QUERY_STRING": ""}
    environ |= {
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "wsgi.url_scheme": "https",
        "SERVER_NAME": "x",
        "SERVER_PORT": "1",
    }
    body: Any = two.app(environ, lambda *_: None)
    assert len(site.places) == free - 1
    assert b"key-created" in b"".join(body)
    body.close()
    assert len(site.places) == free
    body.close()
    del body
    assert len(site.places) == free
    let_go = two.app(dict(environ), lambda *_: None)
    assert len(site.places) == free - 1
    del let_go
    gc.collect()
    assert len(site.places) == free


def test_worker_has_threads_for_all_sites_and_for_who_asks_for_none(tmp_path: Path) -> None:
    coast, city = (Site((), ServiceSettings(threads=threads)) for threads in (4, 1))
    assert threads_of_worker([coast]) == blocking_threads(coast.settings) == 84
    assert threads_of_worker([coast, city]) == 84 + blocking_threads(city.settings) + 6


# the whole wall


def addresses(two: Two) -> list[tuple[str, str, bool]]:
    """Return method, path and whether a key is needed, of every address of the OpenAPI document."""
    document = two.ask("city", "/openapi.json").get_json()
    found = []
    for path, methods in document["paths"].items():
        for name in ("article_id", "purge_id", "rule_id", "sequence", "key_id", "snapshot_id"):
            path = path.replace(f"{{{name}}}", "a001" if name == "article_id" else "7")
        found += [(method.upper(), path, "security" in operation) for method, operation in methods.items()]
    return found


def test_key_of_one_opens_no_address_of_the_other(two: Two) -> None:
    keys = {name: two.key(name) for name in HOSTS}
    needing = 0
    for method, path, needs_key in addresses(two):
        body: Any = {} if method in ("POST", "PUT") else None
        told = two.ask("city", path, method, keys["coast"], json=body)
        if needs_key:
            needing += 1
            assert told.status_code == 401, (method, path)
            assert two.ask("city", path, method, keys["city"], json=body).status_code != 401, (method, path)
        else:
            alone = two.ask("city", path, method, json=body)
            assert told.status_code == alone.status_code, (method, path)
    assert needing > 15


def test_key_of_one_reads_nothing_of_the_other_where_reading_needs_one(make_two: MakeTwo) -> None:
    two = make_two(city='reading = "keyed"')
    coast, city = two.key("coast"), two.key("city", "read")
    assert two.ask("coast", BLOCK).status_code == 200
    for path in (BLOCK, f"{BLOCK}.html", "/v1/articles/a001"):
        assert two.ask("city", path, key=coast).status_code == 401
        assert two.ask("city", path, key=city).status_code == 200


def state_of(two: Two, site: str, key: str) -> dict[str, tuple[int, bytes]]:
    """Return all that a site says of itself to its admin, but for what changes by being asked or with time."""
    paths = {path for method, path, _ in addresses(two) if method == "GET"}
    paths |= {f"/v1/articles/a{number:03}/related?min_probability=0&stories=all" for number in range(12)}
    paths |= {"/desk/articles/a001", "/desk/archive", "/desk/rules", "/desk/night", "/desk/settings"}
    told = {}
    for path in sorted(paths):
        answer = two.ask(site, path, key=key)
        body = answer.data
        if answer.content_type.endswith("json"):
            fields = json.loads(body)
            fields = {name: value for name, value in fields.items() if name not in ("request_id", "age_s")}
            body = json.dumps(fields).encode()
        told[path] = answer.status_code, body
    return told


ARTICLE = strategies.sampled_from([f"a{number:03}" for number in range(12)])
ACTION = strategies.one_of(
    strategies.tuples(strategies.just("takedown"), ARTICLE),
    strategies.tuples(strategies.just("restore"), ARTICLE),
    strategies.tuples(strategies.just("exclude"), ARTICLE),
    strategies.tuples(strategies.just("sensitive"), ARTICLE),
    strategies.tuples(strategies.just("pin"), ARTICLE),
    strategies.tuples(strategies.just("bury"), ARTICLE),
    strategies.tuples(strategies.just("put"), ARTICLE),
    strategies.tuples(strategies.just("remove"), ARTICLE),
    strategies.tuples(strategies.just("event"), ARTICLE),
    strategies.tuples(strategies.just("key"), ARTICLE),
    strategies.tuples(strategies.just("undo"), ARTICLE),
    strategies.tuples(strategies.just("ask"), ARTICLE),
    strategies.tuples(strategies.just("night"), ARTICLE),
)


def do(two: Two, action: str, article_id: str, key: str) -> list[TestResponse]:
    """Do something at the coast; return what it answered."""
    answered: list[TestResponse] = []

    def send(method: str, path: str, **body: Any) -> TestResponse:
        answer = two.ask("coast", path, method, key, headers=BROWSER, **({"json": body} if body else {}))
        assert answer.status_code < 500, answer.text
        answered.append(answer)
        return answer

    about = {"about": {"article": article_id}, "reason": "tried"}
    match action:
        case "takedown":
            send("POST", f"/v1/articles/{article_id}/takedown", reason="tried")
        case "restore":
            send("DELETE", f"/v1/articles/{article_id}/takedown?reason=tried")
        case "pin":
            send("POST", "/v1/rules", action="pin", number=1, under={"section": "News"}, **about)
        case "exclude" | "sensitive" | "bury":
            send("POST", "/v1/rules", action=action, **about)
        case "put":
            send("PUT", f"/v1/articles/{article_id}", title=f"Put {article_id}", body="tides moon sea")
        case "remove":
            send("DELETE", f"/v1/articles/{article_id}?reason=tried")
        case "event":
            send("POST", "/v1/events", blocks=[{"article": article_id, "block": "below", "shown": ["a002"]}])
            two.parts["coast"].clicks.put_away()
        case "key":
            send("POST", "/v1/keys", name="tried", scope="read")
        case "undo":
            last = send("GET", "/v1/changes").get_json()["changes"][0]["sequence"]
            send("POST", f"/v1/changes/{last}/undo?reason=tried")
        case "ask":
            send("GET", f"/v1/articles/{article_id}/related")
            send("POST", "/v1/similar", text=f"tides {article_id}")
        case "night":
            index_of(two.folder / "coast", pieces(f"night of {article_id}"))
            two.parts["coast"].current.refresh()
    return answered


@pytest.mark.parametrize(
    ("same", "kept"), [(False, {}), (True, {"redis_url": None, "copies_mb": 0})], ids=["kept", "made anew"]
)
def test_whatever_is_done_at_one_site_the_other_says_the_same(
    make_two: MakeTwo, same: bool, kept: dict[str, Any]
) -> None:
    two = make_two(same=same, events_limit="none", **kept)
    keys = {name: two.key(name) for name in HOSTS}
    city, before = two.parts["city"], state_of(two, "city", keys["city"])
    assert sum(status == 200 for status, _ in before.values()) > 25

    def check() -> None:
        assert state_of(two, "city", keys["city"]) == before
        city.views.decide(city.editorial.decisions, now())  # as after any decision of its own
        assert state_of(two, "city", keys["city"]) == before

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategies.lists(ACTION, min_size=1, max_size=6))
    def the_city_is_as_it_was(actions: list[tuple[str, str]]) -> None:
        for action, article_id in actions:
            do(two, action, article_id, keys["coast"])
        check()

    for action in ("put", "event", "pin", "bury", "exclude", "takedown", "key"):
        answered = do(two, action, "a001", keys["coast"])
        assert {answer.status_code for answer in answered} <= {200, 201, 204}, action
        check()
    the_city_is_as_it_was()
    do(two, "night", "a001", keys["coast"])
    check()
    assert state_of(two, "coast", keys["coast"]) != before


# what is asked of all


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return the sum of each metric by its name and site."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            place = sample.name, sample.labels.get("site", "")
            found[place] = found.get(place, 0.0) + sample.value
    return found


def test_numbers_are_each_sites_own_and_all_of_them_at_no_sites_host(two: Two) -> None:
    for _ in range(3):
        two.ask("coast", BLOCK)
    two.ask("city", BLOCK)
    two.ask(NOWHERE, BLOCK)
    for name, asked in (("coast", 3), ("city", 1)):
        found = samples(two.ask(name, "/metrics").text)
        assert found["seealso_request_seconds_count", name] >= asked
        assert {site for _, site in found} == {name}
        assert found["seealso_snapshot_articles", name] == 12
    text = two.ask(NOWHERE, "/metrics").text
    found = samples(text)
    assert {site for _, site in found} == {"", "coast", "city"}
    assert found["seealso_blocks_total", "coast"] == found["seealso_blocks_total", "city"] == 1
    assert found["seealso_request_seconds_count", ""] == 1
    assert found["seealso_snapshot_served", "coast"] == found["seealso_snapshot_served", "city"] == 1
    heads = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))


def test_service_is_ready_when_all_sites_are(two: Two) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert two.ask(NOWHERE, path).status_code == 200
        head = two.ask(NOWHERE, path, "HEAD")
        assert (head.status_code, head.data) == (200, b"")
    shutil.rmtree(two.folder / "city" / "snapshots")
    two.parts["city"].current._snapshot = two.parts["city"].current._opened = None
    two.parts["city"].current.refresh()
    told = two.ask(NOWHERE, "/readyz")
    assert (told.status_code, told.get_json()["type"]) == (503, "urn:seealso:problem:site-not-ready")
    assert told.get_json()["detail"].startswith("the site city is not ready: ")
    assert two.ask(NOWHERE, "/livez").status_code == 200
    assert two.ask("city", "/readyz").status_code == 503
    for path in ("/readyz", BLOCK):
        assert two.ask("coast", path).status_code == 200
    assert samples(two.ask(NOWHERE, "/metrics").text)["seealso_snapshot_served", "city"] == 0


def test_status_is_each_sites_own(two: Two) -> None:
    ids = {two.ask(name, "/v1/status").get_json()["snapshot"] for name in HOSTS}
    assert ids == {here.current.snapshot().id for here in two.parts.values()}
    assert len(ids) == 2


# what is shared


def test_model_is_loaded_once_for_all_sites_and_let_go_with_the_last(make_two: MakeTwo) -> None:
    loaded: list[str] = []

    def load(model: str) -> HashEncoder:
        loaded.append(model)
        return HashEncoder(model)

    two = make_two(load)
    for name in HOSTS:
        assert two.ask(name, "/v1/similar", "POST", json={"text": "tides moon"}).status_code == 200
    assert loaded == ["hash"]
    encoders = Encoders(load)
    first = encoders.load("other")
    assert encoders.load("other") is first
    del first
    gc.collect()
    encoders.load("other")
    assert loaded == ["hash", "other", "other"]


def test_store_that_is_a_copy_of_anothers_is_refused(tmp_path: Path) -> None:
    for name in HOSTS:
        index_of(tmp_path / name, articles(3))
    Store(tmp_path / "coast").sequence()
    sites = read_sites(ServiceSettings(sites=file_of(tmp_path)))
    prepare(sites)
    for beside in ("-wal", "-shm"):
        (tmp_path / f"city/editorial.db{beside}").unlink(missing_ok=True)
    back_up(Store(tmp_path / "coast"), tmp_path / "city/editorial.db")
    with pytest.raises(
        SettingsInvalid, match=r"at the site city is kept in .*, which is that of the site coast or a copy"
    ):
        prepare(sites)


def test_store_that_is_a_copy_of_anothers_opens_nothing_though_it_was_gone_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "WAIT_SECONDS_MAX", 0.05)
    for name in HOSTS:
        index_of(tmp_path / name, articles(3))
    store = Store(tmp_path / "coast")
    key = create_key(store, "Ann", "admin", "ann")[1]
    back_up(store, tmp_path / "city/editorial.db")
    monkeypatch.setenv("SEEALSO_SITES", str(file_of(tmp_path)))
    with closing(sqlite3.connect(tmp_path / "city/editorial.db", isolation_level=None)) as held:
        held.execute("BEGIN EXCLUSIVE")
        prepare(read_sites(ServiceSettings()))
        monkeypatch.setattr("service.wsgi.follow", lambda _: None)
        worker = create_worker()
    assert isinstance(worker, Sites)
    time.sleep(0.6)  # it is tried again then

    def ask(host: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {key}"}
        return Client(worker, use_cookies=False).get("/v1/takedowns", base_url=f"https://{host}/", headers=headers)

    assert (ask(COAST).status_code, ask(CITY).status_code) == (200, 503)
    assert "that of the site coast, or a copy of it" in ask(CITY).get_json()["detail"]


def test_folder_of_one_site_that_cannot_be_looked_into_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in HOSTS:
        index_of(tmp_path / name, articles(3))
    monkeypatch.setenv("SEEALSO_SITES", str(file_of(tmp_path)))
    monkeypatch.setattr("service.wsgi.follow", lambda _: None)
    stat = os.stat

    def refuse(path: Any, *more: Any, **named: Any) -> os.stat_result:
        """As the system does whoever may not look into a folder, and is not root."""
        if str(path).startswith(f"{tmp_path / 'coast'}/"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, *more, **named)

    monkeypatch.setattr(os, "stat", refuse)
    prepare(read_sites(ServiceSettings()))
    worker = create_worker()
    asked = {name: Client(worker).get(BLOCK, base_url=f"https://{host}/").status_code for name, host in HOSTS.items()}
    assert asked == {"coast": 503, "city": 200}


def test_stores_that_hang_are_waited_for_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = []

    def hang(server: socket.socket) -> None:
        """Answer nobody, until each site's connection is there; or one has been given up before that."""
        with suppress(OSError):
            while True:
                held = [server.accept()[0] for _ in HOSTS]
                held[0].settimeout(0.1)
                try:
                    while held[0].recv(1_000):
                        continue
                    together.append(False)
                except TimeoutError:
                    together.append(True)
                for each in held:
                    each.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang, args=(server,), daemon=True).start()
        said = f'editorial = "postgresql://127.0.0.1:{server.getsockname()[1]}/{{}}?sslmode=disable&gssencmode=disable"'
        for name in HOSTS:
            index_of(tmp_path / name, articles(3))
        path = file_of(tmp_path, **{name: said.format(name) for name in HOSTS})
        monkeypatch.setenv("SEEALSO_SITES", str(path))
        monkeypatch.setattr("service.wsgi.follow", lambda _: None)
        prepare(read_sites(ServiceSettings()))
        worker = create_worker()
        assert together == [True, True]  # in the main process, and in the worker
        assert isinstance(worker, Sites)
        assert Client(worker).get("/livez", base_url="https://nowhere.example/").status_code == 200
        server.shutdown(socket.SHUT_RDWR)


def test_two_schemas_of_one_postgresql_are_two_sites_and_one_is_none(make_two: MakeTwo) -> None:
    with postgres_schema() as first, postgres_schema() as second:
        two = make_two(coast=f'editorial = "{first}"', city=f'editorial = "{second}"')
        sites = read_sites(ServiceSettings(sites=two.folder / "sites.toml"))
        prepare(sites)
        key = two.key("coast")
        assert two.ask("coast", "/v1/articles/a001/takedown", "POST", key, json={"reason": "tried"}).status_code == 200
        assert [two.ask(name, BLOCK).status_code for name in HOSTS] == [410, 200]
        assert two.ask("city", "/v1/takedowns", key=key).status_code == 401
        # The same, said otherwise.
        path = file_of(two.folder, coast=f'editorial = "{first}"', city=f'editorial = "{first}%20"')
        with pytest.raises(SettingsInvalid, match="is that of the site coast"):
            prepare(read_sites(ServiceSettings(sites=path)))


# processes


def raw(service: Running, head: str) -> bytes:
    """Return all that comes back for a request as it stands."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n")
        received = b""
        while some := connection.recv(65_536):
            received += some
        return received


@pytest.fixture(scope="module")
def service(built: Path, tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    for name in HOSTS:
        shutil.copytree(built / name, folder / name)
        (folder / name / "editorial.db").unlink(missing_ok=True)
    given = {"SEEALSO_SITES": str(file_of(folder)), "SEEALSO_REDIS_URL": redis_url, "SEEALSO_LOG_REQUESTS": "1"}
    with serving(None, folder / "log", 2, True, **given) as running:
        yield running


def test_two_workers_give_each_site_its_own(service: Running) -> None:
    def ask(number: int) -> bool:
        name = ("coast", "city")[number % 2]
        path = f"/v1/articles/a{number % 12:03}/related?min_probability=0&stories=all"
        cards = service.get(path, Host=HOSTS[name]).json()["related"]
        return bool(cards) and all(card["title"].startswith(f"{name} ") for card in cards)

    with ThreadPoolExecutor(8) as asking:
        assert all(asking.map(ask, range(300)))
    found = samples(service.get("/metrics").body.decode())
    assert found["seealso_request_seconds_count", "coast"] >= 150
    assert found["seealso_request_seconds_count", "city"] >= 150


def test_takedown_is_known_to_all_workers_of_its_site_and_to_none_of_the_other(service: Running) -> None:
    folder = service.log.parent
    key = create_key(Store(folder / "coast"), "ann", "editor", "x")[1]
    headers = {"Host": COAST, "Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(host: str) -> int:
        lines = "".join(f"{name}: {value}\n" for name, value in (headers | {"Host": host}).items())
        body = '{"reason": "tried"}'
        head = (
            f"POST /v1/articles/a005/takedown HTTP/1.1\n{lines}Connection: close\nContent-Length: {len(body)}\n\n{body}"
        )
        return int(raw(service, head).split()[1])

    assert send(CITY) == 401
    assert send(COAST) == 200
    for _ in range(20):
        assert service.get("/v1/articles/a005/related", Host=COAST).status == 410
        assert service.get("/v1/articles/a005/related", Host=CITY).status == 200


@pytest.mark.parametrize(
    ("request_line", "hosts", "answered"),
    [
        ("GET {} HTTP/1.1", [COAST], "coast Piece 1"),
        ("GET {} HTTP/1.1", [f"{CITY.upper()}.:8080"], "city Piece 1"),
        ("GET {} HTTP/1.0", [CITY], "city Piece 1"),
        (f"GET http://{CITY}{{}} HTTP/1.1", [COAST], "coast Piece 1"),
        ("GET {} HTTP/1.1", [COAST, CITY], None),
        ("GET {} HTTP/1.1", [CITY, COAST], None),
        ("GET {} HTTP/1.1", [""], None),
        ("GET {} HTTP/1.1", [], None),
        ("GET {} HTTP/1.0", [], None),
    ],
)
def test_header_host_is_what_counts_and_one_at_most(
    service: Running, request_line: str, hosts: list[str], answered: str | None
) -> None:
    lines = [request_line.format("/v1/articles/a001"), *(f"Host: {host}" for host in hosts), "Connection: close"]
    head, _, body = raw(service, "\n".join(lines)).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == (421 if answered is None else 200)
    assert json.loads(body).get("title") == (answered or "There is no such site here")


def test_lines_of_the_log_name_the_site(service: Running) -> None:
    for name, host in HOSTS.items():
        service.get("/v1/articles/a001", 60, **{"Host": host, "X-Request-Id": f"asked-{name}"})
    time.sleep(0.2)
    lines = service.logged()
    asked = {line["request_id"]: line["site"] for line in lines if line.get("request_id", "").startswith("asked-")}
    assert asked == {"asked-coast": "coast", "asked-city": "city"}
    opened = [(line["site"], line["snapshot_id"]) for line in lines if line["event"] == "snapshot_opened"]
    assert sorted({site for site, _ in opened}) == ["city", "coast"]
    assert len(set(opened)) == 2


def test_snapshot_that_is_published_at_one_site_is_served_there_alone(service: Running) -> None:
    before = service.get("/version", Host=CITY).json()["snapshot"]
    index_of(service.log.parent / "coast", pieces("newer", 13))
    end = time.monotonic() + 20
    while service.get("/v1/articles/a012", Host=COAST).status != 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    for _ in range(10):
        assert service.get("/version", Host=CITY).json()["snapshot"] == before
        assert service.get("/v1/articles/a012", Host=CITY).status == 404


def test_streams_give_their_places_back(service: Running) -> None:
    key = create_key(Store(service.log.parent / "city"), "ann", "admin", "x")[1]
    for _ in range(2 * 2 * blocking_threads(ServiceSettings())):
        answer = service.get("/desk/log.csv", Host=CITY, Authorization=f"Bearer {key}")
        assert answer.status == 200
        assert "content-length" not in answer.headers


def test_site_whose_folder_is_no_folder_keeps_no_other_back(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "coast", tmp_path / "coast")
    (tmp_path / "city").write_text("a disk that is not there")
    with serving(None, tmp_path / "log", 1, False, SEEALSO_SITES=str(file_of(tmp_path))) as running:
        assert running.get(BLOCK, Host=COAST).status == 200
        for host, path in ((CITY, BLOCK), (CITY, "/readyz"), (CITY.upper(), "/v1/status"), ("x.example", "/readyz")):
            told = running.get(path, Host=host)
            assert (told.status, told.json()["type"]) == (503, "urn:seealso:problem:site-not-ready")
            assert told.json()["detail"].startswith("the site city is not ready: ")
        found = samples(running.get("/metrics").body.decode())
        assert (found["seealso_snapshot_served", "coast"], found["seealso_snapshot_served", "city"]) == (1, 0)
    (line,) = [json.loads(each) for each in (tmp_path / "log").read_text().splitlines() if "site_not_opened" in each]
    assert line["site"] == "city"


def test_service_does_not_start_with_what_is_wrong(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "sites.toml"
    path.write_text(f'[sites.coast]\nhosts = ["a.example"]\nindex = "{built / "coast"}"\nprojects = "x"\n')
    said = r"sites\.coast\.projects: there is no such setting; did you mean project"
    with pytest.raises(AssertionError, match=said), serving(None, tmp_path / "log", 1, True, SEEALSO_SITES=str(path)):
        pass


def test_options_of_one_site_are_refused_where_there_are_several(built: Path, tmp_path: Path) -> None:
    several, log = {"SEEALSO_SITES": str(file_of(tmp_path))}, tmp_path / "log"
    with (
        pytest.raises(AssertionError, match="--index is of one site"),
        serving(built / "coast", log, 1, True, **several),
    ):
        pass
