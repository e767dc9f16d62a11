"""The snapshot being served: opened when the worker starts, swapped whole when another becomes current.

A request takes the snapshot once and keeps it to its end, so that every answer comes from one snapshot. A new snapshot
that cannot be opened leaves the old one serving.
"""

import math
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from seealso.errors import OperatorError, SnapshotMissing, SnapshotRefused, StoreUnavailable
from seealso.logs import get_log
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.snapshot import Snapshot
from service.watching import keep_on

# A snapshot may be refused for a passing reason: too many open files, a folder still being copied.
TRY_AGAIN_SECONDS = 15.0
# The clocks of the machine that made a snapshot and of this one may differ by so much.
AHEAD_SECONDS_MAX = 300.0


class Current:
    """Holds the current snapshot of an index folder and follows its pointer."""

    def __init__(self, index: Path, model: str | None, age_warning_h: float = math.inf) -> None:
        self._index = index
        self._model = model
        self._age_warning_s = age_warning_h * 3600
        self._warned_of: str | None = None
        # As it was opened, and as it is served: as editors have decided.
        self._opened: Snapshot | None = None
        self._snapshot: Snapshot | None = None
        self._edited: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot
        self._changing = threading.Lock()
        self._problem: OperatorError | None = SnapshotMissing(index, "none has been looked for yet")
        self._refused_id: str | None = None
        self._try_again = 0.0
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        # Called with a snapshot that has been opened; what it returns is what is served.
        self.beside: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot
        # Called with a snapshot that has been opened, and the one that is served, before anything is made of it.
        self.opened: Callable[[Snapshot, Snapshot | None], None] = lambda _, __: None
        # Called before another snapshot takes over, with what gives it as editors have decided by then; what it returns
        # is called after.
        self.prepare: Callable[[Callable[[], Snapshot]], Callable[[], None]] = lambda _: lambda: None

    @property
    def served(self) -> Snapshot | None:
        """Return the snapshot to answer from, None if there is none."""
        return self._snapshot

    @property
    def plain(self) -> Snapshot | None:
        """Return the same as it was opened: without what was put and decided since the night."""
        return self._opened

    @property
    def problem(self) -> OperatorError | None:
        """Return why what is published cannot be served, None if it is; one that was served before may still be."""
        return self._problem

    def snapshot(self) -> Snapshot:
        """Return the snapshot to answer from.

        Raises why there is none: SnapshotMissing, SnapshotRefused, ModelMismatch.
        """
        snapshot = self._snapshot
        if snapshot is None:
            assert self._problem is not None
            raise self._problem.with_traceback(None)  # raised once a request: it may not collect their traces
        return snapshot

    def refresh(self) -> None:
        """Open the snapshot that the pointer names, if it is another than the one being served. Raises nothing."""
        with self._refreshing:
            wanted = ""  # until it is known
            try:
                wanted = current_id(self._index)
                if self._snapshot is not None and wanted == self._snapshot.id:
                    self._problem = self._refused_id = None  # what was refused is not wanted any more
                    return
                if wanted == self._refused_id and time.monotonic() < self._try_again:
                    return
                folder = snapshot_folder(self._index, wanted)
                snapshot = open_snapshot(folder, self._model)
                opened = self.beside(snapshot)
                self.opened(opened, self._snapshot)
                snapshot.bring_in(folder)
                self._take_over(opened)
            except StoreUnavailable as error:  # nobody would be answered; it is tried again the next time
                self._problem = error
            except SnapshotMissing as error:
                if str(error) != str(self._problem):
                    get_log().warning("snapshot_missing", reason=str(error))
                self._problem, self._refused_id = error, None
            except OperatorError as error:
                if wanted != self._refused_id:
                    get_log().error("snapshot_refused", reason=str(error), serving=self._snapshot and self._snapshot.id)
                self._refuse(wanted, error)
            except Exception as error:  # whatever it is, the one before serves, and that is said
                if wanted != self._refused_id:
                    get_log().error("snapshot_not_opened", snapshot_id=wanted, exc_info=error)
                self._refuse(wanted, SnapshotRefused(self._index, f"it could not be opened ({error!r})"))

    def _take_over(self, opened: Snapshot) -> None:
        before = self._snapshot
        go_over = self.prepare(lambda: self._edited(opened))
        with self._changing:  # more may have been decided meanwhile
            self._opened, self._snapshot = opened, self._edited(opened)
        self._problem = self._refused_id = None
        go_over()
        get_log().info("snapshot_opened", snapshot_id=opened.id, articles=len(opened), before=before and before.id)

    def _refuse(self, wanted: str, problem: OperatorError) -> None:
        self._problem, self._refused_id = problem, wanted
        self._try_again = time.monotonic() + TRY_AGAIN_SECONDS

    def decide(self, edited: Callable[[Snapshot], Snapshot]) -> None:
        """Serve snapshots as edited in this way from now on, this one and those that come."""
        with self._changing:
            self._edited = edited
            self._snapshot = None if self._opened is None else edited(self._opened)

    def as_if(self, edited: Callable[[Snapshot], Snapshot]) -> Snapshot:
        """Return the snapshot that is served, edited in another way. Raises as `snapshot` does."""
        opened = self._opened
        return self.snapshot() if opened is None else edited(opened)

    def age_s(self, snapshot: Snapshot) -> float:
        """Return how long ago a snapshot was made, in seconds by the clock of this machine."""
        return time.time() - datetime.fromisoformat(snapshot.manifest.created).timestamp()

    def age_warning(self, snapshot: Snapshot) -> str | None:
        """Return what is to be said of a snapshot's age; None while it is young enough, and not of the future."""
        age_s = self.age_s(snapshot)
        if age_s < -AHEAD_SECONDS_MAX:
            return (
                f"the snapshot is dated {-age_s / 3600:.1f} hours ahead of this machine's clock; "
                "set the one that is wrong, here or where the night ran, and run the night again"
            )
        if age_s <= self._age_warning_s:
            return None
        return (
            f"the snapshot is {age_s / 3600:.1f} hours old, more than {self._age_warning_s / 3600:g}; "
            "did the night run? see the reports in the index folder"
        )

    def follow(self, every_ms: int) -> None:
        """Look for a new snapshot from now on, on a thread of its own. Call after the fork."""
        keep_on("snapshot-watch", lambda: self._watch(every_ms / 1000), self._stop)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _watch(self, every_s: float) -> None:
        while not self._stop.wait(every_s):
            self.refresh()
            self.warn_of_age()

    def warn_of_age(self) -> None:
        """Log once of each snapshot that it has become too old, or is of the future."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.id == self._warned_of:
            return
        warning = self.age_warning(snapshot)
        if warning:
            self._warned_of = snapshot.id
            get_log().warning("snapshot_old", snapshot_id=snapshot.id, reason=warning)
