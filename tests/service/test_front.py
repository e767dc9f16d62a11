"""The page view, over a real Redis and, where it matters, over several workers' worth of fronts."""

import gzip
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import brotli
import pytest
import redis
import structlog
from apiflask import APIFlask
from flask import Response
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from seealso.article import Article
from seealso.editorial.keys import create_key
from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from seealso.encoder import Vectors
from seealso.errors import StoreUnavailable
from seealso.snapshot.snapshot import Snapshot
from service.answer import Answer, unpacked
from service.baton import BATON
from service.blocks import Asked, Blocks
from service.lanes import WAITING_PER_PLACE, Lane, Lanes
from service.related import Item, related_to_article
from service.views import Views
from tests.deciding import make_rule, take_down
from tests.kept import kept_in
from tests.makers import HashEncoder, article, articles, index_of
from tests.waiting import wait_until

MakeApp = Callable[..., APIFlask]
PATH = "/v1/articles/a000/related"
KEPT = "/v1/articles/a008/related"
# What is asked for before and after a switch.
OLD = PATH + "?limit=4&min_probability=0"


pytestmark = pytest.mark.usefixtures("empty_redis")


def level(answer: TestResponse) -> str:
    return answer.headers["X-Seealso-Cache"]


def counted(app: APIFlask, **labels: str) -> float:
    """Return how many answers were counted with all of these labels."""
    lines = app.test_client().get("/metrics").text.splitlines()
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    found = [
        line for line in lines if line.startswith("seealso_request_seconds_count") and all(w in line for w in wanted)
    ]
    return sum(float(line.split()[-1]) for line in found)


@pytest.mark.parametrize(
    "path", [PATH, PATH + ".html", PATH + "?limit=3&explain=1", "/v1/articles/secret/related.html"]
)
def test_answer_is_the_same_bytes_from_everywhere(index: Path, make_app: MakeApp, redis_url: str, path: str) -> None:
    first, second = make_app(index).test_client(), make_app(index).test_client()
    answers = [first.get(path), first.get(path)]
    wait_for_keys(redis_url, 1)
    answers += [second.get(path), second.get(path)]
    assert [level(each) for each in answers] == ["miss", "copy", "redis", "copy"]
    assert len({each.data for each in answers}) == 1
    own = {"X-Request-Id", "X-Seealso-Cache"}
    assert len({tuple((n, v) for n, v in each.headers if n not in own) for each in answers}) == 1


def wait_for_keys(redis_url: str, count: int) -> None:
    """Wait until Redis has as many keys, but for claims: what is put is sent, and not waited for."""
    with redis.Redis.from_url(redis_url) as client:
        wait_until(lambda: len(kept_in(client)) >= count)


def test_process_that_starts_has_what_others_are_asked_for_most(index: Path, make_app: MakeApp, redis_url: str) -> None:
    first = make_app(index)
    for _ in range(2):
        made = first.test_client().get(PATH, headers={"Accept-Encoding": "br"})
    long = PATH + "?" + "&".join(f"exclude=x{number:03}" for number in range(100))
    for path in (long, long, KEPT):
        first.test_client().get(path)
    first.extensions["seealso"].views.tell_hottest()
    wait_for_keys(redis_url, 4)
    second = make_app(index).test_client()
    answer = second.get(PATH, headers={"Accept-Encoding": "br"})
    assert (level(answer), answer.data) == ("copy", made.data)
    assert level(second.get(long)) == "redis"  # an address of many ids is not told
    assert level(second.get(KEPT)) == "redis"  # what nobody asked for twice is not among them


def test_process_that_starts_takes_over_nothing_that_was_taken_down_or_is_out_of_date(
    tmp_path: Path, make_app: MakeApp, redis_url: str
) -> None:
    index_of(tmp_path, articles(12))
    first = make_app(tmp_path)
    for _ in range(2):
        shown_there = shown(first.test_client().get(OLD))
    first.extensions["seealso"].views.tell_hottest()
    wait_for_keys(redis_url, 2)
    take_down(Store(tmp_path), shown_there[:1], "ann", "a court order", None)
    second = make_app(tmp_path).test_client()
    answer = second.get(OLD)
    assert level(answer) == "miss"
    assert shown_there[0] not in shown(answer)


@pytest.mark.parametrize("told", [b"no list", b'["one", "two", "three"]', b'{"path": "query"}', b"[[1, 2]]"])
def test_process_that_starts_with_a_broken_list_of_what_is_asked_for_most_answers(
    index: Path, make_app: MakeApp, redis_url: str, monkeypatch: pytest.MonkeyPatch, told: bytes
) -> None:
    first = make_app(index)
    for _ in range(2):
        first.test_client().get(PATH)
    monkeypatch.setattr("service.views.orjson.dumps", lambda _: told)
    first.extensions["seealso"].views.tell_hottest()
    monkeypatch.undo()
    wait_for_keys(redis_url, 2)
    with capture_logs() as logs:
        second = make_app(index)
    assert level(second.test_client().get(PATH)) == "redis"
    assert "warming_failed" in [line["event"] for line in logs]


def test_process_that_keeps_nothing_asks_redis(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, copies_mb=0).test_client()
    assert [level(client.get(PATH)) for _ in range(3)] == ["miss", "redis", "redis"]


def test_addresses_that_mean_the_same_share_an_answer_in_redis(index: Path, make_app: MakeApp) -> None:
    client = make_app(index).test_client()
    assert level(client.get(PATH + "?section=News&section=Science&limit=3")) == "miss"
    assert level(client.get(PATH + "?limit=3&section=SCIENCE&section=news")) == "redis"
    assert level(client.get(PATH + "?limit=4")) == "miss"


