"""A web page saved as a file: its fields, its text, and the cards of the related block it already has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from indexer.extract import PageExtractor, PageUnreadable
from indexer.sources.source import Found, Quarantined, read_page_file
from seealso.article import Article, InvalidArticle, read_article

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE)


class HtmlPage:
    """One saved page. `extractor` is shared by all pages of a run."""

    complete = True

    def __init__(self, path: Path, article_id: str, extractor: PageExtractor) -> None:
        self._path = path
        self._id = article_id
        self._extractor = extractor
        self.name = str(path)

    def read(self) -> Iterator[Found | Quarantined]:
        """Yield the page's article."""
        raw = read_page_file(self._path)
        if isinstance(raw, Quarantined):
            yield raw
            return
        try:
            fields, cards = self._extractor.extract(decode_page(raw))
            article = read_page_article(fields | {"id": self._id})
        except (PageUnreadable, InvalidArticle) as error:
            yield Quarantined(self.name, str(error))
        else:
            yield Found(article, self.name, cards=tuple(cards))


def read_page_article(fields: dict[str, Any]) -> Article:
    """Return the article of a page; a field that is wrong, as pages' own statements often are, is left out.

    Raises InvalidArticle if it is one that an article cannot be without.
    """
    try:
        return read_article(fields)[0]
    except InvalidArticle as error:
        if not error.fields or {"id", "title", "body"} & set(error.fields):
            raise
        return read_article({name: value for name, value in fields.items() if name not in error.fields})[0]


def decode_page(raw: bytes) -> str:
    """Return a page's text: in the encoding it declares, else UTF-8, else what its bytes look like."""
    declared = _CHARSET.search(raw[:4096])
    for encoding in (declared[1].decode("ascii") if declared else "utf-8-sig", "utf-8-sig"):
        try:
            return raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    from charset_normalizer import from_bytes

    guess = from_bytes(raw).best()
    return str(guess) if guess else raw.decode("utf-8", "replace")
