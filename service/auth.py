"""Who asks, and whether he may: a view says of which scopes callers may be (`needs`); what says nothing is open to all.

A program sends a key; a person has a session, or comes through a proxy that names him.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import g, request
from werkzeug.wrappers import Response

from seealso.editorial.keys import Scope
from seealso.errors import CrossSite, KeyMissing, KeyRefused
from service.editorial import Editorial
from service.sessions import Caller, Sessions

View = Callable[..., Response]
BEARER = "bearer"
# The attribute of a view by which it is known what it needs.
NEEDED = "needed_scopes"


class Door(NamedTuple):
    """What callers are told by."""

    editorial: Editorial
    sessions: Sessions


def needs(door: Callable[[], Door], *scopes: Scope) -> Callable[[View], View]:
    """Have a view be called only by callers of one of these scopes. Raises KeyMissing, KeyRefused, CrossSite."""

    def guarded(view: View) -> View:
        @functools.wraps(view)
        def checked(*arguments: object, **named: object) -> Response:
            caller = caller_in(request.environ, door())
            if caller.scope not in scopes:
                raise KeyRefused(caller.scope, scopes)
            g.seealso_caller = caller
            return view(*arguments, **named)

        setattr(checked, NEEDED, scopes)
        return checked

    return guarded


def caller_in(environ: Mapping[str, Any], door: Door) -> Caller:
    """Return who asks: by a key, if one is sent, else by a session or a proxy. Raises KeyMissing, CrossSite.

    A password for a proxy in front (HTTP Basic) is no key: browsers send it with each request.
    """
    kind, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() != BEARER:
        caller = door.sessions.caller_of(environ, door.editorial)
        if caller is None:
            raise KeyMissing("there is no key in Authorization" if kind else "there is no key")
        return caller
    key = door.editorial.key_of(text.strip())
    if key is None:
        raise KeyMissing("the key opens nothing: it is unknown, revoked or expired")
    return Caller(key.name, key.id, key.scope)


def is_known(door: Door) -> bool:
    """Return whether who makes the request has a key that opens something, or is signed in."""
    try:
        caller_in(request.environ, door)
    except (KeyMissing, CrossSite):
        return False
    return True


def who() -> str:
    """Return who makes the request, as the log of changes names him."""
    return str(g.seealso_caller)
