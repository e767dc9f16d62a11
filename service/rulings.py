"""Editors' rules -> what they mean for the rows of a snapshot, and for one block.

What keeps something out of all blocks becomes part of the served snapshot; all else is looked up block by block.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.article import folded
from seealso.editorial.rules import Rule, Wish
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.titles import whole_word

# The odds of what is boosted are taken for so many times higher, of what is buried for so many times lower.
ODDS_FACTOR = 3.0
_NO_ROWS = np.empty(0, np.int64)
# For so many tags and words of rules it is kept which articles have them. Were there more in force, each block would
# look through all articles again.
KEPT_MAX = 512

RowNumbers = NDArray[np.int64]
# A snapshot, by its id; a kind, and a text.
_Key = tuple[str, str, str]


class KeptRows:
    """Which rows of a snapshot have something, kept for the last that were looked for. Safe from many threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        # Beside which live articles, which come last; how many rows were looked at, and which of them have it.
        self._kept: OrderedDict[_Key, tuple[str, int, RowNumbers]] = OrderedDict()
        self._keeping = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def rows_with(
        self,
        snapshot: Snapshot,
        kind: str,
        text: str,
        fits: Callable[[int], bool],
        listed: Callable[[], RowNumbers] | None = None,
    ) -> RowNumbers:
        """Return the rows that fit, of all; each row of a snapshot is looked at once for a kind and a text.

        `listed`: gives those of the snapshot itself that fit, so that only live articles are looked at.
        """
        key = snapshot.id, kind, text
        with self._keeping:
            looked_at, rows = self._known(key, snapshot)
        if not looked_at and listed is not None:
            looked_at, rows = len(snapshot.neighbours), listed()
        if looked_at < len(snapshot):
            more = [row for row in range(looked_at, len(snapshot)) if fits(row)]
            rows = np.concatenate([rows, np.array(more, np.int64)])
            looked_at = len(snapshot)
        with self._keeping:
            if looked_at > self._known(key, snapshot)[0]:
                self._kept[key] = snapshot.lineage, looked_at, rows
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return rows[: np.searchsorted(rows, len(snapshot))]

    def _known(self, key: _Key, snapshot: Snapshot) -> tuple[int, RowNumbers]:
        """Return how many rows of a snapshot were looked at, and which of them fit."""
        lineage, looked_at, rows = self._kept.get(key, ("", 0, _NO_ROWS))
        base = len(snapshot.neighbours)
        if lineage == snapshot.lineage or looked_at <= base:
            return looked_at, rows
        return base, rows[: np.searchsorted(rows, base)]  # beside it were other live articles than these


# What blocks need; what editors search for stands apart, and drives nothing of it out.
BY_RULES = KeptRows(KEPT_MAX)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What rules say of one block.

    `pins`: rows by the place at which they stand, from 1 on, the later word last; `excluded`: rows that are not shown,
    in order; `weighed`: rows and the factor of their odds; `evergreens`: how many evergreen pieces there are at least;
    `awaited`: articles that are pinned and not here yet.
    """

    pins: Mapping[int, int] = field(default_factory=dict)
    excluded: RowNumbers = field(default_factory=_NO_ROWS.copy)
    weighed: Sequence[tuple[RowNumbers, float]] = ()
    evergreens: int = 0
    awaited: tuple[str, ...] = ()

    @property
    def leaves_candidates(self) -> bool:
        """Return whether which candidates are shown, and in which order, is as without it, but for what is pinned."""
        return not (len(self.excluded) or self.weighed or self.evergreens)

    def weigh(self, rows: RowNumbers, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities by which rows are ordered."""
        if not self.weighed:
            return chances
        odds = chances / np.maximum(1.0 - chances, np.finfo(np.float64).eps)
        for about, factor in self.weighed:
            odds = np.where(np.isin(rows, about), odds * factor, odds)
        weighed: NDArray[np.float64] = odds / (1.0 + odds)
        return weighed


NO_RULING = Ruling()


