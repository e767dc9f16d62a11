"""How related two articles are, how sure we are, and which parts gave it.

In: vectors and term vectors. Out: for each article or text, the articles most related to it with a score. The indexer
asks for all articles at once, the service for a text or under a filter; both come through here, so that one measure
answers everywhere.

Three parts: the cosine of whole-article vectors, the inner product of term vectors, and how much of the other's title
is in the one's text. Each is standardised by the best hundred scores of the one article and by those of the other,
which takes away articles that are near everything (in speaker verification: adaptive symmetric score normalisation,
Matejka et al. 2017).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seealso import space, term_weights
from seealso.arrays import Mask, Rows, Scores
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.recipe import Recipe
from seealso.term_rows import TermRows

# A page shows 12 cards; what filters and rules take away of 100 candidates leaves those in nearly every case, and
# where it does not, the service searches the whole snapshot.
CANDIDATES_MAX = 100
# By how many of its best scores an article is standardised; 50 and 200 are the same within noise.
COHORT = 100
# Of each part so many are looked at: the cohort, and the article itself.
NEAREST = COHORT + 1
# A cosine of the same two vectors is the same to about 1e-6, however many are searched for at once.
COSINE_DECIMALS = 5
# Scores run from about -5 to 20. The same text embedded in another batch moves them by some 1e-5.
SCORE_DECIMALS = 4

# An archive of fewer than COHORT others is filled up with what unrelated articles typically have (mean, deviation):
# cosines of 0.12 +- 0.08; terms 0.04 +- 0.02 of what the article shares with itself; titles that of the most found.
COSINE_UNRELATED = (0.12, 0.08)
TERMS_UNRELATED = (0.04, 0.02)
TITLES_UNRELATED = (0.04, 0.02)
# Where all of the best are alike, a difference is told by these and not divided by nothing.
COSINE_DEVIATION_MIN = 0.01
TERMS_DEVIATION_MIN = 0.005
TITLES_DEVIATION_MIN = 0.1
# Beyond this many deviations nothing is told any more; of real pairs the farthest are at 10. A single title that names
# the one rare word of a text would be at hundreds.
DEVIATIONS_MAX = 12.0

# Vectors, terms, titles: in this order wherever a part has a number.
PARTS = 3

# float32, articles x PARTS x 2: mean and deviation of each article's best scores.
Cohorts = NDArray[np.float32]


def described(recipe: Recipe) -> dict[str, Any]:
    """Return all that decides a score, for the manifest."""
    return recipe.model_dump() | {
        "space": space.RECIPE,
        "terms": term_weights.RECIPE,
        "candidates_max": CANDIDATES_MAX,
        "cohort": COHORT,
        "cosine_decimals": COSINE_DECIMALS,
        "score_decimals": SCORE_DECIMALS,
        "cosine_unrelated": list(COSINE_UNRELATED),
        "terms_unrelated": list(TERMS_UNRELATED),
        "titles_unrelated": list(TITLES_UNRELATED),
        "deviations_min": [COSINE_DEVIATION_MIN, TERMS_DEVIATION_MIN, TITLES_DEVIATION_MIN],
        "deviations_max": DEVIATIONS_MAX,
    }


class Searchable(Protocol):
    """Holds the articles' vectors and finds the nearest."""

    def search(self, vectors: Vectors, limit: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """Return the rows and inner products of the `limit` nearest, best first; row -1 where there are fewer."""
        ...

    def products(self, vectors: Vectors, rows: Rows) -> Scores:
        """Return the inner products of each vector with some rows: float32, the shape of `rows` (vectors x any)."""
        ...


class Archive(Protocol):
    """All articles, as relatedness sees them. `cohorts`: see `cohorts_of`."""

    @property
    def vectors(self) -> Searchable: ...
    @property
    def terms(self) -> Terms: ...
    @property
    def cohorts(self) -> Cohorts: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Probes:
    """What related articles are wanted for: `vectors` (float32, probes x dimension, unit length), `terms`, `titles`."""

    vectors: Vectors
    terms: TermRows
    titles: TermRows


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest articles by each part, best first: PARTS x probes x NEAREST; row -1 where there are fewer."""

    rows: Rows
    scores: Scores


@dataclass(frozen=True, slots=True)
class Candidates:
    """The most related articles, best first: probes x limit. Row -1 (all else 0) fills up where there are fewer.

    `scores` (float32) are the sums of `parts` (probes x limit x PARTS), rounded; `plain` are the parts' own scores,
    before any standardising.
    """

    rows: Rows
    scores: Scores
    parts: Scores
    plain: Scores


def nearest(
    vectors: Searchable, terms: Terms, probes: Probes, allowed: Mask | None = None, threads: int = 1
) -> Nearest:
    """Return the nearest articles by each part. `allowed`: bool by row; only those are found."""
    found = (
        vectors.search(probes.vectors, NEAREST, allowed),
        terms.search(probes.terms, terms.postings, NEAREST, allowed, threads),
        terms.search(probes.terms, terms.title_postings, NEAREST, allowed, threads),
    )
    rows = np.stack([rows for rows, _ in found])
    scores = np.where(rows < 0, 0.0, np.stack([scores for _, scores in found])).astype(np.float32)
    scores[0] = np.round(scores[0], COSINE_DECIMALS)
    return Nearest(rows, scores)


def cohorts_of(found: Nearest, probes: Probes, articles: int) -> Cohorts:
    """Return mean and deviation of each probe's best scores by each part: float32, probes x PARTS x 2.

    `found` is of the whole archive. The very best is left out: an article in the archive finds itself.
    """
    others = min(COHORT, max(0, articles - 1))
    best = found.scores[:, :, 1 : others + 1]
    own = probes.terms.squares()[:, np.newaxis].astype(np.float64)
    most = np.maximum(found.scores[2, :, :1].astype(np.float64), np.finfo(np.float32).tiny)
    return np.stack(
        [
            _spread(best[0], np.array([COSINE_UNRELATED]), COSINE_DEVIATION_MIN),
            _spread(best[1], own * TERMS_UNRELATED, own * TERMS_DEVIATION_MIN),
            _spread(best[2], most * TITLES_UNRELATED, TITLES_DEVIATION_MIN),
        ],
        axis=1,
    ).astype(np.float32)


def candidates(
    archive: Archive, recipe: Recipe, probes: Probes, limit: int, own: Cohorts, allowed: Mask | None = None
) -> Candidates:
    """Return for each probe the most related articles of an archive.

    `own`: the probes' cohorts; `allowed`: bool by row; only those are found.
    """
    return rank(archive, recipe, probes, nearest(archive.vectors, archive.terms, probes, allowed).rows, own, limit)


def rank(
    archive: Archive,
    recipe: Recipe,
    probes: Probes,
    found: Rows,
    own: Cohorts,
    limit: int,
    without: Rows | None = None,
) -> Candidates:
    """Return the `limit` best of the nearest articles, each scored anew. `found`: their rows, see `Nearest`; `own`: the
    probes' cohorts; `without`: a row to leave out each.

    Equal scores stand in the order of rows.
    """
    rows = _union(found)
    if without is not None:
        rows = np.where(rows == without[:, np.newaxis], -1, rows)
    every = scored(archive, recipe, probes, own, rows)
    order = np.lexsort((rows, np.where(rows >= 0, -every.scores, np.inf)), axis=1)[:, :limit]
    each = np.arange(len(rows))[:, np.newaxis]
    return Candidates(rows[each, order], every.scores[each, order], every.parts[each, order], every.plain[each, order])


def scored(archive: Archive, recipe: Recipe, probes: Probes, own: Cohorts, rows: Rows) -> Candidates:
    """Return what probes and some rows (probes x any number) score, in the order of `rows`. `own`: their cohorts."""
    plain, here, there = standardised(archive, probes, own, rows)
    parts = weighed(recipe, plain, here, there)
    scores = np.round(parts.sum(axis=2), SCORE_DECIMALS)
    return Candidates(rows, np.where(rows < 0, 0, scores).astype(np.float32), parts, plain)


def weighed(recipe: Recipe, plain: Scores, here: Scores, there: Scores) -> Scores:
    """Return what each part gives to the score of some pairs: float32, the shape of all three, PARTS at last."""
    parts: Scores = (here + recipe.return_share * there) * np.array(recipe.weights, np.float32)
    parts[..., 0] += recipe.cosine_weight * plain[..., 0]
    return parts


def standardised(archive: Archive, probes: Probes, own: Cohorts, rows: Rows) -> tuple[Scores, Scores, Scores]:
    """Return the parts of some pairs: plain, by the probes' own cohorts, and seen from the other article by its own.

    Each is float32, probes x any number (the shape of `rows`) x PARTS, 0 for row -1.
    """
    plain, back = _plain(archive, probes, rows)
    titled = (np.diff(probes.titles.ends) > 0)[:, np.newaxis]
    here, there = _deviations(plain, back, own[:, np.newaxis], archive.cohorts[np.maximum(rows, 0)], titled)
    known = (rows >= 0)[:, :, np.newaxis]
    return (
        np.where(known, plain, 0).astype(np.float32),
        np.where(known, here, 0).astype(np.float32),
        np.where(known, there, 0).astype(np.float32),
    )


def returned(archive: Archive, recipe: Recipe, probes: Probes, own: Cohorts, rows: Rows) -> Scores:
    """Return what probes score in the lists of some rows: float32, the shape of `rows` (probes x any), 0 for row -1.

    It is what `scored` returns with the two changing places. `own`: the probes' cohorts.
    """
    back, plain = _plain(archive, probes, rows)
    titled = archive.terms.titled(np.maximum(rows, 0))
    here, there = _deviations(plain, back, archive.cohorts[np.maximum(rows, 0)], own[:, np.newaxis], titled)
    parts = weighed(recipe, plain, *(each.astype(np.float32) for each in (here, there)))
    return np.where(rows < 0, 0, np.round(parts.sum(axis=2), SCORE_DECIMALS)).astype(np.float32)


def _plain(archive: Archive, probes: Probes, rows: Rows) -> tuple[Scores, Scores]:
    """Return the parts of some pairs as they are, seen from the probes, and from the rows."""
    terms = archive.terms
    plain = np.stack(
        [
            archive.vectors.products(probes.vectors, rows),
            terms.products(probes.terms, terms.articles, rows),
            terms.products(probes.terms, terms.titles, rows),
        ],
        axis=2,
    )
    back = plain.copy()  # two parts are the same from either side
    back[:, :, 2] = terms.products(probes.titles, terms.articles, rows)
    return plain, back


def _deviations(
    plain: Scores, back: Scores, own: Cohorts, other: Cohorts, titled: NDArray[np.bool_]
) -> tuple[Scores, Scores]:
    """Return by how much parts are above what the one article has with its best others, and the other with its own.

    `own` and `other`: cohorts, the shape of the parts x 2; `titled`: whether the one has a title.
    """
    here = (plain - own[..., 0]) / own[..., 1]
    there = (back - other[..., 0]) / other[..., 1]
    there[..., 2] = np.where(titled, there[..., 2], 0.0)  # what has no title is in no text, which says nothing
    return np.clip(here, -DEVIATIONS_MAX, DEVIATIONS_MAX), np.clip(there, -DEVIATIONS_MAX, DEVIATIONS_MAX)


def _spread(best: Scores, unrelated: NDArray[Any], deviation_min: Any) -> NDArray[np.float64]:
    """Return mean and deviation of each row, as if filled up to COHORT with `unrelated` (mean, deviation)."""
    missing = COHORT - best.shape[1]
    sums = best.sum(axis=1, dtype=np.float64) + missing * unrelated[:, 0]
    squares = np.square(best, dtype=np.float64).sum(axis=1) + missing * np.square(unrelated).sum(axis=1)
    means = sums / COHORT
    deviations = np.sqrt(np.maximum(squares / COHORT - np.square(means), 0.0))
    floor = np.maximum(np.ravel(deviation_min), 1e-3)  # what has no terms shares none
    return np.stack([means, np.maximum(deviations, floor)], axis=1)


def _union(rows: Rows) -> Rows:
    """Return each probe's rows by all parts, in order, without repeats; -1 in the place of each repeat."""
    every = np.sort(np.concatenate(list(rows), axis=1), axis=1)
    every[:, 1:][every[:, 1:] == every[:, :-1]] = -1
    return every
