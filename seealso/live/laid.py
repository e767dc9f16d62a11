"""The vectors and terms of live articles, laid beside those of a snapshot: one archive to whoever searches.

Rows of the snapshot come first. Of live articles there are some thousands at most, so all of them are looked through.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seealso.arrays import Mask, Rows, Scores
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.snapshot.vectors import VectorIndex
from seealso.term_rows import TermRows


class LaidVectors(VectorIndex):
    """A snapshot's vectors, however these are searched, and those of live articles: float32, live x dimension.

    What is inherited is the snapshot's alone, but for `products`.
    """

    def __init__(self, base: VectorIndex, live: Vectors) -> None:
        super().__init__(base.index, base.cells, base.probed, base.filtered_probed)
        self._base = base
        self._live = live

    @property
    def count(self) -> int:
        """Return how many vectors there are."""
        return self._base.count + len(self._live)

    def vector(self, row: int) -> Vectors:
        """Return the vector of a row: float32, dimension."""
        base = self._base.count
        return self._base.vector(row) if row < base else self._live[row - base].copy()

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors of some rows: float32, rows x dimension."""
        base = self._base.count
        beside = np.asarray(rows) >= base
        if not beside.any():
            return self._base.vectors(rows)
        found = self._base.vectors(np.where(beside, 0, rows))
        found[beside] = self._live[rows[beside] - base]
        return found

    def search(self, vectors: Vectors, limit: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """Return the rows and inner products of the `limit` nearest to each vector, best first."""
        base = self._base.count
        rows, scores = self._base.search(vectors, limit, None if allowed is None else allowed[:base])
        return _merged(rows, scores, vectors @ self._live.T, base, limit, allowed, least=-np.inf)


@dataclass(frozen=True)
class LaidTerms(Terms):
    """A snapshot's terms, and the term vectors of live articles (`live`) and of their titles.

    What is inherited is the snapshot's alone: `articles` and `titles` have no live rows.
    """

    live: TermRows
    live_titles: TermRows

    def titled(self, rows: Rows) -> Mask:
        """Return for each of some articles whether its title has a term."""
        base, beside = len(self.articles), rows >= len(self.articles)
        found = super().titled(np.where(beside, 0, rows))
        ends = self.live_titles.ends
        found[beside] = ends[rows[beside] - base + 1] > ends[rows[beside] - base]
        return found

    def search(
        self, probes: TermRows, postings: TermRows, limit: int, allowed: Mask | None = None, threads: int = 1
    ) -> tuple[Rows, Scores]:
        """Return for each probe the articles that share most with it: rows and inner products, probes x limit."""
        base = len(self.articles)
        of_base = None if allowed is None else allowed[:base]
        rows, scores = super().search(probes, postings, limit, of_base, threads)
        live = self.live_titles if postings is self.title_postings else self.live
        return _merged(rows, scores, self._beside(probes, live), base, limit, allowed, least=0.0)

    def products(self, probes: TermRows, others: TermRows, rows: Rows) -> Scores:
        """Return the inner products of each probe with some rows of others: float32, the shape of `rows`."""
        base = len(self.articles)
        products = super().products(probes, others, np.where(rows < base, rows, -1))
        beside = rows >= base
        if beside.any():
            live = self.live_titles if others is self.titles else self.live
            products += super().products(probes, live, np.where(beside, rows - base, -1))
        return products

    def _beside(self, probes: TermRows, live: TermRows) -> Scores:
        """Return the inner products of each probe with all live articles: float32, probes x live.

        Without scipy, which would take 12 MB of each worker.
        """
        products = np.zeros((len(probes), len(live)), np.float32)
        spread = np.zeros(len(self.vocabulary), np.float32)  # one probe's weights by term
        for number, (start, end) in enumerate(pairwise(probes.ends)):
            terms = probes.terms[start:end]
            spread[terms] = probes.weights[start:end]
            shared = spread[live.terms]
            places = np.flatnonzero(shared != 0)
            owners = np.searchsorted(live.ends, places, side="right") - 1
            np.add.at(products[number], owners, shared[places] * live.weights[places])  # in order, as Terms does
            spread[terms] = 0.0
        return products


def _merged(
    rows: Rows, scores: Scores, beside: Scores, base: int, limit: int, allowed: Mask | None, least: float
) -> tuple[Rows, Scores]:
    """Return the best of what was found in a snapshot and of all live articles; those not above `least` are none."""
    merged_rows, merged_scores = np.full_like(rows, -1), np.zeros_like(scores)
    passed = beside > least if allowed is None else (beside > least) & allowed[base : base + beside.shape[1]]
    for number in range(len(rows)):
        known, live = rows[number] >= 0, np.flatnonzero(passed[number])
        every = np.concatenate([rows[number, known], live + base])
        values = np.concatenate([scores[number, known], beside[number, live]])
        best = np.lexsort((every, -values))[:limit]
        merged_rows[number, : len(best)], merged_scores[number, : len(best)] = every[best], values[best]
    return merged_rows, merged_scores
