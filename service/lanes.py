"""How much is worked on at once: a few places, a short line before them, and a limit to the wait in it.

What comes when the line is full, or waits too long in it, is refused at once: work that is begun is finished in time.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from seealso.errors import ServiceBusy
from seealso.settings import ServiceSettings
from service.baton import BATON

# So many page views wait for each that is worked on, before more are refused. A block takes half a millisecond to make:
# who comes last waits some milliseconds, and a burst that a website sends at once finds room.
WAITING_PER_PLACE = 8
# A line is there for a burst. Where more is asked than can be answered it never empties: all wait, and no more is
# served. So where one who comes hardly ever finds nobody inside, few are let in, until enough find nobody again; the
# share is of the last hundred or so. (CoDel, RFC 8289, tells such a standing queue by the shortest wait of late, which
# is short once few are let in.) So few for each place: who comes last waits some milliseconds, and a program that asks
# anew on some connections as soon as it has its answers, which is no overload, finds room.
STANDS_BELOW, EASES_ABOVE, NEWEST_WEIGHS = 0.03, 0.15, 0.01
INSIDE_PER_PLACE = 3
# So many texts, batches and pages of the desk wait for each that is worked on, and so long. Most take a tenth of a
# second: what a few people ask for in one moment is done within it.
ASIDES_WAITING_PER_PLACE = 8
ASIDES_WAIT_MS = 2_000
# A block that is explained takes as long as many others, strangers may ask for it, and few do: it takes no place of
# others.
EXPLAINED_WAITING_PER_PLACE = 2
# So many messages of readers' pages are taken in at once for each page view that is worked on. To count them takes next
# to nothing; their bodies may come slowly, and hold a thread until they are here.
EVENTS_PER_PLACE = 1
# So many threads tell all others at once that there is no place.
REFUSING = 2
# Where there are several sites, so many probes and scrapes are answered at once for all of them.
PROBES = 4


class Lane:
    """Places for one kind of work, named for whoever is refused."""

    def __init__(self, work: str, places: int, waiting_max: int = 0, wait_ms: int = 0) -> None:
        self._work = work
        self._places = places
        self._waiting_max = waiting_max
        self._wait_s = wait_ms / 1000
        self._free = threading.Semaphore(places)
        self._waiting = 0
        self._inside = 0
        self._idle = 1.0  # share of those who came and found nobody inside
        self._stands = False
        self._following = 0
        self._counting = threading.Lock()

    @property
    def most(self) -> int:
        """Return how many hold a place, or wait for one, at most."""
        return self._places + self._waiting_max

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; see `enter`."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold a place and the baton; ServiceBusy if both together do not come free in time, whoever has them."""
        left_s = self.enter()
        try:
            if not BATON.take(left_s):
                raise self.refusal()
            try:
                yield
            finally:
                BATON.give_back()
        finally:
            self.leave()

    def room(self) -> bool:
        """Return whether who comes now is let in: where the line stands, few are."""
        if not self._stands or self._inside < INSIDE_PER_PLACE * self._places:
            return True
        self._note()
        return False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be looked after, which begins before a place is taken, and ends after it.

        Raises ServiceBusy if a line there may be is full: who would be refused in the end learns it at once.
        """
        with self._counting:
            self._note()
            if 0 < self._waiting_max <= self._waiting:
                raise self.refusal()
            self._inside += 1
        try:
            yield
        finally:
            with self._counting:
                self._inside -= 1

    @contextmanager
    def line(self) -> Iterator[bool]:
        """Stand in the line, for what somebody else makes; yield whether there is room in it."""
        with self._counting:
            room = self._waiting + self._following < self._waiting_max
            self._following += room
        try:
            yield room
        finally:
            with self._counting:
                self._following -= room

    def enter(self) -> float:
        """Take a place, after those who wait already; return how many seconds of the wait are left.

        Raises ServiceBusy if none comes free in time.
        """
        if not self._waiting and self._free.acquire(blocking=False):
            return self._wait_s
        end = time.monotonic() + self._wait_s
        with self._counting:
            if self._waiting + self._following >= self._waiting_max:
                raise self.refusal()
            self._waiting += 1
        try:
            if not self._free.acquire(timeout=self._wait_s):
                raise self.refusal()
        finally:
            with self._counting:
                self._waiting -= 1
        return max(0.0, end - time.monotonic())

    def _note(self) -> None:
        """Note that somebody came, and whether that one found nobody inside."""
        self._idle += NEWEST_WEIGHS * ((self._inside == 0) - self._idle)
        self._stands = self._idle < (EASES_ABOVE if self._stands else STANDS_BELOW)

    def refusal(self) -> ServiceBusy:
        """Return what is raised where there is no room."""
        return ServiceBusy(self._work, self._places)

    def leave(self) -> None:
        """Give the place back."""
        self._free.release()


class Lanes(NamedTuple):
    """The lanes of a site: for each kind of work that whoever asks may begin.

    `texts`, `batches` and `events` are held from before a body is read, which may come slowly or never.
    """

    views: Lane
    explained: Lane
    texts: Lane
    batches: Lane
    events: Lane


def lanes_of(settings: ServiceSettings) -> Lanes:
    """Return the lanes of a site, with nobody in them."""
    few = max(1, settings.threads // 2)
    asides = few, ASIDES_WAITING_PER_PLACE * few, ASIDES_WAIT_MS
    return Lanes(
        Lane("page views", settings.threads, WAITING_PER_PLACE * settings.threads, settings.wait_ms),
        Lane("explained blocks", few, EXPLAINED_WAITING_PER_PLACE * few, ASIDES_WAIT_MS),
        Lane("texts", *asides),
        Lane("batches", *asides),
        Lane("events", EVENTS_PER_PLACE * settings.threads),
    )


def blocking_threads(settings: ServiceSettings) -> int:
    """Return how many threads a worker needs for a site: the server calls its app on one for each request.

    Whoever holds a place, or waits for one, holds a thread, mostly asleep; were there no more than those, a refusal
    would have to wait for what it is refused for.
    """
    return sum(lane.most for lane in lanes_of(settings)) + REFUSING
