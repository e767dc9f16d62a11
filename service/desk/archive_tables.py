"""/desk/archive/...: what the archive covers and when, what is listed most and never, and which stories are told.

Each is a table or a list, with what can be seen of it at a glance beside the numbers.
"""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from flask import Response
from numpy.typing import NDArray
from pydantic import Field

from seealso.snapshot.files import NO_TIME
from service.archive import LIST_LENGTH, by_times_listed, coverage, stories_told, tellings, times_listed
from service.desk.archive import PAGE, PageQuery, entry_of
from service.desk.listing import listed
from service.desk.pages import looking, page, query_of, room
from service.desk.wording import day
from service.parts import in_a_place, parts

table_room = room("archive_tables")
# A page of the heat table, and of stories, each with so many of their articles.
SECTIONS_A_PAGE, STORIES_A_PAGE, TELLINGS_SHOWN = 25, 10, 12
# How strong a shade can be: by the square root of a cell's share of the greatest, or all but a few would be pale.
HEAT_STEPS = 5
# In so many lists and more, up to below the next.
LISTED_STEPS = (0, 1, 6, 12, 24, 48, 96)


class CoverageQuery(PageQuery):
    """Which year is looked at by its months; None: all time."""

    year: Annotated[int | None, Field(ge=1_000, le=9_999)] = None


class ListedQuery(PageQuery):
    """Which list: what stands in most lists, or what stands in none."""

    show: Literal["most", "never"] = "most"


class StoriesQuery(PageQuery):
    """In which order."""

    order: Literal["largest", "latest"] = "largest"


class Step(NamedTuple):
    """How many articles (`number`, `share` of the most) are in `first` to `last` lists; None: or more."""

    first: int
    last: int | None
    number: int
    share: float


@table_room.get("/archive/coverage")
@looking
@in_a_place(lambda here: here.lanes.batches)
def covered() -> Response:
    """How many articles each section has, by month or year."""
    query, snapshot = query_of(CoverageQuery), parts().current.snapshot()
    found = coverage(snapshot, query.year)
    most = int(found.counts.max(initial=0))
    heat = np.ceil(HEAT_STEPS * np.sqrt(found.counts / max(most, 1))).astype(np.int64)
    listing = listed(range(len(found.sections)), query.page, SECTIONS_A_PAGE)
    cells = [list(zip(found.counts[each].tolist(), heat[each].tolist(), strict=True)) for each in listing.items]
    numbers = [found.sections[each] for each in listing.items]
    names = [snapshot.sections[number] if number >= 0 else "" for number in numbers]
    return page(
        "archive_coverage.html",
        query=query,
        listing=listing,
        rows=list(zip(names, cells, strict=True)),
        columns=found.columns,
        by_year=any(name and len(name) == 4 for name in found.columns),
        totals=found.counts.sum(axis=0).tolist(),
    )


@table_room.get("/archive/listed")
@looking
@in_a_place(lambda here: here.lanes.batches)
def most_listed() -> Response:
    """What stands in most articles' lists, and what stands in none."""
    query, snapshot = query_of(ListedQuery), parts().current.snapshot()
    times = times_listed(snapshot)
    most, never = by_times_listed(snapshot, times)
    listing = listed((most if query.show == "most" else never).tolist(), query.page, PAGE)
    return page(
        "archive_listed.html",
        query=query,
        listing=listing,
        first=(listing.page - 1) * PAGE + 1,
        entries=[(entry_of(snapshot, row), int(times[row])) for row in listing.items],
        steps=steps_of(times[snapshot.here[: len(times)]]),
        most=len(most),
        never=len(never),
        length=LIST_LENGTH,
    )


@table_room.get("/archive/stories")
@looking
@in_a_place(lambda here: here.lanes.batches)
def stories() -> Response:
    """The stories that several articles tell."""
    query, snapshot = query_of(StoriesQuery), parts().current.snapshot()
    found = stories_told(snapshot, newest_first=query.order == "latest")
    listing = listed(range(len(found.names)), query.page, STORIES_A_PAGE)
    told = [
        {
            "size": int(found.sizes[place]),
            "latest": day(None if found.latest[place] == NO_TIME else int(found.latest[place])),
            "articles": [
                entry_of(snapshot, int(row)) for row in tellings(snapshot, int(found.names[place]))[:TELLINGS_SHOWN]
            ],
        }
        for place in listing.items
    ]
    return page(
        "archive_stories.html",
        query=query,
        listing=listing,
        first=(listing.page - 1) * STORIES_A_PAGE + 1,
        stories=told,
        articles=int(found.sizes.sum()),
    )


def steps_of(times: NDArray[np.int64]) -> list[Step]:
    """Return how many articles are in how many lists."""
    numbers = np.bincount(np.searchsorted(LISTED_STEPS, times, side="right") - 1, minlength=len(LISTED_STEPS))
    most = max(int(numbers.max()), 1)
    lasts = [*(step - 1 for step in LISTED_STEPS[1:]), None]
    found = zip(LISTED_STEPS, lasts, numbers.tolist(), strict=True)
    return [Step(first, last, number, number / most) for first, last, number in found]
