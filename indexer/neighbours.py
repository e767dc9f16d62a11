"""All articles' related candidates, computed at once: vectors and terms -> a table of rows and scores.

Two passes over blocks of articles: the nearest by each part, from which each article's cohort comes, then their scores.
Blocks bound the memory of what is worked on. What is kept of all articles is 1.2 kB each between the passes, and 1.6 kB
of the result. The measure is `seealso.relatedness`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from indexer.progress import SILENT, Reporter
from seealso.arrays import Scores
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.machine import usable_cpus
from seealso.recipe import Recipe
from seealso.relatedness import CANDIDATES_MAX, NEAREST, PARTS, Cohorts, Probes, cohorts_of, nearest, rank
from seealso.snapshot.vectors import VectorIndex
from seealso.threads import in_parts, on_threads

# Searching many at once pays (FAISS: tenfold), ranking them only takes memory.
SEARCHED_AT_ONCE = 4_096
RANKED_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class Archive:
    """All articles of a run, as relatedness sees them."""

    vectors: VectorIndex
    terms: Terms
    cohorts: Cohorts

    def __len__(self) -> int:
        return self.vectors.count


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Every article's candidates without itself, best first: articles x candidates; row -1 where there are fewer.

    There are CANDIDATES_MAX of them, or as many as there are other articles. `rows`: int32; `scores`, `cosines` and
    `terms`: float32, see `relatedness.Candidates`; `cohorts`: see `relatedness.cohorts_of`.
    """

    rows: NDArray[np.int32]
    scores: Scores
    cosines: Scores
    terms: Scores
    cohorts: Cohorts

    def shared(self, squares: Scores) -> Scores:
        """Return how much of their terms each article and its candidates share: float32, 0 to 1, the shape of `rows`.

        It is the cosine of term vectors; `squares`: each one's inner product with itself.
        """
        lengths = np.sqrt(np.maximum(squares, np.finfo(np.float32).tiny))
        shared: Scores = self.terms / (lengths[:, np.newaxis] * lengths[np.maximum(self.rows, 0)])
        return shared


def find_neighbours(
    searchable: VectorIndex,
    vectors: Vectors,
    terms: Terms,
    recipe: Recipe,
    reporter: Reporter = SILENT,
) -> Neighbours:
    """Return every article's candidates. `reporter` is told of both passes."""
    count = len(vectors)
    rows, cohorts = _nearest_of_all(searchable, vectors, terms.in_blocks(), reporter)
    archive = Archive(searchable, terms, cohorts)
    width = min(CANDIDATES_MAX, count - 1)
    kept = np.full((count, width), -1, np.int32)
    parts = np.zeros((3, count, width), np.float32)
    reporter.stage("Neighbours", count, "articles")

    def rank_some(block: tuple[int, int]) -> int:
        first, last = block
        near = rows[:, first:last].astype(np.int64)
        probes = Probes(vectors[first:last], terms.articles.rows(first, last), terms.titles.rows(first, last))
        best = rank(archive, recipe, probes, near, cohorts[first:last], width, without=np.arange(first, last))
        kept[first:last] = best.rows
        parts[:, first:last] = best.scores, best.plain[:, :, 0], best.plain[:, :, 1]
        return last - first

    with threadpool_limits(1, user_api="blas"):  # each thread has a block of its own
        for ranked in on_threads(usable_cpus(), rank_some, in_parts(count, RANKED_AT_ONCE)):
            reporter.advance(ranked)
    return Neighbours(kept, parts[0], parts[1], parts[2], cohorts)


def _nearest_of_all(
    searchable: VectorIndex, vectors: Vectors, terms: Terms, reporter: Reporter
) -> tuple[NDArray[np.int32], Cohorts]:
    """Return the nearest of every article by each part (int32, PARTS x articles x NEAREST; -1 for none); its cohort."""
    count, threads = len(vectors), usable_cpus()
    rows = np.full((PARTS, count, NEAREST), -1, np.int32)
    cohorts = np.empty((count, PARTS, 2), np.float32)
    reporter.stage("Nearest", count, "articles")
    for first, last in in_parts(count, SEARCHED_AT_ONCE):
        probes = Probes(vectors[first:last], terms.articles.rows(first, last), terms.titles.rows(first, last))
        found = nearest(searchable, terms, probes, threads=threads)
        cohorts[first:last] = cohorts_of(found, probes, count)
        rows[:, first:last] = found.rows
        reporter.advance(last - first)
    return rows, cohorts
