"""How related two articles are.

In: the vectors of passages. Out: one vector an article, and for any vector the articles nearest to it with a score.
The indexer asks for all articles at once, the service for a text or under a filter; both come through here, so that
one measure answers everywhere. The measure of this version is the cosine of whole-article vectors.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seealso.encoder import Vectors

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]

# A page shows 12 cards; what filters and rules take away of 100 candidates leaves those in nearly every case, and
# where it does not, the service searches the whole snapshot.
CANDIDATES_MAX = 100
# A cosine is the same on any machine to about 1e-6; beyond that, order would hang on rounding.
SCORE_DECIMALS = 6

RECIPE: dict[str, Any] = {
    "measure": "cosine of whole-article vectors",
    "article_vector": "mean of the unit vectors of all its passages, unit length",
    "candidates_max": CANDIDATES_MAX,
    "score_decimals": SCORE_DECIMALS,
}


class Searchable(Protocol):
    """Holds the articles' vectors and finds the nearest."""

    def search(self, vectors: Vectors, limit: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """Return the rows and inner products of the `limit` nearest, best first; row -1 where there are fewer."""
        ...


def article_vectors(passage_vectors: Vectors, passage_counts: NDArray[np.int64]) -> Vectors:
    """Return one vector an article: float32, articles x dimension, unit length.

    `passage_vectors` are all articles' passages in order, `passage_counts` how many belong to each article (1 or more).
    The mean of all passages finds more of what people call related than the first passage alone (0.599 against 0.564
    nDCG@10 on 2,500 documentation pages).
    """
    starts = np.concatenate(([0], np.cumsum(passage_counts)[:-1]))
    means = np.add.reduceat(passage_vectors, starts, axis=0, dtype=np.float64)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    vectors: Vectors = (means / np.maximum(lengths, np.finfo(np.float64).tiny)).astype(np.float32)
    return vectors


def candidates(among: Searchable, vectors: Vectors, limit: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
    """Return for each vector the most related articles: rows and scores, vectors x limit, best first.

    Equal scores stand in the order of rows. Row -1 (score -1) fills up where fewer articles are there or `allowed`.
    """
    rows, scores = among.search(vectors, limit, allowed)
    known: Scores = np.where(rows < 0, -1.0, scores).astype(np.float32)
    scores = np.round(known, SCORE_DECIMALS)
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
