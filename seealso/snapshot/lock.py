"""One run at a time writes to an index folder. The lock ends with the process, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seealso.errors import IndexLocked
from seealso.snapshot.layout import LOCK


@contextmanager
def lock_index(index: Path) -> Iterator[None]:
    """Hold the index folder's lock. Raises IndexLocked at once, naming the holder, if another run has it."""
    index.mkdir(parents=True, exist_ok=True)
    handle = os.open(index / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 100).decode("ascii", "replace").strip()
            raise IndexLocked(index, holder or "of unknown number") from None
        os.truncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
