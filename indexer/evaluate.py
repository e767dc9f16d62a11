"""How good are the lists of a snapshot? Measured against gold, with the uncertainty that comes from having few queries.

In: lists of ids by article, and gold. Out: numbers by query, their means with intervals, and the difference between
two rankings of the same queries with the chance that it is none. It does not know how the lists were made.

Measures as in trec_eval: nDCG with the grade itself as gain (Järvelin and Kekäläinen 2002), reciprocal rank of the
first related article, recall. Intervals by the percentile bootstrap over queries; significance by the paired
randomisation test (both as compared in Smucker, Allan and Carterette 2007).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.gold import Gold
from seealso.snapshot.snapshot import Snapshot

LIST_ITEMS_MAX = 50
# What a page shows: hubs, coverage and diversity are counted over lists of this length.
SHOWN_ITEMS = 12
RESAMPLES = 2_000
FLIPS = 10_000
INTERVAL = (2.5, 97.5)
# Two runs on the same lists print the same intervals.
SEED = 20_240_607

Lists = Mapping[str, Sequence[str]]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over queries and the 95 % interval around it."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference to another ranking of the same queries, its interval, and the p value of 'there is none'."""

    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of each query, in the order of `queries`; `skipped` had no related article in the index."""

    queries: tuple[str, ...]
    values: dict[str, Values]
    skipped: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What all lists of SHOWN_ITEMS look like together.

    `coverage`: the share of articles that some list shows; `most_shown`: the article in most lists, and in how many;
    `diversity`: 1 minus the mean cosine between the items of a list, averaged over lists.
    """

    lists: int
    empty: int
    coverage: float
    never_shown: int
    most_shown: tuple[str, int]
    diversity: float


def lists_of(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return every article's candidates, at most LIST_ITEMS_MAX, best first: relatedness alone, before any rule."""
    ids = [snapshot.article_id(row) for row in range(len(snapshot))]
    return {
        ids[row]: [ids[other] for other in snapshot.neighbours_of(row)[0][:LIST_ITEMS_MAX]]
        for row in range(len(snapshot))
    }


def measure(lists: Lists, gold: Gold) -> Quality:
    """Return the measures of every query that is in the lists and has a related article in them."""
    queries = []
    rows: list[tuple[float, ...]] = []
    for query in sorted(gold):
        grades = {article: grade for article, grade in gold[query].items() if article in lists}
        if query not in lists or not grades:
            continue
        gains = np.array([grades.get(article, 0.0) for article in lists[query][:LIST_ITEMS_MAX]])
        best = -np.sort(-np.array(list(grades.values())))
        found = np.flatnonzero(gains)
        queries.append(query)
        rows.append(
            (
                discounted(gains[:5]) / discounted(best[:5]),
                discounted(gains[:10]) / discounted(best[:10]),
                1.0 / (found[0] + 1) if len(found) else 0.0,
                (found < SHOWN_ITEMS).sum() / len(grades),
                len(found) / len(grades),
            )
        )
    names = ("nDCG@5", "nDCG@10", "MRR", f"recall@{SHOWN_ITEMS}", f"recall@{LIST_ITEMS_MAX}")
    columns = np.array(rows, np.float64).reshape(-1, len(names)).T
    return Quality(tuple(queries), dict(zip(names, columns, strict=True)), len(gold) - len(queries))


def interval(values: Values) -> Interval:
    """Return the mean of some queries' values with its interval."""
    low, high = np.percentile(_resampled_means(values), INTERVAL)
    return Interval(float(values.mean()), float(low), float(high))


def difference(ours: Values, theirs: Values) -> Difference:
    """Return the mean difference between two rankings of the same queries.

    The p value is the share of random flips of the sign of each query's difference that give as large a mean.
    """
    differences = ours - theirs
    low, high = np.percentile(_resampled_means(differences), INTERVAL)
    rng = np.random.default_rng(SEED)
    observed = abs(differences.mean())
    as_large = 0
    for _ in range(FLIPS):
        signs = rng.integers(0, 2, len(differences)) * 2 - 1
        as_large += abs((signs * differences).mean()) >= observed - 1e-12
    return Difference(float(differences.mean()), float(low), float(high), float((as_large + 1) / (FLIPS + 1)))


def times_shown(lists: Lists) -> Counter[str]:
    """Return in how many lists of SHOWN_ITEMS each article stands; those in none are left out."""
    shown: Counter[str] = Counter()
    for items in lists.values():
        shown.update(items[:SHOWN_ITEMS])
    return shown


def shape(lists: Lists, snapshot: Snapshot) -> Shape:
    """Return what all lists look like together; `snapshot` gives the vectors by which diversity is told."""
    shown = times_shown(lists)
    spreads = []
    for items in lists.values():
        rows = [row for row in map(snapshot.row_of, items[:SHOWN_ITEMS]) if row is not None]
        if len(rows) > 1:
            vectors = np.stack([snapshot.vectors.vector(row) for row in rows])
            # The squared length of a sum of unit vectors is their number plus twice all cosines between them.
            square = float(np.square(vectors.sum(axis=0)).sum())
            spreads.append(1.0 - (square - len(rows)) / (len(rows) * (len(rows) - 1)))
    most = shown.most_common(1)[0] if shown else ("", 0)
    return Shape(
        lists=len(lists),
        empty=sum(not items for items in lists.values()),
        coverage=sum(article in shown for article in lists) / max(1, len(lists)),
        never_shown=sum(article not in shown for article in lists),
        most_shown=most,
        diversity=float(np.mean(spreads)) if spreads else 0.0,
    )


def discounted(gains: Values) -> float:
    """Return the discounted cumulative gain of gains in the order of a list."""
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


def _resampled_means(values: Values) -> Values:
    rng = np.random.default_rng(SEED)
    means = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        means[number] = values[rng.integers(0, len(values), len(values))].mean()
    return means
