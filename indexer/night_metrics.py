"""A night's report as Prometheus metrics: text for a file, or pushed to a Pushgateway.

In: the report as JSON, of a night that ended well, was refused or failed. What a failed night did not come to know is
absent; when the last one succeeded, and when the snapshot in service was made, is carried over. Nothing here fails a
night: what cannot be written or sent is raised as MetricsUnsent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seealso.post import host_of, post

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PREFIX = "seealso_night_"
JOB = "seealso_night"
LAST_SUCCESS = "last_success_timestamp_seconds"
SNAPSHOT_CREATED = "snapshot_created_timestamp_seconds"

# metric: the label it is given by, or '', and its help
METRICS = {
    "finished_timestamp_seconds": ("", "When the last night ended, however it ended."),
    LAST_SUCCESS: ("", "When the last night that published ended."),
    SNAPSHOT_CREATED: ("", "When the snapshot was made that the last night left in service."),
    "success": ("", "1 if the last night published a snapshot, else 0."),
    "exit_code": ("", "What the last night exited with; 0 if it published and came to its end."),
    "duration_seconds": ("", "How long the last night took."),
    "articles": ("", "Articles of the new snapshot."),
    "articles_new": ("", "Articles that the snapshot before did not have."),
    "articles_changed": ("", "Articles whose text or facts changed."),
    "articles_removed": ("", "Articles that the sources no longer have."),
    "quarantined": ("", "Records that could not be taken in."),
    "left_out": ("", "Records that are rightly no articles of the index."),
    "passages": ("", "Passages of the new snapshot."),
    "passages_embedded": ("", "Passages that the model embedded."),
    "passages_reused": ("", "Passages whose vectors were kept from earlier nights."),
    "empty_blocks": ("", "Articles for which no other is shown."),
    "forced_gates": ("", "Gates that failed and were overridden by --force."),
    "seconds": ("stage", "Wall time of a stage."),
    "memory_bytes": ("stage", "Peak resident memory at the end of a stage."),
    "gate_value": ("gate", "What a gate measured."),
    "gate_limit": ("gate", "The limit of a gate."),
    "gate_passed": ("gate", "1 if a gate let the snapshot pass, else 0."),
}


class MetricsUnsent(Exception):
    """The metrics of a night could not be written or pushed; the message says where and why."""


def metrics_of(report: Mapping[str, Any], before: Mapping[str, float] | None = None, site: str | None = None) -> bytes:
    """Return a report in Prometheus's text format; `before`: the values to carry over, by metric."""
    from prometheus_client import generate_latest

    return generate_latest(_registry_of(report, before or {}, site))


