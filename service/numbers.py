"""Numbers that the workers of a service add up: each keeps its own in files of one folder, and any can sum all.

Each takes a place in the folder that no living process holds, and counts on from where the one before it in that place
was killed. Who cannot use the folder counts alone. What is counted it does not know: `metrics`.
"""

import fcntl
import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from seealso.logs import get_log
from seealso.mapped import take_room

# The least that a file has at first, and what an entry takes beside its name: its length, padding, a number, the time.
FILE_BYTES = 1 << 16
ENTRY_BYTES_MAX = 4 + 8 + 8 + 8


class Numbers(Collector):
    """What all workers counted; what this one did, from when the folder cannot be used or has no room.

    Make one a process, before the metrics: it keeps what they count from then on. `own`: where they are registered.
    """

    def __init__(self, folder: Path, own: Collector) -> None:
        self._folder = folder
        self._own = own
        self._shared: Any = None
        self._alone = False
        values.MmapedDict = _File  # type: ignore[attr-defined, assignment]
        values.ValueClass = self._value

    def describe(self) -> Iterable[Metric]:
        return ()  # what there is stands in the files

    def collect(self) -> Iterable[Metric]:
        if self._alone:
            return self._own.collect()
        files = [str(path) for path in sorted(self._folder.glob("*.db")) if _counts(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged

    def _value(self, *described: Any, **options: Any) -> Any:
        """Return what keeps one number."""
        if not self._alone:
            try:
                self._shared = self._shared or _shared_in(self._folder)
                return self._shared(*described, **options)
            except OSError as error:
                self._alone = True
                get_log().warning("metrics_not_shared", folder=str(self._folder), reason=str(error))
        return values.MutexValue(*described, **options)  # type: ignore[no-untyped-call]


class _File(MmapedDict):
    """A file of prometheus_client's, which makes and lengthens it without taking room on the disk."""

    def __init__(self, filename: str) -> None:
        self._handle = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        take_room(self._handle, FILE_BYTES)
        super().__init__(filename)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + ENTRY_BYTES_MAX > self._capacity:
            take_room(self._handle, 2 * self._capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]


def _shared_in(folder: Path) -> Any:
    """Return what makes numbers in the first free place of a folder."""
    place = _take_place(folder)
    return values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def _take_place(folder: Path) -> int:
    """Return the number of the first place in a folder that is free, held from now on until this process ends.

    So is the folder, which is made if it is gone: systemd-tmpfiles removes nothing from one that is locked
    (tmpfiles.d(5)), and would remove a lock or a mapped file, which nobody seems to touch for days.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    fcntl.flock(os.open(folder, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH)  # it stays open
    return next(place for place in itertools.count() if _hold(_lock_of(folder, place)))


def _hold(lock: Path) -> bool:
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    return True  # it stays open


def _counts(path: Path) -> bool:
    """Return whether a worker's file is to be read; that of its gauges only while it lives."""
    try:
        # A worker killed after making its file and before sizing it leaves an empty one, at which the client would
        # break off: https://github.com/prometheus/client_python/issues/1199
        if path.stat().st_size == 0:
            return False
        return not path.name.startswith("gauge_live") or _held(_lock_of(path.parent, path.stem.rpartition("_")[2]))
    except FileNotFoundError:  # somebody who tidies up removed it, or its lock
        return False


def _lock_of(folder: Path, place: int | str) -> Path:
    return folder / f"{place}.lock"


def _held(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
