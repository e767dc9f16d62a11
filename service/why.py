"""Why an article is in a block: what each part of the score gave, the terms both share, and where they match best.

In: a draft (an article of the snapshot, or a text that is not in it) and rows. Out: one dictionary a row.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.article import Article
from seealso.encoder import Vectors
from seealso.passages import sentences
from seealso.relatedness import Cohorts, Probes, scored
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot
from seealso.term_rows import heaviest_shared
from seealso.words import surface_forms, words

# The parts of a score, in the order of relatedness.PARTS.
PART_NAMES = ("cosine", "terms", "titles")
TERMS_SHOWN = 8
# Phrases are sought among so many of the heaviest terms that both share.
TERMS_LOOKED_AT = 24
QUOTE_CHARACTERS_MAX = 300


@dataclass(frozen=True)
class Draft:
    """A text and all that is compared of it. `row`: where it is an article of the snapshot.

    `passage_vectors`: float32, passages x dimension; `spans`: int32, passages x 2, places in `text`, in characters.
    """

    title: str
    text: str
    language: str | None
    probes: Probes
    passage_vectors: Vectors
    spans: NDArray[np.int32]
    row: int | None = None

    @classmethod
    def of_article(cls, snapshot: Snapshot, row: int) -> "Draft":
        """Return an article of the snapshot as a draft."""
        article = _article(snapshot, row)
        probes = snapshot.probes(row)
        vectors, spans = snapshot.passages_of(row)
        return cls(article.title, article.text, article.language, probes, vectors, spans, row)

    @cached_property
    def words(self) -> list[str]:
        """Return the words of title and text, in order."""
        return [*words(self.title), *words(self.text)]


def reasons(snapshot: Snapshot, draft: Draft, own: Cohorts, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return for each row why it is related to the draft, of which `own` is the cohort; see `api.answers.Why`."""
    found = scored(snapshot, snapshot.recipe, draft.probes, own, np.array([rows], np.int64))
    return [
        {
            "parts": {
                name: round(float(part), 4) for name, part in zip(PART_NAMES, found.parts[0, place], strict=True)
            },
            "cosine": round(float(found.plain[0, place, 0]), 4),
            **_shared(snapshot, draft, row),
            **_known(snapshot, draft.row, row),
        }
        for place, row in enumerate(rows)
    ]


def _shared(snapshot: Snapshot, draft: Draft, row: int) -> dict[str, Any]:
    """Return the heaviest terms that both share, and the sentences in which their best matching passages have most."""
    other = _article(snapshot, row)
    weights = _shared_weights(snapshot, draft, row)
    vectors, spans = snapshot.passages_of(row)
    own_place, other_place = np.unravel_index(
        int(np.argmax(draft.passage_vectors @ vectors.T)), (len(draft.spans), len(spans))
    )
    return {
        "shared_terms": _readable(weights, draft.words, [*words(other.title), *words(other.text)], other),
        "passages": {
            "own": _quote(draft.text, draft.spans[own_place], draft.language, weights),
            "other": _quote(other.text, spans[other_place], other.language, weights),
        },
    }


def _shared_weights(snapshot: Snapshot, draft: Draft, row: int) -> dict[str, float]:
    terms, weights = heaviest_shared(draft.probes.terms, snapshot.probes(row).terms, TERMS_LOOKED_AT)
    return {snapshot.terms.term(term): weight for term, weight in zip(terms.tolist(), weights.tolist(), strict=True)}


def _readable(weights: dict[str, float], own: list[str], other: list[str], article: Article) -> list[str]:
    """Return the heaviest terms as the article writes them; two that stand together in both texts as one phrase."""
    pairs = Counter(pair for pair in pairwise(other) if pair[0] in weights and pair[1] in weights)
    together = {pair for pair in pairwise(own) if pair in pairs and pair[0] != pair[1]}
    found: list[tuple[float, tuple[str, ...]]] = []
    used: set[str] = set()
    for pair in sorted(together, key=lambda pair: (-weights[pair[0]] - weights[pair[1]], pair)):
        if used.isdisjoint(pair):
            used.update(pair)
            found.append((weights[pair[0]] + weights[pair[1]], pair))
    # A number by itself says nothing to a reader.
    found += [(weight, (word,)) for word, weight in weights.items() if word not in used and not word.isdecimal()]
    heaviest = sorted(found, key=lambda each: (-each[0], each[1]))[:TERMS_SHOWN]
    written = surface_forms(f"{article.text}\n{article.title}", {word for _, phrase in heaviest for word in phrase})
    return [" ".join(written.get(word, word) for word in phrase) for _, phrase in heaviest]


def _quote(text: str, span: NDArray[np.int32], language: str | None, weights: dict[str, float]) -> str:
    """Return the sentence of a passage that has most of the shared terms, '' where the text is empty."""
    passage = text[int(span[0]) : int(span[1])]

    def worth(sentence: str) -> float:
        return sum(weights.get(word, 0.0) for word in set(words(sentence)))

    best = " ".join(unicodedata.normalize("NFC", max(sentences(passage, language), key=worth, default="")).split())
    return cut_quote(best)


def cut_quote(sentence: str) -> str:
    """Return a sentence that a person is shown, cut if it is very long."""
    if len(sentence) <= QUOTE_CHARACTERS_MAX:
        return sentence
    return sentence[:QUOTE_CHARACTERS_MAX].rsplit(" ", 1)[0] + " …"


def _known(snapshot: Snapshot, own_row: int | None, row: int) -> dict[str, Any]:
    """Return what both articles' own data say; nothing for a text that has none."""
    if own_row is None:
        return {}
    own, other = orjson.loads(snapshot.card(own_row)), orjson.loads(snapshot.card(row))
    own_facts, other_facts = snapshot.facts[own_row], snapshot.facts[row]
    own_time, other_time = int(own_facts["published"]), int(other_facts["published"])
    known = NO_TIME not in (own_time, other_time)
    return {
        "days_apart": abs(own_time - other_time) // 86_400 if known else None,
        "same_section": own["section"] is not None and own["section"] == other["section"],
        "same_author": own["author"] is not None and own["author"] == other["author"],
        "same_story": bool(own_facts["story"] == other_facts["story"]),
    }


def _article(snapshot: Snapshot, row: int) -> Article:
    return Article.model_validate_json(snapshot.article(row))
