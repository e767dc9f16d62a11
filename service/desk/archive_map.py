"""/desk/archive/map: the map's points, for the page's script; and the titles of those that are pointed at."""

import re
from typing import Annotated

import orjson
from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import NotFound

from seealso.article import shortened
from seealso.errors import InvalidRequest
from service.api.answers import JSON, SNAPSHOT_HEADER, answer
from service.desk.archive import entry_of
from service.desk.pages import looking, query_of, room
from service.map import Window, pack
from service.parts import in_a_place, parts

map_room = room("archive_map")
TITLES_MAX = 50
_NUMBERS = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")


class WindowQuery(BaseModel):
    """Which part of the map is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None

    def window(self) -> Window:
        """Return the window; what is not said is the map's own edge."""
        return Window(**self.model_dump(exclude_none=True))


class TitlesQuery(BaseModel):
    """Of which rows of which snapshot titles are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    snapshot: Annotated[str, Field(max_length=100)]
    rows: Annotated[str, Field(max_length=1_000)]


@map_room.get("/archive/map")
@looking
@in_a_place(lambda here: here.lanes.batches)
def map_data() -> Response:
    """Send the articles of a window of the map, packed; see `service.map.pack`."""
    window = query_of(WindowQuery).window()
    snapshot = parts().current.snapshot()
    if snapshot.map is None:
        raise NotFound  # the page says so, and does not ask
    response = Response(mimetype="application/octet-stream")
    response.set_etag(f"{snapshot.id}:{','.join(map(str, window))}")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers[SNAPSHOT_HEADER] = snapshot.id
    response.make_conditional(request)
    if response.status_code != 304:
        response.set_data(pack(snapshot, window))
    return response


@map_room.get("/archive/titles")
@looking
@in_a_place(lambda here: here.lanes.batches)
def titles() -> Response:
    """Tell which articles stand in some rows; of another snapshot than the one that is served, none."""
    query = query_of(TitlesQuery)
    snapshot = parts().current.snapshot()
    rows = [int(each) for each in query.rows.split(",")] if _NUMBERS.fullmatch(query.rows) else []
    if not 1 <= len(rows) <= TITLES_MAX:
        raise InvalidRequest("rows", f"must be 1 to {TITLES_MAX} numbers with commas (got {shortened(query.rows)})")
    if query.snapshot != snapshot.id:
        return answer(orjson.dumps({"snapshot": snapshot.id, "articles": []}), JSON, snapshot)
    if max(rows) >= len(snapshot):
        raise InvalidRequest("rows", f"there is no row {max(rows)}; the last is {len(snapshot) - 1}")
    told = [{"row": row} | entry_of(snapshot, row) for row in rows]
    return answer(orjson.dumps({"snapshot": snapshot.id, "articles": told}), JSON, snapshot)
