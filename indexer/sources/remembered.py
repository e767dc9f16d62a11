"""A source that gives only its latest articles, and what it gave on earlier nights: together a complete one.

What a feed no longer lists is not gone. Each article is remembered in a SQLite file as soon as it is had, so that
others who read the same feed meanwhile need not wait.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from indexer.sources.found_as_json import pack_found, unpack_found
from indexer.sources.source import GONE, Found, Item, LeftOut, Quarantined, Source
from indexer.sources.state_file import open_state
from seealso.article import InvalidArticle
from seealso.errors import SourceUnreadable

_DAY_SECONDS = 86_400.0
_TABLE = """
CREATE TABLE IF NOT EXISTS given (
    source TEXT NOT NULL, id TEXT NOT NULL, seen REAL NOT NULL, place TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID
"""


class Remembered:
    """A source and its past. `keep_days`: how long what it no longer lists stays; None: for good.

    Where it stays for good, what is not given is lost: then the source is complete.
    """

    def __init__(
        self, source: Source, state: Path, keep_days: float | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.name = source.name
        self.complete = keep_days is None
        self._source = source
        self._state = state
        self._keep_days = keep_days
        self._now = now

    def read(self) -> Iterator[Item]:
        """Yield what the source gives, then what it gave before and does not any more.

        What it leaves out is not given this time; forgotten is only what is gone.
        """
        began = self._now()
        given: set[str] = set()
        left_out: set[str] = set()
        try:
            with open_state(self._state) as database:
                database.execute(_TABLE)
                for item in self._source.read():
                    if isinstance(item, Found):
                        if item.article.id not in given:  # a second one is none: the night quarantines it
                            self._remember(database, item, began)
                        given.add(item.article.id)
                    elif isinstance(item, LeftOut):
                        # Its place, not its id, is known: what was taken from there is so no longer.
                        left_out.add(item.where)
                        if item.reason == GONE:
                            self._forget(database, item.where)
                    yield item
                if self._keep_days is not None:
                    self._forget_older(database, began - self._keep_days * _DAY_SECONDS)
                yield from self._earlier(database, given, left_out)
        except sqlite3.Error as error:
            raise SourceUnreadable(
                self.name,
                f"what it gave before, in {self._state}, cannot be used ({error}); if the file is damaged, restore it: "
                "without it, only what the feed lists now is an article",
            ) from error

    def _remember(self, database: sqlite3.Connection, item: Found, seen: float) -> None:
        database.execute(
            "INSERT OR REPLACE INTO given VALUES (?, ?, ?, ?, ?)",
            (self.name, item.article.id, seen, item.where, pack_found(item)),
        )

    def _forget(self, database: sqlite3.Connection, where: str) -> None:
        database.execute("DELETE FROM given WHERE source = ? AND place = ?", (self.name, where))

    def _forget_older(self, database: sqlite3.Connection, seen: float) -> None:
        database.execute("DELETE FROM given WHERE source = ? AND seen < ?", (self.name, seen))

    def _earlier(self, database: sqlite3.Connection, given: set[str], left_out: set[str]) -> Iterator[Item]:
        rows = database.execute("SELECT id, place, content FROM given WHERE source = ? ORDER BY id", (self.name,))
        for article_id, place, content in rows:
            if article_id not in given and place not in left_out:
                try:
                    yield replace(unpack_found(content, place), earlier=True)
                except InvalidArticle as error:
                    yield Quarantined(
                        place, f"{article_id!r}, remembered by an earlier version, is no article: {error}"
                    )
