"""What a worker does and what it serves -> metrics in Prometheus's text format, summed over all workers.

Where PROMETHEUS_MULTIPROC_DIR names a folder, as `seealso serve` sets it for its workers, each of them keeps its
numbers there, and any of them answers for all. Each takes a place in it that no living process holds, and counts on
from where the one before it in that place was killed. Without the variable, a process answers for itself.
"""

import fcntl
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from seealso.errors import OperatorError, SettingsInvalid, SnapshotMissing, StoreUnavailable
from seealso.settings import METRICS_FOLDER, variable
from seealso.snapshot.layout import current_id
from service.clicks import FATES, Fate
from service.current import Current
from service.editorial import Editorial

METRICS_TYPE = CONTENT_TYPE_PLAIN_0_0_4

ROUTES = (
    "related",
    "related_html",
    "batch",
    "page",
    "similar",
    "article",
    "events",
    "editorial",
    "script",
    "desk",
    "state",
    "other",
)
# invalid: any 4xx; busy: a 503 because too much is asked at once; unavailable: any other 503; failed: any other 5xx
OUTCOMES = ("ok", "not_modified", "invalid", "busy", "unavailable", "failed")
# Where an answer came from. miss: computed; stale: of the snapshot before; none: no block, or a refusal
LEVELS = ("copy", "redis", "miss", "stale", "none")

# From an answer out of the process's memory to one that nobody waits for.
REQUEST_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# From a line of text to a long article on a busy machine.
ENCODE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What one worker counts and times. Make one a process."""

    def __init__(self) -> None:
        # They would be one more series for each of ours, which the files of several workers do not have.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        own = CollectorRegistry()
        self.collector: Collector = own
        folder = variable(METRICS_FOLDER)
        if folder:
            place = _take_place(Path(folder))
            values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]
            self.collector = _Workers(Path(folder))
        self._requests = Histogram(
            "seealso_request_seconds",
            "How long answering took, by route, outcome, and the level of the cache that answered.",
            ["route", "outcome", "cache"],
            buckets=REQUEST_SECONDS,
            registry=own,
        )
        self._seen: dict[tuple[str, str, str], Histogram] = {}
        self._blocks = Counter("seealso_blocks", "Blocks put together.", registry=own)
        self._short = Counter("seealso_blocks_short", "Blocks with fewer cards than asked for.", registry=own)
        self._empty = Counter("seealso_blocks_empty", "Blocks without a card; they are short, too.", registry=own)
        self._encode = Histogram(
            "seealso_encode_seconds", "How long encoding a text query took.", buckets=ENCODE_SECONDS, registry=own
        )
        self._switches = Counter(
            "seealso_snapshot_switches", "Snapshots taken into service; each worker counts its own.", registry=own
        )
        self._redis_failures = Counter(
            "seealso_redis_failures", "Requests to Redis that failed, by kind.", ["kind"], registry=own
        )
        self._events = Counter(
            "seealso_events", "What readers were shown and clicked, by what became of it.", ["fate"], registry=own
        )
        for fate in FATES:
            self._events.labels(fate)
        self._redis_down = Gauge(
            "seealso_redis_down",
            "Whether any living worker has given Redis up for the moment.",
            multiprocess_mode="livemax",
            registry=own,
        )
        self._redis_down.set(0)  # the worker before this one may have left another value in this place

    def answered(self, route: str, outcome: str, level: str, seconds: float) -> None:
        """Count and time an answer; the names are of ROUTES, OUTCOMES and LEVELS. Takes some 2 microseconds."""
        series = self._seen.get((route, outcome, level))
        if series is None:  # finding it anew would take half as long again
            series = self._seen[route, outcome, level] = self._requests.labels(route, outcome, level)
        series.observe(seconds)

    def block(self, asked: int, shown: int) -> None:
        """Count a block that was put together, of at most `asked` cards."""
        self._blocks.inc()
        if shown < asked:
            self._short.inc()
        if shown == 0:
            self._empty.inc()

    def event(self, fate: Fate, count: int) -> None:
        """Count what became of so many events of readers."""
        if count:
            self._events.labels(fate).inc(count)

    def encoded(self, seconds: float) -> None:
        """Time the encoding of a text query."""
        self._encode.observe(seconds)

    def swapped(self) -> None:
        """Count that another snapshot is served."""
        self._switches.inc()

    def redis_failed(self, kind: str) -> None:
        """Count a request to Redis that failed."""
        self._redis_failures.labels(kind).inc()

    def breaker(self, open: bool) -> None:  # noqa: A002 - a breaker is open or closed
        """Say whether Redis is given up for the moment."""
        self._redis_down.set(open)


def metrics_of(metrics: Metrics, current: Current, editorial: Editorial, index: Path) -> bytes:
    """Return as text what all workers counted, and what this one serves: which snapshot, as of what was decided."""
    registry = CollectorRegistry()
    registry.register(metrics.collector)
    registry.register(_Snapshot(current, index))
    registry.register(_Editorial(editorial))
    return generate_latest(registry)


class _Workers(Collector):
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
            f"{METRICS_FOLDER}: {folder} cannot be used ({error.strerror}); make it, or unset the variable"
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


class _Editorial(Collector):
    def __init__(self, editorial: Editorial) -> None:
        self._editorial = editorial

    def collect(self) -> Iterator[Metric]:
        given_up, down = 0, float(self._editorial.behind)
        try:
            given_up = self._editorial.purges_given_up()
        except StoreUnavailable:
            down = 1.0
        yield GaugeMetricFamily("seealso_editorial_down", "Whether what was decided cannot be read for now.", down)
        yield GaugeMetricFamily("seealso_purges_given_up", "Messages that caches in front did not take.", given_up)


class _Snapshot(Collector):
    def __init__(self, current: Current, index: Path) -> None:
        self._current = current
        self._index = index

    def collect(self) -> Iterator[Metric]:
        try:
            snapshot = self._current.snapshot()
        except OperatorError:
            yield GaugeMetricFamily("seealso_snapshot_served", "Whether there is a snapshot to answer from.", 0)
            return
        age_s, old = self._current.age_s(snapshot), self._current.age_warning(snapshot) is not None
        yield GaugeMetricFamily("seealso_snapshot_served", "Whether there is a snapshot to answer from.", 1)
        yield GaugeMetricFamily("seealso_snapshot_age_seconds", "How long ago the snapshot was made.", age_s)
        yield GaugeMetricFamily("seealso_snapshot_old", "Whether that is longer than the set age.", float(old))
        behind = self._published() != snapshot.id
        yield GaugeMetricFamily("seealso_snapshot_behind", "Whether another one is published.", float(behind))
        yield GaugeMetricFamily("seealso_snapshot_articles", "How many articles may be found.", snapshot.articles_count)
        yield GaugeMetricFamily(
            "seealso_live_articles", "How many of them the next night takes in.", snapshot.live_count
        )
        info = {"id": snapshot.id, "model": str(snapshot.manifest.model.identity())}
        yield InfoMetricFamily("seealso_snapshot", "Which snapshot is served, and what made it.", info)

    def _published(self) -> str | None:
        try:
            return current_id(self._index)
        except SnapshotMissing:
            return None
