import gc
import threading
import weakref
from contextlib import suppress

import pytest

from service.flights import Flights


def test_one_finds_and_the_others_have_it_too() -> None:
    flights: Flights[str] = Flights()
    flight, ours = flights.board("key")
    assert ours
    found: list[str | None] = []
    others = [flights.board("key") for _ in range(20)]
    assert not any(ours for _, ours in others)
    threads = [threading.Thread(target=lambda each: found.append(each.wait(60)), args=(each,)) for each, _ in others]
    for thread in threads:
        thread.start()
    flight.found = "found"
    flights.land("key")
    for thread in threads:
        thread.join()
    assert found == ["found"] * 20


def test_who_comes_after_the_landing_finds_anew() -> None:
    flights: Flights[str] = Flights()
    flights.board("key")
    late, _ = flights.board("key")
    flights.land("key")
    assert late.wait(60) is None  # nothing was found
    assert flights.board("key")[1]


def test_another_key_does_not_wait() -> None:
    flights: Flights[str] = Flights()
    assert flights.board("a")[1]
    assert flights.board("b")[1]


def test_nobody_waits_longer_than_he_likes() -> None:
    flights: Flights[str] = Flights()
    flights.board("key")
    assert flights.board("key")[0].wait(0.01) is None


def test_what_the_first_fails_of_the_others_fail_of_too() -> None:
    flights: Flights[str] = Flights()
    flight, _ = flights.board("key")
    others = [flights.board("key")[0] for _ in range(3)]
    flight.failure = ZeroDivisionError("it failed")
    flights.land("key")
    for each in others:
        with pytest.raises(ZeroDivisionError, match="it failed"):
            each.wait(60)
    assert flights.board("key")[1]


def test_failure_is_let_go_of_without_the_collector() -> None:
    flights: Flights[str] = Flights()
    flight, _ = flights.board("key")
    flight.failure = ValueError("no")
    failed = weakref.ref(flight)
    flights.land("key")
    gc.disable()
    try:
        with suppress(ValueError):
            flight.wait(1.0)
        del flight
        assert failed() is None
    finally:
        gc.enable()
