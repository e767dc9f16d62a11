"""What every source gives: articles one by one, and what could not be one, each with its place.

A source that cannot be read to its end raises SourceUnreadable; a single bad article is Quarantined, and the run goes
on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seealso.article import Article
from seealso.errors import SourceUnreadable
from seealso.page import PageCard

# The longest page of a newspaper has a hundredth of that.
PAGE_BYTES_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """An article, where it stood, the keys that are not part of one, and the cards of its page's own related block.

    `earlier`: its source gave it on an earlier night, and lists it no longer.
    """

    article: Article
    where: str
    unknown_keys: tuple[str, ...] = ()
    cards: tuple[PageCard, ...] = ()
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that should have been an article; `where` is its file and line, `reason` names field and value."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is rightly no article of the index; `reason` is one of a few words, such as 'draft'."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something of a source that somebody should look at, and that is no fault of a record."""

    where: str
    says: str


# Why a page is left out for good: its server says that there is none (404, 410).
GONE = "gone"
# Why one is that is the home page or leads there, as sites do with what they took away, or while they are mended.
HOME_PAGE = "home page"

# What becomes of one record.
Result = Found | Quarantined | LeftOut
Item = Result | Noted


class Source(Protocol):
    """Somewhere articles come from. `name` is how a person would call it.

    `complete`: what it does not give is gone. What is not (a feed, say) gives only the latest: nothing is deleted
    because of it.
    """

    @property
    def name(self) -> str:
        """Return the file, folder or address."""
        ...

    @property
    def complete(self) -> bool:
        """Return whether an article that is not given is one that is gone."""
        ...

    def read(self) -> Iterator[Item]:
        """Yield every article once, holding few at a time. Raises SourceUnreadable when it ends before its end."""
        ...


def read_page_file(path: Path) -> bytes | Quarantined:
    """Return what a page's file holds, or why it is too long to be a page. Raises SourceUnreadable."""
    try:
        with path.open("rb") as file:
            raw = file.read(PAGE_BYTES_MAX + 1)
    except OSError as error:
        raise SourceUnreadable(str(path), error.strerror or str(error)) from error
    if len(raw) > PAGE_BYTES_MAX:
        return Quarantined(str(path), f"the page is longer than {PAGE_BYTES_MAX:,} bytes")
    return raw
