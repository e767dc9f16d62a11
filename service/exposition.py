"""What all workers counted, and what this one serves -> metrics in Prometheus's text format."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from seealso.errors import OperatorError, SnapshotMissing
from seealso.snapshot.following import KINDS, read_store_state
from seealso.snapshot.layout import current_id, current_or_none
from service.current import Current
from service.editorial import Editorial
from service.metrics import Families, Metrics

METRICS_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def metrics_of(metrics: Metrics, current: Current, editorial: Editorial, index: Path, shared: bool = False) -> bytes:
    """Return as text what all workers counted, and what this one serves: which snapshot, as of what was decided.

    `shared`: whether snapshots come from a snapshot store.
    """
    return _text_of(metrics.collector, [Served(metrics.site, current, editorial, index, shared)])


class Served(NamedTuple):
    """What a worker serves of a site; `shared`: whether its snapshots come from a snapshot store."""

    site: str | None
    current: Current
    editorial: Editorial
    folder: Path
    shared: bool


def metrics_of_all(families: Families, served: Sequence[Served], closed: Iterable[str] = ()) -> bytes:
    """Return the same of several sites; `closed`: those of which nothing can be served."""
    return _text_of(families.collector, served, closed)


def _text_of(counted: Collector, served: Sequence[Served], closed: Iterable[str] = ()) -> bytes:
    registry = CollectorRegistry()
    registry.register(counted)
    registry.register(_Sites(served, closed))
    return generate_latest(registry)


class _Sites(Collector):
    """What is served of each site: a metric stands once, with a sample for each."""

    def __init__(self, served: Sequence[Served], closed: Iterable[str]) -> None:
        self._served = served
        self._closed = closed

    def collect(self) -> Iterable[Metric]:
        found: dict[str, Metric] = {}
        for site, current, editorial, folder, shared in self._served:
            named = {} if site is None else {"site": site}
            store = _SnapshotStore(folder).collect() if shared else ()
            for metric in (*_Snapshot(current, folder).collect(), *_Editorial(editorial).collect(), *store):
                of_all = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                of_all.samples += [sample._replace(labels=named | sample.labels) for sample in metric.samples]
        for site in sorted(self._closed):
            found["seealso_snapshot_served"].add_sample("seealso_snapshot_served", {"site": site}, 0)
        return found.values()


class _Editorial(Collector):
    def __init__(self, editorial: Editorial) -> None:
        self._editorial = editorial

    def collect(self) -> Iterator[Metric]:
        down, given_up = float(self._editorial.behind), self._editorial.purges_given_up
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
        yield GaugeMetricFamily(
            "seealso_snapshot_old",
            "Whether the snapshot is older than it may be, or dated ahead of the clock.",
            float(old),
        )
        behind = self._published() != snapshot.id
        yield GaugeMetricFamily("seealso_snapshot_behind", "Whether another snapshot is published.", float(behind))
        yield GaugeMetricFamily("seealso_snapshot_articles", "How many articles may be found.", snapshot.articles_count)
        yield GaugeMetricFamily(
            "seealso_live_articles", "How many articles the next night takes in.", snapshot.live_count
        )
        info = {"id": snapshot.id, "model": str(snapshot.manifest.model.identity())}
        yield InfoMetricFamily("seealso_snapshot", "Which snapshot is served, and what made it.", info)

    def _published(self) -> str | None:
        try:
            return current_id(self._index)
        except SnapshotMissing:
            return None


class _SnapshotStore(Collector):
    """What this machine knows of the snapshot store: not of the worker, but of the process that follows it."""

    def __init__(self, index: Path) -> None:
        self._index = index

    def collect(self) -> Iterator[Metric]:
        known = read_store_state(self._index)
        failures = CounterMetricFamily(
            "seealso_snapshot_store_failures", "Looks into the snapshot store that failed, by kind.", labels=["kind"]
        )
        for kind in KINDS:
            failures.add_metric([kind], known.failures.get(kind, 0))
        yield failures
        silent_s = max(0.0, time.time() - known.reached)
        yield GaugeMetricFamily(
            "seealso_snapshot_store_silent_seconds", "How long ago the snapshot store last answered.", silent_s
        )
        behind = known.current is not None and current_or_none(self._index) != known.current
        yield GaugeMetricFamily(
            "seealso_snapshot_store_behind", "Whether the snapshot store names another.", float(behind)
        )
        yield CounterMetricFamily(
            "seealso_snapshot_fetched_bytes", "Bytes fetched from the snapshot store.", known.fetched_bytes
        )
