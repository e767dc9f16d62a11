"""A process -> what it holds: descriptors, threads, memory. And what a service has counted."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import numpy as np
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from seealso.editorial.store import DATABASE
from tests.servers import Running

# What a worker holds once all clients have gone: a few of its own, and for each of its threads one to Redis at most.
SOCKETS_MAX = 40
SETTLE_SECONDS_MAX, LEAVE_SECONDS_MAX = 40.0, 20.0
# Established, and closed by the other side only (include/net/tcp_states.h).
_HELD = ("01", "08")
_LISTENING = "0A"
_LOCK = re.compile(r"/[0-9]+\.lock$")
_SNAPSHOT = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Vital:
    """What a process holds: open files, open sockets, threads, and megabytes of memory that is nobody else's.

    `files`: but for the editorial store's, which SQLite keeps open for its next connections: those are as many as ever
    read at once, whenever that was, and counted in `readers`.
    `names`: the files' names, for who is told that there are more than before.
    """

    files: int
    sockets: int
    threads: int
    private_mb: float
    readers: int = 0
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.private_mb:.1f} MB, {self.files} files, {self.sockets} sockets, {self.threads} threads"

    def beyond(self, before: "Vital") -> dict[str, int]:
        """Return the names of which more are open than before, and how many more."""
        return dict(Counter(self.names) - Counter(before.names))


def vital(process_id: int) -> Vital:
    """Return what a process holds."""
    opened = _opened(process_id)
    sockets = sum(name.startswith("socket:") for name in opened)
    # Snapshots are told apart by their folders, of which each in its turn is current: what is in them has one name.
    names = tuple(_SNAPSHOT.sub("snapshot", name) for name in opened if not name.startswith("socket:"))
    threads = len(list(Path(f"/proc/{process_id}/task").iterdir()))
    readers = sum(name.endswith(f"/{DATABASE}") for name in names)
    return Vital(len(names) - readers, sockets, threads, private_mb(process_id), readers, names)


def _opened(process_id: int) -> list[str]:
    """Return the names of what a process has open."""
    opened = []
    for link in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            opened.append(str(link.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return opened


def private_mb(process_id: int) -> float:
    """Return the megabytes of memory that only this process has: neither shared nor of a mapped file as it is."""
    rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    found = re.search(r"^Private_Dirty:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found, rollup
    return int(found[1]) / 1024


def connections(port: int) -> int:
    """Return how many connections a service on this machine holds at a port; those that wait to be taken as well."""
    return sum(state in _HELD for state in _states(port))


def wait_until_left(port: int) -> None:
    """Return once a service holds no connection at a port: all clients have gone."""
    deadline = monotonic() + LEAVE_SECONDS_MAX
    while connections(port):
        assert monotonic() < deadline, f"{connections(port)} connections are held whose clients have gone"
        sleep(0.05)


def listeners(port: int) -> int:
    """Return how many sockets listen at a port of this machine."""
    return _states(port).count(_LISTENING)


def _states(port: int) -> list[str]:
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [fields[3] for fields in lines if int(fields[1].rpartition(":")[2], 16) == port]


def slope_per_hour(times_s: Sequence[float], values: Sequence[float]) -> float:
    """Return by how much values grow in an hour: the line that fits them best (least squares)."""
    return float(np.polyfit(np.array(times_s), np.array(values), 1)[0] * 3_600)


def counted(service: Running, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples with these labels, over all workers."""
    text = service.get("/metrics").body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def counted_by_worker(service: Running, name: str) -> dict[int, float]:
    """Return the sum of a metric's samples in each worker, by its process number: what stands in the worker's file."""
    found = {}
    for worker in service.workers():
        # Of the place that the worker has taken (service.metrics).
        (lock,) = [Path(name) for name in _opened(worker) if _LOCK.search(name)]
        file = lock.with_name(f"counter_{lock.stem}.db")
        families = MultiProcessCollector.merge([str(file)])  # type: ignore[no-untyped-call]
        found[worker] = sum(sample.value for family in families for sample in family.samples if sample.name == name)
    return found


def settled(process_id: int, before: Vital) -> Vital:
    """Return what a process holds once it has no more files and threads than before, or after a while anyway."""
    deadline = monotonic() + SETTLE_SECONDS_MAX
    while True:
        now = vital(process_id)
        if (now.files <= before.files and now.threads <= before.threads) or monotonic() > deadline:
            return now
        sleep(0.2)
