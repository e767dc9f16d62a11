"""What a person names on the command line -> the source that reads it: by its ending, a folder file by file."""

import os
from collections.abc import Iterator
from pathlib import Path

from indexer.sources.csv_table import CsvTable
from indexer.sources.html import HtmlPage
from indexer.sources.jsonl import JsonLines
from indexer.sources.page_text import PageText
from indexer.sources.parquet import ParquetTable
from indexer.sources.record import FieldMap
from indexer.sources.source import Item, Source
from seealso.errors import SourceUnreadable
from seealso.extract import PageExtractor

STANDARD_INPUT = "-"
JSONL_ENDINGS = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
HTML_ENDINGS = (".html", ".htm", ".xhtml")
TEXT_ENDINGS = (".txt",)
CSV_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
PARQUET_ENDINGS = (".parquet",)
ENDINGS = JSONL_ENDINGS + HTML_ENDINGS + TEXT_ENDINGS + CSV_ENDINGS + PARQUET_ENDINGS


def choose_source(name: str, extractor: PageExtractor) -> Source:
    """Return the source for a path, or for '-' (JSON lines on standard input).

    Raises SourceUnreadable if there is no such file, or its ending names no kind of source.
    """
    if name == STANDARD_INPUT:
        return JsonLines(None)
    if "://" in name:
        raise SourceUnreadable(name, "what has an address (a feed, a sitemap, a database) is named in seealso.toml")
    path = Path(name)
    if path.is_dir():
        return Folder(path, extractor)
    if not path.exists():
        raise SourceUnreadable(name, "no such file or folder")
    return _file_source(path, _id_of(path.name), extractor)


class Folder:
    """A folder's files of known endings, with those of folders in it, in the order of their paths."""

    complete = True

    def __init__(self, path: Path, extractor: PageExtractor) -> None:
        self._path = path
        self._extractor = extractor
        self.name = str(path)

    def read(self) -> Iterator[Item]:
        """Yield the articles of each file. Raises SourceUnreadable if no file has a known ending."""
        paths = sorted(path for path in self._files() if _ending(path.name))
        if not paths:
            raise SourceUnreadable(self.name, f"no file in it ends in {', '.join(ENDINGS)}")
        for path in paths:
            article_id = _id_of(path.relative_to(self._path).as_posix())
            yield from _file_source(path, article_id, self._extractor).read()

    def _files(self) -> Iterator[Path]:
        """Yield all files, links to files included; what cannot be read is an error, for its articles would go.

        Hidden files and folders are nobody's articles, nor what a Mac packs beside its files.
        """

        def unreadable(error: OSError) -> None:
            raise SourceUnreadable(str(error.filename), error.strerror or str(error)) from error

        for folder, inner, names in os.walk(self._path, onerror=unreadable):
            inner[:] = filter(_is_shown, inner)
            for name in filter(_is_shown, names):
                path = Path(folder, name)
                if not path.exists():
                    raise SourceUnreadable(str(path), "the link leads nowhere")
                yield path


def _file_source(path: Path, article_id: str, extractor: PageExtractor) -> Source:
    ending = _ending(path.name)
    if ending in JSONL_ENDINGS:
        return JsonLines(path)
    if ending in HTML_ENDINGS:
        return HtmlPage(path, article_id, extractor)
    if ending in TEXT_ENDINGS:
        return PageText(path, article_id)
    if ending in CSV_ENDINGS:
        return CsvTable(path, FieldMap())
    if ending in PARQUET_ENDINGS:
        return ParquetTable(path, FieldMap())
    raise SourceUnreadable(
        str(path),
        f"its ending is none of {', '.join(ENDINGS)}; a list in one .json file becomes lines by jq -c '.[]', "
        "and exports of WordPress and Ghost are named in seealso.toml",
    )


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _ending(name: str) -> str | None:
    return next((ending for ending in ENDINGS if name.lower().endswith(ending)), None)


def _id_of(relative: str) -> str:
    ending = _ending(relative) or ""
    return relative[: len(relative) - len(ending)]
