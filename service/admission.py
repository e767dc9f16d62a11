"""What may be shown: sponsored and sensitive articles never, nothing that the reader has met, and only what was asked
for. Masks over rows.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows
from seealso.article import folded
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot
from service.wanted import Wanted


class Admission:
    """Which rows may be shown, by the rules, by what was asked for, and by what the reader has met.

    `met`: rows that stand elsewhere on the page, the open article among them. They are not shown again, nor, where one
    of each story is wanted, others of their stories. `excluded`: rows that editors do not want here, in order, maybe
    thousands.
    """

    def __init__(
        self, snapshot: Snapshot, wanted: Wanted, met: Sequence[int] = (), excluded: Rows | None = None
    ) -> None:
        self._snapshot = snapshot
        self._wanted = wanted
        self._sections = _numbers(snapshot.sections, wanted.sections, str.__eq__)
        self._languages = _numbers(snapshot.languages, wanted.languages, _speaks)
        unwanted = (snapshot.row_of(article_id) for article_id in wanted.exclude)
        self._excluded = [*met, *(row for row in unwanted if row is not None)]
        self._ruled_out = excluded if excluded is not None and len(excluded) else None
        self._told = [int(snapshot.facts["story"][row]) for row in met] if wanted.stories == "one" else []

    def of(self, rows: Rows | slice) -> Mask:
        """Return for each of some rows whether it may be shown."""
        facts = self._snapshot.facts  # field by field: whole rows would be copied
        passed = ~(self._snapshot.sponsored[rows] | self._snapshot.sensitive[rows])
        if self._told:
            passed &= ~_among(self._told, facts["story"][rows])
        if self._sections is not None:
            passed &= np.isin(facts["section"][rows], self._sections)
        if self._languages is not None:
            passed &= np.isin(facts["language"][rows], self._languages)
        after, before = self._wanted.published_after, self._wanted.published_before
        if after is not None or before is not None:
            passed &= facts["published"][rows] != NO_TIME
        if after is not None:
            passed &= facts["published"][rows] >= after.timestamp()
        if before is not None:
            passed &= facts["published"][rows] <= before.timestamp()
        if isinstance(rows, slice):
            passed[self._excluded] = False
        elif self._excluded:
            passed &= ~_among(self._excluded, rows)
        if self._ruled_out is not None:
            if isinstance(rows, slice):
                passed[self._ruled_out] = False
            else:
                passed &= ~_in_order(self._ruled_out, rows)
        mask: Mask = passed
        return mask


def _among(few: Sequence[int], numbers: NDArray[Any]) -> Mask:
    """Return for each number whether it is one of a few; for a block in 1 to 3 microseconds, `numpy.isin` in 15."""
    if len(few) == 1:  # the open article, or its story
        mask: Mask = numbers == few[0]
        return mask
    return _in_order(np.array(sorted(few), numbers.dtype), numbers)


def _in_order(ordered: NDArray[Any], numbers: NDArray[Any]) -> Mask:
    """Return for each number whether it is one of some that are in order."""
    # What is greater than all of them is held against the last.
    mask: Mask = ordered.take(ordered.searchsorted(numbers), mode="clip") == numbers
    return mask


def _speaks(tag: str, language: str) -> bool:
    """Return whether a language tag is of a language or of one of its regions."""
    return tag == language or tag.startswith(f"{language}-")


def _numbers(labels: tuple[str, ...], asked: tuple[str, ...], fits: Callable[[str, str], bool]) -> list[int] | None:
    """Return the numbers of the labels that fit one of those asked for, None if none was asked for."""
    if not asked:
        return None
    wanted = [folded(each) for each in asked]
    return [number for number, label in enumerate(_folded(labels)) if any(fits(label, each) for each in wanted)]


@lru_cache(16)  # of the few snapshots that are served, each block would do it anew
def _folded(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(folded(label) for label in labels)
