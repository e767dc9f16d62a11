"""/desk/archive/clicks: the pairs of an article and one in its block that readers click most."""

from datetime import timedelta
from typing import Any, Literal, NamedTuple

from flask import Response
from pydantic import BaseModel, ConfigDict

from seealso.editorial.clicks import Rate, read_rates
from seealso.editorial.decisions import now
from seealso.errors import StoreUnavailable
from seealso.snapshot.snapshot import Snapshot
from service.desk.archive import entry_of
from service.desk.pages import looking, page, query_of, room
from service.parts import in_a_place, parts

click_room = room("archive_clicks")
PAIRS_SHOWN = 50
DAYS = ("7", "30", "365")


class ClicksQuery(BaseModel):
    """Of how many days, today included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Literal["7", "30", "365"] = "30"


class Pair(NamedTuple):
    """How often an article was clicked in the block of another. `host`, `item`: None where they are not here."""

    rate: Rate
    host: dict[str, Any] | None
    item: dict[str, Any] | None


@click_room.get("/archive/clicks")
@looking
@in_a_place(lambda here: here.lanes.batches)
def clicked() -> Response:
    """The pairs that are clicked most."""
    query, snapshot = query_of(ClicksQuery), parts().current.snapshot()
    first = (now() - timedelta(days=int(query.days) - 1)).date()
    rates, trouble = list[Rate](), ""
    try:
        rates = read_rates(parts().editorial.store(), "pair", first=first, most=PAIRS_SHOWN, most_clicked=True)
    except StoreUnavailable as error:
        trouble = str(error)
    pairs = [
        Pair(rate, _known(snapshot, rate.of["article"]), _known(snapshot, rate.of["item"]))
        for rate in rates
        if rate.clicked
    ]
    return page(
        "archive_clicks.html",
        query=query,
        days=DAYS,
        pairs=pairs,
        trouble=trouble,
        counted=bool(rates),
        highest=max((pair.rate.high or 0.0 for pair in pairs), default=0.0) or 1.0,
    )


def _known(snapshot: Snapshot, article_id: str) -> dict[str, Any] | None:
    row = snapshot.row_of(article_id)
    return None if row is None else entry_of(snapshot, row)
