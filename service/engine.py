"""The search engine beside the snapshots: asked where a whole archive is searched, and answering in time or not at all.

Who searches never connects, and waits no longer than the timeout; what the engine does not answer is found in the
snapshot itself. A thread looks whether the engine holds the snapshot, whole and published. After some failures in a row
nobody asks, until it does again.
"""

import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from seealso.arrays import Rows
from seealso.encoder import Vectors
from seealso.errors import EngineUnavailable
from seealso.logs import get_log
from seealso.relatedness import NEAREST
from seealso.snapshot.milvus import LIMIT_MAX, Address, Milvus
from seealso.snapshot.snapshot import Snapshot
from service.searched import SearchedVectors
from service.watching import keep_on

FAILURES_TO_OPEN = 3
# How often it is looked at, while all is well, and while it is not.
LOOK_SECONDS = 5.0
TRIAL_SECONDS = 1.0
# Connecting and looking are nobody's wait but the thread's own.
CONNECT_SECONDS_MAX = 5.0
# So long after the alias has left a snapshot its collection is still asked: workers go over one by one.
GOING_OVER_SECONDS = 60.0
# What the first look may take before requests go on without it.
START_SECONDS_MAX = 1.0

State = Literal["off", "up", "down", "stale"]
By = Literal["engine", "snapshot"]
# Why an answer of the engine was not taken. late: it came too late; error: it was none; short: rows were missing or
# wrong; long: what may be found has no expression of bearable length
FAILURES = ("late", "error", "short", "long")


@dataclass(eq=False, slots=True)
class Shelf:
    """What is known of a snapshot's collection. `trial`: a vector that is searched for to see that it answers.

    `seen`: it has been looked at; `counted`: it holds as many articles; `led`: when the alias was last seen to lead to
    it, by the monotonic clock; `whole`: it may be asked.
    """

    collection: str
    articles: int
    trial: Vectors
    seen: bool = False
    counted: bool = False
    led: float = -math.inf
    whole: bool = False


