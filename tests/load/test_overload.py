"""L1: more is asked than can be answered. It is refused with 503 and Retry-After; the rest, and copies, are served."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.figures import figure
from tests.load.editions import HOT, Editions, all_serving, kept_by_all_workers
from tests.load.rate import Ask, Outcome, Rate, at_once, blocks, new_blocks, percentile, saturation
from tests.servers import Running

TOO_MUCH = 2.0
STEADY = 0.7
RAMP = (0.25, 0.5, STEADY, 0.85, 1.0)
COPIES_PER_SECOND = 50.0
# In turn, and no multiple of the blocks, so that each worker is asked for each: what nobody asks it for, it lets go.
COPIES_CONNECTIONS = 67
P99_RATIO_MAX = 3.0
RECOVERY_SECONDS = 10.0


def neither_served_nor_refused_well(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return what is neither a block nor told to come again later."""
    return [outcome for outcome in outcomes if outcome.status != 200 and not outcome.busy]


def test_what_is_too_much_is_refused_and_the_rest_is_answered(editions: Editions, tmp_path: Path) -> None:
    """One worker with one place: a hundred at once are too many."""
    settings: dict[str, Any] = {"SEEALSO_THREADS": "1", "SEEALSO_WAIT_MS": "5"}
    with all_serving(editions.index, tmp_path / "log", workers=1, **settings) as service:
        kept_by_all_workers(service, HOT[:12])
        most = saturation(service.port, new_blocks(HOT), 1.0, connections=1)
        with (
            Rate(service.port, new_blocks(HOT), TOO_MUCH * most) as load,
            Rate(service.port, blocks(HOT[:12]), COPIES_PER_SECOND) as copied,
        ):
            time.sleep(1)
            crowd = at_once(service.port, [each for each, _ in zip(new_blocks(HOT), range(100), strict=False)])
            time.sleep(2)
        outcomes = [*load.outcomes, *crowd]
        assert not neither_served_nor_refused_well(outcomes)
        assert {outcome.status for outcome in outcomes} == {200, 503}
        assert any(outcome.busy for outcome in crowd)
        assert {(outcome.status, outcome.level) for outcome in copied.outcomes} == {(200, "copy")}
        afterwards = saturated_by_one(service)
    assert {outcome.status for outcome in afterwards} == {200}


def saturated_by_one(service: Running) -> list[Outcome]:
    """Ask for new blocks one after the other."""
    asks = [each for each, _ in zip(new_blocks(HOT), range(24), strict=False)]
    with Rate(service.port, asks, None, connections_max=1) as rate:
        rate.finish()
    return rate.outcomes


def test_nobody_waits_for_an_article_that_is_not_there(editions: Editions, redis_url: str, tmp_path: Path) -> None:
    """A piece that is not indexed yet may be the most read of all: it may not hold the places of the others."""
    with all_serving(editions.index, tmp_path / "log", SEEALSO_REDIS_URL=redis_url) as service:
        before = asked_of_redis(redis_url)
        asks = [Ask("/v1/articles/not-indexed-yet/related")] * 20
        with Rate(service.port, asks, None, connections_max=1) as rate:
            rate.finish()
        often = asked_of_redis(redis_url) - before
    assert {outcome.status for outcome in rate.outcomes} == {404}
    assert often <= len(asks), f"Redis was asked {often} times for {len(asks)} requests"


def asked_of_redis(url: str) -> int:
    """Return how often answers were looked for in Redis."""
    with redis.Redis.from_url(url) as client:
        statistics: dict[str, dict[str, int]] = client.info("commandstats")
    return statistics.get("cmdstat_get", {}).get("calls", 0)


@pytest.mark.torture
@pytest.mark.row("L1")
def test_twice_what_can_be_answered(editions: Editions, lasting: Callable[[float], float], tmp_path: Path) -> None:
    """The full form, with the default settings; tells its figures."""
    step_s, over_s = lasting(60) / 6, lasting(60)
    with all_serving(editions.index, tmp_path / "log") as service:
        most = saturation(service.port, new_blocks(HOT), step_s)
        shares = {share: asked(service, share * most, step_s) for share in RAMP}
        late_ms = {share: percentile(served(outcomes), 0.99) for share, outcomes in shares.items()}
        ramp = ", ".join(f"{late:.1f} ms at {share:.0%}" for share, late in late_ms.items())
        figure(f"{most:,.0f} blocks made a second at most; p99 {ramp}")
        steady = late_ms[STEADY]
        kept_by_all_workers(service, HOT[:24])
        with Rate(service.port, blocks(HOT[:24]), COPIES_PER_SECOND, opened=COPIES_CONNECTIONS) as copied:
            over = asked(service, TOO_MUCH * most, over_s)
        after = asked(service, STEADY * most, 2 * RECOVERY_SECONDS)
    late = [outcome for outcome in after if outcome.due > after[0].due + RECOVERY_SECONDS]
    levels = Counter((outcome.status, outcome.level) for outcome in copied.outcomes)
    kept = ", ".join(f"{count:,} {status} {level}" for (status, level), count in levels.most_common())
    figure(f"at {TOO_MUCH:.0%} {in_words(over, over_s)}, and of kept blocks {kept}")
    figure(f"from {RECOVERY_SECONDS:.0f} s afterwards on, at {STEADY:.0%}, {in_words(late, RECOVERY_SECONDS)}")
    everything = [*over, *after, *(outcome for outcomes in shares.values() for outcome in outcomes)]
    assert not neither_served_nor_refused_well(everything)
    assert levels.keys() == {(200, "copy")}
    assert any(outcome.busy for outcome in over)
    assert {outcome.status for outcome in late} == {200}
    assert percentile(served(over), 0.99) <= P99_RATIO_MAX * steady
    assert percentile(late, 0.99) <= P99_RATIO_MAX * steady


def asked(service: Running, per_second: float, seconds: float) -> list[Outcome]:
    """Ask for new blocks at a rate."""
    with Rate(service.port, new_blocks(HOT), per_second) as rate:
        time.sleep(seconds)
    return rate.outcomes


def served(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return what was answered with a block."""
    return [outcome for outcome in outcomes if outcome.status == 200]


def in_words(outcomes: Sequence[Outcome], seconds: float) -> str:
    """Return what came of requests at a rate."""
    many, p50, p99 = len(served(outcomes)), percentile(served(outcomes), 0.5), percentile(served(outcomes), 0.99)
    refused = (len(outcomes) - many) / seconds
    return f"{many / seconds:,.0f} served and {refused:,.0f} refused a second, p50 {p50:.1f}, p99 {p99:.1f} ms"
