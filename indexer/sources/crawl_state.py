"""What a crawl has read of each page, in one SQLite file: kept as soon as it is had, so that a kill loses nothing.

In: pages as they are listed and what came of reading them. Out: the same, page by page. It does not know when a page is
to be read again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from indexer.sources.answers import Answers
from indexer.sources.found_as_json import pack_found, unpack_found
from indexer.sources.source import Found, LeftOut, Quarantined, Result
from indexer.sources.state_file import open_state
from seealso.article import InvalidArticle

# Another layout, or a way to find articles that gives others: what was read by an older version is read anew.
STATE_FORMAT = 1
PAGES_A_BATCH = 100
# A sitemap that was short for a fortnight of nights, and then is whole again, costs no second crawl of the whole site.
UNLISTED_READINGS_MAX = 14
_TABLE = """
CREATE TABLE pages (
    url TEXT PRIMARY KEY, run INTEGER NOT NULL, position INTEGER NOT NULL, lastmod TEXT, published TEXT,
    read_at REAL, read_lastmod TEXT, etag TEXT, last_modified TEXT, kind TEXT, content BLOB
);
CREATE INDEX pages_of_run ON pages (run, position);
"""
_READINGS = "CREATE TABLE IF NOT EXISTS readings (finished REAL NOT NULL)"


@dataclass(frozen=True, slots=True)
class PageState:
    """A listed page: its dates in the sitemap, and what its last reading gave (`result` None: it was never read).

    `read_at` is in seconds since 1970; `read_lastmod` is the sitemap's date as it was then.
    """

    url: str
    lastmod: str | None = None
    published: str | None = None
    read_at: float = 0.0
    read_lastmod: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    result: Result | None = None


class CrawlState:
    """The state file, open for one reading of a sitemap: list its pages, go through `batches`, `finish`.

    `answers`: of the sitemap's own files; `finished`: when the last reading that came to its end did, in seconds since
    1970, 0 before the first.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.answers = Answers(database, "sitemap")
        database.execute(_READINGS)
        self.finished: float = database.execute("SELECT coalesce(max(finished), 0) FROM readings").fetchone()[0]
        self._run: int = database.execute("SELECT coalesce(max(run), 0) + 1 FROM pages").fetchone()[0]
        self._listed = 0

    @contextmanager
    def listing(self) -> Iterator[None]:
        """Take in what is listed in this context, all or (if it raises) nothing."""
        with self._database:
            yield

    def list_page(self, url: str, lastmod: str | None, published: str | None) -> int:
        """Add a page with the sitemap's dates for it; return 1, or 0 if it was listed already."""
        added = self._database.execute(
            "INSERT INTO pages (url, run, position, lastmod, published) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (url) DO UPDATE SET run = excluded.run, position = excluded.position, "
            "lastmod = excluded.lastmod, published = excluded.published WHERE run < excluded.run",
            (url, self._run, self._listed, lastmod, published),
        ).rowcount
        self._listed += added
        return added

    def batches(self) -> Iterator[list[PageState]]:
        """Yield the listed pages in order, some at a time."""
        position = -1
        while rows := self._database.execute(
            "SELECT url, lastmod, published, coalesce(read_at, 0), read_lastmod, etag, last_modified, kind, content, "
            "position FROM pages WHERE run = ? AND position > ? ORDER BY position LIMIT ?",
            (self._run, position, PAGES_A_BATCH),
        ).fetchall():
            position = rows[-1][-1]
            yield [_page_of(*row[:9]) for row in rows]

    def keep(self, page: PageState) -> None:
        """Write down what came of reading a page. After this returns, a kill of the process does not lose it."""
        assert page.result is not None
        with self._database:
            self._database.execute(
                "UPDATE pages SET read_at = ?, read_lastmod = ?, etag = ?, last_modified = ?, kind = ?, content = ? "
                "WHERE url = ?",
                (page.read_at, page.lastmod, page.etag, page.last_modified, *_packed(page.result), page.url),
            )

    def finish(self, now: float) -> None:
        """Say that all pages were read; those that were not listed in so many readings are dropped."""
        with self._database:
            self._database.execute("DELETE FROM pages WHERE run <= ?", (self._run - UNLISTED_READINGS_MAX,))
            self._database.execute("DELETE FROM readings")
            self._database.execute("INSERT INTO readings VALUES (?)", (now,))


@contextmanager
def open_crawl_state(path: Path) -> Iterator[CrawlState]:
    """Open a state file, making it (and the folder it is in) if need be. Raises sqlite3.Error, OSError."""
    with open_state(path, autocommit=False) as database:
        if database.execute("PRAGMA user_version").fetchone()[0] != STATE_FORMAT:
            database.executescript(
                f"BEGIN; DROP TABLE IF EXISTS pages; {_TABLE} PRAGMA user_version = {STATE_FORMAT}; COMMIT;"
            )
        yield CrawlState(database)


def _packed(result: Result) -> tuple[str, bytes]:
    if isinstance(result, Found):
        return "found", pack_found(result)
    return ("left out" if isinstance(result, LeftOut) else "quarantined"), result.reason.encode("utf-8", "replace")


def _page_of(
    url: str,
    lastmod: str | None,
    published: str | None,
    read_at: float,
    read_lastmod: str | None,
    etag: str | None,
    last_modified: str | None,
    kind: str | None,
    content: bytes | None,
) -> PageState:
    """Return a page as it is kept; one whose article this version would not take in was never read."""
    unread = PageState(url, lastmod, published)
    if kind is None or content is None:
        return unread
    try:
        result = (
            unpack_found(content, url)
            if kind == "found"
            else (LeftOut if kind == "left out" else Quarantined)(url, content.decode())
        )
    except InvalidArticle:
        return unread
    return PageState(url, lastmod, published, read_at, read_lastmod, etag, last_modified, result)
