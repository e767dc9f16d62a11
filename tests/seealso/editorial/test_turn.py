"""One at a time, of threads and of processes."""

import threading
import time
from pathlib import Path

import pytest

from seealso.editorial.turn import turn
from seealso.errors import StoreUnavailable


def test_turns_do_not_overlap(tmp_path: Path) -> None:
    inside, most = 0, 0

    def take() -> None:
        nonlocal inside, most
        with turn(tmp_path / "turn"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_turn_ends_with_its_failure(tmp_path: Path) -> None:
    for _ in range(2):
        try:
            with turn(tmp_path / "turn"):
                raise ZeroDivisionError
        except ZeroDivisionError:
            continue


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere"), turn(tmp_path / "nowhere" / "turn"):
        pass
