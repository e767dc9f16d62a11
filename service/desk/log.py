"""/desk/log: all that was ever decided, in words, with filters; the same as a table for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple

from flask import Response, stream_with_context
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from seealso.editorial.decisions import now
from seealso.editorial.log import KINDS, UNDOABLE, Kind, Looked, last_decided, look_through
from seealso.editorial.rules import MADE, UNDONE, wish_in
from seealso.editorial.store import Change, as_moment, as_text
from service.api.inputs import checked_text, read_day
from service.desk.listing import titles_of
from service.desk.pages import looking, page, query_of, room
from service.desk.wording import change_in_words
from service.parts import parts

log_room = room("log")
PAGE, TABLE_PART = 40, 1_000
KIND_NAMES: dict[Kind, str] = {
    "rules": "Rules",
    "takedowns": "Takedowns",
    "articles": "Articles put and removed",
    "keys": "Keys",
    "snapshots": "Rollbacks",
}
COLUMNS = ("number", "moment", "who", "what", "why", "action", "subject")
# A spreadsheet takes what begins with one of these for a formula, and what is typed at the desk may begin with any.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Spreadsheets take a table for UTF-8 by this alone.
_MARK = "\ufeff"


def _day(text: object) -> date | None:
    return read_day(text) if text else None


_Text = Annotated[str, Field(max_length=200), AfterValidator(checked_text)]
_Day = Annotated[date | None, BeforeValidator(_day)]


class LogQuery(BaseModel):
    """Which changes are looked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: _Text = ""
    who: _Text = ""
    kind: Kind | Literal[""] = ""
    first: _Day = None
    last: _Day = None
    before: Annotated[int, Field(ge=0, description="those before this one; 0: the newest")] = 0

    def looked(self) -> Looked:
        """Return the same as the log is looked through."""
        return Looked(self.subject.strip(), self.who.strip(), self.kind or None, self.first, self.last)

    def kept(self) -> dict[str, Any]:
        """Return what stands in the address of the same, but for the part of it that is shown."""
        given = self.model_dump(exclude_defaults=True, exclude={"before"}, mode="json")
        return {name: value for name, value in given.items() if value}


class Entry(NamedTuple):
    """A change, in words; `article`: one that it is about; `undoable`: whether it can be undone now."""

    change: Change
    words: str
    article: str | None
    undoable: bool


@log_room.get("/log")
@looking
def log() -> Response:
    """What was decided, the newest first."""
    query = _query()
    with parts().editorial.store().reading() as connection:
        found = look_through(connection, query.looked(), PAGE + 1, query.before or None)
        shown, more = found[:PAGE], len(found) > PAGE
        last = last_decided(connection, {change.subject for change in shown})
    title_of = titles_of(parts().current.served)
    entries = [
        Entry(change, change_in_words(change, title_of), _article_of(change), _can_be_undone(change, last))
        for change in shown
    ]
    kinds = {name: KIND_NAMES[name] for name in KINDS}
    return page("log.html", query=query, kept=query.kept(), kinds=kinds, entries=entries, more=more)


@log_room.get("/log.csv")
@looking
def table() -> Response:
    """The same, whole, as CSV: it is read and sent part by part."""
    found = _by_parts(_query())
    first = next(found)  # what cannot be read is told before anything is sent
    text = chain((_MARK, _lines([COLUMNS])), map(_told, chain((first,), found)))
    response = Response(stream_with_context(text), mimetype="text/csv", content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="seealso-log.csv"'
    return response


def _query() -> LogQuery:
    return query_of(LogQuery)


def _by_parts(query: LogQuery) -> Iterator[list[Change]]:
    store, before = parts().editorial.store(), query.before or None
    while True:
        with store.reading() as connection:
            found = look_through(connection, query.looked(), TABLE_PART, before)
        yield found
        if len(found) < TABLE_PART:
            return
        before = found[-1].sequence


def _told(found: list[Change]) -> str:
    """Return changes as lines of the table."""
    title_of = titles_of(parts().current.served)
    return _lines(
        (each.sequence, as_text(each.moment), each.who, change_in_words(each, title_of), each.reason, each.action,
         each.subject)
        for each in found
    )  # fmt: skip


def _lines(rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _cell(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _article_of(change: Change) -> str | None:
    """Return an article that a change is about, None for what is about none."""
    said = change.after or change.before
    if change.action in (MADE, UNDONE) and isinstance(said, dict):
        return said.get("under_article") or said.get("article")
    return None if ":" in change.subject and change.action in (*KINDS["keys"], *KINDS["snapshots"]) else change.subject


def _can_be_undone(change: Change, last: dict[str, int]) -> bool:
    """Return whether undoing a change would do anything: nothing came after it, and it has not ended by itself."""
    if change.action not in UNDOABLE or last.get(change.subject) != change.sequence:
        return False
    said = change.after if change.after is not None else change.before
    until, moment = as_moment(said.get("until")), now()
    if until is not None and until <= moment:
        return False
    if change.action == UNDONE:
        wish = wish_in(change.before)
        held = parts().editorial.decisions.rules_at(moment)
        return not any(rule.wish == wish and rule.until == until for rule in held)
    return True
