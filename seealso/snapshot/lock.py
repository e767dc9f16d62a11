"""One run at a time writes to an index folder, and one process fetches into it. Locks end with their process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seealso.errors import IndexLocked
from seealso.snapshot.layout import DISTRIBUTING, FETCHING, LOCK


@contextmanager
def lock_index(index: Path, wait: bool = False) -> Iterator[None]:
    """Hold the index folder's lock. Raises IndexLocked at once, naming the holder, if another run has it; unless
    `wait`.
    """
    with _lock(index, LOCK, wait):
        yield


@contextmanager
def one_upload(index: Path) -> Iterator[None]:
    """Be the one that puts a snapshot into the search engine by hand. Raises IndexLocked, as `lock_index`."""
    with _lock(index, DISTRIBUTING, wait=False):
        yield


@contextmanager
def _lock(index: Path, name: str, wait: bool) -> Iterator[None]:
    index.mkdir(parents=True, exist_ok=True)
    handle = os.open(index / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = os.read(handle, 100).decode("ascii", "replace").strip()
            raise IndexLocked(index, holder or "of unknown number") from None
        except OSError as error:  # a file system without locks, as some over a network are
            raise OSError(error.errno, f"cannot be locked: {error.strerror}", str(index / name)) from error
        os.truncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def one_fetch(index: Path) -> Iterator[None]:
    """Wait until no other process fetches into the index folder, and be the one that does."""
    handle = os.open(index / FETCHING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
