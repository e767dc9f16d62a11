"""Tonight's articles and what is taken down -> those that come back under another id.

Takedowns hold by id. Where a page has another address since yesterday, as when its headline was changed, its article is
a new one to whatever knows it by that.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from indexer.copies import CONTAINED_SHARE, COPY_SHARE_EVER, Texts
from seealso.article import Article
from seealso.editorial.store import Store
from seealso.editorial.takedowns import read_takedowns
from seealso.snapshot.snapshot import Snapshot


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
    """Return pairs of ids: one of `hidden`, which yesterday had and tonight has not, and a new one that tells the same.

    The same is told at the same address, or in nearly the same words.
    """
    if yesterday is None:
        return []
    there = {article.id for article in articles}
    rows = [yesterday.row_of(article_id) for article_id in sorted(hidden) if article_id not in there]
    gone = [Article.model_validate_json(yesterday.article(row)) for row in rows if row is not None]
    if not gone:
        return []
    new = [each for each in articles if each.id not in hidden and yesterday.row_of(each.id) is None]
    texts = Texts([*gone, *new])
    return [
        (one.id, other.id)
        for row, one in enumerate(gone)
        for place, other in enumerate(new, len(gone))
        if _addresses(one) & _addresses(other) or _same_text(texts, row, place)
    ]


def _addresses(article: Article) -> set[str]:
    return {address for address in (article.url, article.canonical) if address is not None}


def _same_text(texts: Texts, one: int, other: int) -> bool:
    if texts.first_with(one) == texts.first_with(other):
        return True
    common, contained = texts.shares(one, other)
    return common >= COPY_SHARE_EVER or contained >= CONTAINED_SHARE
