"""/desk/keys: who may do what, for those who run the service. A key's text is shown once, by the page's script."""

from datetime import datetime
from typing import Annotated

from flask import Response, g
from pydantic import BaseModel, ConfigDict, Field

from seealso.editorial.decisions import now
from seealso.editorial.keys import NAME_CHARACTERS_MAX, SCOPES, Key, Scope, read_keys
from service.desk.listing import listed
from service.desk.pages import page, query_of, room
from service.desk.wording import ends_in
from service.parts import admins, parts

keys_room = room("keys")
PAGE = 50
MAY: dict[Scope, str] = {
    "read": "look at everything here, and read blocks",
    "editor": "decide what is shown, too",
    "index": "send and remove articles, for content systems",
    "admin": "do everything: roll back, make keys",
}


class KeysQuery(BaseModel):
    """Which part of the list is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: Annotated[int, Field(ge=1, le=10_000)] = 1


@keys_room.get("/keys")
@admins
def keys() -> Response:
    """The keys there are, and a form for another."""
    query = query_of(KeysQuery)
    here, moment = parts(), now()
    with here.editorial.store().reading() as connection:
        found = read_keys(connection)
    found.sort(key=lambda key: (not key.valid_at(moment), -key.created.timestamp()))
    shown = listed(found, query.page, PAGE)
    return page(
        "keys.html",
        listing=shown,
        items=[(key, state_of(key, moment), ends_in(key.expires, moment)) for key in shown.items],
        may=MAY,
        scopes=SCOPES,
        own=g.seealso_caller.by,
        name_max=NAME_CHARACTERS_MAX,
        settings=here.settings,
    )


def state_of(key: Key, moment: datetime) -> str:
    """Return whether a key opens anything, in a word."""
    if key.revoked is not None:
        return "revoked"
    return "valid" if key.valid_at(moment) else "expired"
