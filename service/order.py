"""In which order candidates are shown: by probability and the placement's mode, own language first, one per story, and
not all alike.

In: rows with their probabilities, best first, all of which may be shown. Out: places among them.
"""

from functools import lru_cache
from heapq import heappop, heapreplace

import numpy as np
from numpy.typing import NDArray

from seealso.article import parse_time, primary_language
from seealso.lexical import Rows
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot

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

DAY_SECONDS = 86_400
# mode=latest: a piece loses half its chance in this time. A month keeps the last weeks together and lets a much better
# older piece through.
HALF_LIFE_DAYS = 30
# mode=evergreen: a report that is bound to its day (facts 'eventful') fades over two months; explainers do not.
NEWS_DAYS = 60
# A piece from the same three weeks of another year may be wanted again ('seasonal').
SEASON_DAYS = 21
SEASON_GAIN = 1.25
YEAR_DAYS = 365.2425
# What is not dated is taken as this old: neither fresh nor of any season.
UNDATED_DAYS = 182.0

Values = NDArray[np.float64]


def choose(
    snapshot: Snapshot,
    rows: Rows,
    probabilities: Values,
    mode: str,
    limit: int,
    language: str | None,
    one_per_story: bool,
) -> dict[int, int]:
    """Return the places of at most `limit` rows, in the order in which they are shown.

    With each stands the place of the telling of its story for which it is there: as a rule its own. `language`: the
    primary part of the article's own language, which goes first; None where it does not matter.
    """
    if not len(rows):
        return {}
    values = _values(snapshot, rows, probabilities, mode)
    foreign = _foreign(snapshot, rows, language)
    order = np.lexsort((rows, -values, foreign))
    tellings: dict[int, int] = {}
    if one_per_story:
        order, values, tellings = _one_per_story(snapshot.facts["story"][rows], rows, values, foreign, order)
    places = _unlike(snapshot, rows, values, foreign, order[:CHOSEN_AMONG], limit)
    return {place: tellings.get(place, place) for place in places}


def _values(snapshot: Snapshot, rows: Rows, probabilities: Values, mode: str) -> Values:
    if mode == "background":
        return probabilities
    facts = snapshot.facts[rows]
    made = parse_time(snapshot.manifest.created).timestamp()
    dated = facts["published"] != NO_TIME
    days = np.where(dated, (made - np.where(dated, facts["published"], 0)) / DAY_SECONDS, UNDATED_DAYS)
    if mode == "latest":
        faded: Values = probabilities * np.exp2(-np.maximum(days, 0.0) / HALF_LIFE_DAYS)
        return faded
    expired = facts["eventful"] * (1.0 - np.exp2(-np.maximum(days, 0.0) / NEWS_DAYS))
    off_season = np.abs((days + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2)
    seasonal = (off_season <= SEASON_DAYS) & (days > YEAR_DAYS / 2)
    kept: Values = probabilities * (1.0 - expired) * np.where(seasonal, SEASON_GAIN, 1.0)
    return kept


def _foreign(snapshot: Snapshot, rows: Rows, language: str | None) -> NDArray[np.bool_]:
    labels = None if language is None else _foreign_labels(snapshot.languages, language)
    if labels is None:
        return np.zeros(len(rows), np.bool_)
    chosen: NDArray[np.bool_] = labels[snapshot.facts["language"][rows]]
    return chosen


@lru_cache(256)
def _foreign_labels(languages: tuple[str, ...], language: str) -> NDArray[np.bool_] | None:
    """Return for each language tag whether it is foreign; None if none is."""
    # One more at the end, for -1: what has no language is not foreign.
    labels = np.array([*(primary_language(tag) != language for tag in languages), False])
    return labels if labels.any() else None


def _one_per_story(
    stories: NDArray[np.int32], rows: Rows, values: Values, foreign: NDArray[np.bool_], order: NDArray[np.int64]
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
    snapshot: Snapshot, rows: Rows, values: Values, foreign: NDArray[np.bool_], order: NDArray[np.int64], limit: int
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
            by_each = _losses(snapshot, rows[order[:looked_at]], worth[:looked_at])
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


def _losses(snapshot: Snapshot, rows: Rows, worth: Values) -> Values:
    """Return what each one, chosen, takes of what each other is worth, for being alike."""
    vectors = snapshot.vectors.vectors(rows)
    alike = np.maximum(vectors @ vectors.T - ALIKE_FROM, 0.0)
    losses: Values = alike * (ALIKE_COST / (1.0 - ALIKE_FROM) * worth)
    return losses
