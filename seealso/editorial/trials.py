"""Two recipes compared by what readers clicked. In: counts by article and team. Out: which is better, and how sure.

What is clicked under one article hangs together, so articles are what is drawn at random, not views: intervals are
those of ratios over articles (linearised, as for cluster samples; Cochran 1977, chapter 6).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import sqlalchemy as sa

from seealso.editorial.clicks import Z95, Count
from seealso.editorial.schema import clicks
from seealso.editorial.store import Store

Team = Literal["a", "b"]
# Of fewer articles nothing is told: how they differ among themselves is not known.
ARTICLES_MIN = 20


class Share(NamedTuple):
    """A share of clicks, and what is added up in it; None where there is none."""

    articles: int
    shown: int
    clicked: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How two recipes compare. `difference`: b's share less a's, between `low` and `high` with 95 % certainty.

    By interleaving the shares are of clicks: how many of them went to b's items, less one half. `better`: None while
    it cannot be told.
    """

    a: Share
    b: Share
    difference: float | None
    low: float | None
    high: float | None
    better: Team | None


def read_teams(
    store: Store, trial: str, first: date | None = None, last: date | None = None
) -> dict[Team, dict[str, Count]]:
    """Return by team and article how often items were shown and clicked in a trial. Raises StoreUnavailable."""
    teams: dict[Team, dict[str, Count]] = {"a": {}, "b": {}}
    shown, clicked = sa.func.sum(clicks.c.shown), sa.func.sum(clicks.c.clicked)
    for team, found in teams.items():
        asked = sa.select(clicks.c.article, shown, clicked).where(clicks.c.team == f"{trial}:{team}")
        if first is not None:
            asked = asked.where(clicks.c.day >= first.isoformat())
        if last is not None:
            asked = asked.where(clicks.c.day <= last.isoformat())
        with store.reading() as connection:
            rows = connection.execute(asked.group_by(clicks.c.article)).all()
        found.update({row[0]: Count(int(row[1]), int(row[2])) for row in rows})
    return teams


def compare_split(teams: Mapping[Team, Mapping[str, Count]]) -> Verdict:
    """Return how two recipes compare of which each has articles of its own."""
    a, b = (_share(teams[team]) for team in ("a", "b"))
    if a.share is None or b.share is None or min(a.articles, b.articles) < ARTICLES_MIN:
        return Verdict(a, b, None, None, None, None)
    variance = sum(_variance(teams[team].values()) for team in ("a", "b"))
    return _verdict(a, b, b.share - a.share, math.sqrt(variance))


def compare_interleaved(teams: Mapping[Team, Mapping[str, Count]]) -> Verdict:
    """Return how two recipes compare whose items stand in the same blocks."""
    a, b = (_share(teams[team]) for team in ("a", "b"))
    articles = {*teams["a"], *teams["b"]}
    none = Count(0, 0)
    pairs = [(teams["a"].get(each, none).clicked, teams["b"].get(each, none).clicked) for each in articles]
    clicked = [Count(ours + theirs, theirs) for ours, theirs in pairs if ours + theirs]
    if len(clicked) < ARTICLES_MIN:
        return Verdict(a, b, None, None, None, None)
    total = sum(each.shown for each in clicked)
    difference = sum(each.clicked for each in clicked) / total - 0.5
    return _verdict(a, b, difference, math.sqrt(_variance(clicked)))


def _verdict(a: Share, b: Share, difference: float, deviation: float) -> Verdict:
    low, high = difference - Z95 * deviation, difference + Z95 * deviation
    better: Team | None = "b" if low > 0 else "a" if high < 0 else None
    return Verdict(a, b, difference, low, high, better)


def _share(counts: Mapping[str, Count]) -> Share:
    shown, clicked = (sum(each[place] for each in counts.values()) for place in (0, 1))
    return Share(len(counts), shown, clicked, clicked / shown if shown else None)


def _variance(counts: Iterable[Count]) -> float:
    """Return the variance of the share of clicks over articles drawn at random."""
    drawn = list(counts)
    shown = sum(each.shown for each in drawn)
    share = sum(each.clicked for each in drawn) / shown
    squares = sum((each.clicked - share * each.shown) ** 2 for each in drawn)
    return len(drawn) / (len(drawn) - 1) * squares / shown**2
