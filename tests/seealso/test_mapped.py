import errno
import mmap
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seealso import mapped
from seealso.mapped import MappedFile, bring_in, map_array, take_room
from tests.conftest import ROOT
from tests.full_disk import with_room

# Room is asked for twice, in a file system that has less; what the second came to is printed.
ASKING = """
import os, sys
from seealso.mapped import take_room
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
take_room(file, 8192)
try:
    take_room(file, 1_000_000)
except OSError as error:
    print(error.errno)
"""


def test_every_block_of_a_file_is_there_and_what_it_held_stays(tmp_path: Path) -> None:
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.pwrite(file, b"held", 0)
    os.ftruncate(file, 100_000)  # mostly a hole
    for length, long in ((8, 100_000), (200_000, 200_000), (200_000, 200_000)):
        take_room(file, length)
        found = os.fstat(file)
        assert found.st_size == long <= found.st_blocks * 512
        assert os.pread(file, 5, 0) == b"held\0"
    os.close(file)


def test_no_room_is_an_error(tmp_path: Path) -> None:
    command = [*with_room(tmp_path, 64), sys.executable, "-c", ASKING, str(tmp_path / "file")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(told.stdout) == errno.ENOSPC


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype="<f4").reshape(3, 4),
        np.asfortranarray(np.arange(12, dtype=">i8").reshape(3, 4)),
        np.zeros((0, 3), "<u8"),
        np.array(7, "<i4"),
        np.zeros(3, [("story", "<i8"), ("name", "S3")]),
    ],
    ids=lambda array: f"{array.dtype.kind}{array.shape}",
)
def test_array_is_that_which_was_saved(tmp_path: Path, array: NDArray[Any]) -> None:
    path = tmp_path / "array.npy"
    np.save(path, array)
    found = map_array(path)
    assert (found.dtype, found.shape, found.flags.f_contiguous) == (array.dtype, array.shape, array.flags.f_contiguous)
    assert np.array_equal(found, array)
    assert not found.flags.writeable
    assert isinstance(found.base, MappedFile)
    assert (found.base.path, len(found.base) - found.base.start) == (path, array.nbytes)


def test_what_is_written_to_an_array_stays_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.arange(5))
    map_array(path, mmap.ACCESS_COPY)[:] = 9
    assert map_array(path).tolist() == [0, 1, 2, 3, 4]


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="holds object"):
        map_array(path)
    for forged in ({"descr": "|V0", "shape": (-1,)}, {"descr": "<i4", "shape": (-1,)}, {"descr": "<U0", "shape": (2,)}):
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, forged | {"fortran_order": False})
            file.write(b"12345678")
        with pytest.raises(ValueError, match="holds"):
            map_array(path)
    np.save(path, np.arange(5))
    whole = path.read_bytes()
    for broken in (b"", whole[:5], whole[:40], whole[:-1], b"\x93NUMPY\x09\x00" + whole[8:], b"no" + whole):
        path.write_bytes(broken)
        with pytest.raises((KeyError, ValueError, TypeError)):
            map_array(path)
    with pytest.raises(FileNotFoundError):
        map_array(tmp_path / "none.npy")


def resident_kb(path: Path) -> int:
    """Return how much of a file this process has in its page table."""
    part = Path("/proc/self/smaps").read_text().partition(f"{path}\n")[2]
    found = re.search(r"^Rss: +(\d+) kB$", part, re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.fixture
def large(tmp_path: Path) -> tuple[Path, NDArray[Any]]:
    """A file of three parts that are looked at one after the other, and the array in it, mapped."""
    path = tmp_path / "array.npy"
    np.save(path, np.zeros(3 * mapped._BROUGHT_IN_AT_ONCE, np.uint8))
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return path, map_array(path)


def test_what_is_in_memory_is_brought_in(large: tuple[Path, NDArray[Any]]) -> None:
    path, array = large
    assert resident_kb(path) == 0
    bring_in(path.parent, array[:0], array)
    assert resident_kb(path) >= array.nbytes >> 10
    assert not array.any()


def test_what_is_not_in_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "hole.npy"  # of which but the head and the last byte were written
    np.lib.format.open_memmap(path, "w+", np.uint8, (3 * mapped._BROUGHT_IN_AT_ONCE,))
    array = map_array(path)
    bring_in(path.parent, array)
    assert resident_kb(path) == mmap.PAGESIZE >> 10
    assert not array.any()


def test_who_does_not_own_the_files_brings_in_nothing(
    large: tuple[Path, NDArray[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, array = large
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    bring_in(path.parent, array)
    assert resident_kb(path) == 0


def test_a_system_that_brings_in_nothing_reads_as_ever(
    large: tuple[Path, NDArray[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, array = large
    monkeypatch.setattr(mapped, "_POPULATE_READ", 9_999)  # EINVAL, as Linux before 5.14 says
    bring_in(path.parent, array)
    assert resident_kb(path) == 0
    assert not array.any()
