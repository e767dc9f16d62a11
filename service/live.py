"""Live articles, as this worker has them: beside the snapshot that is served, and beside one that is about to be.

What was put or removed is learnt from the store before anybody is answered, as decisions are. Where an article belongs
is worked out by whoever puts it; what nobody has worked out yet for a snapshot, as after a night, is done here, by one
worker of the machine, before that snapshot takes over.
"""

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

from seealso.article import Article
from seealso.editorial.articles import Embedded, LiveArticle, is_another_store, place_in, read_placed, read_unplaced
from seealso.editorial.store import Head, Store
from seealso.editorial.turn import turn
from seealso.errors import ServiceBusy, SnapshotMissing, StoreUnavailable
from seealso.live.edition import Live
from seealso.live.place import place
from seealso.live.placing import encode_placing
from seealso.logs import get_log
from seealso.snapshot.snapshot import Snapshot
from service.watching import keep_on

TURN = "editorial.placing"
# So often it is tried to place an article, while others are being put.
TRIES_MAX = 50
# What could not be placed is tried again after so long.
TRY_AGAIN_SECONDS = 5.0
START_SECONDS_MAX = 1.0
ANOTHER_STORE = (
    "the editorial store is not the one that the snapshot took articles from, so what was decided there does not hold: "
    "see to its path (SEEALSO_EDITORIAL) or its volume, or put a copy back (`seealso store restore`)"
)


