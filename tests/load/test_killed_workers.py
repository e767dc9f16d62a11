"""F3, in full: a worker killed every few seconds. What was in flight in it fails, nothing else, and no second try."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.figures import figure
from tests.load.editions import HOT, HTML, Editions, all_serving
from tests.load.rate import Rate, blocks, percentile, saturation

EVERY_SECONDS = 5.0
# What those that are left can answer alone, while the one that was killed comes back and has nothing kept yet.
STEADY = 0.3
# A connection's end is heard of at once; a machine that is busy elsewhere may be late to hear.
HEARD_SECONDS_MAX = 2.0


@pytest.mark.torture
@pytest.mark.row("F3")
def test_a_worker_killed_every_five_seconds_fails_only_what_was_in_flight_in_it(
    editions: Editions, lasting: Callable[[float], float], tmp_path: Path
) -> None:
    chance = random.Random(3)
    with all_serving(editions.index, tmp_path / "log") as service:
        port, first = service.port, set(service.workers())
        per_second = STEADY * saturation(port, blocks([*HOT, *HTML]), 5)
        killed: list[float] = []
        end = time.monotonic() + lasting(600)
        with Rate(port, blocks([*HOT, *HTML]), per_second, again_max=1) as rate:
            while time.monotonic() < end:
                time.sleep(EVERY_SECONDS)
                os.kill(chance.choice(service.workers()), signal.SIGKILL)
                killed.append(time.monotonic())
            time.sleep(EVERY_SECONDS)
        assert service.process.poll() is None
        assert len(service.workers()) == len(first)
        assert service.get(HOT[0]).status == 200
    wrong = list(editions.wrong(rate.outcomes))
    again = [outcome for outcome in rate.outcomes if outcome.again]
    figure(
        f"{len(killed)} workers killed; {len(rate.outcomes):,} requests, {per_second:,.0f} a second; "
        f"{len(again)} were in flight and were sent again, {len(wrong)} failed; "
        f"p99 {percentile(rate.outcomes, 0.99):.1f} ms"
    )
    assert not wrong, f"{len(wrong)} of {len(rate.outcomes)}: {wrong[:5]}"
    for outcome in again:
        assert any(outcome.due - HEARD_SECONDS_MAX <= moment <= outcome.due + outcome.seconds for moment in killed)
