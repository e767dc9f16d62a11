"""Candidates -> rules -> block: which articles are shown for one article, or for a text. All the ifs live here.

It answers with rows of a snapshot; how they are shown is not its business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from seealso.encoder import Vectors
from seealso.relatedness import Mask, Rows, Scores, candidates
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.reader import Snapshot

LIMIT_MAX = 50
LIMIT_DEFAULT = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a block may hold. `published_after` and `published_before` include the moment itself.

    Empty `sections` or `languages` admit all; a language admits its regions ('pt' admits 'pt-BR').
    """

    limit: int = LIMIT_DEFAULT
    sections: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    published_after: datetime | None = None
    published_before: datetime | None = None
    languages: tuple[str, ...] = ()
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One article of a block: its row in the snapshot, its score, and why it is there if that was asked for."""

    row: int
    score: float
    why: dict[str, Any] | None = None


def related_to_article(snapshot: Snapshot, row: int, wanted: Wanted) -> list[Item]:
    """Return the block of an article, best first; empty for an article marked sensitive.

    Never holds the article itself, sponsored or sensitive articles, or one article twice. Has `limit` items wherever
    that many articles pass the filters: where the stored candidates do not suffice, the whole snapshot is searched.
    """
    if snapshot.facts["sensitive"][row]:
        return []
    admitted = _Admission(snapshot, wanted, own_row=row)
    rows, scores = snapshot.neighbours_of(row)
    passed = admitted.of(rows)
    rows, scores = rows[passed][: wanted.limit], scores[passed][: wanted.limit]
    others = len(snapshot) - 1
    if len(rows) < wanted.limit and snapshot.neighbours.shape[1] < others:
        rows, scores = _search(snapshot, snapshot.vectors.vector(row), wanted, admitted)
    return _items(snapshot, rows, scores, wanted, own_row=row)


def related_to_vector(snapshot: Snapshot, vector: Vectors, wanted: Wanted) -> list[Item]:
    """Return the block of a text that is not in the index, by its vector: float32, dimension, unit length."""
    admitted = _Admission(snapshot, wanted, own_row=None)
    rows, scores = _search(snapshot, vector, wanted, admitted)
    return _items(snapshot, rows, scores, wanted, own_row=None)


class _Admission:
    """Which rows may be shown, by the rules and by what was asked for."""

    def __init__(self, snapshot: Snapshot, wanted: Wanted, own_row: int | None) -> None:
        self._facts = snapshot.facts
        self._wanted = wanted
        self._sections = _numbers(snapshot.sections, wanted.sections, str.__eq__)
        self._languages = _numbers(snapshot.languages, wanted.languages, _speaks)
        excluded = (snapshot.row_of(article_id) for article_id in wanted.exclude)
        self._excluded = [row for row in (own_row, *excluded) if row is not None]

    def of(self, rows: Rows | slice) -> Mask:
        """Return for each of some rows whether it may be shown."""
        facts = self._facts[rows]
        passed = ~(facts["sponsored"] | facts["sensitive"])
        if self._sections is not None:
            passed &= np.isin(facts["section"], self._sections)
        if self._languages is not None:
            passed &= np.isin(facts["language"], self._languages)
        after, before = self._wanted.published_after, self._wanted.published_before
        if after is not None or before is not None:
            passed &= facts["published"] != NO_TIME
        if after is not None:
            passed &= facts["published"] >= after.timestamp()
        if before is not None:
            passed &= facts["published"] <= before.timestamp()
        if isinstance(rows, slice):
            passed[self._excluded] = False
        elif self._excluded:
            passed &= ~np.isin(rows, self._excluded)
        mask: Mask = passed
        return mask


def _speaks(tag: str, language: str) -> bool:
    """Return whether a language tag is of a language or of one of its regions."""
    return tag == language or tag.startswith(f"{language}-")


def _numbers(labels: tuple[str, ...], asked: tuple[str, ...], fits: Callable[[str, str], bool]) -> list[int] | None:
    """Return the numbers of the labels that fit one of those asked for, None if none was asked for."""
    if not asked:
        return None
    wanted = [each.casefold() for each in asked]
    return [number for number, label in enumerate(labels) if any(fits(label.casefold(), each) for each in wanted)]


def _search(snapshot: Snapshot, vector: Vectors, wanted: Wanted, admitted: _Admission) -> tuple[Rows, Scores]:
    rows, scores = candidates(snapshot, vector[np.newaxis], wanted.limit, admitted.of(slice(None)))
    found = rows[0] >= 0
    return rows[0][found], scores[0][found]


def _items(snapshot: Snapshot, rows: Rows, scores: Scores, wanted: Wanted, own_row: int | None) -> list[Item]:
    return [
        Item(int(row), float(score), _why(snapshot, int(row), float(score), own_row) if wanted.explain else None)
        for row, score in zip(rows, scores, strict=True)
    ]


def _why(snapshot: Snapshot, row: int, score: float, own_row: int | None) -> dict[str, Any]:
    """Return what each part of the score gave, and what two articles share."""
    why: dict[str, Any] = {"parts": {"cosine": round(score, 6)}}
    if own_row is None:
        return why
    own, other = orjson.loads(snapshot.card(own_row)), orjson.loads(snapshot.card(row))
    own_time, other_time = (int(snapshot.facts["published"][each]) for each in (own_row, row))
    known = NO_TIME not in (own_time, other_time)
    return why | {
        "days_apart": abs(own_time - other_time) // 86_400 if known else None,
        "same_section": own["section"] is not None and own["section"] == other["section"],
        "same_author": own["author"] is not None and own["author"] == other["author"],
    }
