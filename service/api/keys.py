"""/v1/keys: who may do what. A key's text is told once, in the answer that made it, and never again."""

from datetime import datetime

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from seealso.editorial.keys import Scope, create_key_in, read_keys, revoke_key_in
from seealso.errors import UnknownKey
from service.api.answers import JSON, answer, decided
from service.api.inputs import KeyBody, ReasonQuery, checked_end
from service.auth import who
from service.deciding import deciding
from service.parts import admins, parts
from service.problems import documented

keys = APIBlueprint("keys", __name__, tag="Keys")
KEY_EXAMPLE = {"name": "Night desk", "scope": "editor", "expires": None}


class KeyFacts(BaseModel):
    """A key: all but its text, which nobody can find out."""

    id: str
    name: str
    scope: Scope
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None = Field(description="to a minute or so; null: never")


class KeyMade(BaseModel):
    """A key that was made."""

    key: KeyFacts
    text: str = Field(description="what is sent as 'Authorization: Bearer ...'; nobody can show it again")


class KeyList(BaseModel):
    """All keys, revoked and expired ones included, the oldest first."""

    keys: list[KeyFacts]


@keys.post("/v1/keys")
@admins
@keys.input(KeyBody, location="json", arg_name="body", example=KEY_EXAMPLE)
@keys.output(KeyMade, description="It opens, in every worker, from the next request on")
@keys.doc(operation_id="make_key", security="key", responses=decided(400, 401, 403, 413, 415, 503))
def make(body: KeyBody) -> Response:
    """Make a key for a person or a program."""
    expires = checked_end(body.expires, "expires")
    with deciding() as what:
        key, text = create_key_in(what.writing, body.name, body.scope, who(), expires)
    return answer(orjson.dumps({"key": key.as_json(), "text": text}), JSON)


@keys.get("/v1/keys")
@admins
@keys.output(KeyList)
@keys.doc(operation_id="keys", security="key", responses=documented(401, 403, 503))
def list_keys() -> Response:
    """Who has a key, what it opens, and when it was last used."""
    with parts().editorial.store().reading() as connection:
        found = read_keys(connection)
    return answer(orjson.dumps({"keys": [key.as_json() for key in found]}), JSON)


@keys.delete("/v1/keys/<key_id>")
@admins
@keys.input(ReasonQuery, location="query", arg_name="query")
@keys.output(KeyFacts, description="The key as it was; it opens nothing any more, in every worker")
@keys.doc(operation_id="revoke_key", security="key", responses=decided(400, 401, 403, 404, 503))
def revoke(key_id: str, query: ReasonQuery) -> Response:
    """Have a key, and whoever is signed in with it, open nothing any more; also the one that is sent."""
    with deciding() as what:
        key = revoke_key_in(what.writing, key_id, who(), query.reason)
        if key is None:
            raise UnknownKey(key_id)
    return answer(orjson.dumps(key.as_json()), JSON)
