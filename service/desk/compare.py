"""/desk/night/compare: what changed between two snapshots; and an article's list in both, side by side.

Opening a snapshot takes seconds. A page that has to wait for it comes at once, and its script asks for the rest
(`wait=1`), which holds one of the places for batches.
"""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from flask import Response, render_template
from pydantic import BaseModel, ConfigDict, Field

from seealso.errors import UnknownArticle
from seealso.overlaps import COMPARED_ITEMS
from seealso.snapshot.manifest import Manifest
from seealso.snapshot.rollback import manifest_or_reason
from seealso.snapshot.snapshot import Snapshot
from service.comparing import Comparison
from service.desk.find import page_part
from service.desk.listing import listed
from service.desk.pages import looking, page, query_of, room
from service.desk.wording import clock, likelihood
from service.parts import parts

compare_room = room("compare")
PAGE = 25
# Of each list so many are shown side by side.
SHOWN_ITEMS = 20

# What became of an article that left the list, and whence one came that is new there: it stood elsewhere in the other
# list, the other snapshot does not have it, or it was no candidate.
_SAID = {
    "gone": ("gone: now at place {}", "gone: the article was removed", "gone: no longer a candidate"),
    "new": ("new: it was at place {}", "new: the article came", "new: it was no candidate"),
}

Show = Literal["lists", "changed", "came", "went"]


class CompareQuery(BaseModel):
    """Which two are compared, from `a` to `b`, and what of it is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    a: Annotated[str, Field(max_length=100)]
    b: Annotated[str, Field(max_length=100)]
    show: Show = "lists"
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    wait: Annotated[int, Field(ge=0, le=1, description="1: wait until it is known")] = 0
    part: Literal["", "differences"] = ""


class Differing(NamedTuple):
    """An article, as it is listed: `here` is whether both have it; `kept`: how much of its list stayed, in words."""

    id: str
    title: str
    language: str | None
    here: bool
    kept: str = ""


class Placed(NamedTuple):
    """An article in the list of another; `mark` says in words what became of it, `kind` in one for its look."""

    id: str
    title: str
    language: str | None
    chance: str
    mark: str
    kind: Literal["same", "moved", "new", "gone"]


@compare_room.get("/night/compare")
@looking
def compared() -> Response:
    """What came, went and changed, and whose lists changed most."""
    query = _query()
    found = _found(query)
    if found is None:
        return _frame(query, f"{_made(query.a)} – {_made(query.b)}")
    facts: dict[str, Any] = {"query": query, "found": found, "clock": clock, "of": COMPARED_ITEMS}
    facts |= {"kept": {"a": query.a, "b": query.b, "show": query.show}, "listing": _listing(found, query)}
    return _answer(query, "compare.html", "differences.html", facts)


@compare_room.get("/night/compare/<article_id:article_id>")
@looking
def compared_article(article_id: str) -> Response:
    """The list of an article in both, side by side."""
    query = _query()
    found = _found(query)
    if found is None:
        return _frame(query, article_id)
    rows = found.before.row_of(article_id), found.now.row_of(article_id)
    if rows == (None, None):
        raise UnknownArticle(article_id, found.now.id)
    before, now = (_list(each, row) for each, row in zip((found.before, found.now), rows, strict=True))
    facts: dict[str, Any] = {
        "query": query,
        "found": found,
        "clock": clock,
        "article": article_id,
        "title": found.now.title(rows[1]) if rows[1] is not None else found.before.title(rows[0] or 0),
        "lists": (_side(before, now, found.now, "gone"), _side(now, before, found.before, "new")),
        "missing": tuple(row is None for row in rows),
        "shown": SHOWN_ITEMS,
    }
    return _answer(query, "compare_article.html", "side_by_side.html", facts)


def _query() -> CompareQuery:
    return query_of(CompareQuery)


def _found(query: CompareQuery) -> Comparison | None:
    """Return the comparison; None if it would have to be waited for. Raises UnknownSnapshot, SnapshotRefused."""
    here = parts()
    found = here.comparisons.ready(query.a, query.b)
    if found is None and query.wait:
        with here.lanes.batches.place():
            return here.comparisons.of(query.a, query.b)
    return found


def _frame(query: CompareQuery, heading: str) -> Response:
    """Return a page whose script asks for what takes long."""
    asked = query.model_dump(exclude_defaults=True) | {"a": query.a, "b": query.b, "wait": 1}
    return page("comparing.html", heading=heading, whole=asked, asked=asked | {"part": "differences"})


def _answer(query: CompareQuery, whole: str, part: str, facts: dict[str, Any]) -> Response:
    return page_part(render_template(part, **facts)) if query.part else page(whole, **facts)


def _made(snapshot_id: str) -> str:
    """Return when a snapshot was made, as a clock tells it; its id, if it does not say so."""
    found = manifest_or_reason(parts().settings.index, snapshot_id)
    return clock(found.created) if isinstance(found, Manifest) else snapshot_id


def _listing(found: Comparison, query: CompareQuery) -> Any:
    """Return the page of a list that is asked for."""
    snapshot, rows = {
        "lists": (found.now, found.rows),
        "changed": (found.now, found.changed),
        "came": (found.now, found.came),
        "went": (found.before, found.went),
    }[query.show]
    places = listed(range(len(rows)), query.page, PAGE)
    items = []
    for place in places.items:
        row = int(rows[place])
        kept = f"{found.stayed[place]} of {found.compared[place]}" if query.show == "lists" else ""
        both = query.show in ("lists", "changed")
        items.append(Differing(snapshot.article_id(row), snapshot.title(row), snapshot.language_of(row), both, kept))
    return {"items": items, "total": places.total, "page": places.page, "pages": places.pages}


class _Listed(NamedTuple):
    """An article's list: ids in their order, and the chance of each."""

    snapshot: Snapshot | None
    ids: list[str]
    chances: list[float]


