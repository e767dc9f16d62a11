"""The archive in numbers: what stands where and when, what is in many lists and in none, stories, short texts.

In: a snapshot. Out: arrays of rows and counts, made when they are asked for: some milliseconds for 100,000 articles.
What rules and editors make of lists is left out.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot

Months = NDArray[np.int64]
NO_MONTH = int(np.iinfo(np.int16).min)
MONTHS_A_YEAR = 12
EPOCH_YEAR = 1970
# So many of an article's candidates count: a block seldom shows more.
LIST_LENGTH = 12
# Of fewer characters, some hundred words, there is little by which anything could be related.
THIN_CHARACTERS = 600
# A table with more columns is read by nobody: two years of months, then years.
MONTHS_SHOWN, YEARS_SHOWN = 24, 20
_PERIOD = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?")


def months_of(snapshot: Snapshot) -> Months:
    """Return in which month each article was published: months since 1970 by row, NO_MONTH where that is unknown."""
    published = snapshot.facts["published"]
    months: Months = published.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    return np.where(published == NO_TIME, NO_MONTH, months)


class Period(NamedTuple):
    """Months since 1970, both included."""

    first: int
    last: int

    @classmethod
    def of(cls, text: str) -> "Period":
        """Return a year ('2025') or a month ('2025-03'). Raises ValueError for anything else."""
        parts = _PERIOD.fullmatch(text)
        if parts is None:
            raise ValueError("must be a year such as 2025, or a month such as 2025-03")
        first = (int(parts[1]) - EPOCH_YEAR) * MONTHS_A_YEAR
        if parts[2]:
            month = first + int(parts[2]) - 1
            return cls(month, month)
        return cls(first, first + MONTHS_A_YEAR - 1)

    def holds(self, months: Months) -> Mask:
        """Return which months are within."""
        held: Mask = (months >= self.first) & (months <= self.last)
        return held


def period_name(month: int, whole_year: bool = False) -> str:
    """Return a month as '2025-03', or its year."""
    year, place = divmod(month, MONTHS_A_YEAR)
    return f"{year + EPOCH_YEAR:04}" if whole_year else f"{year + EPOCH_YEAR:04}-{place + 1:02}"


def month_counts(snapshot: Snapshot) -> dict[str, int]:
    """Return how many articles each month has, by its name, the newest first; only months that have any."""
    months = months_of(snapshot)[snapshot.here]
    numbers, counts = np.unique(months[months != NO_MONTH], return_counts=True)
    return {period_name(int(each)): int(count) for each, count in zip(numbers[::-1], counts[::-1], strict=True)}


def section_counts(snapshot: Snapshot) -> list[tuple[int, int]]:
    """Return sections by their numbers (-1: none) with how many articles each has, the largest first."""
    counts = np.bincount(snapshot.facts["section"][snapshot.here] + 1, minlength=len(snapshot.sections) + 1)
    return [(int(place) - 1, int(counts[place])) for place in np.argsort(-counts, kind="stable") if counts[place]]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many articles each section has in each column of time.

    `columns`: names of years or months, '' for what is older than the first of them and None for what has no date;
    `sections`: numbers, as `section_counts`; `counts`: int64, sections x columns.
    """

    columns: list[str | None]
    sections: list[int]
    counts: NDArray[np.int64]


