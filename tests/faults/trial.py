"""A service under a steady load, while something fails: what was answered, how late, and when all was well again.

The short form shows that no answer fails or differs. The full form runs at nearly all that the machine can do, and for
longer; it tells the figures of docs/reliability.md, and holds them against their limits.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from service.editorial import WAIT_SECONDS_MAX as DECIDED_SECONDS_MAX
from tests.figures import figure
from tests.load.rate import Outcome, Rate, blocks, new_blocks, percentile, saturation
from tests.servers import Answer, Running
from tests.waiting import wait_until

ARTICLES = 60
# Many addresses, all of which have been made once: what a page view finds, it finds in Redis.
PATHS = [f"/v1/articles/a{number:03}/related?limit={limit}" for limit in (6, 12) for number in range(ARTICLES)]
SATURATION_SHARE = 0.7
SATURATION_SECONDS = 5.0
WAIT_SECONDS_MAX = 60.0
# Every worker has to be met, and which one answers is chance.
SEEN_IN_A_ROW = 12
# What docs/reliability.md promises of the full form.
FIRST_SECOND_MORE_MS = 60.0
THEN_TIMES_MAX = 2.0
BACK_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Form:
    """How hard and how long: requests a second (None: SATURATION_SHARE of the saturation), seconds before and in it."""

    per_second: float | None
    steady_s: float
    fault_s: float


SHORT = Form(40.0, 0.5, 1.0)
FULL = Form(None, 15.0, 20.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a trial came to; the 99th percentiles in milliseconds: before, in the first second, from then on, after.

    `wrong`: each request that failed, or was not answered as it is without a fault.
    """

    name: str
    requests: int
    per_second: float
    wrong: list[str]
    before_ms: float
    first_ms: float
    then_ms: float
    after_ms: float
    back_s: float

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.requests:,} requests, {self.per_second:.0f} a second, {len(self.wrong)} failed; p99 "
            f"{self.before_ms:.1f} ms, {self.first_ms:.1f} ms in the first second, {self.then_ms:.1f} ms then, "
            f"{self.after_ms:.1f} ms after; up again after {self.back_s:.1f} s"
        )

    def check_answers(self) -> None:
        """Hold against what is promised what was answered."""
        assert not self.wrong, f"{self}: {self.wrong[0]} ... {self.wrong[-1]}"

    def check(self) -> None:
        """Hold against what is promised what was answered, and how late."""
        figure(str(self))
        self.check_answers()
        assert self.first_ms <= self.before_ms + FIRST_SECOND_MORE_MS
        assert self.then_ms <= self.before_ms * THEN_TIMES_MAX
        assert self.back_s <= BACK_SECONDS_MAX


def answers_of(service: Running, paths: Sequence[str] = PATHS) -> dict[str, bytes]:
    """Return what is answered to each path now."""
    answers = {path: service.get(path) for path in paths}
    assert {answer.status for answer in answers.values()} == {200}
    return {path: answer.body for path, answer in answers.items()}


def tried(
    name: str,
    service: Running,
    expected: Mapping[str, bytes],
    fault: AbstractContextManager[None],
    form: Form,
    given_up: bool,
) -> Figures:
    """Ask for blocks at a fixed rate before, in and after a fault.

    `given_up`: whether the service has to notice, and be without Redis as long as it lasts.
    """
    wait_for(service, "up")
    share = per_second(service, expected, form)
    with Rate(service.port, blocks(expected), share) as rate:
        time.sleep(form.steady_s)
        began = time.monotonic()
        with fault:
            if given_up:
                wait_for(service, "down")
            time.sleep(max(0.0, began + form.fault_s - time.monotonic()))
            ended = time.monotonic()
        back_s = wait_for(service, "up") - ended
        time.sleep(form.steady_s)
    wait_until(lambda: service.get(PATHS[0]).headers["x-seealso-cache"] == "redis")
    return Figures(
        name,
        len(rate.outcomes),
        share,
        [*wrong_answers(rate.outcomes, expected, began)],
        p99_ms(rate.outcomes, 0.0, began),
        p99_ms(rate.outcomes, began, began + 1),
        p99_ms(rate.outcomes, began + 1, ended),
        p99_ms(rate.outcomes, ended + back_s, time.monotonic()),
        back_s,
    )


def per_second(service: Running, paths: Iterable[str], form: Form) -> float:
    """Return how many requests a second a form means.

    The saturation is that of blocks which have to be made: without Redis, and with no copies, all of them are.
    """
    if form.per_second is not None:
        return form.per_second
    return SATURATION_SHARE * saturation(service.port, new_blocks(paths), SATURATION_SECONDS)


def wrong_answers(outcomes: Iterable[Outcome], expected: Mapping[str, bytes], began: float) -> Iterator[str]:
    """Yield each request that failed, or was not answered as it is without a fault; `began`: when the fault did."""
    for outcome in outcomes:
        if outcome.status != 200 or outcome.body != expected[outcome.path]:
            what = f"{outcome.path}: {outcome.status} after {outcome.seconds:.3f} s {outcome.body[:200]!r}"
            yield f"{outcome.due - began:+.3f} s: {what}"


def decided(answer: Answer) -> bool:
    """Return whether something was decided, and no worker answers without it.

    It is a 202 where the worker that decided it did not read it in time: it answers nobody until it has.
    """
    unconfirmed = answer.headers.get("x-seealso-unconfirmed", "")
    return answer.status == 200 or (
        answer.status == 202 and unconfirmed.startswith("this worker, which answers nobody")
    )


def waited_in_vain(status: int, body: bytes, seconds: float) -> bool:
    """Return whether somebody was refused for whom what was being decided was not read in time.

    Who waited less is not refused for that; and where a machine does nothing else, nobody waits so long.
    """
    return status == 503 and b"editorial-unavailable" in body and seconds >= DECIDED_SECONDS_MAX


def p99_ms(outcomes: Iterable[Outcome], begin: float, end: float) -> float:
    """Return the 99th percentile of what was due between two moments; 0 if nothing was."""
    among = [outcome for outcome in outcomes if begin <= outcome.due < end]
    return percentile(among, 0.99) if among else 0.0


def wait_for(service: Running, state: str) -> float:
    """Return the moment from which every worker said that its cache is up, or down, once they do.

    Each is asked for blocks meanwhile: one that never needs Redis does not learn that it is gone.
    """
    end = time.monotonic() + WAIT_SECONDS_MAX
    since, seen = time.monotonic(), 0
    while seen < SEEN_IN_A_ROW:
        service.get(PATHS[0])
        if service.get("/version").json()["cache"] == state:
            seen += 1
        else:
            since, seen = time.monotonic(), 0
        assert time.monotonic() < end, f"the cache is never {state}:\n{service.log.read_text()[-2_000:]}"
        time.sleep(0.01)
    return since
