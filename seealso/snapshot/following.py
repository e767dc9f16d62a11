"""A machine follows the snapshot store: what is current there, or about to be, is fetched, and becomes current here.

Whatever fails leaves the old one current. What it knows of the store stands in INDEX/store.json, for workers to tell.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from seealso.errors import (
    IndexLocked,
    SnapshotMissing,
    SnapshotRefused,
    SnapshotStoreOfAnotherSite,
    SnapshotStoreUnavailable,
)
from seealso.logs import get_log
from seealso.snapshot.fetch import clear_asides, fetch
from seealso.snapshot.layout import MANIFEST, STORE_STATE, current_or_none, publish, published_ids, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.retention import clear_remains, prune
from seealso.snapshot.store import BEAT_SECONDS, SnapshotStore

# unreachable: the store does not answer; refused: what it holds is damaged, not there, or another site's; disk: this
# machine refuses
Kind = Literal["unreachable", "refused", "disk"]
KINDS: tuple[Kind, ...] = ("unreachable", "refused", "disk")
# While a snapshot is handed round, all are about to switch: they look so often, for so long at most.
AWAITING_SECONDS, AWAITING_SECONDS_MAX = 0.5, 600.0
# While something is fetched, for minutes perhaps, the pointer is looked at so often: a rollback does not wait for it.
POINTER_SECONDS = 5.0
# The store was asked several times since, if it is asked as often as by default.
SILENT_SECONDS = 60.0
# What was refused is fetched again after so long: it costs as much as a good one.
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 15.0, 600.0


class StoreState(BaseModel):
    """What a machine knows of the snapshot store. `reached`: when it last answered, in seconds since 1970.

    `current`: what it says that all serve; `fetching`: what is being fetched, `here` of `total` bytes; `reason`: why
    the last look failed, None where it did not; `failures`: how many did, by kind; `fetched_bytes`: in all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reached: float = 0.0
    current: str | None = None
    fetching: str | None = None
    here: int = 0
    total: int = 0
    reason: str | None = None
    failures: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    fetched_bytes: int = 0


def read_store_state(index: Path) -> StoreState:
    """Return what this machine last knew of the store; of nothing, if it never asked."""
    try:
        return StoreState.model_validate_json((index / STORE_STATE).read_bytes())
    except (OSError, ValidationError):
        return StoreState()


def warnings_of(state: StoreState, now: float) -> list[str]:
    """Return what somebody should look at of what a machine knows of the store; `now`: in seconds since 1970."""
    if now - state.reached > SILENT_SECONDS:
        said = f" ({state.reason})" if state.reason else ""
        ago = f"for {now - state.reached:.0f} seconds" if state.reached else "yet"
        return [f"the snapshot store has not been reached {ago}{said}; what was fetched before is served"]
    if state.reason is not None:
        return [f"a snapshot of the store is not fetched: {state.reason}"]
    return []


class _NotWanted(Exception):
    """What is being fetched may not be wanted any more, or not by this process."""


