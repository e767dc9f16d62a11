"""In which order candidates are shown: by what each is worth, own language first, one per story, and not all alike.

In: rows with what they are worth, best first, all of which may be shown. Out: places among them.
"""

from functools import lru_cache
from heapq import heappop, heapreplace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows
from seealso.article import primary_language
from seealso.relatedness import COSINE_DECIMALS
from seealso.snapshot.vectors import VectorIndex

# Maximal marginal relevance (Carbonell and Goldstein 1998): each item loses this share of its place for being like what
# stands above it. Light: it parts two pieces that say the same, and costs 0.2 % nDCG@10 on documentation pages.
ALIKE_COST = 0.3
# Likeness below this is what any two pieces on one subject have.
ALIKE_FROM = 0.6
# Most blocks are chosen from as many as they show and so many more: how alike others are is looked at only where one of
# them may come in.
SPARE = 4
# Among so many of the best the order is chosen, whatever the limit: a shorter list is the beginning of a longer one.
CHOSEN_AMONG = 64

# More than anything is worth: a probability, times what the season gains.
FOREIGN_COST = 4.0

# What decides an order, for the manifest. Raise `version` whenever the same candidates would be shown otherwise, here
# or in what the night takes for a plain block: those of nights before are not read any more then.
ORDER_RECIPE: dict[str, Any] = {
    "version": 1,
    "alike_cost": ALIKE_COST,
    "alike_from": ALIKE_FROM,
    "chosen_among": CHOSEN_AMONG,
    "cosine_decimals": COSINE_DECIMALS,
    "foreign_cost": FOREIGN_COST,
}

Values = NDArray[np.float64]


def choose(
    vectors: VectorIndex, rows: Rows, values: Values, foreign: Mask, limit: int, stories: NDArray[np.int32] | None
) -> dict[int, int]:
    """Return the places of at most `limit` rows, in the order in which they are shown.

    With each stands the place of the telling of its story for which it is there: as a rule its own. `foreign`: see
    `foreign_among`; `stories`: that of each row, of which one telling is shown; None where all may be.
    """
    if not len(rows):
        return {}
    order = np.lexsort((rows, -values, foreign))
    tellings: dict[int, int] = {}
    if stories is not None:
        order, values, tellings = _one_per_story(stories, rows, values, foreign, order)
    places = _unlike(vectors, rows, values, foreign, order[:CHOSEN_AMONG], limit)
    return {place: tellings.get(place, place) for place in places}


def foreign_among(languages: tuple[str, ...], numbers: NDArray[np.int32], language: str | None) -> Mask:
    """Return for each number of a language tag (-1: none) whether it is of another language, whatever the region.

    `language`: the tag of the article's own; None where that does not matter.
    """
    labels = None if language is None else _foreign_labels(languages, language)
    if labels is None:
        return np.zeros(len(numbers), np.bool_)
    foreign: Mask = labels[numbers]
    return foreign


@lru_cache(256)
def _foreign_labels(languages: tuple[str, ...], language: str) -> Mask | None:
    """Return for each language tag whether it is foreign; None if none is."""
    own = primary_language(language)
    # One more at the end, for -1: what has no language is not foreign.
    labels = np.array([*(primary_language(tag) != own for tag in languages), False])
    return labels if labels.any() else None


def _one_per_story(
    stories: NDArray[np.int32], rows: Rows, values: Values, foreign: Mask, order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Values, dict[int, int]]:
    """Keep the first place of each story, and put the story's lead there, for as much, if it is among the rows.

    A lead in another language gives way to a telling in the own. At last, by the place of each that is kept: the place
    of the first.
    """
    told = stories[order].tolist()
    if len(set(told)) == len(told):
        return order, values, {}
    first: dict[int, int] = {}
    for place, story in zip(order.tolist(), told, strict=True):
        first.setdefault(story, place)
    leads = {int(rows[place]): int(place) for place in np.flatnonzero(stories == rows)}
    best = np.fromiter(first.values(), np.int64, len(first))
    kept = np.array([leads.get(story, place) for story, place in first.items()], np.int64)
    kept = np.where(foreign[kept] & ~foreign[best], best, kept)
    values = values.copy()
    values[kept] = values[best]
    # A lead in the own language may stand for a foreign telling, and goes before foreign ones then.
    tellings = dict(zip(kept.tolist(), best.tolist(), strict=True))
    return kept[np.lexsort((-values[kept], foreign[kept]))], values, tellings


def _unlike(
    vectors: VectorIndex, rows: Rows, values: Values, foreign: Mask, order: NDArray[np.int64], limit: int
) -> list[int]:
    """Choose one after the other what is best and least like what is chosen already."""
    worth = values[order]
    # What each is worth, at most: something is lost by what is chosen, and is told when it comes first. Own language
    # goes first, however alike.
    worths = (worth - FOREIGN_COST * foreign[order]).tolist()
    waiting = [(-each, place) for place, each in enumerate(worths)]  # in order, and so a heap
    chosen: list[int] = []
    losses: list[list[float]] = []  # by each of those looked at, of each of them
    lost: list[float] = []  # of each, by those that are chosen
    while waiting and len(chosen) < limit:
        most, place = waiting[0]
        if place >= len(lost):  # it was not looked at: few blocks need more than the best
            looked_at = place + limit - len(chosen) + SPARE
            by_each = _losses(vectors, rows[order[:looked_at]], worth[:looked_at])
            losses, lost = by_each.tolist(), by_each[chosen].max(axis=0, initial=0.0).tolist()
            continue
        now = lost[place] - worths[place]
        if now > most:
            heapreplace(waiting, (now, place))
            continue
        heappop(waiting)
        chosen.append(place)
        lost = [*map(max, lost, losses[place])]
    places: list[int] = order[chosen].tolist()
    return places


def _losses(vectors: VectorIndex, rows: Rows, worth: Values) -> Values:
    """Return what each one, chosen, takes of what each other is worth, for being alike."""
    own = vectors.vectors(rows)
    # By one or two bits, a product depends on how many are looked at: the order of those that are the same would, too.
    alike = np.maximum(np.round(own @ own.T, COSINE_DECIMALS) - ALIKE_FROM, 0.0)
    losses: Values = alike * (ALIKE_COST / (1.0 - ALIKE_FROM) * worth)
    return losses
