"""A number that all processes of a machine share, in a mapped file: whoever changes the store says so here.

To look at it takes tens of nanoseconds, so it is looked at before every answer. It says only that something has
changed; what has, is read from the store.
"""

import fcntl
import mmap
import os
from pathlib import Path

from seealso.errors import StoreUnavailable
from seealso.mapped import take_room

_BYTES = 8


class Counter:
    """How often a process of this machine has said that something has changed. Never goes back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            take_room(self._file, _BYTES)
            self._mapped = mmap.mmap(self._file, _BYTES)
        except OSError as error:
            mend = f"let all processes of the service write to {path.parent}, or name another store (SEEALSO_EDITORIAL)"
            reason = f"it cannot be opened and mapped ({error.strerror}); {mend}"
            raise StoreUnavailable(str(path), reason) from error
        # For whoever looks often: `numbers[0]`.
        self.numbers = memoryview(self._mapped).cast("Q")

    def tell(self) -> None:
        """Say that something has changed, to all who look."""
        fcntl.flock(self._file, fcntl.LOCK_EX)  # two who count up at once would count once
        try:
            self.numbers[0] += 1
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
