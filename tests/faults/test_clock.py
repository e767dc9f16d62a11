"""F8: the machine's clock is set an hour forward or back, and lifetimes, breakers and limits keep working.

In the process, `time.time` is set; in real processes, Redis among them, the clock that the C library tells.
"""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient

import service.copies
from seealso.settings import ServiceSettings
from service.app import create_app
from service.cache import KEY_PREFIX
from service.link import FAILURES_TO_OPEN, Link, Unreachable
from service.own_redis import OwnRedis
from tests.faults.clock import OwnClock, TheirClock
from tests.faults.redis_server import RedisServer
from tests.faults.trial import PATHS, Form, answers_of, wait_for, wrong_answers
from tests.figures import figure
from tests.kept import kept_in
from tests.load.rate import Rate, blocks
from tests.makers import HashEncoder, articles, index_of
from tests.servers import Running, serving
from tests.waiting import wait_until

HOUR_S = 3_600
STEPS = pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])
SECONDS_MAX = 30.0
PATH = "/v1/articles/a000/related"
BATCH = {"articles": ["a000"]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> OwnClock:
    return OwnClock(monkeypatch)


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """A Redis that a test may break."""
    with OwnRedis() as server:
        yield server


@pytest.fixture
def make_app(index: Path, own_redis: OwnRedis) -> Iterator[Callable[..., APIFlask]]:
    apps: list[APIFlask] = []

    def make(**settings: object) -> APIFlask:
        given: dict[str, object] = {"index": index, "redis_url": own_redis.url, "redis_timeout_ms": 10_000} | settings
        apps.append(create_app(ServiceSettings(**given), HashEncoder))  # type: ignore[arg-type]
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["seealso"].cache.close()


# limits


def send(client: FlaskClient, times: int) -> list[int]:
    return [client.post("/v1/related", json=BATCH).status_code for _ in range(times)]


@STEPS
def test_who_was_refused_is_not_refused_for_an_hour_and_limits_still_hold(
    clock: OwnClock, make_app: Callable[..., APIFlask], step_s: float
) -> None:
    client = make_app(rate_limit="3/minute").test_client()
    assert send(client, 4) == [200, 200, 200, 429]
    clock.step(step_s)
    assert send(client, 4) == [200, 200, 200, 429]
    assert int(client.post("/v1/related", json=BATCH).headers["Retry-After"]) <= 61


@STEPS
def test_process_that_counts_by_itself_does_not_refuse_for_an_hour_either(
    clock: OwnClock, make_app: Callable[..., APIFlask], own_redis: OwnRedis, step_s: float
) -> None:
    client = make_app(rate_limit="3/minute").test_client()
    own_redis.close()
    assert send(client, 4) == [200, 200, 200, 429]
    clock.step(step_s)
    assert send(client, 4) == [200, 200, 200, 429]
    assert int(client.post("/v1/related", json=BATCH).headers["Retry-After"]) <= 61


@STEPS
def test_clock_that_is_set_while_redis_is_gone_fails_nobody(
    clock: OwnClock, make_app: Callable[..., APIFlask], own_redis: OwnRedis, step_s: float
) -> None:
    client = make_app(rate_limit="3/minute").test_client()
    assert send(client, 4) == [200, 200, 200, 429]
    own_redis.close()
    clock.step(step_s)
    assert send(client, 4) == [200, 200, 200, 429]


@STEPS
def test_counts_of_others_in_the_same_redis_stay(
    clock: OwnClock, make_app: Callable[..., APIFlask], own_redis: OwnRedis, step_s: float
) -> None:
    client = make_app(rate_limit="3/minute").test_client()
    with redis.Redis.from_url(own_redis.url) as server:
        # Another program's, by the same library.
        server.set("LIMITS:LIMITER/theirs/198.51.100.1/login/5/1/hour", 5, ex=HOUR_S)
        assert send(client, 4) == [200, 200, 200, 429]
        clock.step(step_s)
        assert send(client, 1) == [200]
        assert server.get("LIMITS:LIMITER/theirs/198.51.100.1/login/5/1/hour") == b"5"


@STEPS
def test_redis_whose_clock_is_set_has_nobody_refused_for_an_hour(
    make_app: Callable[..., APIFlask], their_clock: TheirClock, step_s: int
) -> None:
    with RedisServer(their_clock.environment) as server:
        client = make_app(redis_url=server.url, rate_limit="3/minute").test_client()
        assert send(client, 4) == [200, 200, 200, 429]
        their_clock.set(step_s)
        with server.client() as asked:
            wait_until(lambda: abs(asked.time()[0] - time.time() - step_s) < HOUR_S / 4)
        refused = client.post("/v1/related", json=BATCH)
        assert refused.status_code == 200 or int(refused.headers["Retry-After"]) <= 61


# the breaker


@STEPS
def test_redis_is_given_up_tried_and_used_again_whatever_the_clock_says(
    clock: OwnClock, own_redis: OwnRedis, step_s: float
) -> None:
    failures: list[str] = []
    at_down: list[int] = []  # how many there were when it was given up
    link = Link(own_redis.url, 2_000, 2, failures.append, lambda down: at_down.append(len(failures)) if down else None)
    wait_until(lambda: link.up)
    link.call("SET", "key", "value")
    clock.step(step_s)
    assert link.call("GET", "key") == b"value"
    os.kill(own_redis.process_id, signal.SIGSTOP)
    while link.up:
        with pytest.raises(Unreachable):
            link.call("GET", "key")
    wait_until(lambda: bool(at_down))
    assert at_down[0] <= FAILURES_TO_OPEN + 1
    clock.step(step_s)
    failed = len(failures)
    wait_until(lambda: len(failures) > failed + 1)  # it is tried again, and again
    clock.step(-step_s)
    os.kill(own_redis.process_id, signal.SIGCONT)
    wait_until(lambda: link.up)
    assert link.call("GET", "key") == b"value"
    link.close()


# lifetimes


@STEPS
def test_what_redis_keeps_has_the_lifetime_that_is_set(
    clock: OwnClock, make_app: Callable[..., APIFlask], own_redis: OwnRedis, step_s: float
) -> None:
    client = make_app(cache_ttl_s=600, copies_mb=0).test_client()
    with redis.Redis.from_url(own_redis.url) as server:
        for path in (PATH, PATH + "?limit=3"):  # before, and after
            server.flushall()
            assert client.get(path).headers["X-Seealso-Cache"] == "miss"
            assert client.get(path).headers["X-Seealso-Cache"] == "redis"
            (key,) = kept_in(server, KEY_PREFIX + "*")
            assert 0 < server.ttl(key) <= 600
            clock.step(step_s)


@STEPS
def test_what_browsers_may_keep_depends_on_the_snapshot_alone(
    clock: OwnClock, make_app: Callable[..., APIFlask], own_redis: OwnRedis, step_s: float
) -> None:
    app = make_app()
    wait_until(lambda: app.extensions["seealso"].cache.state == "up")
    before = app.test_client().get(PATH).headers
    clock.step(step_s)
    with redis.Redis.from_url(own_redis.url) as server:
        wait_until(lambda: bool(kept_in(server, KEY_PREFIX + "*")))  # what was made is put a moment later
        server.flushall()
    after = make_app().test_client().get(PATH).headers
    assert after["X-Seealso-Cache"] == "miss"
    for name in ("Cache-Control", "ETag", "Surrogate-Key"):
        assert after[name] == before[name]


@STEPS
def test_old_answers_are_at_hand_as_long_as_they_should_be(
    clock: OwnClock, make_app: Callable[..., APIFlask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    monkeypatch.setattr(service.copies, "OLD_SECONDS_MAX", 60.0)
    index_of(tmp_path, articles(20))
    app = make_app(index=tmp_path)
    client = app.test_client()
    copies, current = app.extensions["seealso"].views.copies, app.extensions["seealso"].current
    assert client.get(PATH).status_code == 200
    address = PATH, ""
    before = copies.get(address)
    assert before is not None
    index_of(tmp_path, articles(21))
    current.refresh()
    clock.step(step_s)
    assert copies.old(address) is before
    monkeypatch.setattr(service.copies, "OLD_SECONDS_MAX", 0.05)
    index_of(tmp_path, articles(22))
    current.refresh()
    clock.step(step_s)
    wait_until(lambda: copies.old(address) is None)


# what is told


@STEPS
def test_age_of_the_snapshot_is_told_by_the_clock_and_never_fails(
    clock: OwnClock, make_app: Callable[..., APIFlask], step_s: float
) -> None:
    app = make_app(snapshot_age_warning_h=0.5)
    client, current = app.test_client(), app.extensions["seealso"].current
    before = client.get("/v1/status").get_json()
    clock.step(step_s)
    after = client.get("/v1/status").get_json()
    assert abs(after["age_s"] - before["age_s"] - step_s) < HOUR_S / 2
    (warning,) = after["warnings"]
    assert ("hours old" if step_s > 0 else "ahead of this machine's clock") in warning
    assert client.get("/metrics").status_code == 200
    assert client.get("/readyz").status_code == 200
    current.warn_of_age()
    clock.step(-step_s)
    current.warn_of_age()
    assert client.get("/v1/status").get_json()["warnings"] == []


# real processes, Redis among them


@pytest.fixture
def their_clock(tmp_path: Path) -> TheirClock:
    return TheirClock(tmp_path)


def told_time(running: Running) -> float:
    """Return what time it is for the service."""
    found = re.search(r"^seealso_snapshot_age_seconds (\S+)$", running.get("/metrics").body.decode(), re.MULTILINE)
    assert found
    return float(found[1])


def send_until(running: Running, status: int) -> Counter[int]:
    """Send batches until one is answered by a status; return what all were answered by."""
    found: Counter[int] = Counter()
    end = time.monotonic() + SECONDS_MAX
    while status not in found:
        assert time.monotonic() < end, found
        found[running.post("/v1/related", BATCH).status] += 1
    return found


def check_steps(running: Running, clock: TheirClock, steps: list[int], form: Form) -> None:
    """Set the clock again and again under load; tell of every answer that fails or differs."""
    expected = answers_of(running, PATHS[:60])
    age_s = told_time(running)
    with Rate(running.port, blocks(expected), form.per_second) as rate:
        began = time.monotonic()
        send_until(running, 429)
        for step_s in steps:
            clock.set(step_s)
            wait_until(lambda step_s=step_s: abs(told_time(running) - age_s - step_s) < HOUR_S / 4)  # type: ignore[misc]
            wait_for(running, "up")
            allowed = send_until(running, 200)  # nobody is refused for an hour
            allowed += send_until(running, 429)
            # Each of the two workers begins to count anew when it sees the step, and both count together.
            assert allowed[200] <= 3 * 5
            assert set(allowed) <= {200, 429}
            time.sleep(form.steady_s)
    wrong = [*wrong_answers(rate.outcomes, expected, began)]
    figure(f"{len(steps)} steps of the clock, {len(rate.outcomes):,} requests, {len(wrong)} failed")
    assert not wrong, f"{len(wrong)} of {len(rate.outcomes)}: {wrong[0]} ... {wrong[-1]}"


LIMITED = {"SEEALSO_RATE_LIMIT": "5/minute", "SEEALSO_COPIES_MB": "0", "SEEALSO_REDIS_TIMEOUT_MS": "10000"}


def test_service_and_its_redis_take_a_step_forward_and_back(
    index: Path, tmp_path: Path, their_clock: TheirClock
) -> None:
    variables = LIMITED | their_clock.environment | {"SEEALSO_WAIT_MS": "20000"}
    with serving(index, tmp_path / "log", 2, True, **variables) as running:
        check_steps(running, their_clock, [HOUR_S, 0], Form(20.0, 0.0, 0.0))


@pytest.mark.torture
@pytest.mark.row("F8")
def test_service_takes_many_steps(index: Path, tmp_path: Path, their_clock: TheirClock) -> None:
    with serving(index, tmp_path / "log", 2, True, **LIMITED, **their_clock.environment) as running:
        check_steps(running, their_clock, [HOUR_S, 0, -HOUR_S, 0, 24 * HOUR_S, -24 * HOUR_S] * 5, Form(100.0, 1.0, 0.0))
