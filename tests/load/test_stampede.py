"""L3: many ask for the same at once, or for everything anew. Each block is made at most once in each process."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.cache import OTHERS_SECONDS_MAX
from service.views import CROWD_SECONDS_MAX
from tests.figures import figure
from tests.load.editions import HOT, Editions, all_serving, kept_by_all_workers, wait_for, wait_for_redis
from tests.load.rate import Ask, Outcome, Rate, at_once, blocks, percentile
from tests.load.vital import counted, counted_by_worker
from tests.servers import Running, free_port
from tests.waiting import wait_until

CLIENTS = 1_000
P99_RATIO_MAX = 2.0
WARM = HOT[:24]
COLD = [f"/v1/articles/a{number:03}/related?limit=9" for number in range(60, 64)]
ALL_COLD = [f"{path}?limit=7" for path in HOT]
# Of many refused at once, some find room in each further round.
ROUNDS_MAX = 40
POLL: dict[str, Any] = {"SEEALSO_SNAPSHOT_POLL_MS": "20"}


@contextmanager
def without_redis(editions: Editions, log: Path) -> Iterator[Running]:
    """Serve where nothing answers at the address of Redis: all that keeps blocks from being made twice is our own."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with all_serving(editions.index, log, SEEALSO_REDIS_URL=nowhere, **POLL) as service:
        yield service


def made_by_worker(service: Running) -> Counter[int]:
    """Return how many blocks each worker has made so far."""
    return Counter({worker: int(made) for worker, made in counted_by_worker(service, "seealso_blocks_total").items()})


def crowds(service: Running, paths: list[str], clients: int = CLIENTS) -> tuple[list[Outcome], list[Counter[int]]]:
    """Have a crowd ask for each path, one after the other.

    Return what came of it, and for each path how many blocks each worker made.
    """
    outcomes, made = list[Outcome](), list[Counter[int]]()
    for path in paths:
        before = made_by_worker(service)
        outcomes += at_once(service.port, [Ask(path)] * clients)
        made.append(made_by_worker(service) - before)
    return outcomes, made


def check_made_once(service: Running, paths: list[str]) -> None:
    """Say that no process made a block twice; tell how many the fleet made."""
    outcomes, made = crowds(service, paths)
    fleet = sum(each.total() for each in made)
    figure(f"{fleet} made for {len(paths)} keys by {len(service.workers())} workers; {told(outcomes)}")
    assert len(outcomes) == CLIENTS * len(paths)
    assert all(each.total() for each in made)
    assert max(max(each.values()) for each in made) == 1, made
    assert len({(outcome.path, outcome.body) for outcome in outcomes if outcome.status == 200}) == len(paths)


def told(outcomes: list[Outcome]) -> str:
    """Return in words what came of requests."""
    return ", ".join(f"{count:,} {status} {level}" for (status, level), count in levels(outcomes).most_common())


def levels(outcomes: list[Outcome]) -> Counter[tuple[int, str]]:
    """Return how often which answer came from where."""
    return Counter((outcome.status, outcome.level) for outcome in outcomes)


def due_after(rate: Rate, moment: float) -> list[Outcome]:
    """Return what has come so far of the requests that were due after a moment."""
    return [outcome for outcome in rate.outcomes if outcome.due > moment]


def test_a_block_that_a_thousand_want_is_made_once_a_process(editions: Editions, tmp_path: Path) -> None:
    with all_serving(editions.index, tmp_path / "log") as service:
        check_made_once(service, COLD)


def test_a_block_that_a_thousand_want_is_made_once_a_process_without_redis(editions: Editions, tmp_path: Path) -> None:
    with without_redis(editions, tmp_path / "log") as service:
        check_made_once(service, COLD)


def test_nobody_is_refused_who_wants_what_is_being_made(editions: Editions, tmp_path: Path) -> None:
    with all_serving(editions.index, tmp_path / "log") as service:
        outcomes, _ = crowds(service, COLD)
    # But for who found no room in the line, and waited as long as one does without.
    refused = [each for each in outcomes if each.status != 200]
    assert all(each.busy and each.seconds >= CROWD_SECONDS_MAX for each in refused), told(outcomes)


def test_after_a_switch_the_hottest_blocks_are_there_and_made_once_a_process(
    editions: Editions, tmp_path: Path
) -> None:
    with without_redis(editions, tmp_path / "log") as service:
        kept_by_all_workers(service, WARM)
        before = counted(service, "seealso_blocks_total")
        with Rate(service.port, blocks(WARM), 100.0) as rate:
            published = editions.switch()
            wait_for(service, published)
            switched = time.monotonic()
            wait_until(lambda: len(due_after(rate, switched)) >= len(WARM))
        made = counted(service, "seealso_blocks_total") - before
        workers = len(service.workers())
    assert {outcome.snapshot for outcome in due_after(rate, switched)} == {published}
    assert not list(editions.wrong(rate.outcomes))
    assert levels(rate.outcomes).keys() == {(200, "copy")}, told(rate.outcomes)
    assert made == len(WARM) * workers


