import os
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from seealso.errors import SnapshotRefused
from seealso.snapshot.vectors import VectorIndex
from tests.makers import DIMENSION, HashEncoder

VECTORS = HashEncoder().encode([f"word{number}" for number in range(30)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    VectorIndex.of(VECTORS).write(tmp_path / "vectors.faiss")
    return tmp_path / "vectors.faiss"


def test_written_index_answers_as_before(path: Path) -> None:
    index = VectorIndex.open(path, 30, DIMENSION)
    assert index.all_unit()
    assert (index.count, index.dimension) == (30, DIMENSION)
    rows, scores = index.search(VECTORS, 3)
    assert rows[:, 0].tolist() == list(range(30))
    np.testing.assert_allclose(scores[:, 0], 1.0, atol=1e-5)
    np.testing.assert_array_equal(index.vector(7), VECTORS[7])


def test_it_is_mapped_not_read(path: Path) -> None:
    VectorIndex.open(path, 30, DIMENSION)
    index = VectorIndex.open(path, 30, DIMENSION)
    assert str(path) in Path("/proc/self/maps").read_text()
    assert index.count == 30


@pytest.mark.parametrize(("count", "dimension"), [(29, DIMENSION), (30, DIMENSION + 1), (15, 2 * DIMENSION)])
def test_another_size_than_expected_is_refused(path: Path, count: int, dimension: int) -> None:
    with pytest.raises(SnapshotRefused, match="exact index"):
        VectorIndex.open(path, count, dimension)


def test_another_kind_of_index_is_refused(tmp_path: Path) -> None:
    hnsw = faiss.IndexHNSWFlat(DIMENSION, 4, faiss.METRIC_INNER_PRODUCT)
    hnsw.add(VECTORS)
    faiss.write_index(hnsw, str(tmp_path / "other"))
    with pytest.raises(SnapshotRefused, match="exact index"):
        VectorIndex.open(tmp_path / "other", 30, DIMENSION)


def test_every_flipped_byte_of_the_header_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    unused = range(16, 32)  # two numbers that FAISS itself ignores
    for place in (place for place in range(45) if place not in unused):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        with pytest.raises(SnapshotRefused):
            VectorIndex.open(path, 30, DIMENSION)


@pytest.mark.parametrize("length", [0, 10, 44, 45, 200])
def test_cut_file_is_refused(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(SnapshotRefused):
        VectorIndex.open(path, 30, DIMENSION)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0])
def test_vector_that_is_no_unit_vector_is_found(tmp_path: Path, value: float) -> None:
    broken = VECTORS.copy()
    broken[11, 3] = value
    VectorIndex.of(broken).write(tmp_path / "broken")
    assert not VectorIndex.open(tmp_path / "broken", 30, DIMENSION).all_unit()


def test_search_by_a_number_that_is_none_is_an_error_not_an_empty_answer() -> None:
    with pytest.raises(ValueError, match="not finite"):
        VectorIndex.of(VECTORS).search(np.full((1, DIMENSION), np.nan, np.float32), 3)


def test_asking_for_more_than_there_is_takes_no_memory() -> None:
    rows, scores = VectorIndex.of(VECTORS[:2]).search(VECTORS[:1], 1000)
    assert rows.shape == scores.shape == (1, 1000)
    assert np.count_nonzero(rows >= 0) == 2


@pytest.mark.parametrize(("told", "started"), [("", True), ("v.use_one_thread()", False)])
def test_search_in_any_thread_starts_no_others_once_it_was_told(told: str, started: bool) -> None:
    script = f"""
import os, threading
import numpy as np
import seealso.snapshot.vectors as v
index = v.VectorIndex.of(np.eye(64, dtype=np.float32).repeat(200, axis=0))
{told}
def search():
    threads = [len(os.listdir("/proc/self/task"))]
    for _ in range(2):
        index.search(np.eye(64, dtype=np.float32), 101)
        threads.append(len(os.listdir("/proc/self/task")))
    print(threads[0] < threads[-1])
thread = threading.Thread(target=search)
thread.start()
thread.join()
"""
    environment = os.environ | {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == str(started)
