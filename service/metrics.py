"""The snapshot being served -> metrics in Prometheus's text format: which one, how large, how old.

Every worker of a service serves the same snapshot, so any of them may answer.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from seealso.errors import OperatorError
from service.current import Current

METRICS_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def metrics_of(current: Current) -> bytes:
    """Return the metrics as text; without a snapshot, only that there is none."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(current))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, current: Current) -> None:
        self._current = current

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
        yield GaugeMetricFamily("seealso_snapshot_articles", "How many articles it has.", len(snapshot))
        info = {"id": snapshot.id, "model": str(snapshot.manifest.model.identity())}
        yield InfoMetricFamily("seealso_snapshot", "Which snapshot is served, and what made it.", info)
