import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from seealso.errors import ServiceBusy
from service.baton import BATON
from service.lanes import INSIDE_PER_PLACE, Lane


def test_no_more_at_once_than_there_are_places() -> None:
    lane = Lane("texts", 2)
    with lane.place(), lane.place(), pytest.raises(ServiceBusy, match="2 texts"), lane.place():
        pass
    with lane.place(), lane.place():
        pass


def test_place_comes_back_after_a_fault() -> None:
    lane = Lane("texts", 1)
    with pytest.raises(ZeroDivisionError), lane.place():
        raise ZeroDivisionError
    with lane.place():
        pass


def test_who_waits_gets_the_place_that_comes_free() -> None:
    lane = Lane("page views", 1, waiting_max=1, wait_ms=60_000)
    lane.enter()
    waiting = threading.Thread(target=lane.enter)
    waiting.start()
    wait_for_line(lane, 1)
    lane.leave()
    waiting.join()
    with pytest.raises(ServiceBusy):
        Lane.enter(without_wait(lane))


def test_full_line_refuses_at_once_and_a_long_wait_ends() -> None:
    lane = Lane("page views", 1, waiting_max=1, wait_ms=100)
    refused: list[ServiceBusy] = []

    def wait() -> None:
        try:
            lane.enter()
        except ServiceBusy as busy:
            refused.append(busy)

    lane.enter()
    waiting = threading.Thread(target=wait)
    waiting.start()
    while lane._waiting < 1 and waiting.is_alive():  # on a busy machine its wait may be over before it is seen
        time.sleep(0.001)
    with pytest.raises(ServiceBusy):
        lane.enter()
    waiting.join()
    assert len(refused) == 1
    lane.leave()
    with lane.place():
        pass


def test_nobody_passes_those_who_wait() -> None:
    lane = Lane("page views", 1, waiting_max=2, wait_ms=60_000)
    order: list[str] = []

    def take(name: str) -> None:
        lane.enter()
        order.append(name)
        lane.leave()

    lane.enter()
    first = threading.Thread(target=take, args=("first",))
    first.start()
    wait_for_line(lane, 1)
    second = threading.Thread(target=take, args=("second",))
    second.start()
    wait_for_line(lane, 2)
    lane.leave()
    first.join()
    second.join()
    assert order == ["first", "second"]


def wait_for_line(lane: Lane, length: int) -> None:
    while lane._waiting < length:
        time.sleep(0.001)


def without_wait(lane: Lane) -> Lane:
    lane._waiting_max = 0
    return lane


def test_full_line_is_known_before_one_stands_in_it() -> None:
    lane = Lane("page views", 1, waiting_max=1, wait_ms=60_000)
    lane.enter()
    with lane.inside():
        pass
    waiting = threading.Thread(target=lane.enter)
    waiting.start()
    wait_for_line(lane, 1)
    with pytest.raises(ServiceBusy), lane.inside():
        pass
    assert lane._inside == 0
    lane.leave()
    waiting.join()
    with lane.inside():
        pass


# So many are let in where the line stands, of two places.
SHORT = 2 * INSIDE_PER_PLACE


@contextmanager
def inside(lane: Lane, count: int) -> Iterator[None]:
    """Have so many be looked after."""
    with ExitStack() as held:
        for _ in range(count):
            held.enter_context(lane.inside())
        yield


def come(lane: Lane, times: int) -> list[bool]:
    """Come so many times, each time to be looked after for a moment; return which times one was let in."""
    let_in = []
    for _ in range(times):
        let_in.append(lane.room())
        if let_in[-1]:
            with lane.inside():
                pass
    return let_in


def test_burst_finds_the_whole_line_and_what_lasts_a_short_one() -> None:
    lane = Lane("page views", 2, waiting_max=100)
    with inside(lane, SHORT):
        assert all(come(lane, 200))
        assert not all(come(lane, 200))
        assert not any(come(lane, 1_000))
    with inside(lane, SHORT - 1):
        assert lane.room()


def test_line_is_whole_again_once_some_have_found_nobody() -> None:
    lane = Lane("page views", 2, waiting_max=100)
    for _ in range(10):
        with inside(lane, SHORT):
            come(lane, 1_000)
            assert not lane.room()
        assert all(come(lane, 20))
        with inside(lane, SHORT):
            assert lane.room()


def test_line_that_is_kept_short_stays_so_though_one_in_ten_finds_nobody() -> None:
    lane = Lane("page views", 2, waiting_max=100)
    with inside(lane, SHORT):
        come(lane, 1_000)
    for _ in range(100):
        come(lane, 1)
        with inside(lane, SHORT - 1):
            come(lane, 7)
            with lane.inside():
                assert not any(come(lane, 7))


def test_who_stands_in_the_line_for_what_another_makes_takes_room_and_no_place() -> None:
    lane = Lane("page views", 1, waiting_max=2, wait_ms=60_000)
    with lane.line() as first, lane.line() as second, lane.line() as third:
        assert (first, second, third) == (True, True, False)
        with lane.place(), pytest.raises(ServiceBusy), lane.place():
            pass
    with lane.line() as room:
        assert room


def test_lane_without_a_line_has_none_that_is_full() -> None:
    lane = Lane("texts", 1)
    with lane.place(), lane.inside():
        assert lane.room()


def test_turn_is_a_place_and_the_baton_and_ends_with_both_free() -> None:
    lane = Lane("page views", 1)
    with lane.turn():
        assert lane._free._value == 0
        assert BATON._lock.locked()
    with pytest.raises(ZeroDivisionError), lane.turn():
        raise ZeroDivisionError
    assert lane._free._value == 1
    assert not BATON._lock.locked()


def test_wait_for_the_baton_ends_too_and_gives_the_place_back() -> None:
    lane = Lane("page views", 1, waiting_max=1, wait_ms=100)
    refused: list[ServiceBusy] = []

    def wait() -> None:
        try:
            with lane.turn():
                pass
        except ServiceBusy as busy:
            refused.append(busy)

    with BATON:  # as a batch, or the desk
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join()
    assert len(refused) == 1
    with lane.turn():
        pass
