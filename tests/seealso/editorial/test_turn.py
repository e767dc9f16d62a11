"""One at a time, of threads and of processes."""

import threading
import time
from pathlib import Path

from seealso.editorial.turn import turn


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