def write_textfile(path: Path, report: Mapping[str, Any], site: str | None = None) -> None:
    """Write the metrics for node_exporter's textfile collector, in one step, readable for all.

    The file that is there gives what is carried over. Raises MetricsUnsent.
    """
    if path.suffix != ".prom":
        raise MetricsUnsent(f"metrics not written to {path}: node_exporter reads only files whose names end in .prom")
    # node_exporter reads a folder's *.prom whenever it is asked: the file beside must not end so.
    beside = path.with_name(f".{path.name}.new")
    try:
        content = metrics_of(report, _kept_in(path), site)
        with beside.open("wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
        os.replace(beside, path)
    except OSError as error:
        raise MetricsUnsent(f"metrics not written to {path}: {error.strerror or error}") from error


def push(
    url: str,
    report: Mapping[str, Any],
    job: str = JOB,
    seconds_max: float = 10.0,
    instance: str | None = None,
    site: str | None = None,
) -> None:
    """Push the metrics to a Pushgateway, under the job, this machine's name (or `instance`), and the site's, if any.

    What this night does not give stays as the night before pushed it; so it is with the last success. Raises
    MetricsUnsent, which names the host alone.
    """
    from prometheus_client import pushadd_to_gateway

    # The client's own handler has no limit in all, follows redirects to anywhere, and knows no user in an address.
    def send(
        url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        def sent() -> None:
            assert method == "POST"
            reason = post(url, data, dict(headers), seconds_max)
            if reason:
                raise MetricsUnsent(f"metrics not pushed to {host_of(url)}: {reason}")

        return sent

    grouping = {"instance": instance or socket.gethostname()} | ({"site": site} if site else {})
    try:
        pushadd_to_gateway(url, job, _registry_of(report, {}, None), grouping, handler=send)
    except ValueError as error:
        raise MetricsUnsent(f"metrics not pushed to {host_of(url)}: its address is malformed") from error


def _registry_of(report: Mapping[str, Any], before: Mapping[str, float], site: str | None) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry, Gauge

    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    of_site = {"site": site} if site else {}
    given = list(_values_of(report))
    known = {name for name, _, _ in given}
    given += [(name, "", before[name]) for name in (LAST_SUCCESS, SNAPSHOT_CREATED) if name in before.keys() - known]
    for name, label, value in given:
        label_name, meaning = METRICS[name]
        labels = of_site | ({label_name: label} if label_name else {})
        if name not in gauges:
            gauges[name] = Gauge(PREFIX + name, meaning, list(labels), registry=registry)
        (gauges[name].labels(**labels) if labels else gauges[name]).set(value)
    return registry


def _values_of(report: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Yield (metric, its label's value or '', value) for all that the report says."""
    # A night that was stopped while it cleaned up has published all the same.
    published = report.get("outcome") == "published" or bool(report.get("served"))
    started, finished = _seconds_of(report.get("started")), _seconds_of(report.get("finished"))
    # Of sources that were not read to their end, and articles that were not cut, nothing is known.
    read, cut = bool(report.get("articles")), bool(report.get("passages"))
    scalars = {
        "finished_timestamp_seconds": finished,
        LAST_SUCCESS: finished if published else None,
        SNAPSHOT_CREATED: _seconds_of(report.get("snapshot_created")),
        "success": published,
        "exit_code": report.get("exit_code"),
        "duration_seconds": finished - started if finished and started else None,
        "articles": report.get("articles") if read else None,
        "articles_new": report.get("new"),
        "articles_changed": report.get("changed"),
        "articles_removed": report.get("removed"),
        "quarantined": report.get("quarantined_count") if read else None,
        "left_out": _sum_of(report.get("left_out")) if read else None,
        "passages": report.get("passages") if cut else None,
        "passages_embedded": report.get("embedded"),
        "passages_reused": report.get("reused"),
        "empty_blocks": report.get("empty_blocks"),
        "forced_gates": _length_of(report.get("forced")),
    }
    for name, value in scalars.items():
        if value is not None:
            yield name, "", float(value)
    for stage, seconds in (report.get("seconds") or {}).items():
        yield "seconds", stage, float(seconds)
    for stage, mebibytes in (report.get("memory_mb") or {}).items():
        yield "memory_bytes", stage, float(mebibytes) * 1024 * 1024
    for gate in report.get("gates") or ():
        if gate.get("value") is None and gate.get("passed"):
            continue  # there was nothing to measure
        for key in ("value", "limit", "passed"):
            if gate.get(key) is not None:
                yield f"gate_{key}", gate["gate"], float(gate[key])


def _kept_in(path: Path) -> dict[str, float]:
    """Return what is carried over from the file of the night before: nothing if it is absent or holds no metrics."""
    from prometheus_client.parser import text_string_to_metric_families

    kept = {PREFIX + name: name for name in (LAST_SUCCESS, SNAPSHOT_CREATED)}
    try:
        families = list(text_string_to_metric_families(path.read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
    return {kept[sample.name]: sample.value for each in families for sample in each.samples if sample.name in kept}


def _seconds_of(moment: str | None) -> float | None:
    """Return a time of ISO 8601 in seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp() if moment else None


def _length_of(items: Any) -> int | None:
    return None if items is None else len(items)


def _sum_of(counts: Mapping[str, int] | None) -> int | None:
    return None if counts is None else sum(counts.values())