def test_answer_that_is_known_is_not_sent_again(client: FlaskClient) -> None:
    etag = client.get(PATH).headers["ETag"]
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = client.get(PATH, headers={"If-None-Match": given})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == etag
        whole = client.get(PATH).headers
        for name in ("Cache-Control", "Vary", "Surrogate-Key", "Cache-Tag", "X-Seealso-Snapshot"):
            assert answer.headers[name] == whole[name]  # by these a cache in front keeps what it has
        assert "Content-Type" not in answer.headers
    for given in ('"other"', etag.strip('"'), ""):
        assert client.get(PATH, headers={"If-None-Match": given}).status_code == 200


def test_answer_comes_in_the_coding_that_is_asked_for(client: FlaskClient) -> None:
    plain = client.get(PATH)
    for coding, decode in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        answer = client.get(PATH, headers={"Accept-Encoding": coding})
        assert answer.headers["Content-Encoding"] == coding
        assert decode(answer.data) == plain.data
        assert answer.headers["ETag"] != plain.headers["ETag"]
        # The other coding's tag is no tag of this one: what a cache has may not be decoded as what it gets.
        again = client.get(PATH, headers={"Accept-Encoding": coding, "If-None-Match": plain.headers["ETag"]})
        assert again.status_code == 200
    assert plain.headers["Vary"] == "Accept-Encoding"


def test_coding_that_one_worker_made_is_ready_for_the_others(index: Path, make_app: MakeApp, redis_url: str) -> None:
    first, second = make_app(index).test_client(), make_app(index).test_client()
    coded = first.get(PATH, headers={"Accept-Encoding": "br"})
    wait_for_keys(redis_url, 1)
    assert level(second.get(PATH, headers={"Accept-Encoding": "gzip"})) == "redis"
    wait_until(lambda: codings_kept(redis_url) == [{"identity", "br", "gzip"}])  # it is put a moment later
    (kept,) = answers_kept(redis_url)
    assert kept.bodies["br"] == coded.data


def test_coding_that_a_copy_is_asked_for_is_ready_for_the_others(
    index: Path, make_app: MakeApp, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index)
    client, cache = app.test_client(), app.extensions["seealso"].cache
    client.get(PATH)
    put, put_in = list[str](), cache.put

    def putting(key: str, value: bytes) -> None:
        put.append(key)
        put_in(key, value)

    monkeypatch.setattr(cache, "put", putting)
    for coding in ("gzip", "br", "gzip", "br", "identity"):
        assert level(client.get(PATH, headers={"Accept-Encoding": coding})) == "copy"
    wait_until(lambda: codings_kept(redis_url) == [{"identity", "gzip", "br"}])
    assert len(put) == 2  # what is there already is not put again
    assert level(make_app(index).test_client().get(PATH, headers={"Accept-Encoding": "br"})) == "redis"


def test_coding_of_a_copy_that_is_let_go_meanwhile_is_not_kept(
    index: Path, make_app: MakeApp, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index)
    client, here = app.test_client(), app.extensions["seealso"]
    client.get(PATH)
    wait_until(lambda: codings_kept(redis_url) == [{"identity"}])

    def decide(plain: bytes, coding: str) -> bytes:  # another era begins
        here.views.copies.hide(frozenset(), "another")
        monkeypatch.setattr(here.editorial, "era", "another")
        return gzip.compress(plain)

    monkeypatch.setattr("service.answer.coded", decide)
    monkeypatch.setattr(here.cache, "put", lambda *_: pytest.fail("it is kept"))
    assert level(client.get(PATH, headers={"Accept-Encoding": "gzip"})) == "copy"


def answers_kept(redis_url: str) -> list[Answer]:
    """Return the answers that Redis keeps."""
    answers = []
    for kept in kept_in(redis.Redis.from_url(redis_url)).values():
        answer = unpacked(kept[6:])  # beyond a mark and a checksum
        assert answer is not None
        answers.append(answer)
    return answers


def codings_kept(redis_url: str) -> list[set[str]]:
    """Return in which codings they are."""
    return [set(answer.bodies) for answer in answers_kept(redis_url)]


def test_address_with_a_question_mark_in_its_path_is_no_query(tmp_path: Path, make_app: MakeApp) -> None:
    index_of(tmp_path, [*articles(6), article("a000?b", body="tides moon sea harbour")])
    client = make_app(tmp_path).test_client()
    assert client.get("/v1/articles/a000%3Fb/related").get_json()["id"] == "a000?b"
    assert client.get("/v1/articles/a000?b/related").get_json()["id"] == "a000"


def test_head_has_the_headers_and_no_body(client: FlaskClient) -> None:
    for _ in range(2):
        answer, whole = client.head(PATH), client.get(PATH)
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(whole.data))
        assert answer.headers["ETag"] == whole.headers["ETag"]


def test_headers_name_all_that_a_cdn_may_drop_the_answer_by(client: FlaskClient) -> None:
    answer = client.get(PATH + "?limit=2")
    block = answer.get_json()
    keys = [f"snapshot:{block['snapshot']}", "article:a000", *(f"article:{card['id']}" for card in block["related"])]
    assert answer.headers["Surrogate-Key"] == " ".join(keys)
    assert answer.headers["Cache-Tag"] == ",".join(keys)
    assert answer.headers["Cache-Control"].startswith("public, max-age=")


