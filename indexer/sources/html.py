"""A web page saved as a file: its fields, its text, and the cards of the related block it already has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from indexer.sources.source import Found, Quarantined, read_page_file
from seealso.article import Article, InvalidArticle, read_article
from seealso.decoding import decode_page
from seealso.extract import PageExtractor
from seealso.page import PageUnreadable


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
