"""A web page, from a file or a server: its fields, its text, and the cards of the related block it already has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from indexer.sources.address import leads_home
from indexer.sources.fetch import Fetched
from indexer.sources.source import GONE, HOME_PAGE, Found, LeftOut, Quarantined, read_page_file
from seealso.article import Article, InvalidArticle, read_article
from seealso.decoding import decode_answer, decode_page
from seealso.extract import PageExtractor
from seealso.page import PageCard, PageUnreadable

PAGE_TYPES = frozenset({"", "text/html", "application/xhtml+xml"})


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


def read_fetched_page(
    where: str, address: str, fetched: Fetched, extractor: PageExtractor
) -> tuple[dict[str, Any], list[PageCard]] | LeftOut | Quarantined:
    """Return the fields and cards of a page that was asked for at an address, or why it gives none."""
    if fetched.status in (404, 410):
        return LeftOut(where, GONE)
    if leads_home(address, fetched.url):
        return LeftOut(where, HOME_PAGE)
    if fetched.status != 200:
        return Quarantined(where, f"it answers {fetched.status}")
    kind, _, parameters = fetched.headers.get("content-type", "").partition(";")
    if kind.strip().lower() not in PAGE_TYPES:
        return LeftOut(where, "no web page")
    try:
        return extractor.extract(decode_answer(fetched.content, parameters))
    except PageUnreadable as error:
        return Quarantined(where, str(error))


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
