"""Arrays of a snapshot -> whether every number in them is one that may be there.

They are looked at block by block: a block stays in the processor's cache, and what is made of it takes no memory to
speak of, however many articles there are.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Scores, weights, and what they are made of are far below; greater ones would overflow where they meet.
NUMBER_MAX = 1e6
# Numbers at a time, a megabyte: less makes several threads wait for each other at every block.
BLOCK = 262_144


def within(numbers: NDArray[Any], low: int, high: int) -> bool:
    """Return whether all of some whole numbers are `low` or more and below `high`."""
    return all(block.min() >= low and block.max() < high for block in _blocks(numbers))


def usable(numbers: NDArray[Any]) -> bool:
    """Return whether all of some floating-point numbers are finite, and none is beyond NUMBER_MAX."""
    if numbers.dtype == np.float16:
        # None of them is beyond it. Without its sign, an infinite one or a NaN has the greatest bits of all; to compare
        # them as numbers takes ten times as long.
        bits = numbers.view(np.uint16)
        return all((block << 1).max() < 0xF800 for block in _blocks(bits))
    return all(block.min() >= -NUMBER_MAX and block.max() <= NUMBER_MAX for block in _blocks(numbers))  # NaN is neither


def shares(numbers: NDArray[Any]) -> bool:
    """Return whether all of some floating-point numbers are 0 to 1."""
    return all(block.min() >= 0 and block.max() <= 1 for block in _blocks(numbers))  # NaN is neither


def rising(numbers: NDArray[Any], ends: NDArray[Any]) -> bool:
    """Return whether numbers rise within each row. `ends`: where the rows begin and end, in order, 0 the first."""
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK + 1]
        risen = block[1:] > block[:-1]
        first, last = np.searchsorted(ends, np.array((start + 1, start + len(block)), ends.dtype))
        risen[ends[first:last] - (start + 1)] = True  # a row begins anew
        if not risen.all():
            return False
    return True


def never_falling(numbers: NDArray[Any]) -> bool:
    """Return whether no number is below the one before it."""
    return bool((numbers[1:] >= numbers[:-1]).all())


def dividing(ends: NDArray[Any], length: int) -> bool:
    """Return whether `ends` divides what has a length into rows: from 0 up to it, never back."""
    return int(ends[0]) == 0 and int(ends[-1]) == length and bool((ends[1:] >= ends[:-1]).all())


def repeating(rows: NDArray[Any]) -> bool:
    """Return whether a number of 0 or more is twice in one row."""
    for block in _row_blocks(rows):
        ordered = np.sort(block, axis=1)
        if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
            return True
    return False


def ending(rows: NDArray[Any]) -> bool:
    """Return whether only numbers below 0 follow, in each row, after the first of them."""
    return not any(((block[:, 1:] >= 0) & (block[:, :-1] < 0)).any() for block in _row_blocks(rows))


def _blocks(numbers: NDArray[Any]) -> Iterator[NDArray[Any]]:
    flat = numbers.reshape(-1)
    for start in range(0, len(flat), BLOCK):
        yield flat[start : start + BLOCK]


def _row_blocks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    height = max(1, BLOCK // max(1, rows.shape[1]))
    for start in range(0, len(rows), height):
        yield rows[start : start + height]
