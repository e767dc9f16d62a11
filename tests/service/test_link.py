import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import redis
from structlog.testing import capture_logs

import service.link
from service.link import FAILURES_TO_OPEN, Full, Link, Refused, Unreachable
from service.own_redis import OwnRedis
from tests.bad_link import BadLink, bad_link
from tests.waiting import wait_until

# A busy machine is no Redis that hangs; where one is to be found to hang, that is seen sooner.
TIMEOUT_MS, SHORT_MS = 10_000, 1_000
LONG_MS = 60_000
SECONDS_MAX = 20.0


@pytest.fixture
def server() -> Iterator[OwnRedis]:
    with OwnRedis() as server:
        yield server


@pytest.fixture
def through(server: OwnRedis) -> Iterator[BadLink]:
    with bad_link(server.url.removeprefix("unix://")) as proxy:
        yield proxy


@pytest.fixture
def failures() -> list[str]:
    return []


@pytest.fixture
def timeout_ms() -> int:
    return TIMEOUT_MS


@pytest.fixture
def link(through: BadLink, failures: list[str], timeout_ms: int) -> Iterator[Link]:
    link = Link(f"redis://127.0.0.1:{through.port}", timeout_ms, 2, failures.append)
    wait_until(lambda: link.up)
    yield link
    link.close()


def fail(link: Link) -> None:
    """Ask until the link is down."""
    while link.up:
        with pytest.raises(Unreachable):
            link.call("GET", "key")


def test_redis_answers(link: Link) -> None:
    assert link.call("SET", "key", b"\0value", "EX", 60) == b"OK"
    assert link.call("GET", b"key") == b"\0value"
    assert link.call("GET", "nothing") is None
    assert link.call("DEL", "key") == 1


def test_what_redis_refuses_is_no_failure(link: Link) -> None:
    link.call("LPUSH", "list", "x")
    for _ in range(FAILURES_TO_OPEN + 1):
        with pytest.raises(Refused, match="WRONGTYPE"):
            link.call("GET", "list")
        answers = link.ask(("SET", "key", "value"), ("GET", "list"), ("GET", "key"))
        assert [answers[0], type(answers[1]), answers[2]] == [b"OK", Refused, b"value"]
    assert link.up
    assert link.call("TYPE", "list") == b"list"


def test_what_redis_refuses_holds_nothing_of_whoever_asked(link: Link) -> None:
    class Snapshot:
        pass

    seen: list[weakref.ref[Snapshot]] = []

    link.call("LPUSH", "list", "x")

    def ask() -> None:
        snapshot = Snapshot()
        seen.append(weakref.ref(snapshot))
        with suppress(Refused):
            link.call("GET", "list")

    gc.disable()  # a worker collects rarely
    try:
        ask()
        assert seen[0]() is None
    finally:
        gc.enable()


def test_redis_that_takes_nothing_in_counts_as_full_for_a_while(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.link, "FULL_SECONDS", LONG_MS / 1_000)
    link.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    link.call("CONFIG", "SET", "maxmemory", 1)
    try:
        assert not link.full
        with pytest.raises(Full, match="OOM"):
            link.call("SET", "key", "value")
        assert link.full
        assert link.up
        monkeypatch.setattr(service.link, "FULL_SECONDS", 0.2)
        with pytest.raises(Full, match="OOM"):
            link.call("SET", "key", "value")
        wait_until(lambda: not link.full)
    finally:
        link.call("CONFIG", "SET", "maxmemory", "256mb")
        link.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")


def test_many_threads_have_their_own_answers(link: Link) -> None:
    wrong = []

    def ask(number: int) -> None:
        for turn in range(100):
            try:
                if link.call("ECHO", f"{number} {turn}") != f"{number} {turn}".encode():
                    wrong.append(number)
            except Unreachable:  # more threads than connections, at first
                pass

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert link.up


def late(proxy: BadLink, server: OwnRedis) -> None:
    proxy.late_s = 2.0


def resetting(proxy: BadLink, server: OwnRedis) -> None:
    proxy.reset = True
    proxy.break_all()


def in_single_bytes(proxy: BadLink, server: OwnRedis) -> None:
    proxy.slice_bytes, proxy.pause_s = 1, 0.01


def slow(proxy: BadLink, server: OwnRedis) -> None:
    """Answers of a few bytes pass in time at this speed, and longer ones do not."""
    proxy.slice_bytes, proxy.pause_s = 100, 0.1


def hung(proxy: BadLink, server: OwnRedis) -> None:
    os.kill(server.process_id, signal.SIGSTOP)


