import errno
import os
import signal
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from indexer.reuse import MODEL_KEPT_DAYS, VectorStore, digest_of
from seealso.encoder import ModelIdentity
from seealso.space import PassageVectors

MODEL = ModelIdentity("hash", "ab" * 32, 4, 40)
OTHER = ModelIdentity("other", "cd" * 32, 4, 40)


def digests(count: int, model: ModelIdentity = MODEL) -> list[bytes]:
    return [digest_of(f"text {number}", model) for number in range(count)]


def vectors(count: int) -> PassageVectors:
    return (np.arange(count * 4) % 2_000).reshape(count, 4).astype(np.float16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.sqlite"


def filled(path: Path, count: int = 10, model: ModelIdentity = MODEL) -> None:
    with VectorStore(path, model) as store:
        store.keep(digests(count, model), vectors(count))


def known(path: Path, count: int = 10, model: ModelIdentity = MODEL) -> list[int]:
    with VectorStore(path, model) as store:
        found, missing = store.vectors_of(digests(count, model))
    kept = [place for place in range(count) if place not in missing]
    np.testing.assert_array_equal(found[kept], vectors(count)[kept])
    assert not found[missing].any()
    return kept


def test_digest_is_of_the_exact_text_and_the_model() -> None:
    assert digest_of("a", MODEL) == digest_of("a", MODEL)
    assert len({digest_of("a", MODEL), digest_of("a ", MODEL), digest_of("a", OTHER)}) == 3


def test_vectors_come_back_bit_for_bit_and_what_is_not_known_is_said(path: Path) -> None:
    filled(path, 10)
    assert known(path, 12) == list(range(10))


def test_more_are_asked_than_one_statement_takes(path: Path) -> None:
    filled(path, 25_000)
    assert len(known(path, 25_000)) == 25_000


def test_what_was_kept_is_there_after_a_kill(path: Path) -> None:
    child = os.fork()
    if child == 0:
        with VectorStore(path, MODEL) as store:
            store.keep(digests(10), vectors(10))
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert known(path) == list(range(10))


def test_vector_that_is_not_as_it_was_written_is_not_known(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as database:
        database.execute("update vectors set vector = zeroblob(8) where digest = ?", (digests(10)[3],))
        database.execute("update vectors set vector = zeroblob(3) where digest = ?", (digests(10)[5],))
    database.close()
    assert known(path) == [0, 1, 2, 4, 6, 7, 8, 9]


@pytest.mark.parametrize("content", [b"", b"no database" * 1_000])
def test_file_that_is_damaged_is_begun_anew(path: Path, content: bytes) -> None:
    filled(path)
    path.write_bytes(content)
    with VectorStore(path, MODEL) as store:
        assert store.damaged == bool(content)
        assert store.vectors_of(digests(10))[1] == list(range(10))
        store.keep(digests(10), vectors(10))
    assert known(path) == list(range(10))


def test_damage_that_shows_only_on_the_way_costs_a_new_beginning(path: Path) -> None:
    filled(path, 5_000)
    raw = bytearray(path.read_bytes())
    raw[4096 * 3 : 4096 * 40] = b"\xff" * (4096 * 37)
    path.write_bytes(raw)
    with VectorStore(path, MODEL) as store:
        assert store.vectors_of(digests(5_000))[1] == list(range(5_000))
        assert store.damaged
        store.keep(digests(10), vectors(10))
    assert known(path) == list(range(10))


def test_damaged_file_is_left_alone_where_that_is_wanted(path: Path) -> None:
    path.write_bytes(b"no database" * 1_000)
    with VectorStore(path, MODEL, look_only=True) as store:
        assert store.vectors_of(digests(3))[1] == [0, 1, 2]
    assert path.read_bytes() == b"no database" * 1_000


def test_machine_that_refuses_is_an_error_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="store of vectors") as raised, VectorStore(tmp_path / "folder", MODEL):
        pass
    assert raised.value.errno == errno.EIO


def test_compaction_waits_until_it_pays_and_keeps_what_is_used(path: Path) -> None:
    filled(path, 100)
    with VectorStore(path, MODEL) as store:
        assert store.compact((digests(75)), {MODEL.digest}) == 0
        size = path.stat().st_size
        assert store.compact((digests(60)), {MODEL.digest}) == 40
    assert path.stat().st_size <= size
    assert known(path, 100) == list(range(60))


def test_vectors_of_models_that_no_snapshot_has_go_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path, 10, OTHER)
    filled(path, 10)
    with VectorStore(path, MODEL) as store:
        assert store.compact(digests(10), {MODEL.digest}) == 0  # its night was refused, perhaps, and will be forced
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + (MODEL_KEPT_DAYS + 1) * 86_400)
        assert store.compact(digests(10), {MODEL.digest, OTHER.digest}) == 0
        assert store.compact(digests(10), {MODEL.digest}) == 10
    assert known(path, 10, OTHER) == []
    assert known(path) == list(range(10))
