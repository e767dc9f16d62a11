"""Articles as JSON lines, plain or gzipped, from a file or from standard input."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from indexer.sources.gzipped import BROKEN_OFF, open_unpacked, unpacked
from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, Quarantined
from seealso.article import BODY_CHARACTERS_MAX, InvalidArticle, read_article
from seealso.errors import SourceUnreadable

# The longest body, each character escaped as \uXXXX, with room for the other fields.
LINE_BYTES_MAX = 8 * BODY_CHARACTERS_MAX
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class JsonLines:
    """JSON lines of a file; with no path, of standard input.

    With `fields`, the objects are of another form than ours.
    """

    complete = True

    def __init__(self, path: Path | None, fields: FieldMap | None = None) -> None:
        self._path = path
        self._fields = fields
        self.name = str(path) if path else "standard input"

    def read(self) -> Iterator[Item]:
        """Yield an article for each line that is not blank."""
        number = 0
        try:
            raw = cast(io.BufferedReader, sys.stdin.buffer)
            with open_unpacked(self._path) if self._path else unpacked(raw) as file:
                while line := file.readline(LINE_BYTES_MAX + 1):
                    number += 1
                    where = f"{self.name}:{number}"
                    if number == 1:
                        line = line.removeprefix(_BYTE_ORDER_MARK)
                    if len(line) > LINE_BYTES_MAX:
                        yield Quarantined(where, f"the line is longer than {LINE_BYTES_MAX:,} bytes")
                        _skip_line(file)
                    elif line.strip():
                        yield self._read_line(line, where, number)
        except FileNotFoundError:
            raise SourceUnreadable(self.name, "no such file") from None
        except BROKEN_OFF as error:
            # A cut or damaged gzip: what is missing is not deleted, so nothing may be published from the rest.
            raise SourceUnreadable(self.name, f"it breaks off after line {number} ({error})") from error

    def _read_line(self, line: bytes, where: str, number: int) -> Found | Quarantined:
        """Return what a line holds. Raises SourceUnreadable for the last one of a file that was cut."""
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if not line.endswith(b"\n"):  # only the last one has no end
                raise SourceUnreadable(self.name, f"it breaks off in line {number} ({error})") from error
            return Quarantined(where, f"the line is not JSON ({error})")
        if not isinstance(fields, dict):
            return Quarantined(where, "the line is not a JSON object")
        if self._fields is not None:
            return self._fields.read(fields, where)
        try:
            article, unknown_keys = read_article(fields)
        except InvalidArticle as error:
            return Quarantined(where, str(error))
        return Found(article, where, tuple(unknown_keys))


def _skip_line(file: BinaryIO) -> None:
    while (part := file.readline(1 << 20)) and not part.endswith(b"\n"):
        pass
