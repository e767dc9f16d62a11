"""All articles' related candidates, computed at once: vectors -> a table of rows and scores.

Memory is bounded by blocks of articles; the measure is `seealso.relatedness`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seealso.encoder import Vectors
from seealso.relatedness import CANDIDATES_MAX, Scores, Searchable, candidates

BLOCK_ARTICLES = 4_096


def find_neighbours(
    among: Searchable, vectors: Vectors, on_block: Callable[[int], None] | None = None
) -> tuple[NDArray[np.int32], Scores]:
    """Return every article's candidates without itself, best first: rows (int32) and scores, articles x candidates.

    There are CANDIDATES_MAX of them, or as many as there are other articles.
    """
    count = len(vectors)
    width = min(CANDIDATES_MAX, count - 1)
    neighbours = np.full((count, width), -1, np.int32)
    scores = np.full((count, width), -1.0, np.float32)
    for start in range(0, count, BLOCK_ARTICLES):
        own = np.arange(start, min(start + BLOCK_ARTICLES, count))
        rows, row_scores = candidates(among, vectors[own], width + 1)
        for place, row in enumerate(own):
            others = rows[place] != row  # copies of an article may have pushed it out of its own list
            neighbours[row] = rows[place][others][:width]
            scores[row] = row_scores[place][others][:width]
        if on_block is not None:
            on_block(len(own))
    return neighbours, scores
