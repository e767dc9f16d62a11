"""A night's snapshot handed to all machines that take theirs from the snapshot store, before any of them serves it.

It is copied there, every machine that is heard of fetches it, and then all are told to serve it, by one pointer.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from indexer.progress import Reporter
from indexer.report import Report
from seealso.errors import SeealsoError, SnapshotRefused, SnapshotStoreOfAnotherSite, SnapshotStoreUnavailable
from seealso.snapshot.fetch import fetch
from seealso.snapshot.layout import current_or_none, publish, snapshot_folder
from seealso.snapshot.manifest import Manifest, read_manifest
from seealso.snapshot.retention import kept_of, parent_of
from seealso.snapshot.store import Machine, SnapshotStore

# A store that is gone for longer than all tries together ends the night.
TRIES_MAX, PAUSE_SECONDS = 5, 5.0
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivers to a snapshot store. `wait_s`: how long the machines have to fetch; `pause_s`: between two tries."""

    store: SnapshotStore
    wait_s: float
    keep: int
    pause_s: float = PAUSE_SECONDS

    def take_up(self, index: Path, report: Report, force: bool = False) -> None:
        """Begin with what all machines serve: it may have been rolled back, or made elsewhere.

        Raises SnapshotStoreOfAnotherSite; SnapshotStoreUnavailable if that is not to be had, and there is no snapshot
        here either: what compares a night with the one before would let anything through. `force`: that is meant.
        """
        try:
            current = self.store.current()
            if current is not None:
                fetch(self.store, index, current)
                if current != current_or_none(index):
                    publish(index, current)
        except SnapshotStoreOfAnotherSite:
            raise
        except (SeealsoError, OSError) as error:
            if current_or_none(index) is None and not force:
                mend = "run again when it is to be had; if this night is to be compared with none, run with --force"
                reason = error.reason if isinstance(error, SnapshotStoreUnavailable) else error
                raise SnapshotStoreUnavailable(
                    self.store.url, f"{reason}. What is served is not known, and there is no snapshot here; {mend}"
                ) from error
            report.notices.append(f"what the snapshot store says is served is not known here: {error}")

    def deliver(self, index: Path, snapshot_id: str, report: Report, reporter: Reporter) -> None:
        """Have all machines serve a snapshot. Raises SnapshotStoreUnavailable, also where all find it damaged in the
        store: they serve the one before then.

        The snapshot stays in the index folder: `seealso rollback ID` delivers it once the store is back.
        """
        try:
            self._hand_round(snapshot_folder(index, snapshot_id), snapshot_id, reporter)
            late = self._wait(snapshot_folder(index, snapshot_id), snapshot_id, report)
            self._point(snapshot_id, report)
        except BaseException:
            with suppress(SnapshotStoreUnavailable):  # or else all machines would fetch and keep it
                self.store.hand_round(None)
            raise
        if late:
            names = ", ".join(machine.name for machine in late)
            report.notices.append(
                f"not waited for any longer, after {self.wait_s:g} s: {names}; each switches when it has fetched"
            )

    def clear_up(self, index: Path, snapshot_id: str, report: Report) -> list[str] | None:
        """Remove old snapshots from the store, as many as from an index folder; return which stay, None where that is
        not known. It fails no night.
        """
        stay = list[str]()
        try:
            ids = self.store.ids()
            first = self.store.current(), snapshot_id, parent_of(index, snapshot_id)
            kept = kept_of(ids, first, self.keep)
            for each in ids:
                # Who rolls back at another machine waits for no night.
                if each in kept or each in (self.store.current(), self.store.next()):
                    stay.append(each)
                else:
                    self.store.remove(each)
            self.store.clear_remains()
            current = self.store.current()
            if current in ids and not self.store.holds(current):  # rolled back to just before
                self.store.push(snapshot_folder(index, current))
                stay.append(current)
        except (SnapshotStoreUnavailable, SnapshotRefused) as error:
            report.notices.append(f"delivered, but what is old in the store could not be cleared up: {error}")
            return None
        return stay

    def manifests(self) -> list[Manifest]:
        """Return what all snapshots of the store say of themselves: any of them may be served again.

        Raises SnapshotStoreUnavailable, SnapshotRefused.
        """
        return [found[0] for each in self.store.ids() if (found := self.store.manifest(each)) is not None]

    def _hand_round(self, folder: Path, snapshot_id: str, reporter: Reporter) -> None:
        """Copy a snapshot to the store, and have all machines fetch it. Raises SnapshotStoreUnavailable."""
        reporter.stage("Copy", sum(entry.bytes for entry in read_manifest(folder).files.values()), "bytes")
        for number in range(1, TRIES_MAX + 1):
            try:
                self.store.push(folder, reporter.advance if number == 1 else lambda _: None)
                return self.store.hand_round(snapshot_id)
            except SnapshotStoreUnavailable as error:
                if number == TRIES_MAX or isinstance(error, SnapshotStoreOfAnotherSite):
                    raise self._undelivered(error, snapshot_id) from error
                time.sleep(self.pause_s * 2 ** (number - 1))

    def _point(self, snapshot_id: str, report: Report) -> None:
        """Have all machines serve a snapshot. Raises SnapshotStoreUnavailable."""
        try:
            self.store.point(snapshot_id)
            report.served = snapshot_id
            self.store.hand_round(None)
        except SnapshotStoreUnavailable as error:
            if report.served is None and not self._points_to(snapshot_id):
                raise self._undelivered(error, snapshot_id) from error
            report.notices.append(f"delivered, but {error}")  # all else is of no weight

    def _wait(self, folder: Path, snapshot_id: str, report: Report) -> list[Machine]:
        """Wait until all machines that are heard of hold a snapshot; return those that do not in time.

        It is sent anew, once, if one finds it damaged in the store, and then waited for anew. Raises
        SnapshotStoreUnavailable if all do even then: it is in the store no more.
        """
        end, sent_anew = time.monotonic() + self.wait_s, False
        machines, late, fetching = list[Machine](), list[Machine](), set[str]()
        while True:
            try:
                self._go_on_handing_round(snapshot_id, report)
                machines = self.store.machines()
                refusing = [machine.name for machine in machines if snapshot_id in machine.refuses]
                if refusing and not sent_anew:
                    self._send_anew(folder, refusing[0], report)
                    end, sent_anew = time.monotonic() + self.wait_s, True
                    continue
                late = [machine for machine in machines if snapshot_id not in machine.holds]
                fetching = (fetching - {machine.name for machine in machines}) | {machine.name for machine in late}
                if not late:
                    break
            except SnapshotStoreUnavailable as error:
                reason = f"the machines could not be asked for a while: {error}"
                if reason not in report.notices:
                    report.notices.append(reason)
            left = end - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(LOOK_SECONDS, left))
        if machines and all(snapshot_id in machine.refuses for machine in machines):
            with suppress(SnapshotStoreUnavailable):  # who delivers it later sends all of it
                self.store.remove(snapshot_id)
            damaged = SnapshotStoreUnavailable(self.store.url, f"{snapshot_id} is damaged there, for all machines")
            raise self._undelivered(damaged, snapshot_id)
        if silent := fetching - {machine.name for machine in late}:
            names = ", ".join(sorted(silent))
            report.notices.append(
                f"not waited for, as nothing is heard of them any more: {names}; each fetches it when it is back"
            )
        return late

    def _send_anew(self, folder: Path, name: str, report: Report) -> None:
        """Copy a snapshot to the store once more, where a machine found it damaged."""
        try:
            self.store.push(folder, anew=True)
            report.notices.append(f"sent to the snapshot store anew, where it was damaged for {name}")
        except SnapshotStoreUnavailable as error:
            report.notices.append(f"damaged in the snapshot store for {name}, and not sent anew: {error}")

    def _go_on_handing_round(self, snapshot_id: str, report: Report) -> None:
        """Have machines fetch a snapshot though somebody has rolled back meanwhile, which ends that."""
        if self.store.next() is None:
            notice = f"{self.store.current()} was made the current one while this night was handed round"
            report.notices += [] if notice in report.notices else [notice]
            self.store.hand_round(snapshot_id)

    def _points_to(self, snapshot_id: str) -> bool:
        try:
            return self.store.current() == snapshot_id
        except SnapshotStoreUnavailable:
            return False

    def _undelivered(self, error: SnapshotStoreUnavailable, snapshot_id: str) -> SnapshotStoreUnavailable:
        mend = f"{snapshot_id} stands whole in the index folder: `seealso rollback {snapshot_id}` delivers it later"
        return SnapshotStoreUnavailable(self.store.url, f"{error.reason}. All machines serve the one before. {mend}")
