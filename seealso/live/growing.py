"""Arrays to whose end rows are added, and what came to whose lists. One writes, many read what they were given."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Rows, Scores
from seealso.live.mapped import to_write
from seealso.term_rows import TermRows

# So much longer than it must be an array is made, for what comes next.
ROOM_SHARE = 8
ROOM_MIN = 64
# Arrivals are looked up one by one until there are so many, or so large a share of those that are in order.
LOOSE_MIN, LOOSE_SHARE = 5_000, 0.5


class Growing:
    """An array, at first the same as another, which is left as it is.

    What `rows` gave stays as long as it was, whatever is added.
    """

    def __init__(self, first: NDArray[Any]) -> None:
        self._array = to_write(first, _with_room(len(first)))
        self._count = len(first)

    @classmethod
    def zeros(cls, count: int, dtype: type[np.generic]) -> "Growing":
        """Return so many zeros, which take no memory until they are written to."""
        made = cls(np.zeros(0, dtype))
        made._array, made._count = np.zeros(_with_room(count), dtype), count
        return made

    @property
    def rows(self) -> NDArray[Any]:
        """Return all rows there are now."""
        return self._array[: self._count]

    def part(self) -> None:
        """Go on with a copy, whose rows can be written to: what `rows` gave stays as it was."""
        self._array = self._array.copy()

    def add(self, rows: NDArray[Any]) -> None:
        """Add rows at the end."""
        count = self._count + len(rows)
        if count > len(self._array):
            self._array = to_write(self.rows, _with_room(count))
        self._array[self._count : count] = rows
        self._count = count


def _with_room(count: int) -> int:
    return count + count // ROOM_SHARE + ROOM_MIN


class GrowingTerms:
    """Term vectors to which rows are added."""

    def __init__(self) -> None:
        self._ends = Growing(np.zeros(1, np.int32))
        self._terms = Growing(np.empty(0, np.int32))
        self._weights = Growing(np.empty(0, np.float32))

    @property
    def rows(self) -> TermRows:
        """Return all rows there are now."""
        return TermRows(self._ends.rows, self._terms.rows, self._weights.rows)

    def add(self, row: TermRows) -> None:
        """Add one row at the end."""
        self._terms.add(row.terms)
        self._weights.add(row.weights)
        self._ends.add(self._ends.rows[-1:] + len(row.terms))


class Arrivals:
    """Live articles that came to the lists of others: by host, the rows that came and what they score there."""

    def __init__(self) -> None:
        self._hosts, self._rows = Growing(np.empty(0, np.int32)), Growing(np.empty(0, np.int64))
        self._scores = Growing(np.empty(0, np.float32))
        self._found = _Found(np.zeros(1, np.int64), np.empty(0, np.int64), {})

    def add(self, hosts: Rows, row: int, scores: Scores) -> None:
        """Have a live row come to some hosts' lists."""
        first = len(self._hosts.rows)
        # What an arrival is, is there before anybody can look it up.
        self._scores.add(scores)
        self._rows.add(np.full(len(hosts), row))
        self._hosts.add(hosts.astype(np.int32))
        for number, host in enumerate(hosts.tolist(), first):
            self._found.loose.setdefault(host, []).append(number)
        ordered = len(self._found.order)
        if len(self._hosts.rows) - ordered > max(LOOSE_MIN, ordered * LOOSE_SHARE):
            self._put_in_order()

    def of(self, host: int) -> tuple[Rows, Scores]:
        """Return the live rows that came to a list, and what they score there, in no order."""
        ends, order, loose = self._found
        numbers = order[ends[host] : ends[host + 1]] if host + 1 < len(ends) else order[:0]
        if more := loose.get(host):
            numbers = np.concatenate([numbers, np.array(more, np.int64)])
        return self._rows.rows[numbers], self._scores.rows[numbers]

    def hosts_of(self, row: int) -> Rows:
        """Return to whose lists a live row came."""
        hosts = self._hosts.rows  # it is added to last
        found: Rows = hosts[self._rows.rows[: len(hosts)] == row].astype(np.int64)
        return found

    def _put_in_order(self) -> None:
        hosts = self._hosts.rows
        ends = np.concatenate(([0], np.cumsum(np.bincount(hosts))))
        self._found = _Found(ends, np.argsort(hosts, kind="stable"), {})


class _Found(NamedTuple):
    """Which arrivals are a host's: `order` between two of `ends`, and what came since, by host. Changed whole."""

    ends: NDArray[np.int64]
    order: NDArray[np.int64]
    loose: dict[int, list[int]]
