"""How much of articles' lists stayed from one snapshot to the next: tables of candidates -> counts."""

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Rows

# Over so many of each list two nights are compared.
COMPARED_ITEMS = 10
# So many lists at once are held in memory.
SLICE = 8_192


def overlaps(
    before: NDArray[np.int32], now: NDArray[np.int32], pairs: tuple[Rows, Rows], forth: Rows, back: Rows
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many of each article's first items stayed among its first ones, and of how many: int64.

    `before` and `now`: candidates, articles x any number, best first, -1 for none. `pairs`: the rows of some articles,
    in the one and in the other. `forth`: by row of `before` the row in `now`, -1 where an article is gone; `back`: the
    other way. Only articles in both count, so that what came, or went, changes no list.
    """
    stayed, compared = np.zeros(len(pairs[0]), np.int64), np.zeros(len(pairs[0]), np.int64)
    for begin in range(0, len(pairs[0]), SLICE):
        own = slice(begin, begin + SLICE)
        # All by rows of `now`, -1 for none; the last of each table is for 'no candidate'.
        then = np.append(forth, -1)[before[pairs[0][own]]]
        rows = now[pairs[1][own]].astype(np.int64)
        first_then = _first(then, then >= 0)
        first_now = _first(rows, np.append(back, -1)[rows] >= 0)
        same = (first_then[:, :, np.newaxis] == first_now[:, np.newaxis, :]).any(axis=2) & (first_then >= 0)
        stayed[own], compared[own] = same.sum(axis=1), (first_then >= 0).sum(axis=1)
    return stayed, compared


def _first(rows: Rows, counted: NDArray[np.bool_]) -> Rows:
    """Return the first COMPARED_ITEMS of each line that count, in their order, -1 where there are fewer."""
    places = np.cumsum(counted, axis=1) - 1
    line, column = np.nonzero(counted & (places < COMPARED_ITEMS))
    first = np.full((len(rows), COMPARED_ITEMS), -1, np.int64)
    first[line, places[line, column]] = rows[line, column]
    return first
