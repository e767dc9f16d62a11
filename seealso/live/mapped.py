"""The rows of a mapped file, to be written to and added to by one process; the file is left as it is.

Only what is written takes memory of the process's own (mmap(2): MAP_PRIVATE), and room for more rows none until they
come. Copies would take tens of megabytes in each worker for the first article that is put.
"""

import ctypes
import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seealso.mapped import MappedFile

ROWS_AT_ONCE = 65_536
_MAP_FIXED = 0x10  # of Linux and of macOS; the module has no name for it
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


def to_write(first: NDArray[Any], length: int) -> NDArray[Any]:
    """Return an array of `length` rows, of which the first are those of another: mapped if that is a file's, or copied.

    The others are zero.
    """
    file = first.base
    if isinstance(file, MappedFile) and first.flags.c_contiguous and len(file) == file.start + first.nbytes:
        try:
            array = _mapped(file, first, length)
        except OSError:  # it is gone meanwhile, or is shorter
            array = None
        if array is not None and _same(array[: len(first)], first):  # none other has its name now
            return array
    array = np.zeros((length, *first.shape[1:]), first.dtype)
    array[: len(first)] = first
    return array


def _mapped(file: MappedFile, first: NDArray[Any], length: int) -> NDArray[Any]:
    """Return an array of which the rows of a file are the first. Raises OSError."""
    ends = file.start + first.nbytes
    shape = (length, *first.shape[1:])
    whole = file.start + first.strides[0] * length
    room = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    address = ctypes.addressof(ctypes.c_char.from_buffer(room))
    protection, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _MAP_FIXED
    with file.path.open("rb") as opened:
        if opened.seek(0, 2) != ends:
            raise FileNotFoundError(file.path)
        # Over the beginning of the room, which goes with it when nobody has the array any more.
        if _libc.mmap(address, ends, protection, flags, opened.fileno(), 0) != address:
            raise OSError(ctypes.get_errno(), "mmap")
    array: NDArray[Any] = np.frombuffer(room, first.dtype, offset=file.start).reshape(shape)
    return array


def _same(rows: NDArray[Any], others: NDArray[Any]) -> bool:
    """Return whether two arrays hold the same bytes, looking at few at a time."""
    starts = range(0, len(rows), ROWS_AT_ONCE)
    return all(
        rows[start : start + ROWS_AT_ONCE].tobytes() == others[start : start + ROWS_AT_ONCE].tobytes()
        for start in starts
    )
