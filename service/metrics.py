"""What a worker does, counted and timed, summed over all workers. How it is told: `exposition`.

Where PROMETHEUS_MULTIPROC_DIR names a folder, as `seealso serve` sets it for its workers, any of them answers for all
(`numbers`). Without the variable, a process answers for itself. Where sites have names, each number is of one of them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from seealso.settings import WORKERS_FOLDER, variable
from service.clicks import FATES, Fate
from service.engine import FAILURES, By
from service.numbers import Numbers

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
# Where an answer came from. miss: computed; shared: what another who asked at the same moment was given; stale: of the
# snapshot before; none: no block, or a refusal
LEVELS = ("copy", "redis", "miss", "shared", "stale", "none")

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
            self.collector = Numbers(Path(folder), own)
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
