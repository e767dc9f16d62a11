"""/desk/panel: one article and its block, narrow, for a small window or a frame beside the content system.

Only the sites that SEEALSO_DESK_FRAMES names may frame it, and nothing is decided in it. In a frame of another site
browsers send no session (SameSite=Lax), so who is not signed in is told what works where he is.
"""

from typing import Any

import orjson
from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field

from seealso.errors import InvalidRequest, PageNotRead, SeealsoError
from seealso.snapshot.snapshot import Snapshot
from service.api.similar import ruling_of
from service.desk.article import block_facts, shown_item
from service.desk.find import states_of
from service.desk.pages import looking, page, policy, query_of, room, wants_data
from service.desk.plan import see
from service.desk.wording import day, sentence
from service.finding import is_address, named_row
from service.parts import parts
from service.problems import MEDIA_TYPE, named_problem
from service.related import related_to_text
from service.wanted import Wanted

panel_room = room("panel")
NO_FRAMES = "'none'"


class PanelQuery(BaseModel):
    """Which article the panel is of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field("", max_length=2_000)


@panel_room.get("/panel")
@looking
def panel() -> Response:
    """Show the article at an address, or with an id, and its block; of a page elsewhere, what is related to it."""
    asked = query_of(PanelQuery).url.strip()
    snapshot = parts().current.snapshot()
    row = named_row(snapshot, asked) if asked else None
    try:
        facts = _of_article(snapshot, row) if row is not None else _of_page(snapshot, asked)
    except SeealsoError as error:
        named = named_problem(error)
        if named is None:
            raise
        facts = {"trouble": sentence(named[3])}
    return page("panel.html", asked=asked, **{"trouble": "", "piece": None} | facts)


@panel_room.after_request
def frame(response: Response) -> Response:
    """Say who may frame the panel, whatever came of it; and ask who is not signed in to sign in, in words that fit."""
    if response.status_code == 401 and response.mimetype == MEDIA_TYPE and not wants_data():
        elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
        framed = request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")
        here = request.full_path.rstrip("?")
        response = page("panel_signed_out.html", 401, framed=framed, barred=framed and elsewhere, here=here)
    response.headers["Content-Security-Policy"] = policy(frame_ancestors=parts().settings.desk_frames or NO_FRAMES)
    return response


def _of_article(snapshot: Snapshot, row: int) -> dict[str, Any]:
    article_id = snapshot.article_id(row)
    states = states_of(snapshot, row)
    card = orjson.loads(snapshot.card(row))
    facts = {"piece": card, "day": day(card["published"]), "elsewhere": False, "states": states, "block": []}
    if article_id in snapshot.hidden:
        return facts
    with parts().lanes.batches.place():
        return facts | {"block": block_facts(see(article_id, Wanted(explain=True)))["block"]}


def _of_page(snapshot: Snapshot, asked: str) -> dict[str, Any]:
    """Return what is related to a page that is no article of ours. Raises what the encoder raises, and PageNotRead."""
    if not asked:
        raise InvalidRequest("url", "is missing; open the panel as /desk/panel?url= with the address of an article")
    here = parts()
    if not is_address(asked):
        raise InvalidRequest("url", "is neither the address of an article nor the id of one in the index")
    try:
        read = here.elsewhere.read(asked)
    except PageNotRead as error:
        raise PageNotRead(asked, f"it is no article in the index, and {error.reason}") from None
    with here.lanes.texts.place():
        draft = here.texts.draft(snapshot, read.title, read.text, read.language)
        block = related_to_text(snapshot, draft, Wanted(explain=True), lambda row: ruling_of(snapshot, row))
    piece = {"title": read.title or read.url, "url": read.url, "language": read.language if read.title else None}
    piece |= {"id": None, "section": None, "published": None}
    shown = [shown_item(snapshot, item, {}) for item in block]
    return {"piece": piece, "day": "", "elsewhere": True, "states": [], "block": shown}
