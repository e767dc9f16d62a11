"""Two snapshots -> what came, went and changed between them, and whose lists changed most.

Opening a snapshot reads all of it, so the last two that were compared stay open for some minutes.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.arrays import Rows
from seealso.article import EMBEDDED_FIELDS
from seealso.errors import UnknownSnapshot
from seealso.overlaps import overlaps
from seealso.snapshot.layout import is_snapshot_id, snapshot_folder
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.snapshot import Snapshot

KEPT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from a snapshot to another.

    `came` and `changed`: rows of `now`; `went`: rows of `before`; `changed`: whose text is another. `rows`: of the
    articles in both that had a list, those first whose list changed most: `stayed` of its first `compared` still stand
    there. Only articles in both count, so that what came, or went, changes no list.
    """

    before: Snapshot
    now: Snapshot
    came: Rows
    went: Rows
    changed: Rows
    rows: Rows
    stayed: NDArray[np.int64]
    compared: NDArray[np.int64]

    @property
    def overlap(self) -> float | None:
        """Return which share of lists stayed, on average; None where there are none to compare."""
        return float((self.stayed / self.compared).mean()) if len(self.rows) else None


class Comparisons:
    """Compares snapshots of an index folder, and keeps the last two open. `served`: the one to answer from."""

    def __init__(self, index: Path, served: Callable[[], Snapshot | None]) -> None:
        self._index = index
        self._served = served
        self._kept: Comparison | None = None
        self._used = 0.0
        self._comparing = threading.Lock()
        self._timer: threading.Timer | None = None

    def ready(self, before_id: str, now_id: str) -> Comparison | None:
        """Return a comparison if it is at hand. Raises UnknownSnapshot for what is no snapshot."""
        for snapshot_id in (before_id, now_id):
            if not is_snapshot_id(snapshot_id) or not snapshot_folder(self._index, snapshot_id).is_dir():
                raise UnknownSnapshot(snapshot_id)
        kept = self._kept
        if kept is None or (kept.before.id, kept.now.id) != (before_id, now_id):
            return None
        self._used = time.monotonic()
        return kept

    def of(self, before_id: str, now_id: str) -> Comparison:
        """Return a comparison, made if need be, which takes seconds. Raises UnknownSnapshot, SnapshotRefused."""
        with self._comparing:
            found = self.ready(before_id, now_id)
            if found is None:
                found = compare(self._open(before_id), self._open(now_id))
                self._kept, self._used = found, time.monotonic()
                self._let_go_later(KEPT_SECONDS)
            return found

    def let_go(self) -> None:
        """Close what was not used for a while."""
        with self._comparing:
            left_s = self._used + KEPT_SECONDS - time.monotonic()
            if left_s > 0:
                self._let_go_later(left_s)
            else:
                self._kept = None

    def _let_go_later(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self.let_go)
        self._timer.daemon = True
        self._timer.start()

    def _open(self, snapshot_id: str) -> Snapshot:
        kept, served = self._kept, self._served()
        at_hand = [served, *((kept.before, kept.now) if kept is not None else ())]
        found = next((each for each in at_hand if each is not None and each.id == snapshot_id), None)
        return found or open_snapshot(snapshot_folder(self._index, snapshot_id))


def compare(before: Snapshot, now: Snapshot) -> Comparison:
    """Return what changed from a snapshot to another; live articles beside them are left aside."""
    forth, back = before.rows_in(now), now.rows_in(before)
    both = np.flatnonzero(back >= 0)
    stayed, compared = overlaps(before.neighbours, now.neighbours, (back[both], both), forth, back)
    had = np.flatnonzero(compared > 0)
    order = had[np.lexsort((both[had], stayed[had] / compared[had]))]
    return Comparison(
        before=before,
        now=now,
        came=np.flatnonzero(back < 0),
        went=np.flatnonzero(forth < 0),
        changed=np.array([row for row in both.tolist() if _changed(before, int(back[row]), now, row)], np.int64),
        rows=both[order],
        stayed=stayed[order],
        compared=compared[order],
    )


def _changed(before: Snapshot, then_row: int, now: Snapshot, row: int) -> bool:
    """Return whether an article's text is another: what is embedded of it."""
    then, today = before.article(then_row), now.article(row)
    if then == today:
        return False
    fields, others = orjson.loads(then), orjson.loads(today)
    return any(fields.get(name) != others.get(name) for name in EMBEDDED_FIELDS)
