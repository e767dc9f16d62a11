"""/v1/purges: what caches in front of the service were told to drop, and what they have not taken."""

from datetime import datetime
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.editorial.decisions import now
from seealso.editorial.purges import Purge, State, note_done, read_purges, try_again
from seealso.editorial.store import as_text
from seealso.errors import NotSent, UnknownChange
from seealso.logs import get_log
from service.api.answers import JSON, answer
from service.api.inputs import PurgesQuery
from service.auth import who
from service.parts import editors, parts
from service.problems import documented

purges = APIBlueprint("purges", __name__, tag="Purges")


class PurgeFacts(BaseModel):
    """A message to caches, and what came of it."""

    id: int = Field(description="the change because of which it is sent")
    state: State
    message: dict[str, Any]
    since: datetime
    tries: int
    next_try: datetime | None
    done: datetime | None
    failure: str | None = Field(description="why it was not taken, the last time; or who did it by hand")


class PurgeList(BaseModel):
    """Messages to caches, the newest first."""

    purges: list[PurgeFacts]


@purges.get("/v1/purges")
@editors
@purges.input(PurgesQuery, location="query", arg_name="query")
@purges.output(PurgeList)
@purges.doc(operation_id="purges", security="key", responses=documented(400, 401, 403, 503))
def list_purges(query: PurgesQuery) -> Response:
    """What caches were told: all, or what waits, is done, or was given up and needs somebody to look at it."""
    with parts().editorial.store().reading() as connection:
        found = read_purges(connection, query.state, query.limit)
    return answer(orjson.dumps({"purges": [_facts(each) for each in found]}), JSON)


@purges.post("/v1/purges/<int:purge_id>/retry")
@editors
@purges.output(PurgeFacts, description="It is being sent again")
@purges.doc(operation_id="retry_purge", security="key", responses=documented(401, 403, 404, 409, 503))
def retry(purge_id: int) -> Response:
    """Send a message again, from the beginning."""
    here = parts()
    if here.purging is None:
        raise NotSent("SEEALSO_PURGE_WEBHOOK is unset, so nothing is sent; purge by hand, and POST .../done")
    purge = _found(try_again(here.editorial.store(), purge_id, now()), purge_id)
    here.purging.wake()
    return answer(orjson.dumps(_facts(purge)), JSON)


@purges.post("/v1/purges/<int:purge_id>/done")
@editors
@purges.output(PurgeFacts, description="It is done, and not sent any more")
@purges.doc(operation_id="purge_done", security="key", responses=documented(401, 403, 404, 503))
def done_by_hand(purge_id: int) -> Response:
    """Say that the caches were made to drop it by hand; `failure` then says who said so."""
    purge = _found(note_done(parts().editorial.store(), purge_id, who(), now()), purge_id)
    get_log().info("purge_done_by_hand", purge=purge_id, who=who())
    return answer(orjson.dumps(_facts(purge)), JSON)


def _found(purge: Purge | None, purge_id: int) -> Purge:
    if purge is None:
        raise UnknownChange(f"there is no purge {purge_id}; /v1/purges lists them")
    return purge


def _facts(purge: Purge) -> dict[str, Any]:
    moments = {name: getattr(purge, name) for name in ("since", "next_try", "done")}
    told = {name: moment and as_text(moment) for name, moment in moments.items()}
    facts = {name: getattr(purge, name) for name in ("id", "state", "message", "tries", "failure")}
    return facts | told
