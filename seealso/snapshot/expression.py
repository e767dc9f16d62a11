"""Which rows may be found -> the same as an expression for a search engine that holds their facts.

The engine knows by row what the night knew: section, language, time, whether a block may show it at all. What is asked
for now, and what was decided since, comes as a mask. The mask is told as the closest box of facts around its rows, less
the rows in that box that may not be found, by name: exact, whatever made the mask.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows
from seealso.snapshot.files import NO_TIME

# So many rows are named at most. An expression of them has some 80 KB, which an engine reads in milliseconds.
ROWS_NAMED_MAX = 10_000
EVERYTHING = ""

# Facts that number labels, -1 for none.
_NUMBERED = ("section", "language")


def shown_of(facts: NDArray[Any]) -> Mask:
    """Return for each row whether blocks may show it, as far as the night knew. `facts`: files.FACT_ROW by row."""
    shown: Mask = ~(facts["sponsored"] | facts["sensitive"])
    return shown


class Expressions:
    """Expressions over rows as an engine has them. `facts`: files.FACT_ROW by row, as the night wrote them."""

    def __init__(self, facts: NDArray[Any]) -> None:
        # Fields that lie apart, and no longer than they must be, are looked through in a tenth of the time.
        self._shown = shown_of(facts)
        self._every_shown = bool(self._shown.all())
        self._numbers = {name: _shortened(facts[name] + 1) for name in _NUMBERED}
        self._published = np.ascontiguousarray(facts["published"])
        self._first, self._last = self._published.min(), self._published.max()

    def of(self, allowed: Mask) -> str | None:
        """Return the expression that holds for exactly the allowed rows, of which there are some; '' for all of them.

        None where it would have to name more than ROWS_NAMED_MAX rows.
        """
        count = int(np.count_nonzero(allowed))
        if count == len(allowed):
            return EVERYTHING
        parts, box = self._box(allowed)
        besides = box & ~allowed
        missing = int(np.count_nonzero(besides))
        if not missing:
            return " and ".join(parts)
        if min(missing, count) > ROWS_NAMED_MAX:
            return None
        if count < missing:
            return f"row in {_listed(np.flatnonzero(allowed))}"
        return " and ".join([*parts, f"row not in {_listed(np.flatnonzero(besides))}"])

    def _box(self, allowed: Mask) -> tuple[list[str], Mask]:
        """Return the conditions that hold for all allowed rows, and for which of all rows they do."""
        parts, box = list[str](), np.ones(len(allowed), np.bool_)
        if not (self._every_shown or (allowed & ~self._shown).any()):
            parts.append("shown == true")
            box &= self._shown
        for name, numbers in self._numbers.items():
            found = np.zeros(int(numbers.max()) + 1, np.bool_)  # by number, that of none first
            found[numbers[allowed]] = True
            held = found[numbers]
            if not held.all():
                parts.append(f"{name} in {_listed(np.flatnonzero(found) - 1)}")
                box &= held
        published = self._published
        first = np.where(allowed, published, self._last).min()  # twice as fast as to take out those that are allowed
        last = np.where(allowed, published, self._first).max()
        if first > self._first:
            parts.append(f"published >= {first}")
            box &= published >= first
        if NO_TIME < last < self._last:  # as a number, NO_TIME is none that every engine reads
            parts.append(f"published <= {last}")
            box &= published <= last
        return parts, box


def _shortened(numbers: NDArray[Any]) -> NDArray[Any]:
    return numbers.astype(np.min_scalar_type(int(numbers.max())))


def _listed(numbers: Rows) -> str:
    return f"[{','.join(map(str, numbers.tolist()))}]"
