"""/desk/archive/...: what the archive covers and when, what is listed most and never, stories, short texts, clicks.

Each is a table, with what can be seen of it at a glance beside the numbers.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import orjson
from flask import Response, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seealso.editorial.clicks import Rate, read_rates
from seealso.editorial.decisions import now
from seealso.errors import StoreUnavailable
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.reader import Snapshot
from service.api.answers import in_a_place, parts
from service.api.reading import read_query
from service.archive import (
    LIST_LENGTH,
    THIN_CHARACTERS,
    by_times_listed,
    coverage,
    stories_told,
    tellings,
    thin,
    times_listed,
)
from service.desk.archive import PAGE, listed
from service.desk.pages import looking, page, room
from service.desk.quarantine import Quarantine, Refusal, read_quarantine
from service.desk.wording import day

table_room = room("archive_tables")
# A page of a heat table, and of stories, each with so many of their articles.
SECTIONS_A_PAGE, STORIES_A_PAGE, TELLINGS_SHOWN = 25, 10, 12
# How dark a cell can be: by the square root of its share of the greatest, or all but a few would be pale.
HEAT_STEPS = 5
# In so many lists and more, up to below the next.
LISTED_STEPS = (0, 1, 6, 12, 24, 48, 96)
PAIRS_SHOWN = 50
SHOWN_DAYS = (7, 30, 365)


def _year(text: object) -> int | None:
    if text in ("", None):
        return None
    if not (isinstance(text, str) and len(text) == 4 and text.isascii() and text.isdigit() and int(text)):
        raise ValueError("must be a year such as 2025")
    return int(text)


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    page: Annotated[int, Field(ge=1, le=100_000)] = 1


class CoverageQuery(_Query):
    """Which year is looked at by its months; None: all time."""

    year: Annotated[int | None, BeforeValidator(_year)] = None


class ListedQuery(_Query):
    """Which list: what stands in most lists, or what stands in none."""

    show: Literal["most", "never"] = "most"


class StoriesQuery(_Query):
    """In which order."""

    order: Literal["largest", "latest"] = "largest"


class TextsQuery(_Query):
    """Which list: short texts, or what was not taken in."""

    show: Literal["thin", "quarantined"] = "thin"


class ClicksQuery(_Query):
    """Of how many days."""

    days: Literal["7", "30", "365"] = "30"


class Step(NamedTuple):
    """How many articles (`count`, `share` of the most) are in `first` to `last` lists; None: or more."""

    first: int
    last: int | None
    count: int
    share: float


class Pair(NamedTuple):
    """How often an article was clicked in the block of another. `item`, `host`: cards, None where it is gone."""

    rate: Rate
    host: dict[str, Any] | None
    item: dict[str, Any] | None


@table_room.get("/archive/coverage")
@looking
@in_a_place(lambda here: here.batching)
def covered() -> Response:
    """How many articles each section has, by month or year."""
    query, snapshot = _read(CoverageQuery), parts().current.snapshot()
    found = coverage(snapshot, query.year)
    most = int(found.counts.max(initial=0))
    heat = np.ceil(HEAT_STEPS * np.sqrt(found.counts / max(most, 1))).astype(np.int64)
    rows = [
        (snapshot.sections[number] if number >= 0 else "", list(zip(counts.tolist(), steps.tolist(), strict=True)))
        for number, counts, steps in zip(found.sections, found.counts, heat, strict=True)
    ]
    return page(
        "archive_coverage.html",
        query=query,
        snapshot=snapshot,
        columns=found.columns,
        by_year=any(name and len(name) == 4 for name in found.columns),
        totals=found.counts.sum(axis=0).tolist(),
        **_paged(rows, query.page, SECTIONS_A_PAGE),
    )


@table_room.get("/archive/listed")
@looking
@in_a_place(lambda here: here.batching)
def most_listed() -> Response:
    """What stands in most articles' lists, and what stands in none."""
    query, snapshot = _read(ListedQuery), parts().current.snapshot()
    times = times_listed(snapshot)
    most, never = by_times_listed(snapshot, times)
    paged = _paged(most if query.show == "most" else never, query.page, PAGE)
    paged["items"] = [(listed(snapshot, int(row)), int(times[row])) for row in paged["items"]]
    return page(
        "archive_listed.html",
        query=query,
        snapshot=snapshot,
        steps=_steps(times[snapshot.here[: len(times)]]),
        never=len(never),
        most=len(most),
        length=LIST_LENGTH,
        **paged,
    )


