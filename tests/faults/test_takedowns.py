"""T1, T2: what was taken down is shown nowhere once that is acknowledged, whatever fails meanwhile and afterwards."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from math import inf
from pathlib import Path
from typing import NamedTuple

import pytest

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.faults.redis_server import RedisServer
from tests.faults.surrogate_cache import SurrogateCache
from tests.faults.test_redis import hung, killed
from tests.faults.trial import SATURATION_SECONDS, SATURATION_SHARE, decided, waited_in_vain
from tests.figures import figure
from tests.load.editions import ARTICLES, HOT, HTML, Editions, made_editions
from tests.load.rate import Outcome, Rate, blocks, saturation
from tests.servers import Running, serving

PER_SECOND = 60.0
# Readers ask between two takedowns.
PAUSE_S = 0.05
PATIENT = {"SEEALSO_WAIT_MS": "20000"}
PATHS = [*HOT, *HTML]
# Within this time after the acknowledgement the machine goes down.
KILLED_WITHIN_S = 0.05


class Taken(NamedTuple):
    """An article that is down, from the acknowledgement on until somebody sets about to restore it."""

    article_id: str
    begin: float
    end: float

    @property
    def named(self) -> bytes:
        """Return what stands in an answer that shows it: its id, or the address made of it."""
        return f"{self.article_id}".encode()


Fault = Callable[[RedisServer], AbstractContextManager[None]]


def up(_: RedisServer) -> AbstractContextManager[None]:
    return nullcontext()


FAULTS: list[Fault] = [up, hung, killed]


@pytest.fixture
def editions(tmp_path: Path) -> Editions:
    """An index of its own for each test: what is taken down stays down."""
    return made_editions(tmp_path / "index")


@contextmanager
def asked(editions: Editions, folder: Path, redis_url: str, workers: int, **settings: str) -> Iterator[Running]:
    given = {"SEEALSO_REDIS_URL": redis_url, "SEEALSO_SNAPSHOT_POLL_MS": "50"} | settings
    with serving(editions.index, folder / "log", workers, True, **given) as running:
        yield running


def take_down(service: Running, key: str, article_id: str) -> list[str]:
    """Take an article down; return the keys by which a cache drops it."""
    answer = service.send("POST", f"/v1/articles/{article_id}/takedown", {"reason": "tried"}, key)
    assert decided(answer), answer
    keys: list[str] = answer.json()["purge"]["keys"]
    return keys


def restore(service: Running, key: str, article_id: str) -> None:
    answer = service.send("DELETE", f"/v1/articles/{article_id}/takedown?reason=tried", None, key)
    assert decided(answer), answer


@contextmanager
def deciding(service: Running, key: str) -> Iterator[None]:
    """Take an article down and restore it all the while, at the pace of the test: what can be answered is less then."""
    over = threading.Event()

    def decide() -> None:
        while not over.wait(PAUSE_S):
            take_down(service, key, "a000")
            restore(service, key, "a000")

    with ThreadPoolExecutor(1) as one:
        done = one.submit(decide)
        try:
            yield
        finally:
            over.set()
        done.result()


def shown_after(outcomes: list[Outcome], taken: Sequence[Taken]) -> list[str]:
    """Return each answer that shows an article although it was asked for, and had come, while it was down.

    What was asked for before somebody set about to restore the article, and came after that, may show it again.
    """
    return [
        f"{outcome.path} shows {each.article_id} {outcome.due - each.begin:.3f} s after: {outcome.level}"
        for outcome in outcomes
        for each in taken
        if each.begin < outcome.due
        and outcome.due + outcome.seconds < each.end
        and outcome.status == 200
        and each.named in outcome.body
    ]


def check_nowhere(service: Running, taken: Sequence[Taken]) -> None:
    """Ask each worker for everything; nothing that is down is shown."""
    down = [each for each in taken if each.end == inf]
    gone = {each.article_id for each in down}
    for path in PATHS * 4:
        answer = service.get(path)
        assert answer.status == (410 if path.split("/")[3] in gone else 200), path
        assert not [each for each in down if answer.status == 200 and each.named in answer.body], path


def tried(
    editions: Editions, folder: Path, redis: RedisServer, fault: Fault, takedowns: int, workers: int, short: bool
) -> None:
    """Take articles down under load, some of them again and again, and look for them in all that was answered."""
    chance = random.Random(6)
    key = create_key(Store(editions.index), "T1", "editor", "test")[1]
    taken: dict[str, Taken] = {}
    over: list[Taken] = []
    settings = PATIENT if short else {}
    with (
        asked(editions, folder, redis.url, workers, **settings) as service,
        SurrogateCache(service.port).running() as cache,
    ):
        per_second = PER_SECOND
        if not short:
            with deciding(service, key):
                per_second = SATURATION_SHARE * saturation(service.port, blocks(PATHS), SATURATION_SECONDS)
        with (
            Rate(service.port, blocks(PATHS), per_second) as direct,
            Rate(cache.port, blocks(PATHS[:6]), PER_SECOND) as cached,
            fault(redis),
        ):
            for number in range(takedowns):
                article_id = f"a{chance.randrange(ARTICLES):03}"
                time.sleep(PAUSE_S)
                if article_id in taken or len(taken) > ARTICLES // 4:  # so that there is something left to show
                    again = article_id if article_id in taken else chance.choice([*taken])
                    over.append(taken.pop(again)._replace(end=time.monotonic()))
                    restore(service, key, again)
                cache.purge(take_down(service, key, article_id))
                taken[article_id] = Taken(article_id, time.monotonic(), inf)
                if number % max(1, takedowns // 4) == 1:
                    editions.switch()
        check_nowhere(service, [*taken.values()])
    outcomes = [*direct.outcomes, *cached.outcomes]
    shown = shown_after(outcomes, [*taken.values(), *over])
    wrong = [each for each in outcomes if each.status not in (200, 410) and not each.busy]
    if short:
        wrong = [each for each in wrong if not waited_in_vain(each.status, each.body, each.seconds)]
    figure(
        f"{fault.__name__}: {len(taken) + len(over):,} takedowns; {len(direct.outcomes):,} answers, {per_second:,.0f} "
        f"a second, and {len(cached.outcomes):,} through a cache, of which it kept {cache.hits:,}: {len(shown)} showed "
        f"what was down, {len(wrong)} failed, {sum(each.busy for each in outcomes):,} were refused as too much"
    )
    assert not shown, f"{len(shown)}: {shown[:3]}"
    assert not wrong, Counter((each.status, each.body[:100]) for each in wrong).most_common(5)
    assert cache.hits
    with asked(editions, folder, redis.url, workers, **PATIENT) as service:  # after a restart
        check_nowhere(service, [*taken.values()])


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_that_was_taken_down_is_shown(
    editions: Editions, redis_server: RedisServer, tmp_path: Path, fault: Fault
) -> None:
    tried(editions, tmp_path, redis_server, fault, 12, 2, short=True)


@pytest.mark.torture
@pytest.mark.row("T1")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_thousand_takedowns_under_load(
    editions: Editions, redis_server: RedisServer, tmp_path: Path, fault: Fault
) -> None:
    tried(editions, tmp_path, redis_server, fault, 1_000, 4, short=False)


def killed_after(editions: Editions, folder: Path, redis_url: str, number: int, delay_s: float, first: int = 0) -> None:
    """Kill everything soon after an acknowledgement; what was taken down is down when it comes up again.

    `first`: from this article on, others were taken down before.
    """
    article_id = f"a{number:03}"
    key = create_key(Store(editions.index), "T2", "editor", "test")[1]
    with asked(editions, folder, redis_url, 2, **PATIENT) as service:
        take_down(service, key, article_id)
        time.sleep(delay_s)
        for process in [service.process.pid, *service.workers()]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    with asked(editions, folder, redis_url, 2, **PATIENT) as service:
        check_nowhere(service, [Taken(f"a{each:03}", 0.0, inf) for each in range(first, number + 1)])


def test_takedown_survives_a_kill_right_after_it(editions: Editions, redis_server: RedisServer, tmp_path: Path) -> None:
    killed_after(editions, tmp_path, redis_server.url, 3, 0.0, first=3)


@pytest.mark.torture
@pytest.mark.row("T2")
def test_takedowns_survive_kills_at_any_moment(editions: Editions, redis_server: RedisServer, tmp_path: Path) -> None:
    chance = random.Random(2)
    for number in range(40):
        killed_after(editions, tmp_path, redis_server.url, number, chance.uniform(0.0, KILLED_WITHIN_S))
    figure("40 kills within 50 ms after the acknowledgement: all takedowns hold")
