"""N4: many switches while the service answers. No request fails, each answer is one snapshot's, nothing is kept."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.figures import figure
from tests.load.editions import HOT, HTML, Editions, all_serving, wait_for
from tests.load.rate import Outcome, Rate, blocks, percentile, saturation
from tests.load.vital import SOCKETS_MAX, counted, settled, vital, wait_until_left
from tests.servers import Running

PER_SECOND = 60.0
POLL: dict[str, Any] = {"SEEALSO_SNAPSHOT_POLL_MS": "20"}
# In the short form, a machine that is busy with other tests is no service that has too much to do.
PATIENT: dict[str, Any] = {"SEEALSO_WAIT_MS": "20000"}
STEADY = 0.7
P99_RATIO_MAX = 2.0
# What a worker's memory may be larger after hundreds of switches: more than noise, less than one snapshot's.
MEMORY_MB_MAX = 8.0


def switched(service: Running, editions: Editions, switches: int, every_s: float, per_second: float) -> list[Outcome]:
    """Ask for blocks at a rate while another snapshot is published so many times."""
    with Rate(service.port, blocks([*HOT, *HTML]), per_second) as rate:
        for _ in range(switches):
            published = editions.switch()
            time.sleep(every_s)
        wait_for(service, published)
    return rate.outcomes


def test_no_request_fails_while_snapshots_are_switched(editions: Editions, tmp_path: Path) -> None:
    with all_serving(editions.index, tmp_path / "log", **POLL, **PATIENT) as service:
        switched(service, editions, 3, 0.3, PER_SECOND)
        saturation(service.port, blocks([*HOT, *HTML]), 0.5, connections=64)  # every thread has been started once
        workers = service.workers()
        wait_until_left(service.port)
        before = [vital(worker) for worker in workers]
        outcomes = switched(service, editions, 10, 0.4, PER_SECOND)
        wait_until_left(service.port)
        after = [settled(worker, held) for worker, held in zip(workers, before, strict=True)]
        switches = counted(service, "seealso_snapshot_switches_total")
        assert service.workers() == workers
    wrong = list(editions.wrong(outcomes))
    assert not wrong, f"{len(wrong)} of {len(outcomes)}: {wrong[:5]}"
    assert len({outcome.snapshot for outcome in outcomes}) == len(editions.ids)
    assert switches >= 2 * len(editions.ids)
    for held, now in zip(before, after, strict=True):
        assert now.files <= held.files, now.beyond(held)
        assert now.sockets <= SOCKETS_MAX  # all clients have gone
        assert now.threads <= held.threads
        assert now.readers <= held.threads  # at the very most: each thread once


@pytest.mark.torture
@pytest.mark.row("N4")
def test_500_switches_in_10_minutes(editions: Editions, lasting: Callable[[float], float], tmp_path: Path) -> None:
    """The full form, under 70 % of what can be answered; tells its figures."""
    seconds = lasting(600)
    switches = round(seconds * 500 / 600)
    with all_serving(editions.index, tmp_path / "log", **POLL) as service:
        workers = service.workers()
        switched(service, editions, 5, 0.5, PER_SECOND)
        per_second = STEADY * saturation(service.port, blocks([*HOT, *HTML]), 5)
        with Rate(service.port, blocks([*HOT, *HTML]), per_second) as steady:
            time.sleep(min(30.0, seconds / 3))
        switched(service, editions, 5, 1.0, per_second)
        wait_until_left(service.port)
        before = [vital(worker) for worker in workers]
        counted_before = counted(service, "seealso_snapshot_switches_total")
        outcomes = switched(service, editions, switches, seconds / switches, per_second)
        taken = counted(service, "seealso_snapshot_switches_total") - counted_before
        wait_until_left(service.port)
        after = [settled(worker, held) for worker, held in zip(workers, before, strict=True)]
        assert service.workers() == workers
    wrong = list(editions.wrong([*steady.outcomes, *outcomes]))
    p99, p99_steady = percentile(outcomes, 0.99), percentile(steady.outcomes, 0.99)
    figure(
        f"{switches} switches, {taken:.0f} taken by {len(workers)} workers; {len(outcomes):,} requests, "
        f"{per_second:,.0f} a second, {len(wrong)} failed; p99 {p99:.1f} ms, {p99_steady:.1f} without switches"
    )
    for held, now in zip(before, after, strict=True):
        figure(f"a worker: {held}; afterwards {now}")
    assert not wrong, f"{len(wrong)} of {len(outcomes)}: {wrong[:5]}"
    missed = [] if p99 <= P99_RATIO_MAX * p99_steady else [f"p99 {p99:.1f} ms, {p99_steady:.1f} without switches"]
    for held, now in zip(before, after, strict=True):
        assert now.files <= held.files, now.beyond(held)
        assert now.sockets <= SOCKETS_MAX  # all clients have gone
        assert now.threads <= held.threads
        assert now.readers <= held.threads  # at the very most: each thread once
        if now.private_mb > held.private_mb + MEMORY_MB_MAX:
            missed.append(f"{now.private_mb:.1f} MB, {held.private_mb:.1f} before")
    assert not missed, "; ".join(missed)