class Engine:
    """One search engine. Safe from many threads; make it after the fork. `address`: None where there is none.

    `at_once_max`: how many searches are given to it at once. `failed` is told why an answer was not taken, `searched`
    who answered, `turned` whether it is done without the engine, each time that changes.
    """

    def __init__(
        self,
        address: Address | None,
        timeout_ms: int,
        at_once_max: int,
        failed: Callable[[str], None] = lambda _: None,
        searched: Callable[[By], None] = lambda _: None,
        turned: Callable[[bool], None] = lambda _: None,
        going_over_s: float = GOING_OVER_SECONDS,
    ) -> None:
        self._address = address
        self._timeout_s = timeout_ms / 1000
        self._free = threading.BoundedSemaphore(at_once_max)
        self._told_failed, self._told_searched, self._told_turned = failed, searched, turned
        self._going_over_s = going_over_s
        self._client: Milvus | None = None
        self._shelves: tuple[Shelf, ...] = ()  # of what is served, and of what is about to be; changed whole
        self._failures = 0
        self._up = False
        self._said: State = "off"
        self._looking = threading.Lock()
        self._wanted = threading.Event()
        self._looked = threading.Event()
        self._closed = threading.Event()
        if address is not None:
            keep_on("engine-watch", self._watch, self._closed)

    @property
    def state(self) -> State:
        """Return 'off'; 'up'; 'down' (it does not answer); or 'stale' (it answers, and has another snapshot)."""
        if self._address is None:
            return "off"
        if not self._up:
            return "down"
        newest = [shelf for shelf in self._shelves if shelf.seen][-1:]
        return "up" if all(shelf.whole for shelf in newest) else "stale"

    @property
    def missing(self) -> bool:
        """Return whether snapshots are searched without the engine that there should be."""
        return self.state in ("down", "stale")

    def beside(self, opened: Snapshot) -> Snapshot:
        """Return a snapshot as it was opened, searched by the engine as far as that answers."""
        if self._address is None:
            return opened
        collection, before = self._address.collection_of(opened.id), self._shelves
        shelf = next((each for each in before if each.collection == collection), None)
        shelf = shelf or Shelf(collection, len(opened), opened.vectors.vector(0)[np.newaxis])
        self._shelves = (*[each for each in before if each is not shelf][-1:], shelf)
        self._looked.clear()
        self._wanted.set()
        self._looked.wait(START_SECONDS_MAX)
        vectors = SearchedVectors(opened.vectors, opened.facts, partial(self._nearest, shelf), self._told)
        return replace(opened, vectors=vectors)

    def lead(self, snapshot_id: str, timeout_s: float) -> bool:
        """Have the engine's alias lead to a snapshot; return whether it does. There may be no engine: that is well."""
        if self._address is None:
            return True
        try:
            client = self._address.connect(timeout_s)
            try:
                led = client.lead(self._address.collection_of(snapshot_id), timeout_s)
            finally:
                client.close()
        except EngineUnavailable as error:
            get_log().warning("engine_not_led", snapshot_id=snapshot_id, reason=str(error))
            return False
        self._wanted.set()
        return led

    def close(self) -> None:
        """End the thread, and let go of the connection."""
        self._closed.set()
        self._wanted.set()
        with self._looking:
            self._drop_client()

    def _nearest(self, shelf: Shelf, vectors: Vectors, limit: int, expression: str, share: float) -> Rows | None:
        """Return what the engine says is nearest, see Milvus.search; None where it is to be done without it."""
        client = self._client
        if client is None or not self._up or not shelf.whole or limit > LIMIT_MAX:
            return None
        if not self._free.acquire(blocking=False):
            return None
        answers = queue.SimpleQueue[Rows | EngineUnavailable]()

        def search() -> None:
            try:
                answers.put(client.search(shelf.collection, vectors, limit, expression, self._timeout_s, share))
            except EngineUnavailable as error:
                answers.put(error)
            finally:
                self._free.release()

        # The client mends its connection while somebody waits for it, for as long as that takes.
        threading.Thread(target=search, name="engine-search", daemon=True).start()
        try:
            answer = answers.get(timeout=self._timeout_s)
        except queue.Empty:
            self._failed("late", f"no answer within {self._timeout_s:g} seconds")
            return None
        if isinstance(answer, EngineUnavailable):
            self._failed("error", answer.reason)
            return None
        self._failures = 0
        return answer

    def _told(self, by: By, why: str) -> None:
        self._told_searched(by)
        if why:
            self._told_failed(why)

    def _failed(self, kind: str, reason: str) -> None:
        self._told_failed(kind)
        self._failures += 1
        if self._up and self._failures >= FAILURES_TO_OPEN:
            self._turn(False, reason)
            self._wanted.set()

    def _watch(self) -> None:
        while not self._closed.is_set():
            self._wanted.clear()
            with self._looking:
                self._look()
            self._looked.set()
            self._wanted.wait(LOOK_SECONDS if self.state == "up" else TRIAL_SECONDS)

    def _look(self) -> None:
        """See whether the engine answers, and what it has; connect anew where it did not."""
        assert self._address is not None
        shelves = self._shelves
        try:
            if self._client is None:
                self._client = self._address.connect(CONNECT_SECONDS_MAX)
            led = self._client.published(CONNECT_SECONDS_MAX)
            for shelf in shelves:
                self._look_at(self._client, shelf, led)
            # Who answers a word in time, and a search not, is of no use.
            for shelf in [each for each in shelves if each.whole][-1:]:
                limit = min(NEAREST, shelf.articles)
                self._client.search(shelf.collection, shelf.trial, limit, "", self._timeout_s)
        except EngineUnavailable as error:
            self._turn(False, error.reason)
            self._drop_client()
            return
        self._turn(True, f"its alias {self._address.name} leads to {led}")

    def _look_at(self, client: Milvus, shelf: Shelf, led: str | None) -> None:
        now = time.monotonic()
        if led == shelf.collection:
            shelf.led = now
        published = now - shelf.led < self._going_over_s
        # What was whole stays so, while the engine is up: nothing is ever added to it or removed.
        if published and not (self._up and shelf.counted):
            shelf.counted = client.count(shelf.collection, CONNECT_SECONDS_MAX) == shelf.articles
        shelf.whole, shelf.seen = published and shelf.counted, True

    def _turn(self, up: bool, reason: str) -> None:
        """Take note of how it is, and say so where that is new."""
        if up != self._up:
            self._failures = 0
        self._up = up
        state = self.state
        if state == self._said:
            return
        first, self._said = self._said == "off", state
        if state != "up":
            get_log().warning("engine_given_up", state=state, reason=reason)
        elif not first:
            get_log().info("engine_came_back")
        self._told_turned(self.missing)

    def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
