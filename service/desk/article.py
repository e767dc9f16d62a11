"""/desk/articles/ID: an article as indexed, its block as readers see it, and what editors decide on both.

What is decided there is planned first: the page shows the block as it would be, and nothing changes until it is saved.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import numpy as np
import orjson
from flask import Response, render_template, request
from markupsafe import Markup

from seealso.editorial.clicks import Rate, read_rates
from seealso.editorial.decisions import now
from seealso.editorial.log import Looked, look_through
from seealso.editorial.store import Change, as_text
from seealso.errors import SeealsoError, StoreUnavailable, UnknownArticle
from seealso.snapshot.snapshot import Snapshot
from service.api.answers import JSON, answer
from service.api.decisions import told
from service.api.inputs import PlanBody, UndoBody
from service.api.reading import read_body
from service.archive import tellings
from service.desk.find import states_of
from service.desk.listing import titles_of
from service.desk.pages import looking, page, room
from service.desk.plan import Seen, save, see, undo_all, wanted_by
from service.desk.wording import change_in_words, day, likelihood, marked, rule_in_words
from service.parts import editors, in_a_place, parts
from service.related import Item
from service.wanted import Mode, Wanted

article_room = room("article")
MODES: tuple[Mode, ...] = get_args(Mode)
# Below the block so many candidates are shown at first; and of the blocks that show the article, and of its history.
CANDIDATES_SHOWN, HOSTS_SHOWN, HISTORY_SHOWN = 20, 30, 20
# Of an article that stands among very many others' candidates, so many blocks are made to see whether it is in them.
HOSTS_LOOKED_AT = 100


class Hosts(NamedTuple):
    """Articles whose blocks show another: some, of how `many`, of those that were `looked_at`, of so many `lists`.

    `sections`: in whose blocks it is pinned.
    """

    shown: list[dict[str, Any]]
    many: int
    lists: int
    looked_at: int
    sections: list[str]


@article_room.get("/articles/<article_id:article_id>")
@looking
@in_a_place(lambda here: here.lanes.batches)
def article(article_id: str) -> Response:
    """An article, its block, and what is decided of it."""
    mode, placement = _view()
    snapshot = parts().current.snapshot()
    row = snapshot.row_of(article_id)
    if row is None:
        raise UnknownArticle(article_id, snapshot.id)
    taken = parts().editorial.decisions.takedowns.get(article_id) if article_id in snapshot.hidden else None
    facts: dict[str, Any] = {"block": None}
    if taken is None:
        facts = block_facts(see(article_id, wanted_by(mode, placement)))
    piece = orjson.loads(snapshot.article(row))
    same_story = tellings(snapshot, int(snapshot.facts["story"][row]))
    titles = titles_of(snapshot)
    return page(
        "article.html",
        piece=piece,
        day=day,
        published=day(piece.get("published")),
        states=states_of(snapshot, row),
        taken=taken,
        mode=mode,
        modes=MODES,
        placement=placement,
        placements=sorted(parts().placements),
        story=[_named(snapshot, other) for other in same_story.tolist() if other != row],
        hosts=_hosts(snapshot, row),
        history=_history(article_id, titles),
        clicks=_clicks(article_id),
        **facts,
    )


@article_room.post("/preview/<article_id:article_id>")
@looking
@in_a_place(lambda here: here.lanes.batches)
def preview(article_id: str) -> Response:
    """The block of an article as it would be if a plan were carried out."""
    plan = read_body(request, PlanBody)
    assert isinstance(plan, PlanBody)
    return Response(_block(see(article_id, wanted_by(plan.mode, plan.placement), plan)), mimetype="text/html")


@article_room.post("/save/<article_id:article_id>")
@editors
def save_plan(article_id: str) -> Response:
    """Carry a plan out; the block as it is from then on, and the changes by which it can be undone."""
    plan = read_body(request, PlanBody)
    assert isinstance(plan, PlanBody)
    wanted = wanted_by(plan.mode, plan.placement)
    see(article_id, wanted)  # nothing is made for an article that was taken down, or removed, meanwhile
    return _decided(save(plan), article_id, wanted)


@article_room.post("/undo/<article_id:article_id>")
@editors
def undo(article_id: str) -> Response:
    """Undo changes on the block of an article."""
    asked = read_body(request, UndoBody)
    assert isinstance(asked, UndoBody)
    wanted = wanted_by(*_view())
    undo_all(asked.changes)
    return _decided([], article_id, wanted)


def _decided(changes: list[int], article_id: str, wanted: Wanted) -> Response:
    """Return the block as it is from now on. What was decided holds already, in all workers."""
    history = _history(article_id, titles_of(parts().current.served))
    told_now = {
        "changes": changes,
        "live": as_text(now()),
        "block": _block_now(article_id, wanted),
        "history": render_template("history.html", history=history, subject=article_id),
    }
    return answer(orjson.dumps(told_now), JSON)


def _block_now(article_id: str, wanted: Wanted) -> str:
    """Return the block of an article, or why there is none: what was decided is told as done all the same."""
    try:
        return _block(see(article_id, wanted))
    except SeealsoError as error:
        return Markup('<p class="worry">{}</p>').format(error)


def _block(seen: Seen) -> str:
    return render_template("block_seen.html", decides=True, **block_facts(seen))


def block_facts(seen: Seen) -> dict[str, Any]:
    """Return a block and what is below it as the template takes them."""
    titles = titles_of(seen.snapshot)
    own_id = seen.snapshot.article_id(seen.row)
    pins = {
        rule.wish.article: rule
        for rule in reversed(seen.rules)
        if rule.wish.action == "pin" and rule.wish.under_article == own_id
    }
    rules = [
        told(rule.as_json()) | {"words": rule_in_words(told(rule.as_json()), titles), "own": own_id, "ends": rule.until}
        for rule in seen.rules
    ]
    return {
        "own_id": own_id,
        "block": [shown_item(seen.snapshot, item, pins) for item in seen.block],
        "candidates": [shown_item(seen.snapshot, item, pins) for item in seen.candidates[:CANDIDATES_SHOWN]],
        "rules": rules,
        "silent": bool(seen.snapshot.sensitive[seen.row]),
    }


def shown_item(snapshot: Snapshot, item: Item, pins: dict[str | None, Any]) -> dict[str, Any]:
    """Return an article of the block, or below it, as it is shown."""
    card, why = orjson.loads(snapshot.card(item.row)), item.why or {}
    pin = pins.get(card["id"])
    return {
        "card": card,
        "day": day(card["published"]),
        "chance": likelihood(item.probability),
        "probability": item.probability,
        "pinned": item.pinned,
        "pin": pin,
        "title": marked(card["title"], why.get("shared_terms", ())),
        "quote": marked(why.get("passages", {}).get("other", ""), why.get("shared_terms", ())),
        "terms": why.get("shared_terms", []),
        "known": _known(why),
        "states": states_of(snapshot, item.row),
    }


def _known(why: dict[str, Any]) -> list[str]:
    """Return what both articles have in common, in words."""
    said = []
    if why.get("same_story"):
        said.append("same story")
    if why.get("same_author"):
        said.append("same author")
    if why.get("same_section"):
        said.append("same section")
    apart = why.get("days_apart")
    if apart is not None:
        said.append("same day" if apart == 0 else f"{apart:,} day{'s' * (apart != 1)} apart")
    return said


def _view() -> tuple[Mode, str | None]:
    """Return which block is looked at: that of a mode, or of a placement."""
    asked = request.args.get("mode")
    return next((mode for mode in MODES if mode == asked), "background"), request.args.get("placement") or None


def _hosts(snapshot: Snapshot, row: int) -> Hosts:
    """Return where an article is shown: those of whose candidates it is one, the best first, and where it is pinned."""
    if snapshot.sensitive[row]:
        return Hosts([], 0, 0, 0, [])
    article_id = snapshot.article_id(row)
    pins = [rule.wish for rule in parts().editorial.decisions.rules_at(now()) if rule.wish.action == "pin"]
    pins = [wish for wish in pins if wish.article == article_id]
    under = [snapshot.row_of(wish.under_article) for wish in pins if wish.under_article is not None]
    lists = _by_place(snapshot, row)
    looked_at = dict.fromkeys([*(each for each in under if each is not None), *lists[:HOSTS_LOOKED_AT]])
    found = []
    for other in looked_at:
        items = parts().blocks.related(snapshot, other, Wanted())
        place = next((place for place, item in enumerate(items) if item.row == row), None)
        if place is not None:
            found.append((place, other))
    shown = [_named(snapshot, other) for _, other in sorted(found)[:HOSTS_SHOWN]]
    sections = sorted({wish.under_section for wish in pins if wish.under_section is not None})
    return Hosts(shown, len(found), len(lists), min(len(lists), HOSTS_LOOKED_AT), sections)


def _by_place(snapshot: Snapshot, row: int) -> list[int]:
    """Return the rows of all among whose candidates an article is: those in whose list it stands highest first."""
    hosts = snapshot.hosts_of(row)
    night = hosts[hosts < len(snapshot.neighbours)]
    order = np.argsort(np.argmax(snapshot.neighbours[night] == row, axis=1), kind="stable")
    return [*night[order].tolist(), *hosts[len(night) :].tolist()]


def _named(snapshot: Snapshot, row: int) -> dict[str, Any]:
    card = orjson.loads(snapshot.card(row))
    return {"id": card["id"], "title": card["title"], "language": card["language"], "day": day(card["published"])}


def _history(article_id: str, title_of: Callable[[str], str]) -> list[tuple[Change, str]]:
    """Return what was decided of an article or its block, each in words too, the newest first.

    Nothing while the store cannot be read.
    """
    try:
        with parts().editorial.store().reading() as connection:
            found = look_through(connection, Looked(subject=article_id), HISTORY_SHOWN)
    except StoreUnavailable:
        return []
    return [(change, change_in_words(change, title_of)) for change in found]


def _clicks(article_id: str) -> Rate | None:
    """Return how often an article was shown in blocks and clicked there; None where nothing was counted."""
    try:
        found = read_rates(parts().editorial.store(), "item", item=article_id)
    except StoreUnavailable:
        return None
    return found[0] if found else None