@table_room.get("/archive/stories")
@looking
@in_a_place(lambda here: here.batching)
def stories() -> Response:
    """The stories that several articles tell."""
    query, snapshot = _read(StoriesQuery), parts().current.snapshot()
    found = stories_told(snapshot, newest_first=query.order == "latest")
    paged = _paged(found.names, query.page, STORIES_A_PAGE)
    start = (paged["page"] - 1) * STORIES_A_PAGE
    paged["items"] = [
        {
            "size": int(found.sizes[place]),
            "latest": day(None if found.latest[place] == NO_TIME else int(found.latest[place])),
            "articles": [listed(snapshot, int(row)) for row in tellings(snapshot, int(name))[:TELLINGS_SHOWN]],
        }
        for place, name in enumerate(paged["items"], start)
    ]
    return page("archive_stories.html", query=query, snapshot=snapshot, told=int(found.sizes.sum()), **paged)


@table_room.get("/archive/texts")
@looking
@in_a_place(lambda here: here.batching)
def texts() -> Response:
    """Articles with little text, and what was not taken in at all."""
    query, snapshot = _read(TextsQuery), parts().current.snapshot()
    short = thin(snapshot)
    quarantine = read_quarantine(parts().settings.index, snapshot.id)
    if query.show == "thin":
        paged = _paged(short, query.page, PAGE)
        lengths = snapshot.text_lengths
        paged["items"] = [
            (listed(snapshot, int(row)), _words(snapshot, int(row)), int(lengths[row])) for row in paged["items"]
        ]
    else:
        paged = _paged(_refusals(quarantine), query.page, PAGE)
    return page(
        "archive_texts.html",
        query=query,
        snapshot=snapshot,
        short=len(short),
        characters=THIN_CHARACTERS,
        quarantine=quarantine,
        **paged,
    )


@table_room.get("/archive/clicks")
@looking
def clicked() -> Response:
    """The pairs of an article and one in its block that are clicked most."""
    query, snapshot = _read(ClicksQuery), parts().current.snapshot()
    first = (now() - timedelta(days=int(query.days) - 1)).date()
    pairs, trouble = list[Pair](), ""
    try:
        rates = read_rates(parts().editorial.store(), "pair", first=first, most=PAIRS_SHOWN, most_clicked=True)
    except StoreUnavailable as error:
        rates, trouble = [], str(error)
    for rate in rates:
        if rate.clicked:
            pairs.append(Pair(rate, _card(snapshot, rate.of["article"]), _card(snapshot, rate.of["item"])))
    highest = max((pair.rate.high or 0.0 for pair in pairs), default=0.0)
    return page(
        "archive_clicks.html",
        query=query,
        snapshot=snapshot,
        days=SHOWN_DAYS,
        pairs=pairs,
        trouble=trouble,
        counted=bool(rates),
        highest=highest or 1.0,
    )


def _read(model: Any) -> Any:
    return read_query(request.query_string.decode("latin-1"), model)


def _paged(items: Any, number: int, size: int) -> dict[str, Any]:
    """Return a page of a list; the last one where there are not so many."""
    pages = max(1, -(-len(items) // size))
    number = min(number, pages)
    return {
        "items": items[(number - 1) * size : number * size],
        "total": len(items),
        "page": number,
        "pages": pages,
    } | {"first": (number - 1) * size + 1}


def _steps(times: Any) -> list[Step]:
    """Return how many articles are in how many lists."""
    counts = np.bincount(np.searchsorted(LISTED_STEPS, times, side="right") - 1, minlength=len(LISTED_STEPS))
    most = max(int(counts.max()), 1)
    lasts = [*(step - 1 for step in LISTED_STEPS[1:]), None]
    found = zip(LISTED_STEPS, lasts, counts.tolist(), strict=True)
    return [Step(first, last, count, count / most) for first, last, count in found]


def _words(snapshot: Snapshot, row: int) -> int:
    article = orjson.loads(snapshot.article(row))
    return len(f"{article.get('summary') or ''} {article['body']}".split())


def _refusals(quarantine: Quarantine | None) -> list[Refusal]:
    return [] if quarantine is None else quarantine.listed


def _card(snapshot: Snapshot, article_id: str) -> dict[str, Any] | None:
    row = snapshot.row_of(article_id)
    return None if row is None else listed(snapshot, row)
