"""A long list, part by part: what stands on one page of it, and titles of articles that may not be here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from seealso.snapshot.snapshot import Snapshot

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """Some items of `total`; `page` counts from 1 on."""

    items: Sequence[Item]
    total: int
    page: int
    pages: int


def listed(items: Sequence[Item], page: int, size: int) -> Listing[Item]:
    """Return a page of a list; the last one where there are not so many."""
    pages = max(1, -(-len(items) // size))
    page = min(page, pages)
    return Listing(items[(page - 1) * size : page * size], len(items), page, pages)


def titles_of(snapshot: Snapshot | None) -> Callable[[str], str]:
    """Return what gives an article's title by its id; the id where it is not here."""

    def title_of(article_id: str) -> str:
        row = None if snapshot is None else snapshot.row_of(article_id)
        return article_id if snapshot is None or row is None else snapshot.title(row)

    return title_of
