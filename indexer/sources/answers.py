"""What addresses answered last, in a table of a SQLite file: they are asked only whether that has changed since.

In: answers that proved to be whole. Out: the validators to ask with, and what was kept for one that has not changed.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from indexer.sources.fetch import Fetched, FetchRequest
from indexer.sources.state_file import open_state

_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    reader TEXT NOT NULL, url TEXT NOT NULL, etag TEXT, last_modified TEXT, content_type TEXT NOT NULL,
    content BLOB NOT NULL, PRIMARY KEY (reader, url)
)
"""


class Answers:
    """The answers that one reader (a feed, a sitemap) has kept. Raises sqlite3.Error, as the database does."""

    def __init__(self, database: sqlite3.Connection, reader: str) -> None:
        self._database = database
        self._reader = reader
        self._asked: set[str] = set()
        self._unchanged: set[str] = set()
        database.execute(_TABLE)

    def request(self, url: str, bytes_max: int | None = None) -> FetchRequest:
        """Return what to ask an address: for all of it, or, with validators, for what has changed."""
        self._asked.add(url)
        row = self._database.execute(
            "SELECT etag, last_modified FROM answers WHERE reader = ? AND url = ?", (self._reader, url)
        ).fetchone()
        etag, last_modified = row or (None, None)
        return FetchRequest(url, etag, last_modified, bytes_max)

    def whole(self, url: str, fetched: Fetched) -> Fetched:
        """Return an answer; that of an earlier night in place of one that says nothing has changed (304)."""
        row = self._database.execute(
            "SELECT content_type, content FROM answers WHERE reader = ? AND url = ?", (self._reader, url)
        ).fetchone()
        if fetched.status != 304 or row is None:
            return fetched
        self._unchanged.add(url)
        return replace(fetched, status=200, headers={"content-type": row[0]}, content=zlib.decompress(row[1]))

    def keep(self, url: str, fetched: Fetched) -> None:
        """Keep an answer (as `whole` gave it) that could be read to its end; one without validators is of no use."""
        if url not in self._unchanged and (fetched.etag or fetched.last_modified):
            kind = fetched.headers.get("content-type", "")
            self._database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (self._reader, url, fetched.etag, fetched.last_modified, kind, zlib.compress(fetched.content)),
            )

    def forget_others(self) -> None:
        """Drop the answers of addresses that this reading did not ask."""
        kept = self._database.execute("SELECT url FROM answers WHERE reader = ?", (self._reader,)).fetchall()
        gone = [(self._reader, url) for (url,) in kept if url not in self._asked]
        self._database.executemany("DELETE FROM answers WHERE reader = ? AND url = ?", gone)


@contextmanager
def open_answers(path: Path | None, reader: str) -> Iterator[Answers]:
    """Open the file that keeps a reader's answers, making it if need be; with no path, nothing is kept.

    Raises sqlite3.Error, OSError.
    """
    with open_state(path) as database:
        yield Answers(database, reader)
