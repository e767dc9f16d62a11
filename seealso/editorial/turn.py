"""One process of a machine at a time: what all of them would do, and one need do."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seealso.errors import StoreUnavailable


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process or thread has its turn at a file, and have it. Raises StoreUnavailable."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise StoreUnavailable(str(path), f"it cannot be opened ({error.strerror})") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