def _list(snapshot: Snapshot, row: int | None) -> _Listed:
    if row is None:
        return _Listed(None, [], [])
    own = snapshot.neighbours[row]
    own = own[own >= 0]
    chances = snapshot.recipe.probability(snapshot.scores[row, : len(own)])
    return _Listed(snapshot, [snapshot.article_id(int(each)) for each in own], np.asarray(chances).tolist())


def _side(own: _Listed, other: _Listed, there: Snapshot, kind: Literal["new", "gone"]) -> list[Placed]:
    """Return a list with what became of each, or whence it came, in the other; `there`: the snapshot of that."""
    places = {article_id: place for place, article_id in enumerate(other.ids)}
    at_place, of_no_article, of_none = _SAID[kind]
    shown = []
    for place, article_id in enumerate(own.ids[:SHOWN_ITEMS]):
        elsewhere = places.get(article_id)
        if elsewhere is not None and elsewhere < SHOWN_ITEMS:
            now, then = (elsewhere, place) if kind == "gone" else (place, elsewhere)
            shown.append(_placed(own, place, *_moved(now, then)))
        elif elsewhere is not None:
            shown.append(_placed(own, place, at_place.format(elsewhere + 1), kind))
        else:
            said = of_no_article if there.row_of(article_id) is None else of_none
            shown.append(_placed(own, place, said, kind))
    return shown


def _moved(now: int, then: int) -> tuple[str, Literal["same", "moved"]]:
    if now == then:
        return "same place", "same"
    return (f"up {then - now}" if now < then else f"down {now - then}"), "moved"


def _placed(listing: _Listed, place: int, mark: str, kind: Literal["same", "moved", "new", "gone"]) -> Placed:
    snapshot, article_id = listing.snapshot, listing.ids[place]
    assert snapshot is not None
    row = snapshot.row_of(article_id)
    title, language = (article_id, None) if row is None else (snapshot.title(row), snapshot.language_of(row))
    return Placed(article_id, title, language, likelihood(listing.chances[place]), mark, kind)