@pytest.mark.parametrize("timeout_ms", [SHORT_MS])
@pytest.mark.parametrize("fault", [late, resetting, in_single_bytes, slow, hung])
def test_bad_link_is_given_up_after_a_few_failures_and_used_again_when_it_is_well(
    link: Link,
    failures: list[str],
    through: BadLink,
    server: OwnRedis,
    fault: Callable[[BadLink, OwnRedis], None],
) -> None:
    link.call("SET", "key", b"x" * 10_000)
    with capture_logs() as logged:
        fault(through, server)
        fail(link)
        # No more have waited for it than these, and one trial of the link's own.
        assert len(failures) <= FAILURES_TO_OPEN + 1
        with pytest.raises(Unreachable):  # at once: nobody is asked
            link.call("GET", "key")
        time.sleep(1.5)  # it is tried meanwhile, and found to be as bad
        assert not link.up
        through.well()
        os.kill(server.process_id, signal.SIGCONT)
        wait_until(lambda: link.up)
        wait_until(lambda: link.call("GET", "key") == b"x" * 10_000)
    assert [line["event"] for line in logged] == ["cache_given_up", "cache_came_back"]


def test_failures_and_turns_are_told(through: BadLink) -> None:
    failures: list[str] = []
    turns: list[bool] = []
    link = Link(f"redis://127.0.0.1:{through.port}", TIMEOUT_MS, 1, failures.append, turns.append)
    wait_until(lambda: turns[-1:] == [False])
    turns.clear()
    resetting(through, None)  # type: ignore[arg-type]
    fail(link)
    through.well()
    wait_until(lambda: turns[-1:] == [False])
    link.close()
    assert set(failures) <= {"ConnectionError", "TimeoutError"}
    assert failures
    assert turns == [True, False]


def test_redis_that_is_not_there_is_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    for url in ("redis://127.0.0.1:1/0", "redis://nobody.invalid:6379", "unix:///no/such/socket"):
        link = Link(url, TIMEOUT_MS)
        with pytest.raises(Unreachable):
            link.call("GET", "key")
        link.close()


def test_wrong_password_is_given_up_and_said(server: OwnRedis) -> None:
    client = redis.Redis.from_url(server.url)
    client.config_set("requirepass", "right")
    with capture_logs() as logged:
        link = Link(server.url + "?password=wrong", TIMEOUT_MS)
        wait_until(lambda: bool(logged))
    assert not link.up
    assert "password" in logged[0]["reason"].lower()
    link.close()
    link = Link(server.url + "?password=right", TIMEOUT_MS)
    wait_until(lambda: link.up)
    link.close()
    client.close()


def test_password_that_is_set_later_is_a_failure_as_any(server: OwnRedis) -> None:
    link = Link(server.url, TIMEOUT_MS)
    wait_until(lambda: link.up)
    client = redis.Redis.from_url(server.url)
    client.config_set("requirepass", "new")
    client.client_kill_filter(_type="normal", skipme=True)
    fail(link)
    client.close()
    link.close()


def test_restarted_redis_is_used_again_at_once(link: Link, through: BadLink) -> None:
    through.break_all()  # all connections are dead, and nothing else is wrong
    wait_until(lambda: works(link))


def works(link: Link) -> bool:
    try:
        return bool(link.call("PING") == b"PONG")
    except Unreachable:
        return False


def test_connection_that_is_in_use_while_the_link_is_closed_is_let_go_of(link: Link) -> None:
    connection = link._taken()
    link.close()
    link._put_back(connection)
    assert connection._sock is None
    assert not link._ready


def test_closed_link_has_no_thread_and_no_connection_left(through: BadLink) -> None:
    before = threading.active_count()
    link = Link(f"redis://127.0.0.1:{through.port}", TIMEOUT_MS, connections=3)
    wait_until(lambda: link.up)
    link.close()
    wait_until(lambda: not {"redis-connect", "redis-watch"} & {each.name for each in threading.enumerate()})
    wait_until(lambda: not through._open)
    assert threading.active_count() <= before + 2 * through.carried


def test_command_that_is_posted_is_done_and_its_answer_is_nobody_elses(server: OwnRedis) -> None:
    link = Link(server.url, TIMEOUT_MS)
    wait_until(lambda: link.up)
    for number in range(50):
        link.post("SET", f"key{number}", f"value{number}")
        link.post("LPUSH", f"key{number}", "refused: it is no list")
        assert link.call("GET", f"key{number}") == f"value{number}".encode()
    link.close()


