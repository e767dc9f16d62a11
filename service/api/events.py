"""/v1/events and /v1/clicks: what readers were shown and clicked, in and out. No reader is told apart."""

from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from seealso.editorial.clicks import Rate, Spot, read_rates
from seealso.editorial.decisions import now
from seealso.snapshot.snapshot import Snapshot
from service.api.answers import JSON, answer
from service.api.inputs import BlockEvents, ClicksQuery, EventsBody
from service.blocks import shown_row_of
from service.clicks import is_bot
from service.parts import Parts, editors, in_a_place, parts
from service.problems import REQUEST_ID_HEADER, documented, request_id

events = APIBlueprint("events", __name__, tag="Clicks")
BLOCK_EXAMPLE = {
    "article": "tides-explained",
    "block": "below",
    "shown": ["walking-the-ellen-estuary"],
    "clicked": [{"item": "walking-the-ellen-estuary", "slot": 1}],
}
EVENTS_EXAMPLE = {"blocks": [BLOCK_EXAMPLE]}


class RateFacts(BaseModel):
    """How often something was shown and clicked."""

    of: dict[str, Any] = Field(description="what it is of: item, article, slot, day, block; a pair: article and item")
    shown: int
    clicked: int
    share: float | None = Field(description="of what was shown; null where less was shown than clicked")
    low: float | None = Field(description="the true share is not below this, with 95 % certainty")
    high: float | None = Field(description="nor above this")


class RateList(BaseModel):
    """Shares of clicks, of what was shown most first."""

    rates: list[RateFacts]


@events.post("/v1/events")
@in_a_place(lambda here: here.lanes.events)
@events.input(EventsBody, location="json", arg_name="body", example=EVENTS_EXAMPLE)
@events.output({}, status_code=204)
@events.doc(operation_id="events", responses=documented(400, 413, 415, 429, 503))
def count_events(body: EventsBody) -> Response:
    """What a reader's page showed of its blocks, and what was clicked there. Sent by the page, best by `sendBeacon`."""
    here = parts()
    nothing = Response(status=204, headers={REQUEST_ID_HEADER: request_id(), "Cache-Control": "no-store"})
    purpose = request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
    if is_bot(request.headers.get("User-Agent", ""), purpose):
        here.metrics.event("bot", body.length)
        return nothing
    if request.headers.get("Sec-GPC") == "1":  # the reader wants none of it
        return nothing
    snapshot = here.current.served
    if snapshot is None or not here.clicks.sampled():
        return nothing
    for block in body.blocks:
        _count(here, snapshot, block)
    return nothing


def _count(here: Parts, snapshot: Snapshot, block: BlockEvents) -> None:
    day, trial = now().date().isoformat(), here.blocks.trial
    row = shown_row_of(snapshot, block.article)
    if row is None:
        here.metrics.event("unknown", block.length)
        return
    in_trial = trial is not None and not here.blocks.rulings.of_article(snapshot, row).pins

    def spot(item: str, slot: int, told: str | None) -> Spot:
        team = trial.counted_as(block.article, told) if trial is not None and in_trial else ""
        return Spot(day, block.article, item, slot, block.block, team)

    teams = [None] * len(block.shown) if block.teams is None else block.teams
    slots = range(1, len(block.shown) + 1) if block.slots is None else block.slots
    shown = [spot(*each) for each in zip(block.shown, slots, teams, strict=True)]
    clicked = [spot(click.item, click.slot, click.team) for click in block.clicked]
    for spots, were_clicked in ((shown, False), (clicked, True)):
        known = [spot for spot in spots if shown_row_of(snapshot, spot.item) is not None]
        here.metrics.event("unknown", len(spots) - len(known))
        here.clicks.count(known, were_clicked)


@events.get("/v1/clicks")
@editors
@events.input(ClicksQuery, location="query", arg_name="query")
@events.output(RateList)
@events.doc(operation_id="clicks", security="key", responses=documented(400, 401, 403, 503))
def list_clicks(query: ClicksQuery) -> Response:
    """How often items were shown and clicked: by item, article, pair of both, place, day, block, or team."""
    store = parts().editorial.store()
    found = read_rates(store, query.by, query.first, query.last, query.article, query.item, query.limit)
    return answer(orjson.dumps({"rates": [_facts(rate) for rate in found]}), JSON)


def _facts(rate: Rate) -> dict[str, Any]:
    facts = {"of": rate.of, "shown": rate.shown, "clicked": rate.clicked}
    shares = {"share": rate.share, "low": rate.low, "high": rate.high}
    return facts | {name: None if value is None else round(value, 6) for name, value in shares.items()}
