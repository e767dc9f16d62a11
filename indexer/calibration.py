"""Does a probability keep its word? Of the pairs that are given 0.3, people should call three in ten related.

In: a snapshot and gold. Out: the queries with all that a recipe makes scores of, and from what was said and what was
found a reliability curve and its error.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.evaluate import Values, discounted
from indexer.gold import Gold
from seealso.recipe import Recipe
from seealso.relatedness import standardised
from seealso.snapshot.reader import Snapshot

# What an editor looks through; further down nearly nothing is related, and any calibration looks right.
CANDIDATES_JUDGED = 20
BINS = 10
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Query:
    """A query's candidates: parts (float32, candidates x PARTS, by either cohort), cosines, and grades, 0 for none.

    `best` are all its grades, greatest first; `fold` is one of FOLDS, by its id.
    """

    fold: int
    here: NDArray[np.float32]
    there: NDArray[np.float32]
    cosines: NDArray[np.float32]
    grades: Values
    best: Values

    def scores(self, recipe: Recipe) -> Values:
        """Return the candidates' scores by a recipe."""
        weighed = (self.here + recipe.return_share * self.there) @ np.array(recipe.weights, np.float32)
        scores: Values = (weighed + recipe.cosine_weight * self.cosines).astype(np.float64)
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
            here=here[0],
            there=there[0],
            cosines=plain[0, :, 0],
            grades=np.array([grades.get(int(other), 0.0) for other in rows]),
            best=-np.sort(-np.array(list(grades.values()))),
        )


def calibration_of(snapshot: Snapshot, gold: Gold) -> Reliability:
    """Return how well a snapshot's probabilities keep their word, over the best candidates of each query."""
    judged = [query.judged(snapshot.recipe) for query in queries_of(snapshot, gold)]
    scores = np.concatenate([scores for scores, _ in judged]) if judged else np.empty(0)
    related = np.concatenate([related for _, related in judged]) if judged else np.empty(0, np.bool_)
    return reliability(snapshot.recipe.probability(scores), related)


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
