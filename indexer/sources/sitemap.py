"""The pages that a site's sitemaps list -> articles, read over HTTP; only what may have changed is asked for again.

What each page gave stands in a state file, so an interrupted crawl goes on where it was. How a page is asked for is
`fetch`'s, what stands in a sitemap `sitemap_file`'s.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from indexer.sources.address import page_id, shown_address
from indexer.sources.answers import Answers
from indexer.sources.crawl_state import CrawlState, PageState, open_crawl_state
from indexer.sources.fetch import Fetched, Fetcher, FetchFailed, FetchRefused, FetchRequest
from indexer.sources.html import read_fetched_page, read_page_article
from indexer.sources.sitemap_file import SITEMAP_BYTES_MAX, SitemapBroken, SitemapEntry, moments_of, read_sitemap
from indexer.sources.source import HOME_PAGE, Found, Item, LeftOut, Quarantined, Result
from seealso.article import InvalidArticle, shortened
from seealso.errors import SourceUnreadable
from seealso.extract import PageExtractor

FRESH_SECONDS = 6 * 3600.0
LEVELS_MAX = 3
# As many as one sitemap index may name.
SITEMAPS_MAX = 50_000


class Sitemap:
    """A sitemap, or an index of sitemaps, and the pages it lists.

    `state` is the file that remembers them. `include` and `exclude` are regular expressions that are searched for in a
    page's address. Articles read less than FRESH_SECONDS ago are not asked for; `now` is the time, in seconds since
    1970.
    """

    complete = True

    def __init__(
        self,
        address: str,
        fetcher: Fetcher,
        extractor: PageExtractor,
        state: Path,
        include: str | None = None,
        exclude: str | None = None,
        pages_max: int = 1_000_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = shown_address(address)
        self._address = address
        self._fetcher = fetcher
        self._extractor = extractor
        self._state = state
        self._include = _compiled(address, "include", include)
        self._exclude = _compiled(address, "exclude", exclude)
        self._pages_max = pages_max
        self._now = now

    def read(self) -> Iterator[Item]:
        """Yield what each page gives, in the sitemaps' order; all of them are read before the first page is."""
        try:
            with open_crawl_state(self._state) as state:
                yield from self._list_pages(state)
                for pages in state.batches():
                    yield from self._read_pages(state, pages)
                state.finish(self._now())
        except sqlite3.Error as error:
            raise SourceUnreadable(
                self.name, f"its state in {self._state} cannot be used ({error}); without that file, all is read anew"
            ) from error

    def _list_pages(self, state: CrawlState) -> Iterator[Item]:
        """Write down which pages are to be read, all or none of them; yield what of the list is not."""
        count = 0
        with state.listing():
            for where, entry in self._entries(state.answers, self._address, 1, set()):
                url = entry.url and _joined(where, entry.url)
                if not url:
                    yield Quarantined(where, f"an entry has no web address (got {shortened(entry.url)})")
                elif not self._wanted(url):
                    yield LeftOut(url, "excluded")
                elif not page_id(url):
                    yield LeftOut(url, HOME_PAGE)
                else:
                    count += state.list_page(url, entry.lastmod, entry.published)
                if count > self._pages_max:
                    raise SourceUnreadable(
                        self.name, f"it lists more than {self._pages_max:,} pages; allow more, or include only some"
                    )
            state.answers.forget_others()

    def _entries(self, answers: Answers, url: str, level: int, seen: set[str]) -> Iterator[tuple[str, SitemapEntry]]:
        """Yield the entries of a sitemap and of those in it, each with its sitemap; none is read twice."""
        if url in seen:
            return
        seen.add(url)
        if level > LEVELS_MAX or len(seen) > SITEMAPS_MAX:
            raise SourceUnreadable(
                self.name,
                f"more than {LEVELS_MAX} levels or {SITEMAPS_MAX:,} sitemaps, the last of them {shown_address(url)}",
            )
        try:
            asked = answers.request(url, SITEMAP_BYTES_MAX)
            fetched = answers.whole(url, self._fetcher.fetch(url, asked.etag, asked.last_modified, asked.bytes_max))
            if fetched.status != 200:
                raise SourceUnreadable(self.name, f"{shown_address(url)} answers {fetched.status}")
            for entry in read_sitemap(fetched.content):
                if entry.is_sitemap:
                    yield from self._entries(answers, _joined(url, entry.url) or entry.url, level + 1, seen)
                else:
                    yield url, entry
            answers.keep(url, fetched)
        except (FetchFailed, SitemapBroken) as error:
            reason = error.reason if isinstance(error, FetchFailed) else error
            raise SourceUnreadable(self.name, f"{shown_address(url)}: {reason}") from error

    def _wanted(self, url: str) -> bool:
        if self._include and not self._include.search(url):
            return False
        return not (self._exclude and self._exclude.search(url))

    def _read_pages(self, state: CrawlState, pages: list[PageState]) -> Iterator[Item]:
        due = [page for page in pages if self._is_due(page, state.finished)]
        due_urls = {page.url for page in due}
        requests = [_request_of(page) for page in due]
        with closing(self._fetcher.fetch_all(requests)) as outcomes:
            for page in pages:
                if page.url in due_urls:
                    yield self._read_page(state, page, next(outcomes))
                elif page.result is not None:
                    yield page.result

    def _is_due(self, page: PageState, finished: float) -> bool:
        """Return whether a page is to be asked for: never read, no article yet, or changed since as far as is known.

        What was read after the last crawl had `finished`, this one has read before it was interrupted: however long it
        takes, and however often it is stopped, it comes to its end.
        """
        if page.result is None or page.read_at > self._now():  # the clock was ahead when it was read
            return True
        moments = moments_of(page.lastmod)
        fresh = isinstance(page.result, Found) and self._now() - page.read_at < FRESH_SECONDS
        if fresh or page.read_at > finished:
            return moments is not None and moments[0].timestamp() > page.read_at
        if moments is None or not isinstance(page.result, Found):
            return True
        return page.lastmod != page.read_lastmod or moments[1].timestamp() > page.read_at

    def _read_page(self, state: CrawlState, page: PageState, outcome: Fetched | FetchFailed) -> Result:
        """Return what came of asking for a page, and write it down; a failure leaves standing what it gave before."""
        before = page.result
        if isinstance(outcome, FetchRefused):
            return LeftOut(page.url, "robots.txt")
        if isinstance(outcome, FetchFailed):
            return before if isinstance(before, Found) else Quarantined(page.url, outcome.reason)
        if outcome.status == 304 and before is not None:
            state.keep(replace(page, read_at=self._now()))
            return before
        result = self._result_of(page, outcome)
        if isinstance(result, Quarantined) and (isinstance(before, Found) or outcome.status != 200):
            return before if isinstance(before, Found) else result
        etag, last_modified = outcome.etag, outcome.last_modified
        state.keep(replace(page, read_at=self._now(), etag=etag, last_modified=last_modified, result=result))
        return result

    def _result_of(self, page: PageState, fetched: Fetched) -> Result:
        read = read_fetched_page(page.url, page.url, fetched, self._extractor)
        if isinstance(read, LeftOut | Quarantined):
            return read
        fields, cards = read
        fields["id"] = page_id(page.url)
        fields["url"] = _canonical(fields.get("url"), page.url)
        fields["published"] = fields.get("published") or page.published
        try:
            return Found(read_page_article(fields), page.url, cards=tuple(cards))
        except InvalidArticle as error:
            return Quarantined(page.url, str(error))


def _request_of(page: PageState) -> FetchRequest:
    """Return what to ask a page: what has changed of its article; for all of it where it gave none."""
    found = isinstance(page.result, Found)
    return FetchRequest(page.url, page.etag, page.last_modified) if found else FetchRequest(page.url)


def _canonical(stated: str | None, address: str) -> str:
    """Return the address that a page states, if it is one of the same host; else the page's own."""
    try:
        same_host = stated and urlsplit(stated).hostname == urlsplit(address).hostname
    except ValueError:  # a template's token, not replaced: 'https://[site:url]/'
        return address
    return stated if stated and same_host and page_id(stated) else address


def _joined(base: str, url: str) -> str | None:
    """Return an entry's address in full, None if it is none of the web's."""
    try:
        full = urljoin(base, url)
        parts = urlsplit(full)
        return full if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def _compiled(address: str, name: str, pattern: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if pattern is not None else None
    except re.error as error:
        raise SourceUnreadable(address, f"{name} = {pattern!r} is no regular expression ({error})") from error
