"""Candidates -> rules -> block: which articles are shown for one article, or for a text.

It answers with rows of a snapshot; how they are shown is not its business. What may be shown is told in
`service.rules`, in which order in `service.order`, and why in `service.why`.
"""

from dataclasses import dataclass
from typing import Any

from seealso.article import primary_language
from seealso.lexical import Mask, Rows, Scores
from seealso.relatedness import CANDIDATES_MAX, Probes, candidates
from seealso.snapshot.reader import Snapshot
from service.order import choose
from service.rules import Admission
from service.wanted import Wanted
from service.why import Draft, reasons

# A text with this cosine to an article is that article, pasted.
SAME_COSINE = 0.99


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
    admitted = Admission(snapshot, wanted, own_row=row)
    rows, scores = snapshot.neighbours_of(row)
    likely = _least_score(snapshot, wanted)
    full = len(rows) < len(snapshot) - 1 and bool(len(rows)) and float(scores[-1]) >= likely
    passed = admitted.of(rows) & (scores >= likely)
    language = _language_of(snapshot, row)
    chosen = _chosen(snapshot, rows[passed], scores[passed], wanted, language)
    if len(chosen) < wanted.limit and full:  # what the table had no room for may still pass
        rows, scores = _searched(snapshot, snapshot.probes(row), wanted, admitted.of(slice(None)))
        chosen = _chosen(snapshot, rows, scores, wanted, language)
    draft = Draft.of_article(snapshot, row) if wanted.explain else None
    return _items(snapshot, chosen, draft)


def related_to_text(snapshot: Snapshot, draft: Draft, wanted: Wanted) -> list[Item]:
    """Return the block of a text, by the same measure and the same rules.

    If the text is an article of the index, that comes first, and then its block.
    """
    admitted = Admission(snapshot, wanted, own_row=None)
    rows, scores = _searched(snapshot, draft.probes, wanted, admitted.of(slice(None)))
    itself = rows[:1][snapshot.vectors.vectors(rows[:1]) @ draft.probes.vectors[0] >= SAME_COSINE]
    if not len(itself):
        return _items(
            snapshot, _chosen(snapshot, rows, scores, wanted, draft.language), draft if wanted.explain else None
        )
    row = int(itself[0])
    others = Admission(snapshot, wanted, own_row=row).of(rows)
    language = draft.language or _language_of(snapshot, row)
    first = (row, float(scores[0]), float(snapshot.recipe.probability(scores[:1])[0]))
    chosen = [first, *_chosen(snapshot, rows[others], scores[others], wanted, language)][: wanted.limit]
    return _items(snapshot, chosen, draft if wanted.explain else None)


def _language_of(snapshot: Snapshot, row: int) -> str | None:
    number = int(snapshot.facts["language"][row])
    return snapshot.languages[number] if number >= 0 else None


def _least_score(snapshot: Snapshot, wanted: Wanted) -> float:
    least = snapshot.recipe.probability_min if wanted.min_probability is None else wanted.min_probability
    return snapshot.recipe.score_of(least)


def _searched(snapshot: Snapshot, probes: Probes, wanted: Wanted, allowed: Mask) -> tuple[Rows, Scores]:
    limit = min(CANDIDATES_MAX, len(snapshot))
    found = candidates(snapshot, snapshot.recipe, probes, limit, None if allowed.all() else allowed)
    rows, scores = found.rows[0], found.scores[0]
    passed = (rows >= 0) & (scores >= _least_score(snapshot, wanted))
    return rows[passed], scores[passed]


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
