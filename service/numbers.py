"""Numbers that the workers of a service add up: each keeps its own in files of one folder, and any can sum all.

Each takes a place in the folder that no living process holds, and counts on from where the one before it in that place
was killed. What is counted it does not know: `metrics`.
"""

import fcntl
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import values
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from seealso.errors import SettingsInvalid
from seealso.settings import WORKERS_FOLDER


def share_numbers(folder: Path) -> None:
    """Keep in a folder what this process counts by metrics that are made from now on. Raises SettingsInvalid."""
    place = _take_place(folder)
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


class Workers(Collector):
    """The sums over the files that the workers of a service write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> Iterable[Metric]:
        return ()  # what there is stands in the files

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in sorted(self._folder.glob("*.db")) if _counts(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _take_place(folder: Path) -> int:
    """Return the number of the first place in a folder that is free, held from now on until this process ends."""
    try:
        return next(place for place in itertools.count() if _hold(_lock_of(folder, place)))
    except OSError as error:
        raise SettingsInvalid(
            f"{WORKERS_FOLDER}: {folder} cannot be used ({error.strerror}); make it, or unset the variable"
        ) from None


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
    # A worker killed after making its file and before sizing it leaves an empty one, at which the client would break
    # off: https://github.com/prometheus/client_python/issues/1199
    if path.stat().st_size == 0:
        return False
    return not path.name.startswith("gauge_live") or _held(_lock_of(path.parent, path.stem.rpartition("_")[2]))


def _lock_of(folder: Path, place: int | str) -> Path:
    return folder / f"{place}.lock"


def _held(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
