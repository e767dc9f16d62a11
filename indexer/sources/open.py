"""A project's entries, in order -> the sources that read them."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from glob import glob
from pathlib import Path
from zoneinfo import ZoneInfo

from indexer.sources.choose import choose_source
from indexer.sources.csv_table import CsvTable
from indexer.sources.feed import Feed
from indexer.sources.fetch import Fetcher, FetchLimits
from indexer.sources.ghost_export import GhostExport
from indexer.sources.jsonl import JsonLines
from indexer.sources.parquet import ParquetTable
from indexer.sources.record import FieldMap
from indexer.sources.remembered import Remembered
from indexer.sources.sitemap import Sitemap
from indexer.sources.source import Item, Source
from indexer.sources.sql import Query
from indexer.sources.wordpress_api import WordPressApi
from indexer.sources.wordpress_export import WordPressExport
from seealso.errors import SettingsInvalid, SourceUnreadable
from seealso.extract import PageExtractor
from seealso.project import (
    Crawl,
    CsvEntry,
    FeedEntry,
    GhostExportEntry,
    JsonlEntry,
    PagesEntry,
    ParquetEntry,
    Project,
    SitemapEntry,
    SourceEntry,
    SqlEntry,
    WordPressEntry,
)

STATE = "sources"
_WILD = re.compile(r"[*?\[]")


class Files:
    """Several files of one kind, such as one a month, as one source."""

    complete = True

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self.name = name
        self._sources = sources

    def read(self) -> Iterator[Item]:
        """Yield the articles of each file, in the order of their names."""
        for source in self._sources:
            yield from source.read()


def open_sources(project: Project, index: Path, extractor: PageExtractor, fetcher: Fetcher) -> list[Source]:
    """Return a project's sources, in its order. What they remember from night to night is kept in the index folder.

    Raises SettingsInvalid or SourceUnreadable if an entry can be no source.
    """
    sources: list[Source] = []
    for number, entry in enumerate(project.source, 1):
        try:
            source = _open(entry, project.folder, index / STATE, extractor, fetcher)
        except ValueError as error:  # no file has such a name, no host such an address
            raise SettingsInvalid(f"source.{number}: {error}") from error
        if source.name in {each.name for each in sources}:
            raise SettingsInvalid(f"source.{number}: {source.name} is a source already; name each once")
        sources.append(source)
    return sources


def fetch_limits(crawl: Crawl) -> FetchLimits:
    """Return how hard other people's servers are worked."""
    given = crawl.model_dump()
    if given["user_agent"] is None:
        del given["user_agent"]
    return FetchLimits(**given)


def _open(entry: SourceEntry, folder: Path, state: Path, extractor: PageExtractor, fetcher: Fetcher) -> Source:
    if isinstance(entry, PagesEntry):
        return choose_source(str(folder / entry.path), extractor)
    if isinstance(entry, SitemapEntry):
        kept = state / f"{_file_name(entry.address)}.sqlite"
        return Sitemap(entry.address, fetcher, extractor, kept, entry.include, entry.exclude, entry.pages_max)
    if isinstance(entry, GhostExportEntry):
        return _files(folder, entry.path, lambda path: GhostExport(path, entry.site))
    if isinstance(entry, WordPressEntry):
        return WordPressApi(entry.address, _fields(entry), fetcher)
    if isinstance(entry, FeedEntry):
        address = entry.address if "://" in entry.address else str(folder / entry.address)
        memory = state / "feeds.sqlite"
        feed = Feed(address, _fields(entry), fetcher, extractor, entry.full_pages, memory)
        return Remembered(feed, memory, entry.keep_days)
    if isinstance(entry, SqlEntry):
        return Query(_database(entry.address, folder), _query(entry, folder), _fields(entry))
    if isinstance(entry, CsvEntry):
        return _files(folder, entry.path, lambda path: CsvTable(path, _fields(entry), entry.delimiter, entry.encoding))
    if isinstance(entry, ParquetEntry):
        return _files(folder, entry.path, lambda path: ParquetTable(path, _fields(entry)))
    if isinstance(entry, JsonlEntry):
        return _files(folder, entry.path, lambda path: JsonLines(path, _fields(entry)))
    return _files(folder, entry.path, lambda path: WordPressExport(path, tuple(entry.post_types)))


def _files(folder: Path, pattern: str, open_file: Callable[[Path], Source]) -> Source:
    """Return the source of a file, or of all files that a pattern with '*' finds."""
    if not _WILD.search(pattern):
        return open_file(folder / pattern)
    # A pattern that begins at the root stays there.
    start, rest = (Path("/"), pattern.lstrip("/")) if pattern.startswith("/") else (folder, pattern)
    # As a shell does it: '*' finds no hidden file, such as a Mac puts beside each.
    paths = sorted(path for each in glob(rest, root_dir=start, recursive=True) if (path := start / each).is_file())
    if not paths:
        raise SourceUnreadable(str(folder / pattern), "no file has such a name")
    return Files(str(folder / pattern), [open_file(path) for path in paths])


def _fields(entry: JsonlEntry | CsvEntry | ParquetEntry | FeedEntry | WordPressEntry | SqlEntry) -> FieldMap:
    return FieldMap(entry.fields, entry.defaults, entry.html, ZoneInfo(entry.timezone))


def _query(entry: SqlEntry, folder: Path) -> str:
    if (entry.query is None) == (entry.query_file is None):
        raise SettingsInvalid("source: a source of the kind 'sql' needs either a query or a query_file")
    if entry.query_file is None:
        return entry.query or ""
    path = folder / entry.query_file
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnreadable(str(path), f"the query cannot be read ({error})") from error


def _database(address: str, folder: Path) -> str:
    """Return a database's address; a SQLite file's is taken from the project's folder, like every path."""
    path = address.removeprefix("sqlite:///")
    return f"sqlite:///{folder / path}" if path != address and not path.startswith(("/", ":")) else address


def _file_name(address: str) -> str:
    """Return a name for a file by an address: readable, and another one for every other address."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", address.partition("://")[2]).strip("-")[:60]
    return f"{readable}-{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"