class LiveArticles:
    """Holds live articles. `store`: None where there is none; `embed`: gives an article's passages and vectors."""

    def __init__(self, store: Store | None, index: Path, embed: Callable[[Snapshot, Article], Embedded]) -> None:
        self._store = store
        self._index = index
        self._embed = embed
        self._held: dict[str, Live] = {}
        self._read_to: dict[str, Head] = {}
        self._reading = threading.RLock()
        self._unplaced = threading.Event()
        self._stop = threading.Event()

    def laid(self, opened: Snapshot) -> Snapshot:
        """Return a snapshot with the live articles beside it."""
        live = self._held.get(opened.id)
        return opened if live is None else live.edition()

    def learn(self, head: Head) -> None:
        """Take in what was put and removed, if the store is further than what is known. Raises StoreUnavailable."""
        with self._reading:
            for live in [*self._held.values()]:
                known = self._read_to[live.snapshot.id]
                if (known.generation, known.placed) != (head.generation, head.placed):
                    self._read(live)
                if known.sequence != head.sequence:
                    self._unplaced.set()

    def warnings(self, served: Snapshot) -> list[str]:
        """Return what somebody should look at."""
        head = self._read_to.get(served.id)
        lost = head is not None and is_another_store(head.generation, served.manifest.live)
        return [ANOTHER_STORE] if lost else []

    def open(self, opened: Snapshot, served: Snapshot | None) -> None:
        """Have ready what is live beside a snapshot that is about to be served. Raises StoreUnavailable.

        While another is served, what has no place in it yet is placed first.
        """
        if self._store is None:
            return
        live = Live(opened)
        with self._reading:
            self._read(live)
            if is_another_store(self._read_to[opened.id].generation, opened.manifest.live):
                get_log().warning("editorial_another", snapshot_id=opened.id, reason=ANOTHER_STORE)
            kept = {opened.id: live}
            if served is not None and served.id in self._held:
                kept[served.id] = self._held[served.id]
            self._held = kept
        # At the start readers wait: what takes long is placed once they are answered.
        self.catch_up(opened.id, math.inf if served is not None else START_SECONDS_MAX)

    def catch_up(self, snapshot_id: str, seconds_max: float = math.inf) -> None:
        """Place what has no place in a snapshot yet, as far as it can be; the thread goes on with the rest."""
        try:
            if self.place_all(snapshot_id, seconds_max):
                return
        except StoreUnavailable as error:
            get_log().warning("articles_not_placed", reason=str(error))
        self._unplaced.set()

    def keep(self, snapshot_id: str) -> None:
        """Let go of what is beside any other snapshot: this one has taken over."""
        with self._reading:
            self._held = {name: live for name, live in self._held.items() if name == snapshot_id}
            self._read_to = {name: head for name, head in self._read_to.items() if name == snapshot_id}
        self._unplaced.set()  # something may have come since it was last looked for

    def base_of(self, snapshot: Snapshot) -> tuple[Snapshot, int]:
        """Return an edition to place an article in, and how many placings the store had when it was made."""
        with self._reading:
            live = self._held.get(snapshot.id)
            if live is None:
                raise SnapshotMissing(self._index, "another one has just taken over; try again")
            return live.edition(), self._read_to[snapshot.id].placed

    def place_all(self, snapshot_id: str, seconds_max: float = math.inf) -> bool:
        """Place what has no place in a snapshot yet; return whether all has one now. Raises StoreUnavailable."""
        store, live = self._store, self._held.get(snapshot_id)
        if store is None or live is None:
            return True
        done, left, end = 0, 0, time.monotonic() + seconds_max
        with turn(store.counter.path.with_name(TURN)):
            with store.reading() as connection:
                missing = read_unplaced(connection, snapshot_id, live.snapshot.manifest.live)
            for each in sorted(missing, key=lambda live: (live.record is not None, live.sequence)):  # removals at once
                if time.monotonic() > end:
                    left += 1
                    continue
                try:
                    done += self._place(store, live, each)
                except StoreUnavailable:
                    raise
                except Exception as error:  # a model that is gone, or whatever: the others are placed
                    left += 1
                    get_log().error("article_not_placed", article=each.id, snapshot_id=snapshot_id, exc_info=error)
        if done:
            get_log().info("articles_placed", snapshot_id=snapshot_id, articles=done, left=left)
        return not left

    def follow(self, served: Callable[[], Snapshot | None]) -> None:
        """Place what nobody has placed from now on, on a thread of its own. Call after the fork."""
        if self._store is None:
            return
        self._unplaced.set()
        keep_on("live-articles", lambda: self._run(served), self._stop)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._unplaced.set()

    def _run(self, served: Callable[[], Snapshot | None]) -> None:
        while True:
            self._unplaced.wait()
            if self._stop.is_set():
                return
            self._unplaced.clear()
            snapshot, placed = served(), False
            try:
                placed = snapshot is None or self.place_all(snapshot.id)
            except StoreUnavailable as error:
                get_log().warning("articles_not_placed", reason=str(error))
            finally:
                if not placed:
                    self._unplaced.set()  # what is left is tried again
            if not placed:
                self._stop.wait(TRY_AGAIN_SECONDS)

    def _read(self, live: Live) -> None:
        assert self._store is not None
        snapshot = live.snapshot
        with self._store.reading() as connection:
            head, placed = read_placed(connection, snapshot.id, snapshot.manifest.live, live.number)
            known = self._read_to.get(snapshot.id)
            if known is not None and known.generation != head.generation and live.number:
                # The store was put back from a backup: what is known may never have been.
                live = self._held[snapshot.id] = Live(snapshot)
                head, placed = read_placed(connection, snapshot.id, snapshot.manifest.live)
        for each, error in live.take(placed):
            get_log().error("article_not_taken", article=each.live.id, snapshot_id=snapshot.id, reason=str(error))
        self._read_to[snapshot.id] = head

    def _place(self, store: Store, live: Live, missing: LiveArticle) -> bool:
        """Place one; return whether it was still to be placed."""
        snapshot, embedded = live.snapshot, missing.embedded
        article = None if missing.record is None else Article.model_validate_json(missing.record)
        if article is not None and (embedded is None or embedded.model != snapshot.manifest.model.digest):
            embedded = self._embed(snapshot, article)
        for _ in range(TRIES_MAX):
            edition, read_to = self.base_of(snapshot)
            content = None
            if article is not None and embedded is not None:
                content = encode_placing(place(edition, article, embedded))
            with store.writing() as writing:
                overtaken = writing.placed != read_to
                if not overtaken:
                    if not read_unplaced(writing.connection, snapshot.id, snapshot.manifest.live, missing):
                        return False  # it has been put anew meanwhile, and placed
                    place_in(writing, snapshot.id, missing, content, embedded)
            with self._reading:
                self._read(self._held[snapshot.id])
            if not overtaken:
                return True
        raise ServiceBusy("articles", TRIES_MAX)
