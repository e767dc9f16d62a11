"""Files that are mapped: arrays, and what is written, with room on the disk for all of it before any is touched."""

import ctypes
import mmap
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# By the version of numpy's format.
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

# madvise(2), since Linux 5.14: enter in this process's page table what is mapped. Before, EINVAL.
_POPULATE_READ = 22
# Looked at together; what is not all in memory is left to be read as it is asked for.
_BROUGHT_IN_AT_ONCE = 2 << 20


class MappedFile(mmap.mmap):
    """A file that is mapped, and what it is: the base of an array. `start`: where the array begins, in bytes."""

    path: Path
    start: int


def map_array(path: Path, access: int = mmap.ACCESS_READ) -> NDArray[Any]:
    """Map an array in numpy's format, as `np.load` does, in half of its time: a snapshot has forty.

    Raises OSError, and KeyError, ValueError or TypeError if it is none, or not as long as it says.
    """
    with path.open("rb") as file:
        read_header = _HEADERS[np.lib.format.read_magic(file)]
        shape, by_columns, dtype = read_header(file)
        # numpy divides by the one to find out what the other is not to say.
        if dtype.hasobject or not dtype.itemsize or min(shape, default=0) < 0:
            raise ValueError(f"{path.name} holds {dtype} {shape}")
        memory = MappedFile(file.fileno(), 0, access=access)
        memory.path, memory.start = path, file.tell()
    return np.ndarray(shape, dtype, memory, memory.start, order="F" if by_columns else "C")


def bring_in(folder: Path, *arrays: NDArray[Any]) -> None:
    """Enter in this process's page table what of its mapped arrays is in memory: else who first reads there does.

    A block of a large archive reads from some dozens of places, and a fault at each takes as long as the block. Nothing
    is read from a disk, and nothing driven out of memory. `folder`: where the mapped files are. Where it is another
    user's, nothing is done, for the system does not tell what of it is in memory (mincore(2)), nor where it cannot be.
    """
    if sys.platform != "linux" or os.geteuid() not in (0, folder.stat().st_uid):
        return
    system = ctypes.CDLL(None)
    system.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    system.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for array in arrays:
        end = array.ctypes.data + array.nbytes
        begin = array.ctypes.data // mmap.PAGESIZE * mmap.PAGESIZE
        for place in range(begin, end, _BROUGHT_IN_AT_ONCE):
            length = min(_BROUGHT_IN_AT_ONCE, end - place)
            pages = ctypes.create_string_buffer(-(-length // mmap.PAGESIZE))
            if system.mincore(place, length, pages) == 0 and pages.raw == b"\1" * len(pages):
                system.madvise(place, length, _POPULATE_READ)


def take_room(file: int, length: int) -> None:
    """Have an open file be at least so many bytes long, with a block on the disk for each of them.

    Who writes into a mapped file where it has no block, while the disk is full, is killed (SIGBUS); on tmpfs, who reads
    there, too. The file is not to be open for appending (posix_fallocate(3)). Raises OSError if there is no room.
    """
    found = os.fstat(file)
    length = max(length, found.st_size)
    # Where all is there nothing is asked for: a full XFS refuses even then.
    if found.st_size < length or found.st_blocks * 512 < length:
        os.posix_fallocate(file, 0, length)
