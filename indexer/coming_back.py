"""Tonight's articles and what is taken down -> those that come back under another id.

Takedowns hold by id. Where a page has another address since yesterday, as when its headline was changed, its article is
a new one to whatever knows it by that.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from indexer.copies import CONTAINED_SHARE, COPY_SHARE_EVER, NOTICE_WORDS_MAX, Texts
from seealso.article import Article
from seealso.editorial.store import Store
from seealso.editorial.takedowns import read_takedowns
from seealso.snapshot.snapshot import Snapshot
from seealso.words import words


def taken_down(store: Store | None) -> set[str]:
    """Return the ids of all articles that may not be shown now. Raises StoreUnavailable."""
    if store is None:
        return set()
    with store.reading() as connection:
        moment = datetime.now(UTC)
        return {each.article for each in read_takedowns(connection) if each.holds_at(moment)}


def coming_back(
    articles: Sequence[Article], yesterday: Snapshot | None, hidden: Collection[str]
) -> list[tuple[str, str]]:
    """Return pairs of ids: one of `hidden`, which yesterday had, and a new one that tells the same.

    The same is told at the same address, or in nearly the same words; a text so short that it may be a notice in the
    place of one ('for subscribers only') only under the same headline.
    """
    if yesterday is None:
        return []
    rows = [yesterday.row_of(article_id) for article_id in sorted(hidden)]
    known = [Article.model_validate_json(yesterday.article(row)) for row in rows if row is not None]
    if not known:
        return []
    new = [each for each in articles if each.id not in hidden and yesterday.row_of(each.id) is None]
    texts = Texts([*known, *new])
    return [
        (one.id, other.id)
        for row, one in enumerate(known)
        for place, other in enumerate(new, len(known))
        if _addresses(one) & _addresses(other) or _is_same_text(texts, row, place, one, other)
    ]


def _addresses(article: Article) -> set[str]:
    return {address for address in (article.url, article.canonical) if address is not None}


def _is_same_text(texts: Texts, row: int, place: int, one: Article, other: Article) -> bool:
    if texts.first_with(row) != texts.first_with(place):
        common, contained = texts.shares(row, place)
        if common < COPY_SHARE_EVER and contained < CONTAINED_SHARE:
            return False
    return one.title == other.title or len(words(one.text)) >= NOTICE_WORDS_MAX
