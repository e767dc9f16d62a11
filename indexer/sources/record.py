"""A row of a table, an object of an export, a document of an interface -> an article, by a map of fields.

It knows what other formats than our own JSON do to values: numbers for ids, commas for lists, 0 and 1 for no and yes.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

import orjson

from indexer.sources.source import Found, Quarantined
from seealso.article import Article, InvalidArticle, join_names, read_foreign_article
from seealso.markup import line_of_markup, text_of_markup
from seealso.page import PageCard

FIELDS = tuple(Article.model_fields)
_LISTS = ("tags", "editor_related")
_FLAGS = ("sponsored", "sensitive")
_PIXELS = ("image_width", "image_height")
_TIMES = ("published", "updated")
# Seconds since 1970 in digits, or milliseconds, from 1973 on; eight digits are a date.
_SINCE_1970 = re.compile(r"[0-9]{9,13}")
# Python makes no number of thousands of digits; what is longer than this is refused as the text that it is.
_DIGITS = re.compile(r"[0-9]{1,18}")
# In seconds, the year 5138; in milliseconds, 1973.
_MILLISECONDS_MIN = 1e11
_NAME_IN_BRACES = re.compile(r"\{([^{}]+)\}")
# The last of each is how MySQL gives a BIT(1).
_YES = frozenset({"1", "true", "t", "yes", "y", "on", "\x01"})
_NO = frozenset({"0", "false", "f", "no", "n", "off", "\x00"})
_MISSING = object()


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Where a source keeps an article's fields.

    `columns`: an article's field -> the source's name for it, a dot going into what is nested ('title.rendered'), or a
    text made of such names in braces ('https://a.example/{slug}'); a field that is not named is looked for under its
    own name. `defaults`: what a field is where the record has nothing. `markup`: title, summary and body are HTML.
    `zone`: what times without an offset are in.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    markup: bool = False
    zone: tzinfo = UTC

    def column_of(self, name: str) -> str:
        """Return where a source keeps a field."""
        return self.columns.get(name, name)

    def names_in(self, name: str) -> list[str]:
        """Return the source's names that a field is made of."""
        column = self.column_of(name)
        return _NAME_IN_BRACES.findall(column) or [column]

    def inside(self, outer: str) -> "FieldMap":
        """Return the map for records that keep all that is mapped under one name."""

        def moved(column: str) -> str:
            if _NAME_IN_BRACES.search(column):
                return _NAME_IN_BRACES.sub(lambda match: f"{{{outer}.{match[1]}}}", column)
            return f"{outer}.{column}"

        return replace(self, columns={name: moved(column) for name, column in self.columns.items()})

    def read(self, record: Mapping[str, Any], where: str, cards: tuple[PageCard, ...] = ()) -> Found | Quarantined:
        """Return the article that a record holds, or why it holds none.

        A body may be empty, but not missing; a picture that is none is left out, and told with the unknown keys.
        """
        try:
            fields = self._fields_in(record)
        except RecursionError:  # orjson reads deeper than Python writes
            return Quarantined(where, "a value of it is nested too deeply")
        if any(_is_in(record, column) for column in self.names_in("body")):
            fields.setdefault("body", "")
        named = [column for name in FIELDS for column in self.names_in(name)]
        used = {column.split(".")[0] for column in named} | set(named)
        try:
            article, left_out = read_foreign_article(fields)
        except InvalidArticle as error:
            return Quarantined(where, f"{error}{self._renamed(error)}")
        return Found(article, where, (*(str(key) for key in record if key not in used), *left_out), cards)

    def _fields_in(self, record: Mapping[str, Any]) -> dict[str, Any]:
        fields = {}
        for name in FIELDS:
            value = self._converted(name, _value_of(record, self.column_of(name)))
            if value is None or value == "":
                value = self._converted(name, self.defaults.get(name))
            if value is not None:
                fields[name] = self._text(name, value)
        return fields

    def _converted(self, name: str, value: Any) -> Any:
        """Return a value as our own JSON would have it; what cannot be converted stays, for the check to refuse it."""
        if name in _LISTS:
            return _as_list(value)
        if name in _FLAGS:
            return _as_flag(value)
        if name in _PIXELS:
            return _as_pixels(value)
        if name in _TIMES:
            return _as_time(value, self.zone)
        if isinstance(value, list) and all(isinstance(each, str | None) for each in value):
            return join_names(value) if name == "author" else ", ".join(each for each in value if each)
        if value is None or isinstance(value, str | bytes | bool | Mapping | list):
            return value
        if isinstance(value, float) and not value.is_integer():
            return value
        return _as_text(value)  # a number for an id, a Decimal, a UUID

    def _text(self, name: str, value: Any) -> Any:
        if not self.markup or not isinstance(value, str):
            return value
        if name == "body":
            return text_of_markup(value)
        return line_of_markup(value) if name in ("title", "summary") else value

    def _renamed(self, error: InvalidArticle) -> str:
        """Return where the source keeps the fields that are wrong, if it calls them otherwise."""
        renamed = [f"{name} is read from {self.columns[name]!r}" for name in error.fields if name in self.columns]
        return f" ({'; '.join(renamed)})" if renamed else ""


