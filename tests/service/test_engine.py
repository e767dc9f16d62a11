"""The service with a search engine, a real Milvus: the same answers with it and without it, whatever becomes of it."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

import service.engine
from indexer.distribute import Distribution
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.snapshot.layout import current_id, publish, published_ids
from seealso.snapshot.milvus import Milvus
from seealso.snapshot.reader import open_current
from service.engine import Engine
from tests.makers import article, articles, index_of
from tests.milvus import Running, running_milvus
from tests.servers import free_port
from tests.service.conftest import pieces

pytestmark = pytest.mark.row("M4")

MakeApp = Callable[..., APIFlask]
TEXT = {"title": "The sea", "body": "tides moon sea harbour flour", "limit": 20, "min_probability": 0}
NARROW = {**TEXT, "section": ["News"], "published_after": "2025-01-01"}
# What is asked of a part that does not answer is given up long before; this only tells it from waiting for ever.
PATIENCE_SECONDS = 20.0
# A busy machine is no engine that hangs; where one is to be found to hang, that is seen sooner.
TIMEOUT_MS, SHORT_MS = 30_000, 3_000
WAIT_SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_milvus(tmp_path_factory.mktemp("milvus") / "data") as started:
        yield started


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the engine more often than a service does."""
    monkeypatch.setattr(service.engine, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(service.engine, "TRIAL_SECONDS", 0.1)


@pytest.fixture(scope="module")
def shelved(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that the engine has, too."""
    folder = tmp_path_factory.mktemp("shelved")
    # More than are stored for each article: under a filter, all of them are searched.
    sport = [
        article(f"b{number:03}", body=f"tides moon sea {number % 7}", section="Sport", published="2024-03-01")
        for number in range(150)
    ]
    index_of(folder, [*pieces(), *sport], distribution=Distribution(running.address("shelved"), "FLAT"))
    return folder


@pytest.fixture
def timeout_ms() -> int:
    return TIMEOUT_MS


@pytest.fixture
def app(shelved: Path, running: Running, make_app: MakeApp, timeout_ms: int) -> Iterator[APIFlask]:
    yield with_engine(make_app, shelved, running, "shelved", timeout_ms)
    running.resume()
    if running.process.poll() is not None:
        running.start()
        distribute(shelved, running)


def distribute(shelved: Path, running: Running) -> None:
    """Do what `seealso distribute` does: Milvus Lite does not remember what was loaded when it was ended."""
    there = Distribution(running.address("shelved"), "FLAT")
    there.upload(open_current(shelved))
    there.lead(current_id(shelved))


def with_engine(make_app: MakeApp, index: Path, running: Running, name: str, timeout_ms: int = TIMEOUT_MS) -> APIFlask:
    return make_app(index, milvus_uri=running.uri, milvus_name=name, milvus_timeout_ms=timeout_ms, rate_limit="none")


def engine_of(app: APIFlask) -> Engine:
    engine = app.extensions["seealso"].engine
    assert isinstance(engine, Engine)
    return engine


def until(state: str, app: APIFlask) -> None:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while engine_of(app).state != state:
        assert time.monotonic() < end, engine_of(app).state
        time.sleep(0.02)


def looked_at(app: APIFlask) -> None:
    """Wait until it has been looked at from the beginning to the end."""
    engine = engine_of(app)
    for _ in range(2):
        engine._looked.clear()
        assert engine._looked.wait(WAIT_SECONDS_MAX)


def answers(client: FlaskClient) -> list[Any]:
    """Return what a text is related to, everywhere and under a filter."""
    every = []
    for body in (TEXT, NARROW):
        answer = client.post("/v1/similar", json=body)
        assert answer.status_code == 200, answer.text
        every.append(answer.get_json()["related"])
    return every


def searches(client: FlaskClient) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {
        by: float(line.split()[-1])
        for by in ("engine", "snapshot")
        for line in lines
        if line.startswith(f'seealso_searches_total{{by="{by}"}}')
    }


def test_without_the_setting_there_is_none(shelved: Path, make_app: MakeApp) -> None:
    client = make_app(shelved).test_client()
    status = client.get("/v1/status")
    assert (status.get_json()["engine"], status.get_json()["degraded"]) == ("off", [])
    assert "X-Seealso-Degraded" not in status.headers


def test_answers_are_the_same_with_it_and_without_it(app: APIFlask, shelved: Path, make_app: MakeApp) -> None:
    until("up", app)
    client = app.test_client()
    wanted = answers(make_app(shelved, rate_limit="none").test_client())
    assert answers(client) == wanted
    assert [len(each) > 3 for each in wanted] == [True, True]
    assert searches(client)["snapshot"] == 0
    assert searches(client)["engine"] >= 3  # everywhere, twice, and under the filter
    assert client.get("/v1/status").get_json()["engine"] == "up"


def test_page_views_do_not_ask_it(app: APIFlask, running: Running) -> None:
    until("up", app)
    client = app.test_client()
    running.pause()
    for number in range(15):
        assert client.get(f"/v1/articles/a{number:03}/related?limit=5").status_code == 200
        assert client.get(f"/v1/articles/a{number:03}/related.html").status_code == 200
    assert searches(client) == {"engine": 0, "snapshot": 0}


def test_while_it_is_gone_the_snapshot_is_searched_and_then_it_is_found_again(
    app: APIFlask, running: Running, shelved: Path
) -> None:
    until("up", app)
    client = app.test_client()
    wanted = answers(client)
    with capture_logs() as logged:
        running.kill()
        assert answers(client) == wanted
        until("down", app)
        assert answers(client) == wanted
        answer = client.get("/v1/articles/a001/related")
        assert answer.headers["X-Seealso-Degraded"] == "engine"
        assert client.get("/v1/status").get_json()["degraded"] == ["engine"]
        assert "seealso_engine_down 1.0" in client.get("/metrics").text
        running.start()
        distribute(shelved, running)
        until("up", app)
        looked_at(app)  # it says so after it is so
    assert answers(client) == wanted
    assert "X-Seealso-Degraded" not in client.get("/v1/articles/a001/related").headers
    told = [(line["event"], line.get("state")) for line in logged if line["event"].startswith("engine")]
    # Started, and not yet loaded, it may have been seen as stale; the same is said once.
    assert [event for event, _ in told] == ["engine_given_up"] * (len(told) - 1) + ["engine_came_back"]
    assert len(told) > 1
    assert all(one != other for one, other in pairwise(told))


@pytest.mark.parametrize("timeout_ms", [SHORT_MS])
def test_while_it_hangs_nobody_waits_for_longer_than_the_timeout(app: APIFlask, running: Running) -> None:
    until("up", app)
    client = app.test_client()
    wanted = answers(client)
    running.pause()
    began = time.monotonic()
    assert answers(client) == wanted
    assert time.monotonic() - began < PATIENCE_SECONDS
    until("down", app)
    failed = client.get("/metrics").text
    assert 'seealso_engine_failures_total{kind="late"}' in failed
    before = searches(client)["engine"]
    assert answers(client) == wanted
    assert searches(client)["engine"] == before
    running.resume()
    until("up", app)
    assert answers(client) == wanted
    assert searches(client)["engine"] > before


def test_when_it_has_lost_its_disk_it_is_stale_until_all_is_put_there_again(
    app: APIFlask, running: Running, shelved: Path
) -> None:
    until("up", app)
    client = app.test_client()
    wanted = answers(client)
    running.kill()
    shutil.rmtree(running.folder)
    assert answers(client) == wanted
    running.start()
    until("stale", app)
    assert answers(client) == wanted
    mended = Distribution(running.address("shelved"), "FLAT")
    assert mended.upload(open_current(shelved)).sent > 0
    mended.lead(current_id(shelved))
    until("up", app)
    assert answers(client) == wanted


@pytest.mark.parametrize("silent", [True, False])
def test_service_starts_without_it(shelved: Path, make_app: MakeApp, silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1] if silent else free_port()
        began = time.monotonic()
        app = make_app(shelved, milvus_uri=f"http://127.0.0.1:{port}", milvus_name="shelved", rate_limit="none")
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert engine_of(app).state == "down"
        client = app.test_client()
        assert client.get("/readyz").status_code == 200
        assert answers(client) == answers(make_app(shelved, rate_limit="none").test_client())


# stale: it answers, and what it has is another snapshot, a part of one, or none


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def test_where_the_alias_leads_elsewhere_it_is_not_asked(index: Path, running: Running, make_app: MakeApp) -> None:
    name = "elsewhere"
    index_of(index, pieces()[:-1], distribution=Distribution(running.address(name), "FLAT"))
    other = current_id(index)
    index_of(index, pieces(), distribution=Distribution(running.address(name), "FLAT"))
    engine = running.address(name).connect(10.0)
    try:
        engine.lead(engine.address.collection_of(other))
        app = with_engine(make_app, index, running, name)
        until("stale", app)
        client = app.test_client()
        assert answers(client) == answers(make_app(index, rate_limit="none").test_client())
        assert searches(client)["engine"] == 0
        assert client.get("/v1/status").get_json()["engine"] == "stale"
        assert client.get("/v1/articles/a001/related").headers["X-Seealso-Degraded"] == "engine"
        engine.lead(engine.address.collection_of(current_id(index)))
        until("up", app)
        answers(client)
        assert searches(client)["engine"] > 0
    finally:
        engine.close()


def test_what_is_missing_or_not_whole_is_not_asked(index: Path, running: Running, make_app: MakeApp) -> None:
    name = "missing"
    index_of(index, pieces())
    app = with_engine(make_app, index, running, name)
    until("stale", app)  # no alias
    client = app.test_client()
    wanted = answers(client)
    engine = running.address(name).connect(10.0)
    try:
        collection = engine.address.collection_of(current_id(index))
        engine.create(collection, 32)
        row = {"row": 0, "article": "a", "section": -1, "language": 0, "published": 0, "shown": True, "card": ""}
        engine.put(collection, [{**row, "vector": np.eye(1, 32, dtype=np.float32)[0]}], 10.0)
        engine.finish(collection, "FLAT")
        assert engine.load(collection, 60.0)
        engine.lead(collection)
        looked_at(app)
        assert engine_of(app).state == "stale"  # one article of all
        assert answers(client) == wanted
        assert searches(client)["engine"] == 0
        Distribution(engine.address, "FLAT").upload(app.extensions["seealso"].current.plain)
        until("up", app)
        assert answers(client) == wanted
        assert searches(client)["engine"] > 0
        engine.drop(collection)  # under a service that asks it
        assert answers(client) == wanted
        until("stale", app)
        assert answers(client) == wanted
    finally:
        engine.close()


def test_workers_go_over_to_the_next_night_with_it(index: Path, running: Running, make_app: MakeApp) -> None:
    name = "nights"
    index_of(index, articles(20), distribution=Distribution(running.address(name), "FLAT"))
    app = with_engine(make_app, index, running, name)
    until("up", app)
    client = app.test_client()
    index_of(index, articles(21), distribution=Distribution(running.address(name), "FLAT"))
    looked_at(app)  # the alias has left the snapshot that is still served
    asked = searches(client)["engine"]
    client.post("/v1/similar", json=TEXT)
    assert searches(client)["engine"] > asked
    assert engine_of(app).state == "up"
    app.extensions["seealso"].current.refresh()
    until("up", app)
    answer = client.post("/v1/similar", json=TEXT).get_json()
    assert answer["snapshot"] == current_id(index)
    assert searches(client)["snapshot"] == 0


def test_what_the_alias_has_left_for_long_is_stale(shelved: Path, running: Running) -> None:
    engine = Engine(running.address("shelved"), TIMEOUT_MS, 2, going_over_s=0.2)
    connected = running.address("shelved").connect(10.0)
    try:
        snapshot = engine.beside(open_current(shelved))
        wait_for(lambda: engine.state == "up")
        connected._client.drop_alias("shelved")
        wait_for(lambda: engine.state == "stale")
        assert snapshot.vectors.search(snapshot.vectors.vectors(np.arange(2)), 3)[1][:, 0] == pytest.approx(1)
        connected.lead(connected.address.collection_of(snapshot.id))
        wait_for(lambda: engine.state == "up")
    finally:
        connected.lead(connected.address.collection_of(current_id(shelved)))
        connected.close()
        engine.close()


def wait_for(so: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_rollback_leads_the_alias_back(index: Path, running: Running, make_app: MakeApp) -> None:
    name = "rolled"
    for count in (20, 21):
        index_of(index, articles(count), distribution=Distribution(running.address(name), "FLAT"))
    first, second = published_ids(index)
    app = with_engine(make_app, index, running, name)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'admin', 'x')[1]}"
    engine = running.address(name).connect(10.0)
    try:
        answer = client.post(f"/v1/snapshots/{first}/rollback", json={"reason": "a broken feed"})
        assert answer.status_code == 200
        assert "distribute" not in answer.get_json()["detail"]
        assert engine.published(5.0) == engine.address.collection_of(first)
        until("up", app)
        engine.drop(engine.address.collection_of(second))
        answer = client.post(f"/v1/snapshots/{second}/rollback", json={"reason": "it was not"})
        assert answer.status_code == 200
        assert "seealso distribute" in answer.get_json()["detail"]
        assert current_id(index) == second
    finally:
        engine.close()
    publish(index, first)


# what was decided, and what came since


def test_what_was_taken_down_is_left_out_inside_the_search_and_whatever_it_says(
    shelved: Path, app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    until("up", app)
    client = app.test_client()
    shown = {card["id"] for related in answers(client) for card in related}
    victim = "a000"
    assert victim in shown
    key = {"Authorization": f"Bearer {create_key(Store(shelved), 'Ann', 'admin', 'x')[1]}"}
    assert client.post(f"/v1/articles/{victim}/takedown", json={"reason": "court"}, headers=key).status_code == 200
    snapshot = app.extensions["seealso"].current.served
    row = snapshot.row_of(victim)
    expressions, search = list[str](), Milvus.search

    def listening(engine: Milvus, collection: str, vectors: Any, limit: int, told: str, *more: Any) -> Any:
        expressions.append(told)
        return search(engine, collection, vectors, limit, told, *more)

    def lying(engine: Milvus, collection: str, vectors: Any, limit: int, *_: Any) -> Any:
        return np.full((len(vectors), limit), row)

    try:
        for told in (listening, lying):
            monkeypatch.setattr(Milvus, "search", told)
            every = answers(client)
            every.append(
                client.get("/v1/articles/a003/related?section=News&limit=50&min_probability=0").get_json()["related"]
            )
            assert victim not in {card["id"] for related in every for card in related}
            assert all(len(related) > 3 for related in every)
        asked = [told for told in expressions if "section in" in told]
        assert asked
        assert all(f"row not in [{row}" in told or f",{row}" in told for told in asked)
    finally:
        monkeypatch.undo()
        assert client.delete(f"/v1/articles/{victim}/takedown?reason=won", headers=key).status_code == 200


def test_live_articles_are_found_beside_what_it_finds(shelved: Path, app: APIFlask) -> None:
    until("up", app)
    client = app.test_client()
    key = {"Authorization": f"Bearer {create_key(Store(shelved), 'CMS', 'index', 'x')[1]}"}
    body = {"title": "The sea", "body": "tides moon sea harbour", "section": "News", "published": "2025-06-01"}
    assert client.put("/v1/articles/new", json=body, headers=key).status_code in (200, 201)
    try:
        before = searches(client)["engine"]
        for related in answers(client):
            ids = [card["id"] for card in related]
            assert "new" in ids
            assert len(ids) > 3
        assert searches(client)["engine"] > before
    finally:
        client.delete("/v1/articles/new", headers=key)


def test_no_more_are_asked_at_once_than_it_may_be_given(shelved: Path, running: Running, monkeypatch: Any) -> None:
    engine = Engine(running.address("shelved"), TIMEOUT_MS, 1)
    try:
        snapshot = engine.beside(open_current(shelved))
        wait_for(lambda: engine.state == "up")
        asked, search, go_on = list[int](), Milvus.search, threading.Event()

        def waiting(milvus: Milvus, *arguments: Any, **named: Any) -> Any:
            if threading.current_thread().name == "engine-search":
                asked.append(1)
                go_on.wait(WAIT_SECONDS_MAX)
            return search(milvus, *arguments, **named)

        monkeypatch.setattr(Milvus, "search", waiting)
        vectors = snapshot.vectors.vectors(np.arange(1))
        searching = list[threading.Thread]()

        def begun() -> bool:
            if not asked and not (searching and searching[-1].is_alive()):  # the snapshot was searched instead
                searching.append(threading.Thread(target=snapshot.vectors.search, args=(vectors, 3)))
                searching[-1].start()
            return bool(asked)

        wait_for(begun)
        assert snapshot.vectors.search(vectors, 3)[1][0, 0] == pytest.approx(1)  # by the snapshot, at once
        assert len(asked) == 1
        go_on.set()
        searching[-1].join()
    finally:
        engine.close()
