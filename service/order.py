"""In which order candidates are shown: by probability and the placement's mode, own language first, one per story, and
not all alike.

In: rows with their probabilities, best first, all of which may be shown. Out: places among them.
"""

import numpy as np
from numpy.typing import NDArray

from seealso.article import parse_time, primary_language
from seealso.lexical import Rows
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.reader import Snapshot

# Maximal marginal relevance (Carbonell and Goldstein 1998): each item loses this share of its place for being like what
# stands above it. Light: it parts two tellings of one thing, and costs 1 % nDCG@10 on documentation pages at most.
ALIKE_COST = 0.3
# Likeness below this is what any two pieces on one subject have.
ALIKE_FROM = 0.6
# Of so many times the asked number the order is chosen; what stands further down never comes up by being different.
CHOSEN_FROM = 3

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
) -> list[int]:
    """Return the places of at most `limit` rows, in the order in which they are shown.

    `language`: the primary part of the article's own language, which goes first; None where it does not matter.
    """
    if not len(rows):
        return []
    values = _values(snapshot, rows, probabilities, mode)
    foreign = _foreign(snapshot, rows, language)
    order = np.lexsort((rows, -values, foreign))
    if one_per_story:
        order, values = _one_per_story(snapshot.facts["story"][rows], rows, values, order)
    places = _unlike(snapshot, rows, values, foreign, order[: CHOSEN_FROM * limit], limit)
    return places


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
    if language is None:
        return np.zeros(len(rows), np.bool_)
    own = [number for number, tag in enumerate(snapshot.languages) if primary_language(tag) == language]
    numbers = snapshot.facts["language"][rows]
    foreign: NDArray[np.bool_] = (numbers >= 0) & ~np.isin(numbers, own)
    return foreign


def _one_per_story(
    stories: NDArray[np.int32], rows: Rows, values: Values, order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Values]:
    """Keep the first place of each story, and put the story's lead there, for as much, if it is among the rows."""
    _, first = np.unique(stories[order], return_index=True)
    if len(first) == len(order):
        return order, values
    leads = {int(row): place for place, row in enumerate(rows) if stories[place] == row}
    best = order[np.sort(first)]
    kept = np.array([leads.get(int(stories[place]), int(place)) for place in best], np.int64)
    values = values.copy()
    values[kept] = values[best]
    return kept, values


def _unlike(
    snapshot: Snapshot, rows: Rows, values: Values, foreign: NDArray[np.bool_], order: NDArray[np.int64], limit: int
) -> list[int]:
    """Choose one after the other what is best and least like what is chosen already."""
    vectors = snapshot.vectors.vectors(rows[order])
    alike = np.maximum(vectors @ vectors.T - ALIKE_FROM, 0.0) * (ALIKE_COST / (1.0 - ALIKE_FROM))
    worth = values[order] - foreign[order]  # own language first, however alike
    costs = np.zeros(len(order), np.float64)
    left = np.zeros(len(order), np.float64)
    places = []
    for _ in range(min(limit, len(order))):
        best = int(np.argmax(worth - costs * np.abs(values[order]) - left))
        places.append(int(order[best]))
        left[best] = np.inf
        np.maximum(costs, alike[best], out=costs)
    return places
