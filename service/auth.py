"""Which key a request needs. A view says of which scopes it may be (`needs`); what says nothing is open to all."""

import functools
from collections.abc import Callable

from flask import g, request
from werkzeug.wrappers import Response

from seealso.editorial.keys import Key, Scope
from seealso.errors import KeyMissing, KeyRefused
from service.editorial import Editorial

View = Callable[..., Response]
BEARER = "bearer"
# The attribute of a view by which it is known what it needs.
NEEDED = "needed_scopes"


def needs(editorial: Callable[[], Editorial], *scopes: Scope) -> Callable[[View], View]:
    """Have a view be called only with a key of one of these scopes. Raises KeyMissing, KeyRefused."""

    def guarded(view: View) -> View:
        @functools.wraps(view)
        def checked(*arguments: object, **named: object) -> Response:
            key = key_in(request.headers.get("Authorization", ""), editorial())
            if key.scope not in scopes:
                raise KeyRefused(key.scope, scopes)
            g.seealso_key = key
            return view(*arguments, **named)

        setattr(checked, NEEDED, scopes)
        return checked

    return guarded


def key_in(authorization: str, editorial: Editorial) -> Key:
    """Return the key that a header Authorization has. Raises KeyMissing."""
    kind, _, text = authorization.partition(" ")
    if not text:
        raise KeyMissing("there is no key")
    key = editorial.key_of(text.strip()) if kind.lower() == BEARER else None
    if key is None:
        raise KeyMissing("the key opens nothing: it is unknown, revoked or expired")
    return key


def who() -> str:
    """Return by whose key the request is made, as the log of changes names him."""
    key: Key = g.seealso_key
    return f"{key.name} ({key.id})"
