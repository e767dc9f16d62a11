"""One at a time for each key: who comes while another is at it waits for what that one finds, or fails of."""

import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Flight(Generic[Found]):
    """Something that is being found; `found` None: nothing, or not yet; `failure`: why nothing was."""

    __slots__ = ("__weakref__", "_landed", "began", "failure", "found")

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.found: Found | None = None
        self.failure: Exception | None = None
        self._landed = threading.Lock()
        self._landed.acquire()

    def wait(self, seconds_max: float) -> Found | None:
        """Return what is found; None if it takes too long. Raises what whoever looked for it met."""
        if self._landed.acquire(timeout=max(0.0, seconds_max)):
            self._landed.release()
        failure = self.failure
        if failure is None:
            return self.found
        try:
            raise failure.with_traceback(None)  # raised once for each: it may not collect their traces
        finally:
            del self, failure  # what is raised holds this frame: no circle that only the collector would end

    def land(self) -> None:
        """Let everybody have what was found."""
        self._landed.release()


class Flights(Generic[Found]):
    """What is being found at this moment. Safe from many threads."""

    def __init__(self) -> None:
        self._flying: dict[Hashable, Flight[Found]] = {}

    def board(self, key: Hashable) -> tuple[Flight[Found], bool]:
        """Return the flight to a key, and whether it is the caller's to find it, and then to `land`."""
        own: Flight[Found] = Flight()
        flight = self._flying.setdefault(key, own)
        return flight, flight is own

    def land(self, key: Hashable) -> None:
        """End the flight to a key, whether anything was found or not."""
        self._flying.pop(key).land()
