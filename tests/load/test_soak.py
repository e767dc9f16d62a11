"""L2: an hour of load with a switch now and then. Descriptors, threads and memory stay as they are."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.figures import figure
from tests.load.editions import EDITIONS, HOT, HTML, Editions, all_serving, wait_for
from tests.load.rate import Outcome, Rate, blocks, in_turn, new_blocks, percentile, saturation
from tests.load.vital import SOCKETS_MAX, Vital, settled, slope_per_hour, vital, wait_until_left
from tests.servers import Running

PER_SECOND = 60.0
STEADY = 0.7
SWITCHES_MIN = EDITIONS - 1
HOUR_SECONDS = 3_600.0
SWITCH_SECONDS = 300.0
SAMPLE_SECONDS = 10.0
# Until then caches fill, threads start, and the allocator finds its size.
WARM_UP_SHARE = 0.25
SLOPE_MB_MAX = 1.0
POLL: dict[str, Any] = {"SEEALSO_SNAPSHOT_POLL_MS": "50"}


@dataclass
class Watch:
    """What a worker held, sample by sample."""

    process_id: int
    times: list[float] = field(default_factory=list)
    held: list[Vital] = field(default_factory=list)

    def look(self) -> None:
        """Take a sample."""
        self.times.append(time.monotonic())
        self.held.append(vital(self.process_id))

    def after_warm_up(self) -> "Watch":
        """Return the samples after the warm-up."""
        first = int(len(self.times) * WARM_UP_SHARE)
        return Watch(self.process_id, self.times[first:], self.held[first:])


def soaked(
    service: Running, editions: Editions, per_second: float, seconds: float, switch_s: float, sample_s: float
) -> tuple[list[Outcome], list[Watch]]:
    """Ask for blocks, kept and new, at a rate and switch now and then; return what came of it and what workers held.

    It lasts longer where a machine is too slow to have switched so often that every snapshot was served.
    """
    watches = [Watch(worker) for worker in service.workers()]
    asks = in_turn(blocks([*HOT, *HTML]), new_blocks(HOT), every=5)
    with Rate(service.port, asks, per_second) as rate:
        began = time.monotonic()
        switch_at, end, switches = began + switch_s, began + seconds, 0
        while (now := time.monotonic()) < end or switches < SWITCHES_MIN:
            if now >= switch_at:
                wait_for(service, editions.switch())
                switch_at += switch_s
                switches += 1
            for watch in watches:
                watch.look()
            time.sleep(sample_s)
    return rate.outcomes, watches


def failed(editions: Editions, outcomes: list[Outcome]) -> list[str]:
    """Return each request that failed or was answered wrongly.

    What is refused for a moment has not failed (L1), and what a new block shows is not held against anything.
    """
    asked = [outcome for outcome in outcomes if not outcome.busy]
    known = [outcome for outcome in asked if "exclude=" not in outcome.path]
    new = [outcome for outcome in asked if "exclude=" in outcome.path and outcome.status != 200]
    return [*editions.wrong(known), *(f"{each.path}: {each.status} {each.body[:200]!r}" for each in new)]


def test_some_seconds_with_switches_leave_descriptors_and_threads_as_they_are(
    editions: Editions, tmp_path: Path
) -> None:
    with all_serving(editions.index, tmp_path / "log", **POLL) as service:
        soaked(service, editions, PER_SECOND, 2.0, 1.0, 0.2)
        saturation(service.port, blocks(HOT), 0.5, connections=64)  # every thread has been started once
        wait_until_left(service.port)
        before = [vital(worker) for worker in service.workers()]
        outcomes, watches = soaked(service, editions, PER_SECOND, 4.5, 1.4, 0.2)
        wait_until_left(service.port)
        after = [settled(worker.process_id, held) for worker, held in zip(watches, before, strict=True)]
    assert not failed(editions, outcomes)
    assert len({outcome.snapshot for outcome in outcomes}) == len(editions.ids)
    for held, now in zip(before, after, strict=True):
        assert now.files <= held.files, now.beyond(held)
        assert now.sockets <= SOCKETS_MAX  # all clients have gone
        assert now.threads <= held.threads
        assert now.readers <= held.threads  # at the very most: each thread once


@pytest.mark.torture
@pytest.mark.row("L2")
def test_an_hour_under_load_with_a_switch_every_five_minutes(
    editions: Editions, lasting: Callable[[float], float], tmp_path: Path
) -> None:
    """The full form, under 70 % of what can be answered; tells its figures. Shorter, it says nothing of memory."""
    seconds = lasting(HOUR_SECONDS)
    switch_s, sample_s = (SWITCH_SECONDS, SAMPLE_SECONDS) if seconds >= HOUR_SECONDS else (seconds / 5, seconds / 60)
    with all_serving(editions.index, tmp_path / "log", **POLL) as service:
        asks = in_turn(blocks([*HOT, *HTML]), new_blocks(HOT), every=5)
        per_second = STEADY * saturation(service.port, asks, 5)
        saturation(service.port, asks, 1, connections=64)  # every thread has been started once
        wait_until_left(service.port)
        before = [vital(worker) for worker in service.workers()]
        outcomes, watches = soaked(service, editions, per_second, seconds, switch_s, sample_s)
        wait_until_left(service.port)
        after = [settled(watch.process_id, held) for watch, held in zip(watches, before, strict=True)]
    wrong = failed(editions, outcomes)
    figure(
        f"{len(outcomes):,} requests in {seconds:.0f} s, {per_second:,.0f} a second, {len(wrong)} failed, "
        f"{sum(outcome.busy for outcome in outcomes):,} refused; "
        f"p50 {percentile(outcomes, 0.5):.1f}, p99 {percentile(outcomes, 0.99):.1f} ms"
    )
    slopes = []
    for watch in watches:
        warm = watch.after_warm_up()
        slopes.append(slope_per_hour(warm.times, [held.private_mb for held in warm.held]))
        figure(f"a worker: {watch.held[0]}; warm {warm.held[0]}; at last {warm.held[-1]}: {slopes[-1]:+.2f} MB an hour")
    for held, now in zip(before, after, strict=True):
        figure(f"{held.sockets} sockets, {now.sockets} afterwards, all clients having gone")
    assert not wrong, f"{len(wrong)} of {len(outcomes)}: {wrong[:5]}"
    assert all(now.sockets <= SOCKETS_MAX for now in after)
    for watch in watches:
        warm = watch.after_warm_up()
        assert max(held.files for held in warm.held) <= max(held.files for held in watch.held[: -len(warm.held)])
        assert max(held.threads for held in warm.held) <= max(held.threads for held in watch.held[: -len(warm.held)])
    if seconds >= HOUR_SECONDS:
        assert max(slopes) < SLOPE_MB_MAX
