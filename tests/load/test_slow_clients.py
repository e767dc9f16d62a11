"""L4: clients that take their time, or only hold connections. Whoever asks meanwhile is answered."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.figures import figure
from tests.load.editions import HOT, Editions, all_serving
from tests.load.rate import Ask, Outcome, Rate, blocks, bytes_of, in_turn, new_blocks, percentile
from tests.load.slow import begins_to_answer, not_reading, opened, trickling
from tests.load.vital import connections, wait_until_left
from tests.servers import Running

PER_SECOND = 60.0
SECONDS = 2.0
IDLE, IDLE_FULL = 2_000, 10_000
# The texts of strangers are limited; here all come from one address.
OPEN_TO_ALL: dict[str, Any] = {"SEEALSO_RATE_LIMIT": "none", "SEEALSO_EVENTS_LIMIT": "none"}
# In the short form, a machine that is busy with other tests is no service that has too much to do.
PATIENT: dict[str, Any] = {"SEEALSO_WAIT_MS": "20000"}
LONG_HEADER = Ask(HOT[0], headers=f"X-Slow: {'a' * 60_000}\r\n")
LONG_TEXT = Ask("/v1/similar", b'{"text": "' + b"tides " * 10_000 + b'"}')
LONG_EVENTS = Ask("/v1/events", LONG_TEXT.body, "User-Agent: Mozilla/5.0\r\n")
LONG_KEY = Ask("/desk/login", b"key=" + b"tides" * 10_000, kind="application/x-www-form-urlencoded")
BATCH = Ask("/v1/related", b'{"articles": ["a001", "a002"]}')


@pytest.fixture(scope="module")
def service(all_editions: Editions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("slow") / "log"
    with all_serving(all_editions.index, log, **OPEN_TO_ALL, **PATIENT) as running:
        yield running


@pytest.fixture
def port(service: Running) -> Iterator[int]:
    """The port of the service, which holds nobody's connection any more once a test is over."""
    port = service.port
    yield port
    wait_until_left(port)


def asked_meanwhile(port: int, seconds: float = SECONDS, per_second: float = PER_SECOND) -> list[Outcome]:
    """Ask for blocks, kept ones and new ones."""
    with Rate(port, in_turn(blocks(HOT), new_blocks(HOT), every=4), per_second) as rate:
        time.sleep(seconds)
    return rate.outcomes


def head_bytes(asked: Ask) -> int:
    return bytes_of(asked).index(b"\r\n\r\n") + 4


def check_all_answered(outcomes: Sequence[Outcome]) -> None:
    assert {outcome.status for outcome in outcomes} == {200}, [
        outcome for outcome in outcomes if outcome.status != 200
    ][:3]


def test_thousands_of_idle_connections_are_nobody_elses_matter(port: int) -> None:
    with opened(port, IDLE), opened(port, 100, bytes_of(Ask(HOT[0]))[:-2]):
        check_all_answered(asked_meanwhile(port))
        assert connections(port) >= IDLE


def test_headers_that_come_byte_by_byte_are_nobody_elses_matter(port: int) -> None:
    with trickling(port, 200, LONG_HEADER):
        check_all_answered(asked_meanwhile(port))


@pytest.mark.parametrize("asked", [LONG_TEXT, LONG_EVENTS, LONG_KEY], ids=lambda asked: asked.path)
def test_bodies_that_come_byte_by_byte_are_nobody_elses_matter(port: int, asked: Ask) -> None:
    with trickling(port, 200, asked, at_once=head_bytes(asked)):
        check_all_answered(asked_meanwhile(port))


def test_whoever_does_not_read_is_nobody_elses_matter(port: int) -> None:
    with not_reading(port, 30):
        check_all_answered(asked_meanwhile(port))


def test_a_request_whose_body_never_comes_is_answered_where_none_is_read(port: int) -> None:
    asked = f"GET {HOT[0]} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n".encode()
    with opened(port, 1, asked) as connections:
        assert begins_to_answer(connections[0], 60).startswith(b"HTTP/1.1 200")


def test_texts_that_never_come_do_not_keep_others_from_asking(port: int) -> None:
    """As many slow texts as a worker works on at once, and more, held until the test ends."""
    with trickling(port, 50, LONG_TEXT, at_once=head_bytes(LONG_TEXT)):
        time.sleep(SECONDS)
        with Rate(port, [BATCH] * 40, 20.0) as rate:
            rate.finish()
    check_all_answered(rate.outcomes)


@contextmanager
def everything_slow(port: int, idle: int) -> Iterator[None]:
    """Have all kinds of slow clients at once."""
    with ExitStack() as slow:
        slow.enter_context(opened(port, idle))
        slow.enter_context(trickling(port, 500, LONG_HEADER))
        slow.enter_context(trickling(port, 200, LONG_TEXT, at_once=head_bytes(LONG_TEXT)))
        slow.enter_context(not_reading(port, 100))
        yield


@pytest.mark.torture
@pytest.mark.row("L4")
def test_ten_thousand_idle_and_all_kinds_of_slow_clients(
    editions: Editions, lasting: Callable[[float], float], tmp_path: Path
) -> None:
    """The full form; idle connections are closed after 75 seconds, so that it lasts less. Tells its figures."""
    seconds = min(60.0, lasting(60))
    with all_serving(editions.index, tmp_path / "log", **OPEN_TO_ALL) as service:
        alone = asked_meanwhile(service.port, seconds)
        with everything_slow(service.port, IDLE_FULL):
            beside = asked_meanwhile(service.port, seconds)
            held = connections(service.port)
    figure(
        f"{held:,} connections held; {len(beside):,} requests; p50 {percentile(beside, 0.5):.1f}, "
        f"p99 {percentile(beside, 0.99):.1f} ms; alone {percentile(alone, 0.5):.1f}, {percentile(alone, 0.99):.1f}"
    )
    assert held >= IDLE_FULL
    check_all_answered([*alone, *beside])
