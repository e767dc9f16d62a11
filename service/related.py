"""Candidates -> rules -> block: which articles are shown for one article, or for a text.

It answers with rows of a snapshot; how they are shown is not its business. What may be shown is told in
`service.rules`, in which order in `service.order`, and why in `service.why`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from seealso.article import primary_language
from seealso.lexical import Mask, Rows, Scores
from seealso.relatedness import CANDIDATES_MAX, Cohorts, Probes, candidates, cohorts_of, nearest, rank, scored
from seealso.snapshot.reader import Snapshot
from service.order import choose
from service.rules import Admission
from service.wanted import Wanted
from service.why import Draft, reasons

# Among so many of the nearest articles a pasted text is looked for.
PASTED_LOOKED_AT = 5
# A shorter text that stands in an article may be a phrase of it, and no article that was pasted.
PASTED_SHARE_MIN = 0.7


@dataclass(frozen=True, slots=True)
class Item:
    """One article of a block: its row in the snapshot, its score and probability, and why it is there if asked for."""

    row: int
    score: float
    probability: float
    why: dict[str, Any] | None = None


def related_to_article(snapshot: Snapshot, row: int, wanted: Wanted) -> list[Item]:
    """Return the block of an article, best first; empty for an article marked sensitive.

    Never holds the article itself, another of its story, sponsored or sensitive articles, or one article twice; nothing
    below the least probability. Has `limit` items wherever that many pass: where the stored candidates do not suffice,
    the whole snapshot is searched.
    """
    if snapshot.facts["sensitive"][row]:
        return []
    rows, scores = snapshot.neighbours_of(row)
    own = snapshot.cohorts[row : row + 1]
    admitted = Admission(snapshot, wanted, own_row=row)
    complete = len(rows) == len(snapshot) - 1
    language = _language_of(snapshot, row)
    chosen = _chosen_from(
        snapshot, rows, scores, complete, lambda: snapshot.probes(row), own, wanted, admitted, language
    )
    draft = Draft.of_article(snapshot, row) if wanted.explain else None
    return _items(snapshot, chosen, draft)


def related_to_text(snapshot: Snapshot, draft: Draft, wanted: Wanted) -> list[Item]:
    """Return the block of a text, by the same measure and the same rules.

    If the text is an article of the index, that comes first, if it may be shown, and then its own block.
    """
    found = nearest(snapshot.vectors, snapshot.terms, draft.probes)
    own = cohorts_of(found, draft.probes, len(snapshot))
    row = _pasted(snapshot, draft, found.rows[0, 0, :PASTED_LOOKED_AT])
    if row is None:
        limit = min(CANDIDATES_MAX, len(snapshot))
        best = rank(snapshot, snapshot.recipe, draft.probes, found, own, limit)
        known = best.rows[0] >= 0
        rows, scores, complete = best.rows[0][known], best.scores[0][known], limit == len(snapshot)
        admitted = Admission(snapshot, wanted, own_row=None)
        chosen = _chosen_from(
            snapshot, rows, scores, complete, lambda: draft.probes, own, wanted, admitted, draft.language
        )
        return _items(snapshot, chosen, draft if wanted.explain else None)
    if snapshot.facts["sensitive"][row]:
        return []
    itself: list[Item] = []
    if Admission(snapshot, wanted, own_row=None).of(np.array([row]))[0]:
        scores = scored(snapshot, snapshot.recipe, draft.probes, own, np.array([[row]])).scores[0]
        first = (row, float(scores[0]), float(snapshot.recipe.probability(scores)[0]))
        itself = _items(snapshot, [first], draft if wanted.explain else None)
    return [*itself, *related_to_article(snapshot, row, wanted)][: wanted.limit]


def _pasted(snapshot: Snapshot, draft: Draft, rows: Rows) -> int | None:
    """Return the row of the article that a text is: the same but for its beginning, its end, or its white space."""
    told = "".join(f"{draft.title}{draft.text}".split())
    for row in rows[rows >= 0].tolist():
        article = orjson.loads(snapshot.article(row))
        body = "".join(article["body"].split())
        whole = "".join(f"{article['title']}{article.get('summary') or ''}{body}".split())
        if body and body in told and len(body) >= PASTED_SHARE_MIN * len(told):
            return int(row)
        if told in whole and len(told) >= PASTED_SHARE_MIN * len(whole):
            return int(row)
    return None


def _language_of(snapshot: Snapshot, row: int) -> str | None:
    number = int(snapshot.facts["language"][row])
    return snapshot.languages[number] if number >= 0 else None


def _least_score(snapshot: Snapshot, wanted: Wanted) -> float:
    least = snapshot.recipe.probability_min if wanted.min_probability is None else wanted.min_probability
    return snapshot.recipe.score_of(least)


def _chosen_from(
    snapshot: Snapshot,
    rows: Rows,
    scores: Scores,
    complete: bool,
    probes: Callable[[], Probes],
    own: Cohorts,
    wanted: Wanted,
    admitted: Admission,
    language: str | None,
) -> list[tuple[int, float, float]]:
    """Choose from the best candidates; from the whole snapshot where they do not suffice and are not `complete`."""
    likely = _least_score(snapshot, wanted)
    passed = admitted.of(rows) & (scores >= likely)
    chosen = _chosen(snapshot, rows[passed], scores[passed], wanted, language)
    if len(chosen) >= wanted.limit or complete or not len(scores) or float(scores[-1]) < likely:
        return chosen
    return _searched(snapshot, probes(), own, wanted, admitted.of(slice(None)), language)


def _searched(
    snapshot: Snapshot, probes: Probes, own: Cohorts, wanted: Wanted, allowed: Mask, language: str | None
) -> list[tuple[int, float, float]]:
    """Choose from the whole snapshot. Where one story takes up all that is found, what else there is is searched."""
    likely = _least_score(snapshot, wanted)
    limit = min(CANDIDATES_MAX, len(snapshot))
    rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
    while True:
        found = candidates(snapshot, snapshot.recipe, probes, limit, own, None if allowed.all() else allowed)
        passed = (found.rows[0] >= 0) & (found.scores[0] >= likely)
        rows, scores = np.concatenate([rows, found.rows[0][passed]]), np.concatenate([scores, found.scores[0][passed]])
        chosen = _chosen(snapshot, rows, scores, wanted, language)
        if len(chosen) >= wanted.limit or not passed.all() or wanted.stories == "all":
            return chosen
        allowed = allowed & ~np.isin(snapshot.facts["story"], snapshot.facts["story"][rows])


def _chosen(
    snapshot: Snapshot, rows: Rows, scores: Scores, wanted: Wanted, language: str | None
) -> list[tuple[int, float, float]]:
    own = None if wanted.languages or language is None else primary_language(language)
    probabilities = snapshot.recipe.probability(scores)
    order = choose(snapshot, rows, probabilities, wanted.mode, wanted.limit, own, one_per_story=wanted.stories == "one")
    return [(int(rows[place]), float(scores[place]), float(probabilities[place])) for place in order]


def _items(snapshot: Snapshot, chosen: list[tuple[int, float, float]], draft: Draft | None) -> list[Item]:
    if draft is None or not chosen:
        return [Item(*each) for each in chosen]
    why = reasons(snapshot, draft, [row for row, _, _ in chosen])
    return [Item(*each, why=reason) for each, reason in zip(chosen, why, strict=True)]
