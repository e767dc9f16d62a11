"""Rows of a mapped file that one process writes to."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seealso.live.mapped import to_write
from seealso.mapped import map_array
from seealso.snapshot.files import FACT_ROW

FACTS = np.zeros(5_000, FACT_ROW)
FACTS["story"] = np.arange(5_000)
ARRAYS = [FACTS, np.arange(30_000, dtype=np.float32).reshape(5_000, 3, 2), np.zeros(0, np.int64), np.arange(7) % 2 == 0]


def mapped(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    np.save(path, array)
    return map_array(path)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.kind}{array.shape}")
@pytest.mark.parametrize("more", [0, 1, 9_000])
def test_rows_are_those_of_the_file_and_then_zero(tmp_path: Path, array: NDArray[Any], more: int) -> None:
    first = mapped(tmp_path / "rows.npy", array)
    rows = to_write(first, len(array) + more)
    assert (rows.dtype, rows.shape) == (array.dtype, (len(array) + more, *array.shape[1:]))
    assert np.array_equal(rows[: len(array)], array)
    assert not rows[len(array) :].tobytes().strip(b"\0")


def test_what_is_written_changes_neither_the_file_nor_what_others_map_of_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    first = mapped(path, FACTS)
    before = path.read_bytes()
    one, other = to_write(first, 6_000), to_write(first, 6_000)
    one["story"] = 7
    assert (one["story"] == 7).all()
    assert np.array_equal(other[:5_000], FACTS)
    assert np.array_equal(first, FACTS)
    assert path.read_bytes() == before


def test_only_what_is_written_takes_memory_of_its_own(tmp_path: Path) -> None:
    first = mapped(tmp_path / "rows.npy", np.ones((2_000_000, 4), np.int64))  # 64 MB
    rows = to_write(first, 4_000_000)
    before = private_kilobytes()
    rows[1_000_000] = rows[3_000_000] = 2
    assert private_kilobytes() - before < 4_096  # pages may be large
    assert rows[999_999:1_000_002, 0].tolist() == [1, 2, 1]


def private_kilobytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


@pytest.mark.parametrize("now", ["gone", "shorter", "longer", "another"])
def test_file_that_is_no_more_what_it_was_is_not_read_again(tmp_path: Path, now: str) -> None:
    path = tmp_path / "rows.npy"
    first = mapped(path, FACTS)
    path.unlink()  # what is mapped stays
    if now != "gone":
        length = {"shorter": 4_000, "longer": 6_000, "another": 5_000}[now]
        np.save(path, np.ones(length, FACT_ROW))
    assert np.array_equal(to_write(first, 6_000)[:5_000], FACTS)


def test_part_of_a_file_and_what_is_of_no_file_are_copied(tmp_path: Path) -> None:
    first = mapped(tmp_path / "rows.npy", FACTS)
    for array in (first[10:], first["story"], np.arange(12)):
        rows = to_write(array, 6_000)
        assert np.array_equal(rows[: len(array)], array)
        rows[0] = rows[1]
    assert np.array_equal(first, FACTS)
