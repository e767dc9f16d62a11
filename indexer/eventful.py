"""How bound an article is to its days: a report of an event is, an explainer is not.

In: dates and neighbours. Out: a number from 0 to 1 an article. An event is written about in a burst, with the same
names: of what is nearest to a report, much was published in the same days, more than chance would have it.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Scores
from seealso.article import Article

# The nearest five: of an event there are often no more pieces.
NEAREST_LOOKED_AT = 5
BURST_DAYS = 14
# The same names and numbers: as of two tellings of one event, see `stories`.
SHARED_MIN = 0.15
# One other piece is no burst.
PIECES_MIN = 2
# Half of the nearest in one burst is an event for certain.
CERTAIN_SHARE = 0.5
DAY_SECONDS = 86_400

EVENTFUL_RECIPE: dict[str, Any] = {
    "nearest": NEAREST_LOOKED_AT,
    "burst_days": BURST_DAYS,
    "shared_min": SHARED_MIN,
    "pieces_min": PIECES_MIN,
    "certain_share": CERTAIN_SHARE,
}


def eventful(articles: Sequence[Article], neighbours: NDArray[np.int32], shared: Scores) -> NDArray[np.float32]:
    """Return float32 by article, 0 where it or none of its nearest is dated.

    `neighbours`: rows, best first, -1 where there are fewer; `shared`: see `Neighbours.shared`, the same shape.
    Copies of the article, by `canonical`, are not counted: they say where it was printed, not what it is.
    """
    seconds = np.array([article.published.timestamp() if article.published else np.nan for article in articles])
    days = seconds / DAY_SECONDS
    dated = np.sort(days[~np.isnan(days)])
    originals = [article.canonical or article.id for article in articles]
    found = np.zeros(len(articles), np.float32)
    for row, day in enumerate(days):
        if np.isnan(day):
            continue
        others = enumerate(neighbours[row].tolist())
        own = originals[row]
        nearest = list(islice((place for place, n in others if n >= 0 and originals[n] != own), NEAREST_LOOKED_AT))
        same_days = np.abs(days[neighbours[row, nearest]] - day) <= BURST_DAYS  # false where undated
        pieces = int((same_days & (shared[row, nearest] >= SHARED_MIN)).sum())
        if pieces < PIECES_MIN:
            continue
        share = pieces / len(nearest)
        low, high = np.searchsorted(dated, (day - BURST_DAYS, day + BURST_DAYS))
        chance = (high - low - 1) / max(1, len(dated) - 1)
        found[row] = min(1.0, max(0.0, share - chance) / CERTAIN_SHARE)
    return found
