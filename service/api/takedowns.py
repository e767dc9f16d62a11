"""/v1/articles/ID/takedown: taking an article down, showing it again, and the proof that no block holds it."""

from datetime import datetime

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.editorial.decisions import now
from seealso.editorial.takedowns import find_takedown, restore_in, take_down_in
from seealso.errors import NotTakenDown
from service.api.answers import JSON, answer, decided
from service.api.inputs import ReasonQuery, TakedownBody, checked_end, checked_id
from service.auth import who
from service.deciding import deciding
from service.finding import check_name
from service.parts import editors, in_a_place, made_in_time, parts
from service.problems import documented
from service.wanted import LIMIT_MAX, Wanted

takedowns = APIBlueprint("takedowns", __name__, tag="Takedowns")
TAKEDOWN_EXAMPLE = {"reason": "withdrawn at the request of the person it is about", "until": None}


class TakedownFacts(BaseModel):
    """An article that may not be shown."""

    article: str
    since: datetime
    until: datetime | None
    who: str = Field(description="the name of the key, and its id")
    reason: str


class Purge(BaseModel):
    """What caches in front of the service may still hold of it."""

    keys: list[str] = Field(
        description="surrogate keys (cache tags) by which a CDN drops it, everywhere it was shown; where it is shown "
        "again, also the blocks in which it may stand"
    )
    paths: list[str] = Field(description="for a CDN without such keys: the blocks it may have been shown in")
    pages: list[str] = Field(description="the articles under which these blocks stand, where their addresses are known")


class TakedownAnswer(BaseModel):
    """What was done, and what is left to be done elsewhere."""

    takedown: TakedownFacts
    purge: Purge


class TakedownList(BaseModel):
    """The articles that may not be shown now."""

    takedowns: list[TakedownFacts]


class ProofAnswer(BaseModel):
    """Whether an article is shown anywhere: all blocks were made that have it among their candidates."""

    article: str
    snapshot: str
    taken_down: bool
    indexed: bool = Field(description="whether the snapshot holds it at all")
    blocks_made: int
    shown_under: list[str] = Field(description="the articles whose blocks show it; none, where it was taken down")


@takedowns.post("/v1/articles/<article_id:article_id>/takedown")
@editors
@takedowns.input(TakedownBody, location="json", arg_name="body", example=TAKEDOWN_EXAMPLE)
@takedowns.output(TakedownAnswer, description="It is in force, in every worker, and on the disk")
@takedowns.doc(operation_id="take_down", security="key", responses=decided(400, 401, 403, 413, 415, 503))
def take_article_down(article_id: str, body: TakedownBody) -> Response:
    """Show an article nowhere any more, whatever sources and snapshots hold; also one that is not indexed yet."""
    until = checked_end(body.until)
    check_name(parts().current.served, "article", checked_id(article_id))
    purge = parts().to_drop.hidden(article_id)
    with deciding() as what:
        taken = take_down_in(what.writing, article_id, who(), body.reason, until)
        what.purge({"article": article_id, "reason": "takedown", **purge})
    return answer(orjson.dumps({"takedown": taken.as_json(), "purge": purge}), JSON)


@takedowns.delete("/v1/articles/<article_id:article_id>/takedown")
@editors
@takedowns.input(ReasonQuery, location="query", arg_name="query")
@takedowns.output(TakedownAnswer, description="The takedown that was in force")
@takedowns.doc(operation_id="restore", security="key", responses=decided(400, 401, 403, 404, 503))
def restore_article(article_id: str, query: ReasonQuery) -> Response:
    """Show an article again that was taken down."""
    purge = parts().to_drop.shown(checked_id(article_id))
    with deciding() as what:
        before = restore_in(what.writing, article_id, who(), query.reason)
        if before is None:
            raise NotTakenDown(article_id)
        what.purge({"article": article_id, "reason": "restore", **purge})
    return answer(orjson.dumps({"takedown": before.as_json(), "purge": purge}), JSON)


@takedowns.get("/v1/takedowns")
@editors
@takedowns.output(TakedownList)
@takedowns.doc(operation_id="takedowns", security="key", responses=documented(401, 403, 503))
def list_takedowns() -> Response:
    """The articles that may not be shown now."""
    moment = now()
    held = [each for each in parts().editorial.decisions.takedowns.values() if each.holds_at(moment)]
    return answer(orjson.dumps({"takedowns": [each.as_json() for each in sorted(held, key=lambda it: it.since)]}), JSON)


@takedowns.get("/v1/articles/<article_id:article_id>/proof")
@editors
@in_a_place(lambda here: here.lanes.batches)
@takedowns.output(ProofAnswer)
@takedowns.doc(operation_id="proof", security="key", responses=documented(400, 401, 403, 503))
def proof(article_id: str) -> Response:
    """Whether any block shows an article: all that might are made anew, as long as they can be."""
    here = parts()
    snapshot = here.current.snapshot()
    row = snapshot.row_of(article_id)
    rows = [] if row is None else snapshot.hosts_of(row).tolist()
    wanted = Wanted(limit=LIMIT_MAX, stories="all", min_probability=0.0)

    def shows(other: int) -> bool:
        ruling = here.blocks.rulings.of_article(snapshot, other)
        return row in {item.row for item in here.blocks.ruled(snapshot, other, wanted, ruling)}

    shown = [other for other, there in zip(rows, made_in_time(map(shows, rows), len(rows)), strict=True) if there]
    with here.editorial.store().reading() as connection:
        taken = find_takedown(connection, checked_id(article_id))
    told = {
        "article": article_id,
        "snapshot": snapshot.id,
        "taken_down": taken is not None and taken.holds_at(now()),
        "indexed": row is not None,
        "blocks_made": len(rows),
        "shown_under": [snapshot.article_id(other) for other in shown],
    }
    return answer(orjson.dumps(told), JSON, snapshot)
