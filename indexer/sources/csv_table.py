"""A CSV or TSV file, plain or gzipped, with a header line -> an article for each row, as a field map reads it.

Rows are read strictly: a row that does not fit the header is quarantined with its line, and a quote that swallows what
follows it is an error. Nothing is mended by guessing.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from indexer.sources.gzipped import BROKEN_OFF, open_unpacked
from indexer.sources.record import FieldMap
from indexer.sources.rows import needed_columns, read_row
from indexer.sources.source import Found, Item, Noted, Quarantined
from seealso.article import BODY_CHARACTERS_MAX
from seealso.errors import SourceUnreadable

RECORD_CHARACTERS_MAX = 8 * BODY_CHARACTERS_MAX
DELIMITERS = ",;\t|"
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# What Excel is told in a line before the header.
_STATED_DELIMITER = re.compile(r'"?sep=([^"\r\n])"?[\r\n]*', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')


class CsvTable:
    """The rows of a file.

    With no delimiter its header line tells, or a line 'sep=;' before it; with no encoding its byte order mark, else it
    is UTF-8.
    """

    complete = True

    def __init__(self, path: Path, fields: FieldMap, delimiter: str | None = None, encoding: str | None = None) -> None:
        self._path = path
        self._fields = fields
        self._delimiter = delimiter
        self._encoding = encoding
        self.name = str(path)

    def read(self) -> Iterator[Item]:
        """Yield an article for each row; rows without any cell are skipped.

        Raises SourceUnreadable if the file cannot be read to its end, ends inside a quote or a row, or lacks a column.
        """
        lines = None
        try:
            with open_unpacked(self._path) as raw, self._decoded(raw) as text:
                lines = _Lines(text)
                yield from self._read_rows(lines)
        except FileNotFoundError:
            raise SourceUnreadable(self.name, "no such file") from None
        except BROKEN_OFF as error:
            raise SourceUnreadable(self.name, f"it breaks off after {lines or 'line 0'} ({error})") from error
        except UnicodeError as error:  # of encodings in which a wrong byte leaves no way to go on, as UTF-16
            encoding, why = self._encoding or "UTF-8", str(error)  # a mark is missing at the beginning
            if isinstance(error, UnicodeDecodeError):
                encoding, why = error.encoding, error.reason
            raise SourceUnreadable(self.name, f"after {lines or 'line 0'} it is not {encoding} ({why})") from error

    def _decoded(self, raw: BinaryIO) -> TextIO:
        beginning = raw.peek(3)[:3]  # type: ignore[attr-defined]
        marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if beginning.startswith(mark)), None)
        try:
            # Undecodable bytes become lone surrogates: they shift no row, and their own row is quarantined for them.
            return io.TextIOWrapper(raw, marked or self._encoding or "utf-8", "surrogateescape", newline="")
        except LookupError:
            raise SourceUnreadable(self.name, f"there is no encoding {self._encoding!r}") from None

    def _read_rows(self, lines: "_Lines") -> Iterator[Found | Quarantined | Noted]:
        csv.field_size_limit(RECORD_CHARACTERS_MAX)  # for the whole process, as the library has it
        rows = csv.reader(lines, delimiter=self._checked_delimiter(lines), strict=True)
        header: list[str] = []
        while True:
            lines.begin_record()
            where = f"{self.name}:{lines.first}"
            try:
                row = next(rows)
            except StopIteration:
                break
            except (csv.Error, _RecordTooLong) as error:
                yield self._refused(lines, header, where, error)
                continue
            if row and not header:
                header = row
                self._check_header(header)
            elif row and lines.unended and _is_cut(row, header):
                reason = f"it breaks off in line {lines.number:,}, in cell {len(row):,} of {len(header):,}"
                raise SourceUnreadable(self.name, reason)
            elif row and len(row) != len(header):
                reason = f"the row has {len(row):,} cells, the header {len(header):,}; is a quote or a delimiter amiss?"
                yield Quarantined(where, reason)
            elif row:
                yield read_row(self._fields, dict(zip(header, row, strict=True)), where)
        if not header:
            raise SourceUnreadable(self.name, "it is empty: it has no header line")
        if lines.unended and lines.number > 1:
            yield Noted(
                self.name,
                f"its last line, {lines.number:,}, has no end, as the others have; if the file was cut, so is the last "
                "cell of that row",
            )

    def _checked_delimiter(self, lines: "_Lines") -> str:
        stated = _STATED_DELIMITER.fullmatch(lines.peek())
        if stated:
            next(lines)
        if self._delimiter is None:
            if stated:
                return stated[1]
            outside = _QUOTED.sub("", lines.peek())
            return max(DELIMITERS, key=outside.count)
        if len(self._delimiter) != 1 or self._delimiter in '\r\n"':
            raise SourceUnreadable(self.name, f"the delimiter must be one character, not {self._delimiter!r}")
        return self._delimiter

    def _check_header(self, header: list[str]) -> None:
        try:
            "".join(header).encode()
        except UnicodeEncodeError:
            raise SourceUnreadable(
                self.name, f"its header is not {self._encoding or 'UTF-8'}; state the file's encoding, such as cp1252"
            ) from None
        needed_columns(self.name, header, self._fields)

    def _refused(self, lines: "_Lines", header: list[str], where: str, error: Exception) -> Quarantined:
        """Return what becomes of a record that could not be read. Raises SourceUnreadable if others went with it."""
        if not header:
            raise SourceUnreadable(self.name, f"its header cannot be read ({error})") from error
        several = lines.number > lines.first
        if lines.ended or (several and isinstance(error, _RecordTooLong)):
            raise SourceUnreadable(
                self.name, f"a quote that opens in the row of line {lines.first} is never closed ({error})"
            ) from error
        upto = f" up to line {lines.number}" if several else ""
        return Quarantined(where, f"the row{upto} has a quote amiss, or has no end ({error})")


def _is_cut(row: list[str], header: list[str]) -> bool:
    """Return whether a file's last row, which has no line end, ends before its last cell, or inside a character."""
    return len(row) < len(header) or "\udc80" <= row[-1][-1:] <= "\udcff"


class _RecordTooLong(Exception):
    """A record has more characters than any article."""


class _Lines:
    """A text's lines, counted. `first` is the line the record began in, `number` that of the line given last.

    `unended`: the line given last has no line break, as a file's last one may.
    """

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._ahead: str | None = None
        self._characters = 0
        self.number = 0
        self.first = 1
        self.ended = self.unended = False

    def __str__(self) -> str:
        return f"line {self.number:,}"

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.peek()
        self._ahead = None
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.unended = line[-1] not in "\r\n"
        self._characters += len(line)
        if self._characters > RECORD_CHARACTERS_MAX:
            while line and line[-1] not in "\r\n":
                line = self._text.readline(1 << 20)
            raise _RecordTooLong(f"it is longer than {RECORD_CHARACTERS_MAX:,} characters")
        return line

    def peek(self) -> str:
        """Return the line that comes next, '' at the end."""
        if self._ahead is None:
            self._ahead = self._text.readline(RECORD_CHARACTERS_MAX + 1)
        return self._ahead

    def begin_record(self) -> None:
        """Say that the next line is a record's first."""
        self.first = self.number + 1
        self._characters = 0