def test_posting_to_redis_that_hangs_ends_in_its_time(server: OwnRedis) -> None:
    """It takes what the kernel holds for it, and then no more."""
    failures: list[str] = []
    link = Link(server.url, 100, 1, failures.append)
    wait_until(lambda: link.up)
    os.kill(server.process_id, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with suppress(Unreachable):
            while time.monotonic() < began + SECONDS_MAX:
                link.post("SET", "key", b"x" * 100_000)
        assert time.monotonic() - began < SECONDS_MAX
        assert failures
    finally:
        os.kill(server.process_id, signal.SIGCONT)

    def kept() -> bool:
        with suppress(Unreachable):  # 100 ms may be too little on a busy machine
            link.post("SET", "key", "value")
            return bool(link.call("GET", "key") == b"value")
        return False

    wait_until(kept)
    link.close()


def test_what_nobody_waits_for_goes_along_with_the_next_or_soon_after(server: OwnRedis) -> None:
    link = Link(server.url, TIMEOUT_MS)
    wait_until(lambda: link.up)
    client = redis.Redis.from_url(server.url)
    for number in range(200):  # close after one another
        link.call("GET", "nothing")
        link.post("SET", f"key{number}", "value")
    assert link.call("GET", "key199") == b"value"
    link.post("SET", "last", "value")
    wait_until(lambda: client.exists("last") == 1)
    assert link.call("GET", "key7") == b"value"
    link.close()


@pytest.fixture
def full(server: OwnRedis) -> Iterator[redis.Redis]:
    """A client of a Redis that takes no connection beyond this one and one more."""
    client = redis.Redis.from_url(server.url)
    client.config_set("maxclients", 2)
    yield client
    client.close()


@contextmanager
def in_use(link: Link, client: redis.Redis) -> Iterator[None]:
    """Have the link's only connection wait for an answer meanwhile."""
    asking = threading.Thread(target=link.call, args=("BLPOP", "list", 0))
    asking.start()
    wait_until(lambda: client.info("clients")["blocked_clients"] == 1)
    yield
    client.lpush("list", "element")
    asking.join()


def test_connection_that_cannot_be_opened_costs_none_that_is_good(
    server: OwnRedis, full: redis.Redis, failures: list[str]
) -> None:
    link = Link(server.url, LONG_MS, 1, failures.append)
    wait_until(lambda: link.up)
    for number in range(FAILURES_TO_OPEN + 1):
        with in_use(link, full):
            with pytest.raises(Unreachable):  # it wants one more, which is refused
                link.call("PING")
            wait_until(lambda number=number: len(failures) > number)  # type: ignore[misc]
        assert link.call("PING") == b"PONG"
    assert link.up
    link.close()


def test_connection_that_cannot_be_opened_is_not_tried_again_at_once(
    server: OwnRedis, full: redis.Redis, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.link, "RETRIAL_SECONDS", LONG_MS / 1000)
    link = Link(server.url, LONG_MS, 1, failures.append)
    wait_until(lambda: link.up)
    with in_use(link, full):
        for _ in range(100):
            with pytest.raises(Unreachable):
                link.call("PING")
            wait_until(lambda: bool(failures))
        assert len(failures) == 1
        assert link.up
    link.close()


def test_who_finds_all_connections_in_use_waits_a_moment_for_one(
    server: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for moment in ("FREE_SECONDS_MAX", "SILENT_SECONDS_MAX"):
        monkeypatch.setattr(service.link, moment, SECONDS_MAX)  # longer than so many take on a busy machine
    link = Link(server.url, LONG_MS, 2)
    wait_until(lambda: len(link._ready) == 2)
    answers: list[object] = []
    everybody = threading.Barrier(24)

    def ask() -> None:
        everybody.wait()
        answers.append(link.call("ECHO", "here"))

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"here"] * 24
    link.close()


def test_nobody_waits_for_a_connection_while_redis_is_silent(server: OwnRedis) -> None:
    link = Link(server.url, 20_000, 1)
    wait_until(lambda: len(link._ready) == 1)
    os.kill(server.process_id, signal.SIGSTOP)
    first = threading.Thread(target=link.call, args=("PING",))
    first.start()
    try:
        wait_until(lambda: bool(link._flying))
        with pytest.raises(Unreachable):
            link.call("PING")
        assert first.is_alive()
    finally:
        os.kill(server.process_id, signal.SIGCONT)
    first.join()
    link.close()


def test_link_that_has_no_connection_and_gets_none_is_given_up_though_nobody_asks(
    server: OwnRedis, full: redis.Redis, failures: list[str]
) -> None:
    link = Link(server.url, TIMEOUT_MS, 1, failures.append)
    wait_until(lambda: link.up)
    full.config_set("maxclients", 1)
    full.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(Unreachable):
        link.call("PING")
    wait_until(lambda: not link.up)
    assert len(failures) >= FAILURES_TO_OPEN
    link.close()


def test_hung_redis_is_given_up_though_nobody_asks_again(server: OwnRedis, failures: list[str]) -> None:
    link = Link(server.url, SHORT_MS, 3, failures.append)
    wait_until(lambda: len(link._ready) == 3)
    os.kill(server.process_id, signal.SIGSTOP)
    with pytest.raises(Unreachable):
        link.call("PING")
    wait_until(lambda: not link.up)
    os.kill(server.process_id, signal.SIGCONT)
    link.close()
