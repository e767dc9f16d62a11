"""The whole archive, as editors search it: by words, by meaning, by date; with filters.

Here all that is indexed is found, also what no block may show: sensitive, sponsored and taken down articles.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows
from seealso.article import folded, is_web, primary_language
from seealso.editorial.rules import Wish
from seealso.errors import InvalidRequest
from seealso.relatedness import CANDIDATES_MAX, Cohorts, Nearest, cohorts_of, nearest, rank
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot
from seealso.term_rows import TermRows
from seealso.words import word_counts
from service.rulings import KeptRows, rows_of
from service.why import Draft

# By words so many are looked at: nobody turns more pages.
BY_WORDS_MAX = 500
# Of the tags and authors that editors search by, so many are kept: to look for one in 100,000 articles takes 0.2 s
# where the night did not list them (before format 7).
SEARCHED = KeptRows(16)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles are looked for; '' and None admit all. `after` and `before` include the moment itself."""

    section: str = ""
    tag: str = ""
    language: str = ""
    author: str = ""
    after: datetime | None = None
    before: datetime | None = None

    def mask(self, snapshot: Snapshot) -> Mask:
        """Return for each row whether it may be found."""
        passed, facts = snapshot.here, snapshot.facts
        if self.section:
            passed = passed & _those(snapshot, rows_of(snapshot, Wish("exclude", section=self.section)))
        if self.tag:
            passed = passed & _those(snapshot, rows_of(snapshot, Wish("exclude", tag=self.tag), SEARCHED))
        if self.author:
            author = folded(self.author)
            listed = None if snapshot.authors is None else partial(snapshot.authors.rows_with, author)
            rows = SEARCHED.rows_with(snapshot, "author", author, _written_by(snapshot, author), listed)
            passed = passed & _those(snapshot, rows)
        if self.language:
            labels = enumerate(snapshot.languages)
            wanted = primary_language(self.language)
            numbers = [number for number, label in labels if primary_language(label) == wanted]
            passed = passed & np.isin(facts["language"], numbers)
        if self.after is not None:
            passed = passed & (facts["published"] >= self.after.timestamp())  # what has no date is before all
        if self.before is not None:
            passed = passed & (facts["published"] <= self.before.timestamp()) & (facts["published"] != NO_TIME)
        return passed


class Found(NamedTuple):
    """Rows, best first. `probabilities`: that a person would call them related; None where nothing was compared.

    `own`: the cohort of what was compared. `full`: whether these are the best of more, or may be.
    """

    rows: Rows
    probabilities: NDArray[Any] | None = None
    own: Cohorts | None = None
    full: bool = False


def by_date(snapshot: Snapshot, allowed: Mask) -> Found:
    """Return all articles that are allowed, the newest first, undated ones last."""
    rows = np.flatnonzero(allowed)
    return Found(rows[np.lexsort((rows, -snapshot.facts["published"][rows].astype(np.float64)))])


def by_words(snapshot: Snapshot, text: str, allowed: Mask) -> Found:
    """Return the articles that have the words of a text: those that have all of them first, titles counting more.

    They are the BY_WORDS_MAX best of those that are allowed.
    """
    terms = snapshot.terms
    limit = min(BY_WORDS_MAX, len(snapshot))
    probe, titles = terms.vector(word_counts("", text), None), terms.title_vector(text, None)
    rows, _ = terms.search(probe, terms.postings, limit, allowed)
    titled, _ = terms.search(titles, terms.title_postings, limit, allowed)
    found = np.unique(np.concatenate([rows[0], titled[0]]))
    found = found[found >= 0]
    worth = terms.products(probe, terms.articles, found[np.newaxis])[0]
    worth = worth + terms.products(titles, terms.titles, found[np.newaxis])[0]
    had = sum(
        (_having(snapshot, int(term), found) for term in {*probe.terms, *titles.terms}), np.zeros(len(found), int)
    )
    keep = worth > 0
    order = np.lexsort((found[keep], -worth[keep], -had[keep]))
    full = any(len(each[0]) and each[0][-1] >= 0 for each in (rows, titled)) and limit < len(snapshot)
    return Found(found[keep][order][:limit], full=full)


def by_meaning(snapshot: Snapshot, draft: Draft, allowed: Mask, everywhere: Nearest | None = None) -> Found:
    """Return the articles most related to a text, by the measure of the blocks.

    `everywhere`: what is nearest to it of the whole archive, if that is known already.
    """
    everywhere = everywhere or nearest(snapshot.vectors, snapshot.terms, draft.probes)
    own = cohorts_of(everywhere, draft.probes, len(snapshot))
    near = everywhere if allowed.all() else nearest(snapshot.vectors, snapshot.terms, draft.probes, allowed)
    best = rank(snapshot, snapshot.recipe, draft.probes, near.rows, own, min(CANDIDATES_MAX, len(snapshot)))
    known = (best.rows[0] >= 0) & (best.scores[0] > 0)
    rows = best.rows[0][known]
    chances = snapshot.recipe.probability(best.scores[0][known])
    return Found(rows, chances, own, full=CANDIDATES_MAX <= len(rows) < len(snapshot))


def named_row(snapshot: Snapshot, asked: str) -> int | None:
    """Return the row of the article whose id or address was typed."""
    row = snapshot.row_of(asked)
    if row is None and is_address(asked):
        row = row_at(snapshot, asked)
    return row


def check_name(snapshot: Snapshot | None, field: str, name: str) -> None:
    """Raise InvalidRequest if an article is named by its address: what is decided holds by ids, and would for none."""
    row = None if snapshot is None else named_row(snapshot, name)
    if snapshot is not None and row is not None and snapshot.row_of(name) is None:
        raise InvalidRequest(field, f"names an article by its address; its id is {snapshot.article_id(row)}")


def is_address(asked: str) -> bool:
    """Return whether what was typed is the address of a page."""
    return is_web(asked) and not any(each.isspace() for each in asked)


def row_at(snapshot: Snapshot, address: str) -> int | None:
    """Return the row of the article at an address, as people copy it: with a query, another scheme, or a slash less."""
    for variant in _variants(address):
        row = snapshot.row_at(variant)
        if row is not None:
            return row
    return None


def _variants(address: str) -> Iterable[str]:
    yield address
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    host = parts.netloc.removeprefix("www.")
    for query in dict.fromkeys((parts.query, "")):
        for path in dict.fromkeys((parts.path, parts.path.rstrip("/"), f"{parts.path.rstrip('/')}/")):
            for scheme in ("https", "http"):
                for netloc in (host, f"www.{host}"):
                    yield urlunsplit((scheme, netloc, path, query, ""))


def _those(snapshot: Snapshot, rows: Rows) -> Mask:
    mask = np.zeros(len(snapshot), np.bool_)
    mask[rows] = True
    return mask


def _having(snapshot: Snapshot, term: int, rows: Rows) -> Rows:
    """Return for each row whether its text or title has a term, as 0 or 1."""
    one = TermRows(np.array([0, 1], np.int32), np.array([term], np.int32), np.ones(1, np.float32))
    asked, terms = rows[np.newaxis], snapshot.terms
    has: Mask = (terms.products(one, terms.articles, asked)[0] > 0) | (terms.products(one, terms.titles, asked)[0] > 0)
    return has.astype(np.int64)


def _written_by(snapshot: Snapshot, author: str) -> Callable[[int], bool]:
    return lambda row: author in folded(orjson.loads(snapshot.card(row))["author"] or "")
