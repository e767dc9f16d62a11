"""Where a live article belongs in an edition: which articles are related to it, and in whose lists it stands.

It is scored by the measure of the nights, against the snapshot and against the live articles that came before it, once,
by whoever put it. What it changes of others' cohorts is left to the next night, which finds all of it anew.
"""

import numpy as np

from seealso.arrays import Rows
from seealso.article import Article
from seealso.editorial.articles import Embedded
from seealso.live.edition import Edition
from seealso.live.placing import Kin, Placing
from seealso.relatedness import (
    CANDIDATES_MAX,
    NEAREST,
    PARTS,
    Candidates,
    Nearest,
    Probes,
    cohorts_of,
    nearest,
    rank,
    returned,
)
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot
from seealso.telling import are_numbers_of_a_series, tell_one_event
from seealso.term_rows import TermRows
from seealso.words import word_counts

DAY_SECONDS = 86_400.0
# So many of the best candidates are looked at for another telling of its story.
TELLINGS_LOOKED_AT = 20


def place(edition: Snapshot, article: Article, embedded: Embedded) -> Placing:
    """Return where an article belongs; what it was before, if it is in the edition, is passed over."""
    probes = _probes(edition, article, embedded)
    row, before = len(edition), edition.row_of(article.id)
    gone = edition.gone if isinstance(edition, Edition) else np.zeros(row, np.bool_)
    if before is not None:
        gone = gone.copy()
        gone[before] = True
    found = nearest(edition.vectors, edition.terms, probes, ~gone if gone.any() else None)
    found = _with_itself(found, row, probes)
    own = cohorts_of(found, probes, row + 1 - int(gone.sum()))
    every = rank(edition, edition.recipe, probes, found.rows, own, PARTS * NEAREST, without=np.array([row]))
    rows = every.rows[0][every.rows[0] >= 0]
    scores = returned(edition, edition.recipe, probes, own, rows[np.newaxis])[0]
    stands = np.array([_stands(edition, *each) for each in zip(rows.tolist(), scores.tolist(), strict=True)], np.bool_)
    fellows = _Fellows(edition)
    best = rows[:CANDIDATES_MAX]
    return Placing(
        vector=probes.vectors[0],
        terms=probes.terms,
        titles=probes.titles,
        cohorts=own[0],
        candidates=fellows.kin(best),
        candidate_scores=every.scores[0][: len(best)],
        hosts=fellows.kin(rows[stands]),
        host_scores=scores[stands],
        story=_story(edition, article, every, probes.terms, before),
        fellows=tuple(fellows.ids),
    )


def _probes(edition: Snapshot, article: Article, embedded: Embedded) -> Probes:
    """Return what is compared of an article, made as a night makes it."""
    language, terms = article.language, edition.terms
    counts = np.array([len(embedded.vectors)], np.int64)
    return Probes(
        edition.space.article_vectors(embedded.vectors, counts, [language]),
        terms.vector(word_counts(article.title, article.text), language),
        terms.title_vector(article.title, language),
    )


def _with_itself(found: Nearest, row: int, probes: Probes) -> Nearest:
    """Return what is nearest when the article is in the archive, as it will be: it finds itself."""
    products = (1.0, float(probes.terms.squares()[0]), _product(probes.terms, probes.titles))
    rows, scores = np.full_like(found.rows, -1), np.zeros_like(found.scores)
    for part, product in enumerate(products):
        known = found.rows[part, 0] >= 0
        every = np.append(found.rows[part, 0, known], row)
        values = np.append(found.scores[part, 0, known], np.float32(product))
        best = np.lexsort((every, -values))[:NEAREST]
        rows[part, 0, : len(best)], scores[part, 0, : len(best)] = every[best], values[best]
    return Nearest(rows, scores)


def _product(one: TermRows, other: TermRows) -> float:
    _, ours, theirs = np.intersect1d(one.terms, other.terms, assume_unique=True, return_indices=True)
    return float(one.weights[ours] @ other.weights[theirs])


def _stands(edition: Snapshot, row: int, score: float) -> bool:
    """Return whether something of a score stands in the list of a row."""
    _, scores = edition.neighbours_of(row)
    return len(scores) < CANDIDATES_MAX or score > float(scores[-1])


def _story(edition: Snapshot, article: Article, every: Candidates, terms: TermRows, before: int | None) -> str:
    """Return the name of the story that an article tells: that of its original, else of the likest telling of it.

    An article that told a story before goes on telling it. A story of its own has its name.
    """
    stories = edition.facts["story"]
    original = edition.row_of(article.canonical) if article.canonical and article.canonical != article.id else None
    if original is not None:
        return edition.story_of(original)
    likest = _likest_telling(edition, article, every, terms)
    if likest is not None:
        return edition.story_of(likest)
    if before is not None and np.count_nonzero(stories == stories[before]) > 1:
        return edition.story_of(before)
    return article.id


def _likest_telling(edition: Snapshot, article: Article, every: Candidates, terms: TermRows) -> int | None:
    """Return the row of the likest article that tells the same event, None if none does."""
    day = article.published.timestamp() / DAY_SECONDS if article.published else np.nan
    own = float(np.sqrt(terms.squares()[0]))
    best, likeness = None, 0.0
    for place, row in enumerate(every.rows[0, :TELLINGS_LOOKED_AT].tolist()):
        if row < 0:
            break
        facts = edition.facts[row]
        days = np.nan if facts["published"] == NO_TIME else abs(int(facts["published"]) / DAY_SECONDS - day)
        length = own * float(np.sqrt(edition.probes(row).terms.squares()[0]))
        cosine, shared = float(every.plain[0, place, 0]), float(every.plain[0, place, 1]) / max(length, 1e-6)
        language = edition.languages[facts["language"]] if facts["language"] >= 0 else None
        if not tell_one_event(float(days), cosine, shared, article.language, language):
            continue
        if are_numbers_of_a_series(article.title, edition.title(row)):
            continue
        if cosine + shared > likeness:
            best, likeness = row, cosine + shared
    return best


class _Fellows:
    """Names rows as placings do; `ids`: the live articles that were named."""

    def __init__(self, edition: Snapshot) -> None:
        self._edition = edition
        self.ids: list[str] = []
        self._places: dict[int, int] = {}

    def one(self, row: int) -> int:
        """Return how a placing names a row."""
        if row < len(self._edition.neighbours):
            return row
        if row not in self._places:
            self._places[row] = len(self.ids)
            self.ids.append(self._edition.article_id(row))
        return -1 - self._places[row]

    def kin(self, rows: Rows) -> Kin:
        """Return how a placing names some rows."""
        return np.array([self.one(row) for row in rows.tolist()], np.int32)