def _is_in(record: Mapping[str, Any], column: str) -> bool:
    return column in record or column.split(".")[0] in record


def _value_of(record: Mapping[str, Any], column: str) -> Any:
    """Return what stands under a name, or a text with names in braces; None if one of them has nothing."""
    if column in record or not _NAME_IN_BRACES.search(column):
        return _value_at(record, column)
    values = {name: _value_at(record, name) for name in _NAME_IN_BRACES.findall(column)}
    if any(value is None or value == "" for value in values.values()):
        return None
    return _NAME_IN_BRACES.sub(lambda match: _as_text(values[match[1]]), column)


def _value_at(record: Mapping[str, Any], column: str) -> Any:
    """Return what stands under a name, or under a path of names; None if nothing does."""
    value = record.get(column, _MISSING)
    if value is not _MISSING:
        return value
    head, dot, rest = column.partition(".")
    inner = record.get(head) if dot else None
    if isinstance(inner, list):  # 'authors.name' of a list of objects
        found = [_value_at(each, rest) for each in inner if isinstance(each, Mapping)]
        return [each for each in found if each is not None]
    return _value_at(inner, rest) if isinstance(inner, Mapping) else None


def _as_time(value: Any, zone: tzinfo) -> Any:
    """Return a moment with its zone; a number is seconds since 1970, or milliseconds where it is too great for that."""
    if isinstance(value, str) and _SINCE_1970.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS_MIN else number, UTC)
        except (ValueError, OverflowError, OSError):
            return value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return value
    return value.replace(tzinfo=zone) if isinstance(value, datetime) and value.tzinfo is None else value


def _as_list(value: Any) -> Any:
    """Return a list of texts, of a list, of one in JSON, or of what commas part."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(value)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):  # an object in it is refused by its place, and not taken for a text
        return [each if isinstance(each, Mapping | list) else _as_text(each) for each in value if each is not None]
    return value


def _as_pixels(value: Any) -> Any:
    """Return a whole number that is one in other clothes: '640', 640.0, Decimal(640)."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    return None if value == "" else _whole(value)


def _as_flag(value: Any) -> Any:
    word = str(_whole(value)).strip().casefold() if isinstance(value, str | int | float | Decimal) else value
    if word in _YES:
        return True
    return False if word in _NO else (None if word == "" else value)


def _as_text(value: Any) -> str:
    """Return a value as a text; a whole number as it is counted: 1.0 is 1, and Decimal('1E+3') 1000."""
    return str(_whole(value) if isinstance(value, float) or "E" in str(value) else value)


def _whole(value: Any) -> Any:
    """Return a float or a Decimal that is a whole number as one; all else as it is."""
    with suppress(ArithmeticError):  # of a Decimal that is no number, or greater than any that is meant
        if isinstance(value, float | Decimal) and value == value // 1:
            return int(value)
    return value
