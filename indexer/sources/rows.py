"""What the tables have in common: the columns a field map needs of a header, and a row of values -> an article."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Quarantined
from seealso.article import Article
from seealso.errors import SourceUnreadable

REQUIRED = ("id", "title", "body")


def needed_columns(source: str, header: Sequence[str], fields: FieldMap) -> list[str]:
    """Return the columns that hold a field of an article, in the header's order; one without a name holds none.

    Raises SourceUnreadable if two have the same name, if the field map names one that is not there, or if nothing gives
    the id, the title or the body.
    """
    header = [name for name in header if name.strip()]
    for name, count in Counter(header).items():
        if count > 1:
            raise SourceUnreadable(source, f"{count} columns are called {name!r}; which one is meant?")
    needed = set(Article.model_fields) - set(fields.columns)
    for field in fields.columns:
        for column in fields.names_in(field):
            root = column if column in header else column.split(".")[0]
            if root not in header:
                reason = f"there is no column {column!r} for the {field}; {_nearest(column, header)}"
                raise SourceUnreadable(source, reason)
            needed.add(root)
    for field in REQUIRED:
        if field not in fields.columns and field not in fields.defaults and field not in header:
            raise SourceUnreadable(
                source, f"no column is called {field!r}; {_nearest(field, header)}. State which one holds the {field}"
            )
    return [name for name in header if name in needed]


def read_row(fields: FieldMap, row: Mapping[str, Any], where: str) -> Found | Quarantined:
    """Return a row's article, of the columns that have a name.

    Bytes are UTF-8 text; text with undecodable bytes (lone surrogates) is Quarantined.
    """
    record = {}
    for column, value in row.items():
        if not column.strip():
            continue
        if isinstance(value, bytes | bytearray | memoryview):
            value = bytes(value).decode("utf-8", "surrogateescape")
        if isinstance(value, str) and (place := _undecodable(value)) is not None:
            byte = ord(value[place]) - 0xDC00
            shown = f"byte 0x{byte:02x}" if 0x80 <= byte <= 0xFF else "a lone surrogate"
            return Quarantined(where, f"{column}: {shown} after {place:,} characters is not in the source's encoding")
        record[column] = value
    return fields.read(record, where)


def _undecodable(text: str) -> int | None:
    """Return the place of the first character that stands for no text, None if there is none."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def _nearest(column: str, header: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in header}
    near = difflib.get_close_matches(column.casefold(), folded, n=1, cutoff=0.5)
    return f"the nearest is {folded[near[0]]!r}" if near else f"there are {', '.join(map(repr, header[:20]))}"
