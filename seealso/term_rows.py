"""Term vectors, row after row; the same by term; of one, the heaviest terms. With `lexical` the one user of scipy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Scores
from seealso.threads import in_parts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Of so many articles at once are weights squared: of all of them that would take 24 bytes a term.
SQUARED_AT_ONCE = 16_384
# Where rows of terms end further on, at 512 terms an article from the 4,194,304th on, 32 bits do not say it.
SHORT_END_MAX = 2**31 - 1


def as_ends(ends: NDArray[Any]) -> NDArray[Any]:
    """Return where rows begin and end in the type that holds it."""
    return ends.astype(np.int32 if int(ends[-1]) <= SHORT_END_MAX else np.int64, copy=False)


@dataclass(frozen=True, slots=True)
class TermRows:
    """The term vectors of some articles or texts, row after row (compressed sparse rows).

    `ends`: rows + 1: where each row begins and ends, int32, or int64 beyond SHORT_END_MAX; `terms`: int32, rising
    within a row; `weights`: float32.
    """

    ends: NDArray[Any]
    terms: NDArray[np.int32]
    weights: Scores

    def __len__(self) -> int:
        return len(self.ends) - 1

    def row(self, row: int) -> "TermRows":
        """Return one row by itself."""
        return self.rows(row, row + 1)

    def rows(self, first: int, last: int) -> "TermRows":
        """Return the rows from `first` up to, not including, `last`."""
        start, end = int(self.ends[first]), int(self.ends[last])
        ends = as_ends(self.ends[first : last + 1] - self.ends[first])
        return TermRows(ends, self.terms[start:end], self.weights[start:end])

    def squares(self) -> Scores:
        """Return the inner product of each row with itself: float32."""
        squares = np.zeros(len(self), np.float32)
        for first, last in in_parts(len(self), SQUARED_AT_ONCE):
            some = self.rows(first, last)
            owners = np.repeat(np.arange(len(some)), np.diff(some.ends))
            weights = np.square(some.weights, dtype=np.float64)
            squares[first:last] = np.bincount(owners, weights, len(some))
        return squares

    def as_matrix(self, terms: int) -> "csr_matrix":
        """Return the same as scipy has it: rows x terms."""
        from scipy.sparse import csr_matrix  # a page view does without it

        return csr_matrix((self.weights, self.terms, self.ends), shape=(len(self), terms), copy=False)


def transposed(rows: TermRows, columns: int) -> TermRows:
    """Return one row for each of the columns of `rows`, holding the numbers of the rows that have it, in order."""
    by_column = rows.as_matrix(columns).tocsc()
    return TermRows(as_ends(by_column.indptr), by_column.indices.astype(np.int32, copy=False), by_column.data)


def heaviest(probes: TermRows, postings: TermRows, postings_max: int | None) -> tuple[TermRows, Mask]:
    """Return the probes with their heaviest terms only, and which of them lack any.

    Each keeps so many terms that they have `postings_max` postings at most, one term in any case.
    """
    whole = np.zeros(len(probes), np.bool_)
    if postings_max is None:
        return probes, whole
    owners = np.repeat(np.arange(len(probes)), np.diff(probes.ends))
    order = np.lexsort((probes.terms, -probes.weights, owners))
    terms = probes.terms[order]
    upto = np.cumsum(postings.ends[terms + 1] - postings.ends[terms], dtype=np.int64)
    own = probes.ends[:-1][owners]  # where the probe of each term begins
    before = np.concatenate(([0], upto))[own]
    kept = np.empty(len(order), np.bool_)
    kept[order] = (upto - before <= postings_max) | (np.arange(len(order)) == own)
    if kept.all():
        return probes, whole
    ends = as_ends(np.concatenate(([0], np.cumsum(kept)))[probes.ends])
    return TermRows(ends, probes.terms[kept], probes.weights[kept]), np.diff(ends) < np.diff(probes.ends)


def heaviest_shared(own: TermRows, other: TermRows, most: int) -> tuple[NDArray[np.int32], Scores]:
    """Return so many of the terms that two vectors share, the heaviest first, and what each gives to their product."""
    terms, own_places, other_places = np.intersect1d(own.terms, other.terms, assume_unique=True, return_indices=True)
    weights = own.weights[own_places] * other.weights[other_places]
    places = np.lexsort((terms, -weights))[:most]
    return terms[places], weights[places]
