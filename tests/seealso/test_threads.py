import threading
import time
from itertools import count

import pytest

from seealso.threads import in_parts, on_threads


def test_parts_are_of_one_size_but_for_the_last() -> None:
    assert in_parts(7, 3) == [(0, 3), (3, 6), (6, 7)]
    assert in_parts(6, 3) == [(0, 3), (3, 6)]
    assert in_parts(0, 3) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_made_stands_in_the_order_of_the_parts(threads: int) -> None:
    assert list(on_threads(threads, lambda part: 2 * part, range(50))) == list(range(0, 100, 2))


def test_parts_are_worked_on_together() -> None:
    both = threading.Barrier(2, timeout=60)
    assert sorted(on_threads(2, lambda _: both.wait(), range(2))) == [0, 1]


def test_one_thread_is_the_callers_own() -> None:
    assert set(on_threads(1, lambda _: threading.get_ident(), range(3))) == {threading.get_ident()}


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_part_raises_ends_it(threads: int) -> None:
    begun = count()

    def work(part: int) -> int:
        next(begun)
        if part == 3:
            raise ValueError(f"part {part}")
        time.sleep(0.01)
        return part

    with pytest.raises(ValueError, match="part 3"):
        list(on_threads(threads, work, range(1_000)))
    assert next(begun) < 1_000
