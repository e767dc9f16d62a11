"""What a worker does, counted and timed, summed over all workers. How it is told: `exposition`.

Where PROMETHEUS_MULTIPROC_DIR names a folder, as `seealso serve` sets it for its workers, each of them keeps its
numbers there, and any of them answers for all. Each takes a place in it that no living process holds, and counts on
from where the one before it in that place was killed. Without the variable, a process answers for itself. Where sites
have names, each number is of one of them.
"""

import fcntl
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    values,
)
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from seealso.errors import SettingsInvalid
from seealso.settings import WORKERS_FOLDER, variable
from service.clicks import FATES, Fate
from service.engine import FAILURES, By

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


Kind = TypeVar("Kind", Counter, Gauge, Histogram)


class Families:
    """What a worker counts and times, of all its sites. Make one a process; `named`: whether sites have names."""

    def __init__(self, named: bool = False) -> None:
        sites = ["site"] if named else []
        # They would be one more series for each of ours, which the files of several workers do not have.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        own = CollectorRegistry()
        self.collector: Collector = own
        folder = variable(WORKERS_FOLDER)
        if folder:
            place = _take_place(Path(folder))
            values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]
            self.collector = _Workers(Path(folder))
        self.requests = Histogram(
            "seealso_request_seconds",
            "How long answering took, by route, outcome, and the level of the cache that answered.",
            [*sites, "route", "outcome", "cache"],
            buckets=REQUEST_SECONDS,
            registry=own,
        )
        self.blocks = Counter("seealso_blocks", "Blocks put together.", sites, registry=own)
        self.short = Counter("seealso_blocks_short", "Blocks with fewer cards than asked for.", sites, registry=own)
        self.empty = Counter("seealso_blocks_empty", "Blocks without a card; they are short, too.", sites, registry=own)
        self.encode = Histogram(
            "seealso_encode_seconds",
            "How long encoding a text query took.",
            sites,
            buckets=ENCODE_SECONDS,
            registry=own,
        )
        self.switches = Counter(
            "seealso_snapshot_switches",
            "Snapshots taken into service; each worker counts its own.",
            sites,
            registry=own,
        )
        self.redis_failures = Counter(
            "seealso_redis_failures", "Requests to Redis that failed, by kind.", [*sites, "kind"], registry=own
        )
        self.events = Counter(
            "seealso_events",
            "What readers were shown and clicked, by what became of it.",
            [*sites, "fate"],
            registry=own,
        )
        self.redis_down = Gauge(
            "seealso_redis_down",
            "Whether any living worker has given Redis up for the moment.",
            sites,
            multiprocess_mode="livemax",
            registry=own,
        )
        self.engine_failures = Counter(
            "seealso_engine_failures",
            "Answers of the search engine that were not taken, by why.",
            [*sites, "kind"],
            registry=own,
        )
        self.searches = Counter(
            "seealso_searches",
            "Searches through all vectors, where there is an engine, by who answered.",
            [*sites, "by"],
            registry=own,
        )
        self.engine_down = Gauge(
            "seealso_engine_down",
            "Whether any living worker searches without the engine that there should be.",
            sites,
            multiprocess_mode="livemax",
            registry=own,
        )


class Metrics:
    """What one worker counts and times of one site; `site` is its name, None where sites have none."""

    def __init__(self, site: str | None = None, families: Families | None = None) -> None:
        self.site = site
        self._families = of = families or Families(named=site is not None)
        self._labels = labels = () if site is None else (site,)
        self._seen: dict[tuple[str, str, str], Histogram] = {}
        self._blocks = self._own(of.blocks)
        self._short = self._own(of.short)
        self._empty = self._own(of.empty)
        self._encode = self._own(of.encode)
        self._switches = self._own(of.switches)
        self._redis_down = self._own(of.redis_down)
        for fate in FATES:
            of.events.labels(*labels, fate)
        self._redis_down.set(0)  # the worker before this one may have left another value in this place
        for kind in FAILURES:
            of.engine_failures.labels(*labels, kind)
        for by in ("engine", "snapshot"):
            of.searches.labels(*labels, by)
        self._engine_down = self._own(of.engine_down)
        self._engine_down.set(0)

    def _own(self, family: Kind) -> Kind:
        """Return what counts of the site alone: where it has no name, that is all there is."""
        return family.labels(*self._labels) if self._labels else family

    @property
    def collector(self) -> Collector:
        """Return what tells what is counted of the site."""
        return self._families.collector if self.site is None else _OfSite(self.site, self._families.collector)

    def answered(self, route: str, outcome: str, level: str, seconds: float) -> None:
        """Count and time an answer; the names are of ROUTES, OUTCOMES and LEVELS. Takes some 2 microseconds."""
        series = self._seen.get((route, outcome, level))
        if series is None:  # finding it anew would take half as long again
            series = self._families.requests.labels(*self._labels, route, outcome, level)
            self._seen[route, outcome, level] = series
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
            self._families.events.labels(*self._labels, fate).inc(count)

    def encoded(self, seconds: float) -> None:
        """Time the encoding of a text query."""
        self._encode.observe(seconds)

    def swapped(self) -> None:
        """Count that another snapshot is served."""
        self._switches.inc()

    def redis_failed(self, kind: str) -> None:
        """Count a request to Redis that failed."""
        self._families.redis_failures.labels(*self._labels, kind).inc()

    def breaker(self, open: bool) -> None:  # noqa: A002 - a breaker is open or closed
        """Say whether Redis is given up for the moment."""
        self._redis_down.set(open)

    def engine_failed(self, kind: str) -> None:
        """Count an answer of the search engine that was not taken; the names are of FAILURES."""
        self._families.engine_failures.labels(*self._labels, kind).inc()

    def searched(self, by: By) -> None:
        """Count a search through all vectors."""
        self._families.searches.labels(*self._labels, by).inc()

    def engine_missing(self, missing: bool) -> None:
        """Say whether snapshots are searched without the engine."""
        self._engine_down.set(missing)


class _OfSite(Collector):
    """What is counted of one site alone."""

    def __init__(self, site: str, counted: Collector) -> None:
        self._site = site
        self._counted = counted

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        for metric in self._counted.collect():
            metric.samples = [sample for sample in metric.samples if sample.labels["site"] == self._site]
            yield metric


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
