"""Nights with a search engine, by a real Milvus: uploaded, counted, led to, rolled back; and nights without it."""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
import pytest

from indexer import distribute as distributing
from indexer.distribute import Distributed, Distribution, distribution_of, recall_of
from indexer.snapshot_commands import distribute, rollback
from seealso.arrays import Rows
from seealso.encoder import Vectors
from seealso.errors import EngineUnavailable, IndexLocked, SettingsInvalid
from seealso.settings import IndexerSettings
from seealso.snapshot.cells import Cells
from seealso.snapshot.layout import current_id, published_ids, snapshot_folder
from seealso.snapshot.milvus import Milvus
from seealso.snapshot.reader import open_current
from seealso.snapshot.store import SnapshotStore
from seealso.snapshot.vectors import VectorIndex
from tests.indexer.test_commands import run
from tests.makers import article, articles, index_of
from tests.milvus import Running, running_milvus
from tests.servers import free_port

# How long the engine has for an answer where how soon it comes is not what is asked.
PATIENT = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_milvus(tmp_path_factory.mktemp("milvus") / "data") as started:
        yield started


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


@pytest.fixture
def distribution(running: Running, name: str) -> Distribution:
    return Distribution(running.address(name), "FLAT", pause_s=0.0)


@pytest.fixture
def engine(running: Running, name: str) -> Iterator[Milvus]:
    connected = running.address(name).connect(PATIENT)
    yield connected
    connected.close()


def test_nights_lead_the_alias_and_drop_what_no_snapshot_has(
    tmp_path: Path, distribution: Distribution, engine: Milvus
) -> None:
    for count in (5, 6, 7, 8):
        report = index_of(tmp_path, articles(count, section="News"), keep=3, distribution=distribution)
        assert report.distributed is not None
        assert (report.distributed["sent"], report.distributed["recall"], report.notices) == (count, 1.0, [])
        collection = engine.address.collection_of(current_id(tmp_path))
        assert engine.published(PATIENT) == collection
        assert engine.count(collection, PATIENT) == count
    assert [*engine.snapshots()] == published_ids(tmp_path)
    oldest, before, current = (engine.snapshots()[each] for each in published_ids(tmp_path))
    # Only what is served, and what it may be rolled back to at once, takes memory.
    assert [engine.count(each, PATIENT) for each in (oldest, before, current)] == [None, 7, 8]


def test_engine_holds_ids_facts_and_cards_by_row(tmp_path: Path, distribution: Distribution, engine: Milvus) -> None:
    long = article("long", title="T", summary="ü" * 9_999, image_alt="x", body="tides", tags=["moon"])
    items = [*articles(3, section="News", published="2025-03-01"), article("secret", sensitive=True), long]
    index_of(tmp_path, items, distribution=distribution)
    snapshot = open_current(tmp_path)
    found = engine._client.query(
        engine.address.collection_of(snapshot.id), filter="row >= 0", output_fields=["*"], consistency_level="Strong"
    )
    assert len(found) == len(snapshot)
    for entity in found:
        row = entity["row"]
        assert entity["article"] == snapshot.article_id(row)
        assert orjson.loads(entity["card"]) == orjson.loads(snapshot.card(row))
        assert entity["published"] == snapshot.facts["published"][row]
        assert entity["section"] == snapshot.facts["section"][row]
        assert entity["shown"] == (entity["article"] != "secret")
        assert np.allclose(entity["vector"], snapshot.vectors.vector(row), atol=1e-6)


def test_card_that_no_field_holds_is_left_out_and_counted(
    tmp_path: Path, distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributing, "CARD_BYTES_MAX", 2_000)
    items = [*articles(3), article("long", summary="s" * 3_000)]
    report = index_of(tmp_path, items, distribution=distribution)
    assert report.distributed is not None
    assert report.distributed["without_card"] == 1


def test_without_the_engine_the_night_is_published_and_says_so(
    tmp_path: Path, running: Running, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributing, "CONNECT_SECONDS_MAX", 0.5)
    nobody = Distribution(replace_port(running, name), "FLAT")
    report = index_of(tmp_path, articles(4), distribution=nobody)
    assert report.snapshot == current_id(tmp_path)
    assert report.distributed is None
    (notice,) = report.notices
    assert "not in the search engine" in notice
    assert "seealso distribute" in notice


