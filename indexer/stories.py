"""Which articles tell the same story: wire copies, updates, corrections, and one event told by several desks.

In: all articles and their neighbours. Out: for each article the row of the one that stands for its story.
What a block does with stories is not its business.

An article that is wrongly taken for a telling of another is hidden; one that is wrongly not taken for it is a repeat.
The first is worse, so each rule asks for more than it must, and a story is no chain: all of it must be alike.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.copies import CONTAINED_SHARE, COPIES_RECIPE, Texts, day_of, near_copies
from indexer.neighbours import Neighbours
from seealso.arrays import Scores
from seealso.article import Article, primary_language
from seealso.telling import EVENT_COSINE, EVENT_DAYS, EVENT_TERMS, are_numbers_of_a_series

# An update or a correction keeps some of its text, shares most of its terms, and comes within a week. In the sample
# newsroom it keeps 0.3, and no two others share 0.02.
REVISION_SHARE = 0.2
REVISION_TERMS = 0.5
REVISION_DAYS = 7
# A third telling may have its own angle if it is alike to each of the others: 0.66 and 0.18 there, and others to both
# of two tellings 0.62 and 0.12.
ANGLE_COSINE = 0.64
ANGLE_TERMS = 0.15
# So often, copies and updates aside, one event is told at most; of more there are other things to tell.
TELLINGS_MAX = 6
# Who has so many as like as each other at other times (more than a week away) is a series: a column, a weather report.
SERIES_MIN = 3
ARTICLES_AT_ONCE = 4_096

STORY_RECIPE: dict[str, Any] = {
    "copies": COPIES_RECIPE,
    "revision": [REVISION_SHARE, REVISION_TERMS, REVISION_DAYS],
    "event": [EVENT_COSINE, EVENT_TERMS, EVENT_DAYS],
    "angle": [ANGLE_COSINE, ANGLE_TERMS],
    "tellings_max": TELLINGS_MAX,
    "series_min": SERIES_MIN,
}


def find_stories(
    articles: Sequence[Article],
    neighbours: Neighbours,
    shared: Scores,
    on_article: Callable[[], None] = lambda: None,
) -> NDArray[np.int32]:
    """Return for each article the row of the article that stands for its story; its own if nothing else tells it.

    That is the original that a copy names as canonical, else the latest update. `shared`: see `Neighbours.shared`;
    `on_article`: called as the text of each is read, which takes longest.
    """
    texts = Texts(articles, on_article)
    copies, forms = near_copies(articles, texts)
    groups = _Groups(articles)
    groups.join_all([*_named_copies(articles), *texts.equal, *copies])
    pairs = _pairs(articles, neighbours, shared, without=texts.notices | forms)
    _join_alike(groups, _revisions(pairs, texts))
    _join_alike(groups, _events(pairs))
    originals = {article.canonical for article in articles if article.canonical != article.id}
    stories = np.arange(len(articles), dtype=np.int32)
    for members in groups.members():
        stories[members] = max(
            members, key=lambda row: (articles[row].id in originals, _last_changed(articles[row]), -row)
        )
    return stories


def _last_changed(article: Article) -> datetime:
    return article.updated or article.published or datetime.min.replace(tzinfo=UTC)


class _Groups:
    """Articles joined to stories (disjoint sets)."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._articles = articles
        self._parents = list(range(len(articles)))

    def of(self, row: int) -> int:
        """Return the number of an article's story: the row of that of its articles whose id comes first."""
        while self._parents[row] != row:
            self._parents[row] = self._parents[self._parents[row]]
            row = self._parents[row]
        return row

    def join_all(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Make one story of the two of each pair."""
        for pair in pairs:
            first, second = sorted(map(self.of, pair), key=self.name)
            self._parents[second] = first

    def name(self, row: int) -> str:
        """Return what stories are ordered by where nothing else tells: rows may change, ids do not."""
        return self._articles[row].id

    def members(self) -> Iterable[list[int]]:
        """Return the articles of each story, in the order of their rows."""
        members: dict[int, list[int]] = defaultdict(list)
        for row in range(len(self._parents)):
            members[self.of(row)].append(row)
        return members.values()


def _named_copies(articles: Sequence[Article]) -> Iterator[tuple[int, int]]:
    """Yield pairs of which one names the other as its original, or both the same, which need not be here."""
    rows = {article.id: row for row, article in enumerate(articles)}
    for row, article in enumerate(articles):
        if article.canonical:
            yield rows.setdefault(article.canonical, row), row


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two articles that may tell the same. `days`: between them, not a number if that is not known."""

    one: int
    other: int
    days: float
    cosine: float
    terms: float
    same_language: bool


def _pairs(articles: Sequence[Article], neighbours: Neighbours, shared: Scores, without: set[int]) -> list[_Pair]:
    """Return each pair of candidates that have enough in common, but for those of which each has a series."""
    if not neighbours.rows.size:
        return []
    days = np.array([day_of(article) for article in articles])
    usual = np.full(len(articles), -np.inf)  # how like an article is what comes again and again
    for block in _blocks(neighbours):
        apart, likeness = _apart(days, neighbours, block), neighbours.cosines[block] + shared[block]
        elsewhen = np.where((neighbours.rows[block] >= 0) & (apart > REVISION_DAYS), likeness, -np.inf)
        if elsewhen.shape[1] >= SERIES_MIN:
            usual[block] = np.partition(elsewhen, -SERIES_MIN, axis=1)[:, -SERIES_MIN]
    languages = [primary_language(article.language) for article in articles]
    found: dict[tuple[int, int], _Pair] = {}
    for block in _blocks(neighbours):
        apart, likeness = _apart(days, neighbours, block), neighbours.cosines[block] + shared[block]
        rows, common = neighbours.rows[block], shared[block]
        wanted = (rows >= 0) & (common >= ANGLE_TERMS)
        wanted &= likeness > np.minimum(usual[block, np.newaxis], usual[np.maximum(rows, 0)])
        wanted &= (apart <= REVISION_DAYS) | (common >= REVISION_TERMS)
        for row, place in zip(*(index.tolist() for index in np.nonzero(wanted)), strict=True):
            other = int(rows[row, place])
            one, two = sorted((row + block.start, other))
            if (one, two) in found or one in without or two in without:
                continue
            if are_numbers_of_a_series(articles[one].title, articles[two].title):
                continue
            cosine, terms = float(neighbours.cosines[block][row, place]), float(common[row, place])
            same_language = languages[one] == languages[two]
            found[one, two] = _Pair(one, two, float(apart[row, place]), cosine, terms, same_language)
    return list(found.values())


def _blocks(neighbours: Neighbours) -> Iterator[slice]:
    """Yield all articles, some at a time: what is worked out for each of their candidates is many times the texts."""
    for first in range(0, len(neighbours.rows), ARTICLES_AT_ONCE):
        yield slice(first, min(first + ARTICLES_AT_ONCE, len(neighbours.rows)))


def _apart(days: NDArray[np.float64], neighbours: Neighbours, block: slice) -> NDArray[np.float64]:
    """Return how many days lie between some articles and each of their candidates."""
    apart: NDArray[np.float64] = np.abs(days[block, np.newaxis] - days[np.maximum(neighbours.rows[block], 0)])
    return apart


@dataclass(frozen=True, slots=True)
class _Alike:
    """Two articles that tell the same. `likeness`: the greater, the more; `alone`: no third one need confirm it."""

    one: int
    other: int
    likeness: float
    alone: bool = True


def _revisions(pairs: Iterable[_Pair], texts: Texts) -> Iterator[_Alike]:
    """Yield the pairs of which one is an update, a correction or a longer form of the other."""
    for pair in pairs:
        if pair.terms >= REVISION_TERMS:
            common, contained = texts.shares(pair.one, pair.other)
            if (pair.days <= REVISION_DAYS and common >= REVISION_SHARE) or contained >= CONTAINED_SHARE:
                yield _Alike(pair.one, pair.other, pair.cosine + pair.terms)


def _events(pairs: Iterable[_Pair]) -> Iterator[_Alike]:
    """Yield the pairs that tell one event."""
    for pair in pairs:
        if pair.same_language and pair.days <= EVENT_DAYS and pair.cosine >= ANGLE_COSINE:
            alone = pair.cosine >= EVENT_COSINE and pair.terms >= EVENT_TERMS
            yield _Alike(pair.one, pair.other, pair.cosine + pair.terms, alone)


def _join_alike(groups: _Groups, found: Iterable[_Alike]) -> None:
    """Join what is alike, the likest first; all that is in a story must be alike to all else in it.

    What the groups hold already counts as one.
    """
    best: dict[tuple[int, int], _Alike] = {}
    for each in sorted(found, key=lambda each: (each.alone, each.likeness)):
        one, two = sorted((groups.of(each.one), groups.of(each.other)), key=groups.name)
        if one != two:
            best[one, two] = each
    ordered = sorted(best, key=lambda pair: (-best[pair].likeness, *map(groups.name, pair)))
    alike = _each_among_the_likest(ordered)
    stories = {group: [group] for pair in alike for group in pair}
    for alone in (True, False):
        for one, two in (pair for pair in ordered if pair in alike):
            ours, theirs = stories[one], stories[two]
            if ours is theirs or (not best[one, two].alone if alone else len(ours) == len(theirs) == 1):
                continue
            if all((a, b) in alike or (b, a) in alike for a, b in product(ours, theirs)):
                ours += theirs
                stories |= dict.fromkeys(theirs, ours)
    groups.join_all(pair for story in stories.values() for pair in pairwise(story))


def _each_among_the_likest(ordered: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the pairs, given the likest first, of which each is among the few likest of the other."""
    ranks: dict[int, int] = defaultdict(int)
    chosen = set()
    for one, two in ordered:
        ranks[one] += 1
        ranks[two] += 1
        if max(ranks[one], ranks[two]) < TELLINGS_MAX:
            chosen.add((one, two))
    return chosen
