"""/desk/archive: the map of the archive, and the list of what is chosen on it: by section, time, words, or an area.

Every choice is an address. With `part=list` only the list is sent, for the page's script.
"""

import re
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from flask import Response, render_template, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seealso.snapshot.snapshot import Snapshot
from service.archive import NO_MONTH, Period, month_counts, months_of, period_name, section_counts
from service.desk.find import page_part, states_of
from service.desk.listing import listed
from service.desk.pages import looking, page, query_of, room
from service.desk.wording import day
from service.finding import Filters, Found, by_date, by_words
from service.map import CORNERS_MAX, within_area
from service.parts import in_a_place, parts

archive_room = room("archive")
PAGE = 20
# More colours are not told apart; each has a shape as well.
SECTIONS_COLOURED = 8
# The times are coloured in so many shades, each of about as many articles.
SHADES = 7
# Of what words found, the list tells the page so many rows to light up.
ROWS_LIT_MAX = 500
_PLACES = re.compile(r"[01](\.[0-9]{1,6})?(,[01](\.[0-9]{1,6})?)*")
_Corners = tuple[tuple[float, float], ...]


def _corners(text: object) -> _Corners:
    """Return the corners of an area that is written as 'across,down,across,down,...'."""
    if text in ("", ()):
        return ()
    numbers = [float(each) for each in str(text).split(",")] if _PLACES.fullmatch(str(text)) else []
    if not 6 <= len(numbers) <= 2 * CORNERS_MAX or len(numbers) % 2 or max(numbers) > 1:
        raise ValueError(f"must be 3 to {CORNERS_MAX} corners such as 0.1,0.1,0.5,0.1,0.5,0.5, each of 0 to 1")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _period(text: object) -> Period | None:
    return Period.of(str(text)) if text else None


class PageQuery(BaseModel):
    """Which page of a list is looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: Annotated[int, Field(ge=1, le=100_000)] = 1


class ArchiveQuery(PageQuery):
    """What is chosen of the archive."""

    section: Annotated[str, Field(max_length=200)] = ""
    period: Annotated[Period | None, BeforeValidator(_period)] = None
    without: Literal["", "section", "date"] = ""
    q: Annotated[str, Field(max_length=2_000)] = ""
    area: Annotated[_Corners, BeforeValidator(_corners)] = ()
    part: Literal["", "list"] = ""

    @property
    def empty(self) -> bool:
        """Return whether nothing is chosen."""
        return not (self.section or self.period or self.without or self.q.strip() or self.area)


@archive_room.get("/archive")
@looking
@in_a_place(lambda here: here.lanes.batches)
def overview() -> Response:
    """The map, and what is chosen on it."""
    query = query_of(ArchiveQuery)
    snapshot = parts().current.snapshot()
    facts: dict[str, Any] = {"query": query, "snapshot": snapshot, "listing": None}
    if not query.empty:
        found = chosen_of(snapshot, query)
        rows = found.rows
        listing = listed(rows.tolist(), query.page, PAGE)
        facts |= {
            "listing": listing,
            "full": found.full,
            "first": (listing.page - 1) * PAGE + 1,
            "chosen": [entry_of(snapshot, row) for row in listing.items],
            "lit": rows[:ROWS_LIT_MAX].tolist() if query.q.strip() else None,
            "kept": {name: value for name, value in request.args.items() if name not in ("page", "part") and value},
        }
    if query.part:
        return page_part(render_template("archive_list.html", **facts))
    sections = section_counts(snapshot)
    coloured = [number for number, _ in sections if number >= 0][:SECTIONS_COLOURED]
    rest = [count for number, count in sections if number not in coloured]
    return page(
        "archive.html",
        sections=sections,
        coloured=[(number, dict(sections)[number]) for number in coloured],
        rest=(len(rest), sum(rest)),
        months=month_counts(snapshot),
        shades=shades(snapshot),
        period=request.args.get("period", ""),
        area=request.args.get("area", ""),
        **facts,
    )


def chosen_of(snapshot: Snapshot, query: ArchiveQuery) -> Found:
    """Return what is chosen: those that have its words first, or the newest."""
    allowed = Filters(section=query.section).mask(snapshot)
    if query.period is not None:
        allowed = allowed & query.period.holds(months_of(snapshot))
    if query.without == "date":
        allowed = allowed & (months_of(snapshot) == NO_MONTH)
    if query.without == "section":
        allowed = allowed & (snapshot.facts["section"] < 0)
    if query.area:
        allowed = allowed & within_area(snapshot, query.area)
    return by_words(snapshot, query.q, allowed) if query.q.strip() else by_date(snapshot, allowed)


def entry_of(snapshot: Snapshot, row: int) -> dict[str, Any]:
    """Return an article as it stands in lists of the archive: id, title, language, section, day, what sets it apart."""
    card = orjson.loads(snapshot.card(row))
    states = states_of(snapshot, row)
    if not snapshot.here[row]:
        states = ["changed since last night" if snapshot.row_of(card["id"]) is not None else "removed since last night"]
    return {
        "id": card["id"],
        "title": card["title"],
        "language": card["language"],
        "section": card["section"] or "",
        "day": day(card["published"]),
        "published": card["published"] or "",
        "states": states,
    }


def shades(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return how times are coloured, the oldest first: until which month, from when to when, how many articles."""
    months = np.sort(months_of(snapshot)[snapshot.here])
    months = months[months != NO_MONTH]
    if not len(months):
        return []
    steps = (np.arange(1, SHADES + 1) * len(months) - 1) // SHADES
    found, start = [], 0
    for until in np.unique(months[steps]).tolist():
        end = int(np.searchsorted(months, until, side="right"))
        names = period_name(int(months[start])), period_name(until)
        found.append({"until": until, "first": names[0], "last": names[1], "count": end - start})
        start = end
    return found