class Follower:
    """Follows a snapshot store. One look at a time; beside it, `follow` says on a thread that this machine is here."""

    def __init__(self, store: SnapshotStore, index: Path, keep: int, machine: str) -> None:
        self._store = store
        self._index = index
        self._keep = keep
        self._machine = machine
        self._known = read_store_state(index).model_copy(update={"fetching": None, "here": 0, "total": 0})
        self._told: tuple[tuple[str, ...], str | None, tuple[str, ...]] | None = None
        self._told_at = 0.0
        # What is known and told, of which the thread is one of two writers.
        self._lock = threading.RLock()
        self._left_off = threading.Event()
        self._stop = threading.Event()
        # What is handed round, and since when.
        self._awaited: tuple[str | None, float] = (None, 0.0)
        # What this process has found to be here, as it was written.
        self._whole = set[str]()
        # What was refused, by id: how long it is left alone, and until when; and those which the store has damaged.
        self._left: dict[str, tuple[float, float]] = {}
        self._damaged = frozenset[str]()

    def look(self) -> bool:
        """Fetch what is to be fetched, and switch to what is current; return whether all went well. Raises nothing
        that a store, a snapshot or a disk may bring about.
        """
        try:
            current, following = self._store.current(), self._store.next()
            self._note(reached=time.time(), current=current)
            self._beat()
            if following != self._awaited[0]:
                self._awaited = (following, time.monotonic())
            self._left = {each: left for each, left in self._left.items() if each in (current, following)}
            self._damaged &= {current, following}
            good = current is None or self._fetch(current)
            if current is not None and good:
                self._switch(current, following)
            good = (following is None or self._fetch(following)) and good
            self._beat()
            if good:
                clear_asides(self._index)
        except _NotWanted:
            return True  # the next look goes on from here
        except SnapshotStoreOfAnotherSite as error:
            self._note(reached=time.time())
            return self._failed("refused", error)
        except SnapshotStoreUnavailable as error:
            return self._failed("unreachable", error)
        except OSError as error:
            return self._failed("disk", error)
        if good:
            if self._known.reason is not None:
                get_log().info("snapshot_store_well", current=current)
            self._note(reason=None, reached=time.time())
            self._write()
        return good

    def follow(self, every_s: float, stop: threading.Event) -> None:
        """Look again and again, until it is told to stop; then say that this machine is here no more.

        What is being fetched then is gone on with another time.
        """
        self._stop = stop
        threading.Thread(target=self._beat_on, name="snapshot-beat", daemon=True).start()
        try:
            while not stop.is_set():
                self.look()
                stop.wait(min(every_s, AWAITING_SECONDS) if self._awaits() else every_s)
        finally:
            with self._lock, suppress(SnapshotStoreUnavailable):
                self._left_off.set()
                self._store.leave(self._machine)

    def _awaits(self) -> bool:
        following, since = self._awaited
        return following is not None and time.monotonic() < since + AWAITING_SECONDS_MAX

    def _fetch(self, snapshot_id: str) -> bool:
        """Have a snapshot here, or say why not; return whether nothing is wrong with it."""
        if snapshot_id in self._whole and snapshot_folder(self._index, snapshot_id).is_dir():
            return True
        pause, until = self._left.get(snapshot_id, (0.0, 0.0))
        if time.monotonic() < until:
            return False
        began = time.monotonic()
        try:
            copied = fetch(self._store, self._index, snapshot_id, self._progress(snapshot_id))
        except (SnapshotRefused, SnapshotMissing, OSError) as error:
            pause = min(max(PAUSE_SECONDS, 2 * pause), PAUSE_SECONDS_MAX)
            self._left[snapshot_id] = (pause, time.monotonic() + pause)
            if isinstance(error, SnapshotRefused) and error.path.name != MANIFEST:  # which may be of a later version
                self._damaged |= {snapshot_id}
            return self._failed("disk" if isinstance(error, OSError) else "refused", error)
        finally:
            self._note(fetching=None, here=0, total=0)
        self._left.pop(snapshot_id, None)
        self._damaged -= {snapshot_id}
        self._whole.add(snapshot_id)
        if not copied:
            return True
        took_ms = round((time.monotonic() - began) * 1000)
        get_log().info("snapshot_fetched", snapshot_id=snapshot_id, bytes=copied, took_ms=took_ms)
        return True

    def _progress(self, snapshot_id: str) -> Callable[[int, int], None]:
        before, looked = None, time.monotonic()

        def told(here: int, total: int) -> None:
            nonlocal before, looked
            more = 0 if before is None else here - before
            before = here
            fetched = self._known.fetched_bytes + more
            self._note(reached=time.time(), fetching=snapshot_id, here=here, total=total, fetched_bytes=fetched)
            self._write()
            self._beat()
            if self._stop.is_set():
                raise _NotWanted
            if time.monotonic() > looked + POINTER_SECONDS:
                looked = time.monotonic()
                if self._store.current() != self._known.current:
                    raise _NotWanted

        return told

    def _switch(self, wanted: str, following: str | None) -> None:
        """Make a snapshot current here, unless the store has gone on meanwhile, or somebody else writes here."""
        before = current_or_none(self._index)
        if before == wanted:
            return
        try:
            with lock_index(self._index):
                if self._store.current() != wanted:
                    return
                publish(self._index, wanted)
                get_log().info("snapshot_current", snapshot_id=wanted, before=before)
                clear_remains(self._index)
                prune(self._index, self._keep, following)
        except IndexLocked as error:
            get_log().debug("snapshot_waits", snapshot_id=wanted, reason=str(error))

    def _beat(self) -> None:
        """Say what this machine holds, serves and refuses, where that is new, or was said some time ago."""
        with self._lock:
            told = (tuple(published_ids(self._index)), current_or_none(self._index), tuple(sorted(self._damaged)))
            if told != self._told or time.monotonic() - self._told_at > BEAT_SECONDS:
                self._store.beat(self._machine, *told)
                self._told, self._told_at = told, time.monotonic()
                self._note(reached=time.time())

    def _beat_on(self) -> None:
        """Say so as long as a look lasts: what was fetched is checked for minutes, or the disk is slow."""
        while not self._left_off.wait(BEAT_SECONDS):
            with self._lock, suppress(SnapshotStoreUnavailable, OSError):  # of which the next look tells
                if self._told is not None and not self._left_off.is_set():
                    self._beat()
                    self._write()

    def _failed(self, kind: Kind, error: Exception) -> Literal[False]:
        reason = str(error)
        if reason != self._known.reason:
            get_log().warning("snapshot_not_fetched", kind=kind, reason=reason, serving=current_or_none(self._index))
        failures = self._known.failures
        self._note(reason=reason, failures=failures | {kind: failures.get(kind, 0) + 1})
        self._write()
        return False

    def _note(self, **facts: object) -> None:
        with self._lock:
            self._known = self._known.model_copy(update=facts)

    def _write(self) -> None:
        path = self._index / STORE_STATE
        beside = path.with_name(f".{path.name}.new")
        with self._lock, suppress(OSError):  # a full disk, of which is told elsewhere
            beside.write_text(self._known.model_dump_json())
            os.replace(beside, path)
