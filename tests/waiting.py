"""Waiting for what comes by itself."""

import time
from collections.abc import Callable

WAIT_SECONDS_MAX = 60.0


def wait_until(true: Callable[[], bool], seconds_max: float = WAIT_SECONDS_MAX) -> None:
    """Return once something is true; fail if it is not in time."""
    end = time.monotonic() + seconds_max
    while not true():
        assert time.monotonic() < end, f"it was not so in {seconds_max:g} seconds"
        time.sleep(0.01)