def test_what_was_not_hot_is_made_once_a_process_after_a_switch(editions: Editions, tmp_path: Path) -> None:
    with without_redis(editions, tmp_path / "log") as service:
        kept_by_all_workers(service, WARM)
        wait_for(service, editions.switch())
        check_made_once(service, COLD)


def check_all_cold_made_once(service: Running, editions: Editions) -> None:
    """Switch, and have crowds ask for many keys at once, which nobody has; say that no process made a block twice."""
    published = editions.switch()
    wait_for(service, published)
    before = made_by_worker(service)
    asked, outcomes = ALL_COLD, list[Outcome]()
    for _ in range(ROUNDS_MAX):
        outcomes += at_once(service.port, [Ask(path) for path in asked for _ in range(CLIENTS // len(ALL_COLD))])
        answered = {outcome.path for outcome in outcomes if outcome.status == 200}
        asked = [path for path in ALL_COLD if path not in answered]
        if not asked:
            break
    made, workers = made_by_worker(service) - before, len(service.workers())
    figure(f"{made.total()} made for {len(ALL_COLD)} keys by {workers} workers; {told(outcomes)}")
    assert not asked
    assert {outcome.status for outcome in outcomes if not outcome.busy} == {200}
    assert {outcome.snapshot for outcome in outcomes if outcome.status == 200} == {published}
    assert len({(outcome.path, outcome.body) for outcome in outcomes if outcome.status == 200}) == len(ALL_COLD)
    assert max(made.values()) <= len(ALL_COLD)
    assert max(Counter(outcome.path for outcome in outcomes if outcome.level == "miss").values()) <= workers


def test_all_that_is_cold_after_a_switch_is_made_once_a_process(editions: Editions, tmp_path: Path) -> None:
    with all_serving(editions.index, tmp_path / "log", **POLL) as service:
        check_all_cold_made_once(service, editions)


def test_all_that_is_cold_after_a_switch_is_made_once_a_process_without_redis(
    editions: Editions, tmp_path: Path
) -> None:
    with without_redis(editions, tmp_path / "log") as service:
        check_all_cold_made_once(service, editions)


def test_what_is_cold_after_a_switch_is_made_about_once_in_all_where_there_is_redis(
    editions: Editions, tmp_path: Path
) -> None:
    """One key after the other: where all are made at once, many take longer than a worker waits for another.

    Who waited so long in vain makes it as well; before that, one worker in all does.
    """
    patient: dict[str, Any] = {"SEEALSO_REDIS_TIMEOUT_MS": "10000", "SEEALSO_WAIT_MS": "20000"}
    with all_serving(editions.index, tmp_path / "log", **POLL, **patient) as service:
        published = editions.switch()
        wait_for(service, published)
        wait_for_redis(service)
        outcomes, made = crowds(service, ALL_COLD, CLIENTS // len(ALL_COLD))
    fleet = sum(each.total() for each in made)
    figure(f"{fleet} made for {len(ALL_COLD)} keys; {told(outcomes)}")
    assert {(outcome.status, outcome.snapshot) for outcome in outcomes} == {(200, published)}
    assert all(max(each.values()) == 1 for each in made)
    early = Counter(each.path for each in outcomes if each.level == "miss" and each.seconds < OTHERS_SECONDS_MAX)
    assert not early or max(early.values()) == 1
    assert (200, "redis") in levels(outcomes)


@pytest.mark.torture
@pytest.mark.row("L3")
def test_a_crowd_waits_for_a_new_block_no_longer_than_twice_as_for_a_kept_one(
    editions: Editions, lasting: Callable[[float], float], tmp_path: Path
) -> None:
    """The full form; tells its figures."""
    with all_serving(editions.index, tmp_path / "log", **POLL) as service:
        kept_by_all_workers(service, WARM)
        rounds = max(5, round(lasting(60) / 3))
        cold, kept = [], []
        made = 0
        for number in range(rounds):
            outcomes, more = crowds(service, [f"{COLD[number % len(COLD)]}&exclude=round{number}"])
            cold += outcomes
            made += more[0].total()
            kept += crowds(service, [WARM[number % len(WARM)]])[0]
        workers = len(service.workers())
    figure(
        f"{made} made for {rounds} keys, {workers} workers; cold: {told(cold)}, p99 {percentile(cold, 0.99):.1f} ms; "
        f"kept: {told(kept)}, p99 {percentile(kept, 0.99):.1f} ms"
    )
    assert made <= rounds * workers
    assert {outcome.status for outcome in [*cold, *kept]} == {200}
    assert percentile(cold, 0.99) <= P99_RATIO_MAX * percentile(kept, 0.99)