def test_engine_that_hangs_halfway_holds_no_night_up(
    tmp_path: Path, running: Running, distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ROWS_AT_ONCE", 2), ("BLOCK_SECONDS_MAX", 0.5), ("TRIES_MAX", 2)):
        monkeypatch.setattr(distributing, name, value)
    put = Milvus.put

    def put_and_hang(*arguments: Any) -> None:
        put(*arguments)
        running.pause()

    monkeypatch.setattr(Milvus, "put", put_and_hang)
    try:
        report = index_of(tmp_path, articles(5), distribution=distribution)
    finally:
        running.resume()
    assert report.snapshot == current_id(tmp_path)
    assert "not in the search engine" in report.notices[0]


def test_engine_that_takes_everything_in_slowly_holds_no_night_up(
    tmp_path: Path, distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ROWS_AT_ONCE", 1), ("NIGHT_SENDS_SECONDS_MAX", 0.2)):
        monkeypatch.setattr(distributing, name, value)
    put = Milvus.put

    def put_slowly(*arguments: Any) -> None:
        put(*arguments)
        time.sleep(0.15)

    monkeypatch.setattr(Milvus, "put", put_slowly)
    report = index_of(tmp_path, articles(5), distribution=distribution)
    assert report.snapshot == current_id(tmp_path)
    (notice,) = report.notices
    assert "of 5 articles, and had no longer" in notice
    monkeypatch.setattr(Milvus, "put", put)
    assert distribution.upload(open_current(tmp_path)).sent == 5


def test_engine_that_never_ends_indexing_holds_no_night_up(
    tmp_path: Path, running: Running, name: str, distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Distribution(running.address(name), "FLAT", wait_s=0.3)
    with monkeypatch.context() as patched:
        patched.setattr(Milvus, "_is_indexed", lambda *_: False)
        report = index_of(tmp_path, articles(5), distribution=patient)
    assert report.snapshot == current_id(tmp_path)
    (notice,) = report.notices
    assert "still being indexed or loaded after 0.3 seconds" in notice
    assert "seealso distribute" in notice
    assert distribution.upload(open_current(tmp_path)).sent == 0  # it has ended at last: nothing is sent again


def test_alias_does_not_wait_for_what_is_being_loaded(
    tmp_path: Path, distribution: Distribution, engine: Milvus
) -> None:
    """A rollback by the desk waits for seconds, and to load a large collection takes minutes."""
    index_of(tmp_path, articles(5), distribution=distribution)
    collection = engine.address.collection_of(current_id(tmp_path))
    engine.release(collection)
    asked = list[dict[str, Any]]()
    really = engine._client.load_collection

    def load_collection(*names: str, **given: Any) -> None:
        asked.append(given)
        really(*names, **given)

    engine._client.load_collection = load_collection
    assert engine.lead(collection, PATIENT)
    assert [each.get("_async") for each in asked] == [True]
    assert engine.load(collection, PATIENT)
    assert engine.count(collection, PATIENT) == 5


def replace_port(running: Running, name: str) -> Any:
    return Running(running.folder, free_port(), running.process).address(name)


def failing(times: int, put: Any) -> Any:
    """Return a `put` that says so many times that nobody knows whether what was sent has come."""
    left = [times]

    def put_or_fail(engine: Milvus, collection: str, entities: Sequence[dict[str, Any]], timeout_s: float) -> None:
        put(engine, collection, entities, timeout_s)
        if left[0]:
            left[0] -= 1
            raise EngineUnavailable("milvus", "the answer was lost")

    return put_or_fail


def test_block_is_sent_again_and_stands_there_once(
    tmp_path: Path, distribution: Distribution, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributing, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(Milvus, "put", failing(distributing.TRIES_MAX - 1, Milvus.put))
    report = index_of(tmp_path, articles(5), distribution=distribution)
    assert report.notices == []
    assert engine.count(engine.address.collection_of(current_id(tmp_path)), PATIENT) == 5


def test_half_an_upload_is_not_led_to_and_is_begun_anew(
    tmp_path: Path, distribution: Distribution, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_of(tmp_path, articles(4), distribution=distribution)
    before = engine.published(PATIENT)
    with monkeypatch.context() as patched:
        patched.setattr(distributing, "ROWS_AT_ONCE", 3)
        patched.setattr(Milvus, "put", failing(1_000, Milvus.put))
        report = index_of(tmp_path, articles(5), distribution=distribution)
    assert "not in the search engine" in report.notices[0]
    assert engine.published(PATIENT) == before
    snapshot = open_current(tmp_path)
    assert engine.count(engine.address.collection_of(snapshot.id), PATIENT) != 5
    assert distribution.upload(snapshot).sent == 5
    assert distribution.upload(snapshot).sent == 0  # it stands there already
    engine.release(engine.address.collection_of(snapshot.id))
    assert distribution.upload(snapshot).sent == 0


def test_rows_that_are_lost_are_missed(
    tmp_path: Path, distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Milvus.put
    monkeypatch.setattr(Milvus, "put", lambda engine, name, entities, timeout: put(engine, name, entities[1:], timeout))
    report = index_of(tmp_path, articles(5), distribution=distribution)
    assert "4 of 5 articles are there" in report.notices[0]


def test_engine_that_finds_too_little_is_not_led_to(
    tmp_path: Path, distribution: Distribution, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Milvus.search

    def shuffled(*arguments: Any) -> Any:
        return search(*arguments)[::-1]  # what is near to others

    monkeypatch.setattr(distributing, "CANDIDATES_MAX", 3)
    monkeypatch.setattr(Milvus, "search", shuffled)
    report = index_of(tmp_path, articles(30), distribution=distribution)
    assert "of the nearest" in report.notices[0]
    assert engine.published(PATIENT) is None


def test_commands_put_it_there_and_roll_it_back(
    tmp_path: Path, running: Running, name: str, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in (5, 6):
        index_of(tmp_path, articles(count))
    with pytest.raises(SettingsInvalid, match="SEEALSO_MILVUS_URI"):
        run(distribute, "--index", tmp_path)
    monkeypatch.setenv("SEEALSO_MILVUS_URI", running.uri)
    monkeypatch.setenv("SEEALSO_MILVUS_NAME", name)
    first, second = published_ids(tmp_path)
    told = json.loads(run(distribute, "--index", tmp_path, "--json").stdout)
    assert (told["id"], told["sent"], told["recall"]) == (second, 6, 1.0)
    assert engine.published(PATIENT) == engine.address.collection_of(second)
    rolled = run(rollback, "--index", tmp_path)
    assert current_id(tmp_path) == first  # all the same
    assert "seealso distribute" in rolled.stderr
    assert engine.published(PATIENT) == engine.address.collection_of(second)
    assert "is whole: 5 articles sent" in run(distribute, "--index", tmp_path).stdout
    assert engine.published(PATIENT) == engine.address.collection_of(first)
    assert run(rollback, second, "--index", tmp_path).stderr == ""
    assert engine.published(PATIENT) == engine.address.collection_of(second)


def test_command_goes_by_what_all_machines_serve(
    tmp_path: Path, running: Running, name: str, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "night"
    first, second = (str(index_of(index, articles(count)).snapshot) for count in (5, 6))
    (tmp_path / "share").mkdir()
    store = SnapshotStore(f"file://{tmp_path}/share")
    for each in (first, second):
        store.push(snapshot_folder(index, each))
    store.point(first)  # rolled back at another machine
    monkeypatch.setenv("SEEALSO_MILVUS_URI", running.uri)
    monkeypatch.setenv("SEEALSO_MILVUS_NAME", name)
    monkeypatch.setenv("SEEALSO_SNAPSHOT_STORE", store.url)
    run(distribute, second, "--index", index)
    assert json.loads(run(distribute, "--index", index, "--json").stdout)["id"] == first
    assert engine.published(PATIENT) == engine.address.collection_of(first)
    shutil.rmtree(snapshot_folder(index, second))  # the store still has it
    run(distribute, "--index", index)
    assert set(engine.snapshots()) == {first, second}


def test_command_that_uploads_for_hours_holds_up_no_rollback_and_goes_by_it(
    tmp_path: Path, running: Running, name: str, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (str(index_of(tmp_path, articles(count)).snapshot) for count in (5, 6))
    monkeypatch.setenv("SEEALSO_MILVUS_URI", running.uri)
    monkeypatch.setenv("SEEALSO_MILVUS_NAME", name)
    run(distribute, first, "--index", tmp_path)
    upload, codes = Distribution.upload, list[int]()

    def slow(self: Distribution, *given: Any, **named: Any) -> Distributed:
        with pytest.raises(IndexLocked):
            run(distribute, "--index", tmp_path)
        codes.append(run(rollback, "--index", tmp_path).exit_code)
        return upload(self, *given, **named)

    monkeypatch.setattr(Distribution, "upload", slow)
    told = json.loads(run(distribute, "--index", tmp_path, "--json").stdout)
    assert codes == [0]
    assert (told["id"], current_id(tmp_path)) == (second, first)
    assert engine.published(PATIENT) == engine.address.collection_of(first)  # where the rollback had it lead


def test_settings_say_whether_and_how(name: str) -> None:
    assert distribution_of(IndexerSettings()) is None
    assert distribution_of(IndexerSettings(milvus_uri="http://milvus.example", milvus_index="FLAT")) is not None


def test_engine_is_held_against_all_vectors_also_where_the_snapshot_is_searched_by_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributing, "CANDIDATES_MAX", 5)
    index_of(tmp_path, articles(90))
    opened = open_current(tmp_path)
    cells = Cells.of(opened.vectors.vectors(np.arange(90)), 30)
    snapshot = replace(opened, vectors=opened.vectors.by_cells(cells, 1))

    class Engine:
        """Finds what some vectors' own search finds."""

        def __init__(self, vectors: VectorIndex) -> None:
            self._vectors = vectors

        def search(self, collection: str, vectors: Vectors, limit: int, *_: object) -> Rows:
            return self._vectors.search(vectors, limit)[0]

    by_cells, by_all = (cast(Milvus, Engine(vectors)) for vectors in (snapshot.vectors, opened.vectors))
    assert recall_of(by_all, "any", snapshot) == 1.0
    assert recall_of(by_cells, "any", snapshot) < 1.0
