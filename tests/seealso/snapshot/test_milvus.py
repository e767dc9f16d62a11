"""What the client does with a real Milvus, and what it says where there is none."""

import socket
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from seealso.errors import EngineUnavailable, SettingsInvalid
from seealso.settings import ServiceSettings
from seealso.snapshot import milvus
from seealso.snapshot.milvus import Address, Milvus, address_of
from tests.milvus import Running, running_milvus
from tests.servers import free_port

FIRST, SECOND = "20261127T023000Z-0123456789ab", "20261128T023000Z-ba9876543210"
VECTORS = np.eye(4, 8, dtype=np.float32)
# How long the engine has for an answer where how soon it comes is not what is asked.
PATIENT = 60.0
# The client waits for ten seconds by itself; to import it may take as long, and is done before.
SOON = 8.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_milvus(tmp_path_factory.mktemp("milvus") / "data") as started:
        yield started


@pytest.fixture
def engine(running: Running, request: pytest.FixtureRequest) -> Iterator[Milvus]:
    """A connection with a name of the test's own."""
    connected = running.address(request.node.name).connect(PATIENT)
    yield connected
    connected.close()


def fill(engine: Milvus, snapshot_id: str) -> str:
    collection = engine.address.collection_of(snapshot_id)
    engine.create(collection, VECTORS.shape[1])
    facts = {"section": -1, "language": 0, "published": 0, "shown": True}
    entities = [
        {"row": row, "article": f"a{row}", "card": '{"id":"ä"}', "vector": vector, **facts}
        for row, vector in enumerate(VECTORS)
    ]
    engine.put(collection, entities, PATIENT)
    engine.put(collection, entities[:2], PATIENT)  # sent again, since nobody knew whether they had come
    engine.finish(collection, "FLAT")
    assert engine.load(collection, PATIENT)
    return collection


def test_alias_leads_from_one_to_another_and_back(engine: Milvus) -> None:
    assert engine.published(PATIENT) is None
    first, second = fill(engine, FIRST), fill(engine, SECOND)
    for wanted in (first, second, first, first):
        assert engine.lead(wanted)
        assert engine.published(PATIENT) == wanted
    assert not engine.lead(engine.address.collection_of("20200101T000000Z-0123456789ab"))
    assert engine.published(PATIENT) == first
    assert engine.snapshots() == {FIRST: first, SECOND: second}  # and none of another name
    engine.drop(second)
    assert engine.snapshots() == {FIRST: first}
    engine.drop(first)
    assert (engine.snapshots(), engine.published(PATIENT)) == ({}, None)


def test_rows_are_counted_once_however_often_they_were_sent(engine: Milvus) -> None:
    collection = fill(engine, FIRST)
    assert engine.count(collection, PATIENT) == len(VECTORS)
    assert engine.count("elsewhere", PATIENT) is None
    engine.release(collection)
    assert engine.count(collection, PATIENT) is None
    assert engine.lead(collection)  # which loads it
    assert engine.count(collection, PATIENT) == len(VECTORS)


def test_nearest_come_first_and_what_is_missing_is_none(engine: Milvus) -> None:
    collection = fill(engine, FIRST)
    rows = engine.search(collection, VECTORS[:2], 6, "", PATIENT)
    assert rows[:, 0].tolist() == [0, 1]
    assert (rows[:, 4:] == -1).all()
    rows = engine.search(collection, VECTORS[:1], 2, "row not in [0,1]", PATIENT, share=0.5)
    assert sorted(rows[0].tolist()) == [2, 3]  # as near the one as the other
    with pytest.raises(EngineUnavailable, match="nowhere"):
        engine.search("nowhere", VECTORS[:1], 2, "", PATIENT)
    with pytest.raises(EngineUnavailable):
        engine.search(collection, VECTORS[:1], 2, "row nonsense", PATIENT)


def test_nobody_there_is_told_soon_and_without_the_password() -> None:
    import_module("pymilvus")
    began = time.monotonic()
    with pytest.raises(EngineUnavailable) as told:
        Address(f"http://root:geheim@127.0.0.1:{free_port()}", "root:geheim").connect(0.5)
    assert time.monotonic() - began < SOON
    assert "127.0.0.1" in str(told.value)
    assert "geheim" not in str(told.value)


def test_who_takes_connections_and_never_answers_is_told_soon() -> None:
    import_module("pymilvus")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(EngineUnavailable):
            Address(f"http://127.0.0.1:{silent.getsockname()[1]}").connect(0.5)
        assert time.monotonic() - began < SOON


def test_embedded_form_is_a_file_and_does_the_same(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="not exists"):
        Address(str(tmp_path / "nowhere/lite.db")).connect(PATIENT)
    engine = Address(str(tmp_path / "lite.db")).connect(PATIENT)
    collection = fill(engine, FIRST)
    assert engine.lead(collection)
    assert engine.search(collection, VECTORS[:1], 1, "", PATIENT).tolist() == [[0]]
    engine.close()


def test_settings_name_it_and_the_extra_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_of(ServiceSettings()) is None
    named = ServiceSettings(milvus_uri="http://milvus.example:19530", milvus_token="x", milvus_name="news")
    assert address_of(named) == Address("http://milvus.example:19530", "x", "news")
    by_site = [
        address_of(ServiceSettings(milvus_uri="http://milvus.example:19530", site=each)) for each in (None, "a-b")
    ]
    assert [each and each.name for each in by_site] == ["seealso", "seealso_a_b"]
    monkeypatch.setattr(milvus, "find_spec", lambda _: None)
    assert address_of(ServiceSettings()) is None
    with pytest.raises(SettingsInvalid, match=r"seealso\[milvus\]"):
        address_of(named)
