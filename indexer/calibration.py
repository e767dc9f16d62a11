"""Does a probability keep its word? Of the pairs that are given 0.3, people should call three in ten related.

In: a snapshot and gold. Out: the queries with all that a recipe makes scores of, and from what was said and what was
found a reliability curve and its error.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.evaluate import Values, discounted
from indexer.gold import Gold
from seealso.arrays import Scores
from seealso.recipe import Recipe
from seealso.relatedness import standardised, weighed
from seealso.snapshot.snapshot import Snapshot

# What an editor looks through; further down nearly nothing is related, and any calibration looks right.
CANDIDATES_JUDGED = 20
BINS = 10
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Query:
    """A query's candidates: the parts of their scores (float32, candidates x PARTS), and grades, 0 for none.

    `plain`, `here` and `there`: see `relatedness.standardised`; `best` are all grades of the query, greatest first;
    `fold` is one of FOLDS, by its id.
    """

    fold: int
    plain: Scores
    here: Scores
    there: Scores
    grades: Values
    best: Values

    def scores(self, recipe: Recipe) -> Values:
        """Return the candidates' scores by a recipe."""
        scores: Values = weighed(recipe, self.plain, self.here, self.there).sum(axis=1, dtype=np.float64)
        return scores

    def ndcg(self, recipe: Recipe) -> float:
        """Return nDCG@10 of the candidates in the order of a recipe."""
        gains = self.grades[np.argsort(-self.scores(recipe), kind="stable")][:10]
        return discounted(gains) / discounted(self.best[:10])

    def judged(self, recipe: Recipe) -> tuple[Values, NDArray[np.bool_]]:
        """Return the scores of the best by a recipe, and which of these are related."""
        scores = self.scores(recipe)
        best = np.argsort(-scores, kind="stable")[:CANDIDATES_JUDGED]
        return scores[best], self.grades[best] > 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs of like probability: what was said on average, the share that was related, and how many they are."""

    said: float
    found: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """The reliability curve, and the mean distance of what is said from what is found, weighted by pairs (ECE)."""

    bins: tuple[Bin, ...]
    error: float


def queries_of(snapshot: Snapshot, gold: Gold) -> Iterator[Query]:
    """Yield every query that is in the snapshot and has a related article there.

    Candidates that a block never shows are left out: the query's own story, sponsored and sensitive articles.
    """
    for name in sorted(gold):
        row = snapshot.row_of(name)
        grades = {other: grade for each, grade in gold[name].items() if (other := snapshot.row_of(each)) is not None}
        if row is None or not grades:
            continue
        rows, _ = snapshot.neighbours_of(row)
        facts = snapshot.facts[rows]
        rows = rows[~(facts["sponsored"] | facts["sensitive"]) & (facts["story"] != snapshot.facts["story"][row])]
        if not len(rows):
            continue
        own = snapshot.cohorts[row : row + 1]
        plain, here, there = standardised(snapshot, snapshot.probes(row), own, rows[np.newaxis])
        yield Query(
            fold=zlib.crc32(name.encode()) % FOLDS,
            plain=plain[0],
            here=here[0],
            there=there[0],
            grades=np.array([grades.get(int(other), 0.0) for other in rows]),
            best=-np.sort(-np.array(list(grades.values()))),
        )


def said_of(queries: Iterable[Query], weights: Recipe, curve: Recipe) -> tuple[Values, NDArray[np.bool_]]:
    """Return the probabilities of all queries' best candidates, and which are related.

    Which are best is told by one recipe's weights, how likely they are by another's curve.
    """
    judged = [query.judged(weights) for query in queries]
    scores = np.concatenate([np.empty(0), *(scores for scores, _ in judged)])
    related = np.concatenate([np.empty(0, np.bool_), *(related for _, related in judged)])
    return curve.probability(scores), related


def calibration_of(snapshot: Snapshot, gold: Gold) -> Reliability:
    """Return how well a snapshot's probabilities keep their word, over the best candidates of each query."""
    return reliability(*said_of(queries_of(snapshot, gold), snapshot.recipe, snapshot.recipe))


def reliability(probabilities: NDArray[np.float64], related: NDArray[np.bool_]) -> Reliability:
    """Return how well probabilities keep their word, in BINS of equally many pairs (Naeini et al. 2015)."""
    order = np.argsort(probabilities, kind="stable")
    bins = tuple(
        Bin(float(probabilities[part].mean()), float(related[part].mean()), len(part))
        for part in np.array_split(order, BINS)
        if len(part)
    )
    error = sum(each.pairs * abs(each.said - each.found) for each in bins) / max(1, len(order))
    return Reliability(bins, float(error))