@pytest.mark.parametrize("path", [PATH, PATH + "?limit=0", "/v1/articles/nobody/related", "/livez", "/nowhere"])
def test_sites_that_are_named_may_read_every_answer(index: Path, make_app: MakeApp, path: str) -> None:
    client = make_app(index, cors_origins="https://a.example https://b.example").test_client()
    for _ in range(2):
        answer = client.get(path, headers={"Origin": "https://b.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://b.example"
        other = client.get(path, headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Origin" in other.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in make_app(index).test_client().get(path).headers


def test_sites_that_are_named_may_read_refusals(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, cors_origins="https://a.example", threads=1, wait_ms=1)
    fill_lane(app)
    asked = {"Origin": "https://a.example"}
    busy = app.test_client().get(PATH, headers=asked)
    assert (busy.status_code, busy.headers["Vary"]) == (503, "Origin")
    assert busy.headers["Access-Control-Allow-Origin"] == "https://a.example"
    exposed = set(busy.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed >= {"ETag", "Retry-After", "X-Request-Id", "X-Seealso-Degraded"}
    assert "Access-Control-Allow-Origin" not in app.test_client().get(PATH).headers


def test_any_site_may_read_where_all_are_named(index: Path, make_app: MakeApp) -> None:
    answer = make_app(index, cors_origins="*").test_client().get(PATH)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_preflight_is_answered_for_sites_that_are_named(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, cors_origins="https://a.example").test_client()
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/similar", headers=asked)
    assert (answer.status_code, answer.data) == (204, b"")
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Max-Age"] == "7200"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
    stranger = client.options("/v1/similar", headers=asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert "Access-Control-Allow-Methods" not in stranger.headers


def test_wrong_requests_are_flasks_to_answer_and_are_kept_nowhere(client: FlaskClient, redis_url: str) -> None:
    for path, status in ((PATH + "?limit=0", 400), ("/v1/articles/nobody/related", 404), (PATH + "?nothing=1", 400)):
        for _ in range(2):
            answer = client.get(path)
            assert answer.status_code == status
            assert answer.headers["Cache-Control"] == "no-store"
    assert answers_kept(redis_url) == []
    assert client.post(PATH).status_code == 405


def test_degraded_part_is_named_and_changes_nothing_else(index: Path, make_app: MakeApp) -> None:
    without = make_app(index, redis_url="redis://127.0.0.1:1/0", redis_timeout_ms=50).test_client()
    well = make_app(index).test_client()
    for path in (PATH, "/livez"):
        answer = without.get(path)
        assert answer.headers["X-Seealso-Degraded"] == "cache"
        assert answer.data == well.get(path).data
        assert "X-Seealso-Degraded" not in well.get(path).headers
    assert without.get("/v1/status").get_json()["degraded"] == ["cache"]


def test_snapshot_that_cannot_be_opened_is_a_degraded_part(tmp_path: Path, make_app: MakeApp) -> None:
    index_of(tmp_path, articles(5))
    app = make_app(tmp_path)
    index_of(tmp_path, articles(6))
    newest = max((tmp_path / "snapshots").iterdir()) / "cards.bin"
    newest.chmod(0o644)
    newest.write_bytes(newest.read_bytes()[:-1])
    app.extensions["seealso"].current.refresh()
    answer = app.test_client().get(PATH)
    assert (answer.status_code, answer.headers["X-Seealso-Degraded"]) == (200, "snapshot")


def test_many_at_once_make_a_block_once(index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(index, threads=32)
    made: list[str] = []
    all_here = threading.Event()

    def counting(*asked: Any) -> list[Item]:
        made.append("one")
        assert all_here.wait(60)
        return related_to_article(*asked)

    monkeypatch.setattr("service.blocks.related_to_article", counting)
    monkeypatch.setattr("service.views.FOLLOW_SECONDS_MAX", 60.0)
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(app.test_client().get(PATH).data)) for _ in range(20)]
    for thread in threads:
        thread.start()
    wait_until(lambda: bool(made or bodies))
    assert not bodies  # whoever makes it waits for all
    all_here.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(bodies) == 20
    assert len(set(bodies)) == 1


@contextmanager
def busy_service(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> Iterator[FlaskClient]:
    """A client of a service of one thread, which is busy; so many more wait for it. Redis keeps one more block."""
    make_app(index).test_client().get(KEPT)
    app = make_app(index, threads=1, wait_ms=60_000)
    client = app.test_client()
    client.get(PATH)
    go_on = threading.Event()

    def slow(*asked: Any) -> list[Item]:
        assert go_on.wait(60)
        return related_to_article(*asked)

    monkeypatch.setattr("service.blocks.related_to_article", slow)
    threads = [
        threading.Thread(target=app.test_client().get, args=(f"/v1/articles/a001/related?limit={number}",))
        for number in range(1, 2 + waiting)
    ]
    views: Views = app.extensions["seealso"].views
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: views.lane._waiting >= waiting and not views.lane._free._value)
        yield client
    finally:
        go_on.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def busy(index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A client of a service for which as many wait as may."""
    with busy_service(index, make_app, monkeypatch, WAITING_PER_PLACE) as client:
        yield client


def test_what_is_too_much_is_refused_at_once_and_what_is_ready_never(busy: FlaskClient) -> None:
    refused = busy.get("/v1/articles/a009/related")
    assert refused.status_code == 503
    assert refused.get_json()["type"] == "urn:seealso:problem:busy"
    assert refused.get_json()["request_id"] == refused.headers["X-Request-Id"]
    assert int(refused.headers["Retry-After"]) > 0
    ready = busy.get(PATH)
    assert (ready.status_code, level(ready)) == (200, "copy")
    assert busy.get("/livez").status_code == 200
    assert busy.head("/v1/articles/a009/related").data == b""


def test_what_redis_keeps_is_had_while_all_places_are_taken(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with busy_service(index, make_app, monkeypatch, WAITING_PER_PLACE - 1) as client:
        kept = client.get(KEPT)
        assert (kept.status_code, level(kept)) == (200, "redis")


def test_redis_is_not_asked_in_vain_where_many_wait_already(busy: FlaskClient) -> None:
    assert busy.get(KEPT).status_code == 503


def test_view_that_would_wait_too_long_for_what_makes_other_blocks_is_refused(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, wait_ms=50)
    with BATON:  # as a batch, or the desk
        answers, threads = ask_at_once(app, PATH, 1)
        threads[0].join(30)
        assert [each.status_code for each in answers] == [503]
    assert "Retry-After" in answers[0].headers
    assert app.test_client().get(PATH).status_code == 200


def test_blocks_that_are_explained_and_those_of_pages_wait_for_their_own_kind_alone(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.lanes.ASIDES_WAIT_MS", 50)
    app = make_app(index, wait_ms=50)
    lanes: Lanes = app.extensions["seealso"].lanes

    def answered(article_id: str) -> list[int]:
        asked = (f"/v1/articles/{article_id}/related{query}" for query in ("", "?explain=1"))
        return [app.test_client().get(path).status_code for path in asked]

    with all_places_of(lanes.explained):
        assert answered("a001") == [200, 503]
    with all_places_of(lanes.views):
        assert answered("a002") == [503, 200]
    lanes.views._stands, lanes.views._idle, lanes.views._inside = True, 0.0, 1_000
    assert answered("a003") == [503, 200]
    lanes.views._stands, lanes.views._inside = False, 0
    assert answered("a004") == [200, 200]


@contextmanager
def all_places_of(lane: Lane) -> Iterator[None]:
    with ExitStack() as held:
        for _ in range(lane._places):
            held.enter_context(lane.place())
        yield


def ask_at_once(app: APIFlask, path: str, times: int) -> tuple[list[TestResponse], list[threading.Thread]]:
    """Ask from so many threads; return the list in which their answers will be, and the threads."""
    answers: list[TestResponse] = []
    threads = [threading.Thread(target=lambda: answers.append(app.test_client().get(path))) for _ in range(times)]
    for thread in threads:
        thread.start()
    return answers, threads


def test_who_waits_for_what_is_refused_is_refused_too_and_asks_nobody(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index, threads=2)
    views: Views = app.extensions["seealso"].views
    tries: list[str] = []

    def refuse() -> None:
        tries.append("one")
        wait_until(lambda: views.lane._following == 5)
        raise views.lane.refusal()

    monkeypatch.setattr(views.lane, "inside", refuse)
    monkeypatch.setattr("service.views.FOLLOW_SECONDS_MAX", 60.0)
    answers, threads = ask_at_once(app, PATH, 6)
    for thread in threads:
        thread.join()
    assert [each.status_code for each in answers] == [503] * 6
    assert tries == ["one"]
    assert views.lane._following == 0


def test_slow_block_that_many_want_holds_no_more_threads_than_the_line_is_long(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index, threads=1)
    views: Views = app.extensions["seealso"].views
    go_on = threading.Event()

    def slow(*asked: Any) -> list[Item]:
        assert go_on.wait(60)
        return related_to_article(*asked)

    monkeypatch.setattr("service.blocks.related_to_article", slow)
    monkeypatch.setattr("service.views.FOLLOW_SECONDS_MAX", 60.0)
    waited, threads = ask_at_once(app, PATH, 1 + WAITING_PER_PLACE)
    wait_until(lambda: views.lane._following == WAITING_PER_PLACE)
    refused = app.test_client().get(PATH)
    assert (refused.status_code, refused.get_json()["type"]) == (503, "urn:seealso:problem:busy")
    assert not waited
    go_on.set()
    for thread in threads:
        thread.join()
    assert [each.status_code for each in waited] == [200] * len(threads)


def test_block_that_takes_too_long_is_made_by_nobody_else_meanwhile(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, made, go_on = make_app(index, threads=4), list[str](), threading.Event()

    def slow(*asked: Any) -> list[Item]:
        made.append("one")
        assert go_on.wait(60)
        return related_to_article(*asked)

    monkeypatch.setattr("service.blocks.related_to_article", slow)
    monkeypatch.setattr("service.views.FOLLOW_SECONDS_MAX", 0.1)
    answers, threads = ask_at_once(app, PATH, 6)
    try:
        wait_until(lambda: len(answers) == 5 or len(made) > 1)
        assert made == ["one"]
        assert [each.status_code for each in answers] == [503] * 5
        assert {each.get_json()["type"] for each in answers} == {"urn:seealso:problem:busy"}
    finally:
        go_on.set()
        for thread in threads:
            thread.join()
    assert [each.status_code for each in answers[5:]] == [200]
    assert level(app.test_client().get(PATH)) == "copy"


def test_who_waits_for_what_is_out_of_date_makes_it_once_for_all(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index, threads=4, redis_url="redis://127.0.0.1:1/0")
    views: Views = app.extensions["seealso"].views
    taken = shown(make_app(index).test_client().get(OLD))[0]
    made, go_on = list[str](), threading.Event()

    def slow(*asked: Any) -> list[Item]:
        made.append("one")
        assert go_on.wait(60)
        return related_to_article(*asked)

    monkeypatch.setattr("service.blocks.related_to_article", slow)
    monkeypatch.setattr("service.views.FOLLOW_SECONDS_MAX", 60.0)
    _, first = ask_at_once(app, OLD, 1)
    wait_until(lambda: bool(made))
    app.extensions["seealso"].current.decide(lambda snapshot: snapshot.without(frozenset({taken})))
    answers, others = ask_at_once(app, OLD, 5)
    wait_until(lambda: views.lane._following == 5)
    go_on.set()
    for thread in [*first, *others]:
        thread.join()
    assert made == ["one", "one"]
    assert [taken in shown(each) for each in answers] == [False] * 5


def test_article_that_was_taken_down_is_no_block_to_be_looked_for(
    index: Path, make_app: MakeApp, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index)
    here = app.extensions["seealso"]
    here.current.decide(lambda snapshot: snapshot.without(frozenset({"a000"})))
    monkeypatch.setattr(here.cache, "find", lambda _: pytest.fail("Redis is asked"))
    assert app.test_client().get(PATH).status_code == 410


def test_who_makes_nothing_leaves_the_claim_to_others(
    index: Path, make_app: MakeApp, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> list[Item]:
        raise ZeroDivisionError

    monkeypatch.setattr("service.cache.CLAIM_MS", 60_000)
    monkeypatch.setattr("service.blocks.related_to_article", fail)
    make_app(index).test_client().get(PATH)
    wait_until(lambda: redis.Redis.from_url(redis_url).keys() == [])


def test_warming_needs_no_place_of_a_readers(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, threads=1)
    app.test_client().get(PATH)
    views: Views = app.extensions["seealso"].views
    snapshot = app.extensions["seealso"].current.snapshot()
    views.lane.enter()
    assert [address for address, _ in views._warmed(snapshot, views._editorial.era)] == [(PATH, "")]


def test_hottest_blocks_are_ready_when_a_snapshot_takes_over(tmp_path: Path, make_app: MakeApp, redis_url: str) -> None:
    index_of(tmp_path, articles(9))
    app = make_app(tmp_path)
    client = app.test_client()
    for _ in range(3):
        client.get(PATH, headers={"Accept-Encoding": "gzip"})
    before = client.get(PATH).get_json()["snapshot"]
    index_of(tmp_path, articles(10))
    app.extensions["seealso"].current.refresh()
    answer = client.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert level(answer) == "copy"
    assert answer.headers["X-Seealso-Snapshot"] != before
    wait_until(lambda: codings_kept(redis_url) == [{"identity", "gzip"}] * 2)  # another worker finds it coded


def swapped(
    tmp_path: Path,
    make_app: MakeApp,
    after: list[Article],
    monkeypatch: pytest.MonkeyPatch,
    before_it: Callable[[APIFlask], None] = lambda _: None,
) -> APIFlask:
    """Return an app that has just gone over to other articles, nothing of which is ready.

    `before_it`: what is done once it has an answer, and before it goes over.
    """
    monkeypatch.setattr("service.views.WARM_BLOCKS_MAX", 0)
    monkeypatch.setattr("service.copies.OLD_SECONDS_MAX", 60.0)
    index_of(tmp_path, articles(9))
    app = make_app(tmp_path, threads=4)
    assert app.test_client().get(OLD).status_code == 200
    before_it(app)
    index_of(tmp_path, after)
    app.extensions["seealso"].current.refresh()
    return app


def two_at_once(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch, between: Callable[[APIFlask], None] = lambda _: None
) -> list[TestResponse]:
    """Ask twice at once, the second while the first is at it; return their answers, in this order.

    `between`: what is done once the first is at it.
    """
    begun, go_on = threading.Event(), threading.Event()

    def slow(*asked: Any) -> list[Item]:
        begun.set()
        assert go_on.wait(60)
        return related_to_article(*asked)

    monkeypatch.setattr("service.blocks.related_to_article", slow)
    monkeypatch.setattr("service.views.FOLLOW_SECONDS_MAX", 60.0)
    make, made = Blocks.make, list[Asked]()

    def noted(self: Blocks, snapshot: Snapshot, asked: Asked) -> Answer:
        made.append(asked)
        return make(self, snapshot, asked)

    monkeypatch.setattr(Blocks, "make", noted)
    answers: dict[str, TestResponse] = {}

    def ask(name: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: answers.update({name: app.test_client().get(OLD)}))
        thread.start()
        return thread

    first = ask("first")
    assert begun.wait(60)
    between(app)
    second = ask("second")
    lane = app.extensions["seealso"].views.lane
    # It has its answer, waits for the first's, or has begun to make its own, for which it waits as well.
    wait_until(lambda: not second.is_alive() or lane._following == 1 or lane._inside == 2 or len(made) == 2)
    go_on.set()
    first.join()
    second.join()
    return [answers["first"], answers["second"]]


def fill_lane(app: APIFlask) -> None:
    """Have no place for any block to be made."""
    lane = app.extensions["seealso"].views.lane
    lane._waiting_max, lane._free = 0, threading.Semaphore(0)


def have_the_line_stand(app: APIFlask) -> None:
    """Have been asked for more than can be made, for longer than a burst."""
    lane = app.extensions["seealso"].views.lane
    lane._stands, lane._idle, lane._inside = True, 0.0, 99


def shown(answer: TestResponse) -> list[str]:
    return [card["id"] for card in answer.get_json()["related"]]


def first_shown(tmp_path: Path, make_app: MakeApp) -> str:
    """Return the article that stands first in the old answer."""
    index_of(tmp_path / "look", articles(9))
    return shown(make_app(tmp_path / "look").test_client().get(OLD))[0]


def test_who_would_wait_after_a_switch_has_the_old_answer(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = swapped(tmp_path, make_app, articles(12), monkeypatch)
    assert [level(each) for each in two_at_once(app, monkeypatch)] == ["miss", "stale"]


def test_old_answer_may_be_kept_by_nobody(tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app = swapped(tmp_path, make_app, articles(12), monkeypatch)
    fill_lane(app)
    answer = app.test_client().get(OLD)
    assert (level(answer), answer.headers["Cache-Control"]) == ("stale", "no-store")


@pytest.mark.parametrize("gone", ["removed", "sensitive"])
def test_old_answer_with_an_article_that_may_not_be_shown_is_never_given(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    taken = first_shown(tmp_path, make_app)
    after = [
        each.model_copy(update={"sensitive": True}) if each.id == taken and gone == "sensitive" else each
        for each in articles(12)
        if each.id != taken or gone == "sensitive"
    ]
    app = swapped(tmp_path / "index", make_app, after, monkeypatch)
    assert "stale" not in [level(each) for each in two_at_once(app, monkeypatch)]


def taking_down(article_id: str, way: str, look_at: str = KEPT) -> Callable[[APIFlask], None]:
    """Return what takes an article down.

    `way`: decided and not known here yet; known, as it is once anybody asks (`look_at`: for what); or, as for a moment
    before it is known, with no answer let go yet.
    """

    def take(app: APIFlask) -> None:
        here = app.extensions["seealso"]
        if way == "answers kept":
            here.current.decide(lambda snapshot: snapshot.without(frozenset({article_id})))
            return
        take_down(Store(here.settings.index), [article_id], "ann", "court order", None)
        if way == "known":
            assert app.test_client().get(look_at).status_code == 200

    return take


WAYS = pytest.mark.parametrize("way", ["decided", "known", "answers kept"])
MOMENTS = pytest.mark.parametrize("moment", ["before the switch", "after the switch"])


def swapped_and_taken_down(
    tmp_path: Path, make_app: MakeApp, article_id: str, way: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> APIFlask:
    """Return an app that has just gone over to other articles, one of which is taken down."""
    take = taking_down(article_id, way)
    if moment == "before the switch":
        return swapped(tmp_path, make_app, articles(12), monkeypatch, before_it=take)
    app = swapped(tmp_path, make_app, articles(12), monkeypatch)
    take(app)
    return app


def test_where_the_line_stands_what_is_there_is_given_and_the_rest_refused(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = swapped(tmp_path, make_app, articles(12), monkeypatch)
    client = app.test_client()
    kept = "/v1/articles/a003/related"
    client.get(kept)
    have_the_line_stand(app)
    assert level(client.get(OLD)) == "stale"
    assert level(client.get(kept)) == "copy"
    refused = client.get("/v1/articles/a004/related?limit=nonsense")  # its query is not read
    assert (refused.status_code, refused.get_json()["type"]) == (503, "urn:seealso:problem:busy")
    assert int(refused.headers["Retry-After"]) > 0
    assert client.get("/v1/articles/unheard-of/related").status_code == 404
    assert client.get("/livez").status_code == 200


@WAYS
@MOMENTS
def test_where_the_line_stands_no_old_answer_shows_what_was_taken_down(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, way: str, moment: str
) -> None:
    taken = first_shown(tmp_path, make_app)
    app = swapped_and_taken_down(tmp_path / "index", make_app, taken, way, moment, monkeypatch)
    have_the_line_stand(app)
    assert app.test_client().get(OLD).status_code == 503


@WAYS
@MOMENTS
def test_old_answer_that_shows_what_was_taken_down_is_never_given(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, way: str, moment: str
) -> None:
    taken = first_shown(tmp_path, make_app)
    app = swapped_and_taken_down(tmp_path / "index", make_app, taken, way, moment, monkeypatch)
    for answer in two_at_once(app, monkeypatch):
        assert (answer.status_code, level(answer) == "stale") == (200, False)
        assert taken not in shown(answer)


@WAYS
@MOMENTS
def test_who_is_refused_has_no_old_answer_that_shows_what_was_taken_down(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, way: str, moment: str
) -> None:
    taken = first_shown(tmp_path, make_app)
    app = swapped_and_taken_down(tmp_path / "index", make_app, taken, way, moment, monkeypatch)
    fill_lane(app)
    assert app.test_client().get(OLD).status_code == 503


@WAYS
@MOMENTS
def test_old_answer_of_an_article_that_was_taken_down_is_never_given(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, way: str, moment: str
) -> None:
    app = swapped_and_taken_down(tmp_path, make_app, "a000", way, moment, monkeypatch)
    assert app.test_client().get(OLD).status_code == 410
    fill_lane(app)
    assert app.test_client().get(OLD).status_code == 410


@pytest.mark.parametrize("way", ["decided", "answers kept"])
def test_what_is_taken_down_while_a_new_answer_is_made_is_in_no_old_one(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    taken = first_shown(tmp_path, make_app)
    app = swapped(tmp_path / "index", make_app, articles(12), monkeypatch)
    _, second = two_at_once(app, monkeypatch, taking_down(taken, way))
    assert (second.status_code, level(second) == "stale") == (200, False)
    assert taken not in shown(second)


def test_article_that_is_taken_down_while_its_new_answer_is_made_has_no_old_one(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = swapped(tmp_path, make_app, articles(12), monkeypatch)
    assert two_at_once(app, monkeypatch, taking_down("a000", "decided"))[1].status_code == 410


def correct(app: APIFlask, article_id: str) -> None:
    """Have an article say something else from now on."""
    key = create_key(Store(app.extensions["seealso"].settings.index), "the cms", "index", "ann")[1]
    corrected = {"title": "Corrected", "body": "tides moon sea harbour"}
    path, headers = f"/v1/articles/{article_id}", {"Authorization": f"Bearer {key}"}
    assert app.test_client().put(path, json=corrected, headers=headers).status_code == 200


@pytest.mark.parametrize("shown_there", [True, False])
def test_old_answer_that_shows_what_was_put_since_is_never_given(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, shown_there: bool
) -> None:
    put = first_shown(tmp_path, make_app) if shown_there else "a000"
    app = swapped(tmp_path / "index", make_app, articles(12), monkeypatch)
    correct(app, put)
    fill_lane(app)
    assert app.test_client().get(OLD).status_code == 503


@pytest.mark.parametrize("moment", ["before", "while"])
def test_answer_of_the_snapshot_before_is_let_go_by_what_is_put_as_the_next_takes_over(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    put = first_shown(tmp_path, make_app)
    monkeypatch.setattr("service.views.WARM_BLOCKS_MAX", 0)
    index_of(tmp_path / "index", articles(9))
    app = make_app(tmp_path / "index")
    assert app.test_client().get(OLD).status_code == 200
    current = app.extensions["seealso"].current
    prepare = current.prepare

    def correcting(edited: Callable[[], Snapshot]) -> Callable[[], None]:
        if moment == "before":
            correct(make_app(tmp_path / "index"), put)  # at a worker that serves the new snapshot already
        go_over = prepare(edited)

        def going_over() -> None:
            if moment == "while":
                correct(app, put)
                assert app.test_client().get(OLD).get_json()["snapshot"] == edited().id
            go_over()

        return going_over

    current.prepare = correcting
    index_of(tmp_path / "index", articles(12))
    current.refresh()
    assert current.problem is None
    fill_lane(app)
    assert app.test_client().get(OLD).headers.get("X-Seealso-Cache") != "stale"


def test_what_is_ruled_out_as_a_snapshot_takes_over_is_in_no_block_of_it(
    tmp_path: Path, make_app: MakeApp, redis_url: str
) -> None:
    index_of(tmp_path, articles(9))
    app, other = make_app(tmp_path), make_app(tmp_path)
    excluded = shown(app.test_client().get(OLD))[0]
    here = app.extensions["seealso"]
    current = here.current
    index_of(tmp_path, articles(12))
    prepare: Callable[[Callable[[], Snapshot]], Callable[[], None]] = current.prepare

    def deciding(edited: Callable[[], Snapshot]) -> Callable[[], None]:
        def decided_after() -> Snapshot:
            snapshot = edited()
            make_rule(Store(tmp_path), Wish("exclude", article=excluded), "ann", "a complaint")
            assert excluded not in shown(app.test_client().get(OLD))  # and so it is one that is asked for
            return snapshot

        return prepare(decided_after)

    current.prepare = deciding
    current.refresh()
    other.extensions["seealso"].current.refresh()
    for each in (app, other):
        answer = each.test_client().get(OLD)
        assert answer.get_json()["snapshot"] == current.served.id
        assert excluded not in shown(answer)


FOUND_IN = {"miss": ("_blocks", "make"), "redis": ("_cache", "find"), "stale": ("copies", "old")}


def once_found(app: APIFlask, monkeypatch: pytest.MonkeyPatch, found: str, done: Callable[[APIFlask], None]) -> None:
    """Have something done once, when the next answer has been found, and not been sent yet. `found`: where."""
    part, method = FOUND_IN[found]
    owner = getattr(app.extensions["seealso"].views, part)
    find, left = getattr(owner, method), [done]

    def finding(*asked: Any) -> Any:
        answer = find(*asked)
        if left:
            left.pop()(app)
        return answer

    monkeypatch.setattr(owner, method, finding)


def about_to_answer(tmp_path: Path, make_app: MakeApp, found: str, monkeypatch: pytest.MonkeyPatch) -> APIFlask:
    """Return an app that finds the next answer in the place that is named."""
    if found == "stale":
        app = swapped(tmp_path, make_app, articles(12), monkeypatch)
        fill_lane(app)
        return app
    index_of(tmp_path, articles(9))
    if found == "redis":
        make_app(tmp_path).test_client().get(OLD)
    return make_app(tmp_path)


@WAYS
@pytest.mark.parametrize("found", FOUND_IN)
def test_what_is_taken_down_before_an_answer_is_sent_is_not_in_it(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, way: str, found: str
) -> None:
    taken = first_shown(tmp_path, make_app)
    app = about_to_answer(tmp_path / "index", make_app, found, monkeypatch)
    once_found(app, monkeypatch, found, taking_down(taken, way, look_at="/v1/articles/a008"))
    answer = app.test_client().get(OLD)
    if found == "stale":
        assert answer.status_code == 503
    else:
        assert (answer.status_code, level(answer)) == (200, "miss")
        assert taken not in shown(answer)
        assert answer.headers["Cache-Control"].startswith("public")


@pytest.mark.parametrize("found", FOUND_IN)
def test_article_that_is_taken_down_before_its_answer_is_sent_has_none(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    app = about_to_answer(tmp_path, make_app, found, monkeypatch)
    once_found(app, monkeypatch, found, taking_down("a000", "decided"))
    assert app.test_client().get(OLD).status_code == 410


def test_nobody_is_answered_while_it_is_not_known_what_was_decided_before_an_answer_is_sent(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = about_to_answer(tmp_path, make_app, "miss", monkeypatch)
    taken = first_shown(tmp_path / "other", make_app)

    def lose_the_store(app: APIFlask) -> None:
        taking_down(taken, "decided")(app)
        monkeypatch.setattr("service.editorial.read_decisions", lost)

    def lost(*_: object) -> None:
        raise StoreUnavailable("editorial.db", "it is gone")

    once_found(app, monkeypatch, "miss", lose_the_store)
    assert app.test_client().get(OLD).status_code == 503


def rule_out(app: APIFlask) -> None:
    """Keep a section out that no article has: blocks are what they are, and made anew."""
    make_rule(Store(app.extensions["seealso"].settings.index), Wish("exclude", section="Ads"), "ann", "no adverts")


@pytest.mark.parametrize("change", [lambda app: correct(app, "a000"), rule_out])
@pytest.mark.parametrize("found", ["miss", "redis"])
def test_answer_that_is_out_of_date_before_it_is_sent_may_be_kept_by_nobody(
    tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, found: str, change: Callable[[APIFlask], None]
) -> None:
    app = about_to_answer(tmp_path, make_app, found, monkeypatch)
    once_found(app, monkeypatch, found, change)
    answers = [app.test_client().get(OLD) for _ in range(3)]
    assert [each.headers["Cache-Control"] == "no-store" for each in answers] == [True, False, False]
    assert [level(each) for each in answers] == [found, "miss", "copy"]


def test_requests_are_counted_by_route_outcome_and_where_they_came_from(index: Path, make_app: MakeApp) -> None:
    app = make_app(index)
    client = app.test_client()
    etag = client.get(PATH).headers["ETag"]
    client.get(PATH)
    client.get(PATH, headers={"If-None-Match": etag})
    client.get(PATH + ".html")
    client.get(PATH + "?limit=0")
    client.get("/v1/articles/nobody/related")
    client.get("/v1/articles/a001")
    assert counted(app, route="related", outcome="ok", cache="miss") == 1
    assert counted(app, route="related", outcome="ok", cache="copy") == 1
    assert counted(app, route="related", outcome="not_modified", cache="copy") == 1
    assert counted(app, route="related_html", outcome="ok", cache="miss") == 1
    assert counted(app, route="related", outcome="invalid") == 2
    assert counted(app, route="article", outcome="ok") == 1


@pytest.mark.parametrize(
    "path", [PATH, "/", "/docs/", "/openapi.json", "/desk", "/desk/", "/livez", "/nowhere", "/metrics"]
)
def test_every_answer_has_one_request_id(client: FlaskClient, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        answer = client.open(path, method=method, headers={"X-Request-Id": "abc-1"})
        assert answer.headers.getlist("X-Request-Id") == ["abc-1"], (method, answer.status)


def test_lines_logged_on_the_way_to_an_answer_say_its_request_id_and_snapshot(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, said = make_app(index), list[dict[str, object]]()
    encode = HashEncoder.encode

    def encoding(self: HashEncoder, texts: Sequence[str]) -> Vectors:  # on a thread of its own
        said.append(structlog.contextvars.get_contextvars())
        return encode(self, texts)

    monkeypatch.setattr(HashEncoder, "encode", encoding)
    client = app.test_client()
    answer = client.post("/v1/similar", json={"text": "tides"}, headers={"X-Request-Id": "abc-1"})
    assert said == [{"request_id": "abc-1", "snapshot_id": answer.get_json()["snapshot"]}]
    assert structlog.contextvars.get_contextvars() == {}


def test_requests_are_logged_where_that_is_wanted(index: Path, make_app: MakeApp) -> None:
    with capture_logs() as logged:
        make_app(index).test_client().get(PATH)
    assert [line for line in logged if line["event"] == "request_answered"] == []
    client = make_app(index, log_requests=True).test_client()
    with capture_logs() as logged:
        client.get(PATH, headers={"X-Request-Id": "abc-1"})
        client.get("/nowhere")
    first, second = logged
    assert (first["request_id"], first["status"], first["cache"], first["path"]) == ("abc-1", 200, "redis", PATH)
    assert first["snapshot_id"]
    assert (second["status"], second["cache"]) == (404, "none")


def test_body_that_is_made_while_it_is_sent_is_passed_on_part_by_part(index: Path, make_app: MakeApp) -> None:
    app, made, closed = make_app(index), list[int](), threading.Event()

    def parts() -> Iterator[str]:
        try:
            for number in range(3):
                made.append(number)
                yield f"part {number}\n"
        finally:
            closed.set()

    app.add_url_rule("/parts", view_func=lambda: Response(parts(), mimetype="text/plain"))
    answer = app.test_client().get("/parts", buffered=False)
    assert len(made) < 3
    assert answer.get_data(as_text=True) == "part 0\npart 1\npart 2\n"
    assert counted(app, route="other", outcome="ok") == 1
    closed.clear()
    app.test_client().get("/parts", buffered=False).close()
    assert closed.wait(1)  # also where nobody reads to the end
