"""One thread of a process computes a block at a time; whoever has the baton runs, the others wait for it asleep.

A block is a hundred small calls of numpy, many of which let go of the interpreter's lock for a microsecond. A thread
that waits for that lock is woken each time, and as a rule too late: eight that make blocks at once use twice the CPU
that they use by turns (`python -m bench.turns`).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Baton:
    """Held within a `with`, by one thread at a time; who has it may take it again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0  # number of the thread; no thread has 0
        self._times = 0

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()

    def take(self, seconds_max: float = -1) -> bool:
        """Return whether it is the caller's now: it is not if others have it for longer; -1: wait however long."""
        own = threading.get_ident()
        if self._holder != own:
            if not self._lock.acquire(timeout=seconds_max):
                return False
            self._holder = own
        self._times += 1
        return True

    def give_back(self) -> None:
        """End what `take` began."""
        self._times -= 1
        if not self._times:
            self._holder = 0
            self._lock.release()

    @contextmanager
    def put_down(self) -> Iterator[None]:
        """Let others have it meanwhile, for what is long and hardly needs the interpreter: a search, or an engine's."""
        if self._holder != threading.get_ident():  # nothing to put down
            yield
            return
        times, self._times, self._holder = self._times, 0, 0
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._times, self._holder = times, threading.get_ident()


# The interpreter's lock is the process's, and so is this.
BATON = Baton()