def coverage(snapshot: Snapshot, year: int | None = None) -> Coverage:
    """Return what was published when: by the months of a year; else of all, by month if it is two years, or by year.

    Of years only those that have any article, so that one wrong date is one column.
    """
    here = snapshot.here
    months, sections = months_of(snapshot)[here], snapshot.facts["section"][here]
    if year is not None:
        first = (year - EPOCH_YEAR) * MONTHS_A_YEAR
        firsts = list(range(first, first + MONTHS_A_YEAR))
        within = Period(first, firsts[-1]).holds(months)
        return _counted(months[within], sections[within], firsts, [period_name(each) for each in firsts])
    dated = months[months != NO_MONTH]
    oldest, newest = (int(dated.min()), int(dated.max())) if len(dated) else (0, -1)
    if newest - oldest < MONTHS_SHOWN:
        firsts = list(range(oldest, newest + 1))
        return _counted(months, sections, firsts, [period_name(each) for each in firsts])
    years = np.unique(dated // MONTHS_A_YEAR)[-YEARS_SHOWN:] * MONTHS_A_YEAR
    return _counted(months, sections, years.tolist(), [period_name(each, whole_year=True) for each in years.tolist()])


def _counted(months: Months, sections: NDArray[np.int32], firsts: list[int], names: list[str]) -> Coverage:
    """Count by section and by columns that begin with these months; what is before them and undated, if any is."""
    place = np.searchsorted(np.array(firsts, np.int64), months, side="right")
    place[months == NO_MONTH] = len(firsts) + 1
    height, width = int(sections.max(initial=-1)) + 2, len(firsts) + 2
    flat = (sections.astype(np.int64) + 1) * width + place
    table = np.bincount(flat, minlength=height * width).reshape(height, width)
    ends = {"": bool(table[:, 0].any()), None: bool(table[:, -1].any())}
    columns: list[str | None] = ["", *names, None]
    kept = np.array([ends.get(name, True) for name in columns])
    order = [int(each) for each in np.argsort(-table.sum(axis=1), kind="stable") if table[each].any()]
    shown = [name for name, keep in zip(columns, kept, strict=True) if keep]
    return Coverage(shown, [each - 1 for each in order], table[order][:, kept])


def times_listed(snapshot: Snapshot) -> NDArray[np.int64]:
    """Return in how many articles' LIST_LENGTH best candidates each one is: by row of the night's articles."""
    best = snapshot.neighbours[:, :LIST_LENGTH]
    return np.bincount(best[best >= 0], minlength=len(snapshot.neighbours)).astype(np.int64)


def by_times_listed(snapshot: Snapshot, times: NDArray[np.int64]) -> tuple[Rows, Rows]:
    """Return the rows of articles that are listed, most often first; and of those that never are, newest first."""
    count = len(snapshot.neighbours)
    rows = np.flatnonzero(snapshot.here[:count])
    published = snapshot.facts["published"][:count].astype(np.float64)
    ordered = rows[np.lexsort((rows, -published[rows], -times[rows]))]
    return ordered[times[ordered] > 0], ordered[times[ordered] == 0]


class Stories(NamedTuple):
    """Stories that several articles tell. `names`: as in facts; `sizes`: of how many; `latest`: when, seconds."""

    names: NDArray[np.int32]
    sizes: NDArray[np.int64]
    latest: NDArray[np.int64]


def stories_told(snapshot: Snapshot, newest_first: bool) -> Stories:
    """Return the stories, the largest first, or those told last."""
    here = snapshot.here
    names, inverse, sizes = np.unique(snapshot.facts["story"][here], return_inverse=True, return_counts=True)
    latest = np.full(len(names), NO_TIME)
    np.maximum.at(latest, inverse, snapshot.facts["published"][here])
    several = np.flatnonzero(sizes > 1)
    when, size = -latest[several].astype(np.float64), -sizes[several]
    order = several[np.lexsort((several, size, when) if newest_first else (several, when, size))]
    return Stories(names[order], sizes[order], latest[order])


def tellings(snapshot: Snapshot, story: int) -> Rows:
    """Return the rows of the articles that tell a story, the newest first."""
    rows = np.flatnonzero((snapshot.facts["story"] == story) & snapshot.here)
    return rows[np.argsort(-snapshot.facts["published"][rows].astype(np.float64), kind="stable")]


def thin(snapshot: Snapshot) -> Rows:
    """Return the rows of the night's articles of which little text was indexed, those with least first."""
    lengths = snapshot.text_lengths
    rows = np.flatnonzero(snapshot.here[: len(lengths)] & (lengths < THIN_CHARACTERS))
    return rows[np.argsort(lengths[rows], kind="stable")]