class Rulings:
    """What rules say of each block. Safe from many threads; nothing in it changes."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._under_article: dict[str, list[Wish]] = {}
        self._under_section: dict[str, list[Wish]] = {}
        self._under_all: list[Wish] = []
        for wish in (rule.wish for rule in rules):
            if wish.under_article is not None:
                self._under_article.setdefault(wish.under_article, []).append(wish)
            elif wish.under_section is not None:
                self._under_section.setdefault(folded(wish.under_section), []).append(wish)
            elif not _is_fact(wish):
                self._under_all.append(wish)

    def of_article(self, snapshot: Snapshot, row: int) -> Ruling:
        """Return what rules say of the block of an article."""
        # What is said of one article stands over what is said of its section, and that over what is said of all.
        wishes = [*self._under_all]
        number = int(snapshot.facts["section"][row])
        if self._under_section and number >= 0:
            wishes += self._under_section.get(folded(snapshot.sections[number]), ())
        if self._under_article:
            wishes += self._under_article.get(snapshot.article_id(row), ())
        return _ruling(snapshot, wishes)

    def of_text(self, snapshot: Snapshot) -> Ruling:
        """Return what rules say of the block of a text, which is no article's."""
        return _ruling(snapshot, self._under_all)


def ruled(snapshot: Snapshot, rules: Iterable[Rule]) -> Snapshot:
    """Return a snapshot in which what rules keep out of all blocks is sensitive or sponsored."""
    wishes = [rule.wish for rule in rules if _is_fact(rule.wish)]
    if not wishes:
        return snapshot
    sensitive, sponsored = [_NO_ROWS], [_NO_ROWS]
    for wish in wishes:
        (sensitive if wish.action == "sensitive" else sponsored).append(rows_of(snapshot, wish))
    return snapshot.keeping_out(np.concatenate(sensitive), np.concatenate(sponsored))


def _is_fact(wish: Wish) -> bool:
    """Return whether a wish keeps something out of all blocks, as sensitive and sponsored articles are."""
    everywhere = wish.under_article is None and wish.under_section is None
    return everywhere and wish.action in ("exclude", "sensitive", "sponsored")


def _ruling(snapshot: Snapshot, wishes: Sequence[Wish]) -> Ruling:
    if not wishes:
        return NO_RULING
    pins: dict[int, int] = {}
    excluded, weighed, evergreens, awaited = [_NO_ROWS], [], 0, list[str]()
    for wish in wishes:
        about = rows_of(snapshot, wish)
        match wish.action:
            case "pin" if len(about):
                row, number = int(about[0]), wish.number or 1
                # The later word counts, and stands last.
                pins = {place: other for place, other in pins.items() if other != row and place != number}
                pins[number] = row
            case "pin":
                awaited.append(wish.article or "")
            case "exclude":
                excluded.append(about)
            case "boost":
                weighed.append((about, ODDS_FACTOR))
            case "bury":
                weighed.append((about, 1 / ODDS_FACTOR))
            case "evergreen":
                evergreens = wish.number or 0
    return Ruling(pins, np.unique(np.concatenate(excluded)), weighed, evergreens, tuple(awaited))


def rows_of(snapshot: Snapshot, wish: Wish, kept: KeptRows = BY_RULES) -> RowNumbers:
    """Return the rows that a wish is about; `kept`: what was looked for before."""
    if wish.article is not None:
        row = snapshot.row_of(wish.article)
        return _NO_ROWS if row is None else np.array([row], np.int64)
    if wish.section is not None:
        wanted = folded(wish.section)
        numbers = [number for number, label in enumerate(snapshot.sections) if folded(label) == wanted]
        return np.flatnonzero(np.isin(snapshot.facts["section"], numbers))
    if wish.tag is not None:
        tag = folded(wish.tag)
        listed = None if snapshot.tags is None else partial(snapshot.tags.rows_of, tag)
        return kept.rows_with(snapshot, "tag", tag, lambda row: tag in _tags(snapshot, row), listed)
    if wish.word is not None:
        word, whole = folded(wish.word), whole_word(wish.word)
        listed = partial(snapshot.titles.rows_with, word)
        return kept.rows_with(snapshot, "word", word, lambda row: bool(whole.search(_title(snapshot, row))), listed)
    return _NO_ROWS


def _tags(snapshot: Snapshot, row: int) -> set[str]:
    return {folded(tag) for tag in orjson.loads(snapshot.article(row)).get("tags") or ()}


def _title(snapshot: Snapshot, row: int) -> str:
    return folded(snapshot.title(row))
