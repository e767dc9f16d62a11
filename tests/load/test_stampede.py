"""L3: many ask for the same at once, or for everything anew. Each block is made at most once in each process."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.load.editions import HOT, Editions, all_serving, kept_by_all_workers, port_of, wait_for
from tests.load.rate import Ask, Outcome, Rate, at_once, blocks, percentile
from tests.load.vital import counted
from tests.servers import Running, free_port

CLIENTS = 1_000
P99_RATIO_MAX = 2.0
WARM = HOT[:24]
COLD = [f"/v1/articles/a{number:03}/related?limit=9" for number in range(60, 64)]
POLL: dict[str, Any] = {"SEEALSO_SNAPSHOT_POLL_MS": "20"}


@contextmanager
def without_redis(editions: Editions, log: Path) -> Iterator[Running]:
    """Serve where nothing answers at the address of Redis: all that keeps blocks from being made twice is our own."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with all_serving(editions.index, log, SEEALSO_REDIS_URL=nowhere, **POLL) as service:
        yield service


def crowds(service: Running, paths: list[str]) -> tuple[list[Outcome], float]:
    """Have a crowd ask for each path, one after the other; return what came of it, and how many blocks were made."""
    before = counted(service, "seealso_blocks_total")
    outcomes = [outcome for path in paths for outcome in at_once(port_of(service), [Ask(path)] * CLIENTS)]
    return outcomes, counted(service, "seealso_blocks_total") - before


def check_made_once(service: Running, paths: list[str]) -> None:
    """Say that no process made a block twice; print how many the fleet made."""
    outcomes, made = crowds(service, paths)
    print(f"\n{made:.0f} made for {len(paths)} keys by {len(service.workers())} workers; {told(outcomes)}")  # noqa: T201
    assert len(outcomes) == CLIENTS * len(paths)
    assert made <= len(paths) * len(service.workers())
    assert len({(outcome.path, outcome.body) for outcome in outcomes if outcome.status == 200}) == len(paths)


def told(outcomes: list[Outcome]) -> str:
    """Return in words what came of requests."""
    return ", ".join(f"{count} {status} {level}" for (status, level), count in levels(outcomes).most_common())


def levels(outcomes: list[Outcome]) -> Counter[tuple[int, str]]:
    """Return how often which answer came from where."""
    return Counter((outcome.status, outcome.level) for outcome in outcomes)


def test_a_block_that_a_thousand_want_is_made_once_a_process(editions: Editions, tmp_path: Path) -> None:
    with all_serving(editions.index, tmp_path / "log") as service:
        check_made_once(service, COLD)


def test_a_block_that_a_thousand_want_is_made_once_a_process_without_redis(editions: Editions, tmp_path: Path) -> None:
    with without_redis(editions, tmp_path / "log") as service:
        check_made_once(service, COLD)


def test_nobody_is_refused_who_wants_what_is_being_made(editions: Editions, tmp_path: Path) -> None:
    with all_serving(editions.index, tmp_path / "log") as service:
        outcomes, _ = crowds(service, COLD)
    assert {outcome.status for outcome in outcomes} == {200}, told(outcomes)


def test_after_a_switch_the_hottest_blocks_are_there_and_made_once_a_process(
    editions: Editions, tmp_path: Path
) -> None:
    with without_redis(editions, tmp_path / "log") as service:
        kept_by_all_workers(service, WARM)
        before = counted(service, "seealso_blocks_total")
        with Rate(port_of(service), blocks(WARM), 100.0) as rate:
            published = editions.switch()
            wait_for(service, published)
            time.sleep(0.5)
        made = counted(service, "seealso_blocks_total") - before
        workers = len(service.workers())
    assert {outcome.snapshot for outcome in rate.outcomes[-len(WARM) :]} == {published}
    assert not list(editions.wrong(rate.outcomes))
    assert levels(rate.outcomes).keys() == {(200, "copy")}, told(rate.outcomes)
    assert made == len(WARM) * workers


def test_what_was_not_hot_is_made_once_a_process_after_a_switch(editions: Editions, tmp_path: Path) -> None:
    with without_redis(editions, tmp_path / "log") as service:
        kept_by_all_workers(service, WARM)
        wait_for(service, editions.switch())
        check_made_once(service, COLD)


@pytest.mark.torture
def test_a_crowd_waits_for_a_new_block_no_longer_than_twice_as_for_a_kept_one(
    editions: Editions, lasting: Callable[[float], float], tmp_path: Path
) -> None:
    """The full form; prints its figures."""
    with all_serving(editions.index, tmp_path / "log", **POLL) as service:
        kept_by_all_workers(service, WARM)
        rounds = max(5, round(lasting(60) / 3))
        cold, kept = [], []
        made = 0.0
        for number in range(rounds):
            outcomes, more = crowds(service, [f"{COLD[number % len(COLD)]}&exclude=round{number}"])
            cold += outcomes
            made += more
            kept += crowds(service, [WARM[number % len(WARM)]])[0]
        workers = len(service.workers())
    print(f"\n{made:.0f} made for {rounds} keys, {workers} workers; cold: {told(cold)}; kept: {told(kept)}")  # noqa: T201
    print(f"p99 cold {percentile(cold, 0.99):.1f} ms, kept {percentile(kept, 0.99):.1f} ms")  # noqa: T201
    assert made <= rounds * workers
    assert {outcome.status for outcome in [*cold, *kept]} == {200}
    assert percentile(cold, 0.99) <= P99_RATIO_MAX * percentile(kept, 0.99)
