"""What every page of the desk has: its frame, its headers, who looks at it, and errors told in words.

A room of the desk is a blueprint made here, with views that say whom they need: `looking`, or `editors` or `admins` as
the API does. What a view raises is a problem, as everywhere; a browser that asked for a page gets it as a page, and who
is not signed in is asked to sign in and led back.
"""

from typing import Any, TypeVar

import orjson
from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request, url_for
from pydantic import BaseModel
from werkzeug.wrappers import Response as BaseResponse

from seealso.editorial.keys import Scope
from seealso.errors import OperatorError
from service.api.reading import read_query
from service.auth import NEEDED, needs
from service.parts import parts
from service.problems import MEDIA_TYPE

# What runs, is ours; nothing is loaded from elsewhere, and nobody frames a page that does not say so itself.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# What stands at the top of every page: what it is called, and which view it leads to.
NAVIGATION = [
    ("Find", "desk_find.find"),
    ("Drafts", "desk_draft.ask"),
    ("Archive", "desk_archive.overview"),
    ("Night", "desk_night.night"),
    ("Rules", "desk_rules.rules"),
    ("Log", "desk_log.log"),
    ("Tools", "desk_tools.tools"),
    ("Keys", "desk_keys.keys"),
    ("Settings", "desk_settings.settings"),
]

Query = TypeVar("Query", bound=BaseModel)

looking = needs(lambda: parts().door, "read", "editor", "index", "admin")


def room(name: str) -> Blueprint:
    """Return a blueprint for some pages of the desk."""
    blueprint = Blueprint(f"desk_{name}", f"service.desk.{name}", url_prefix="/desk", template_folder="templates")
    blueprint.after_request(protect)
    return blueprint


def query_of(model: type[Query]) -> Query:
    """Return the query of the request. Raises InvalidRequest."""
    return read_query(request.query_string.decode("latin-1"), model)


def page(template: str, status: int = 200, **facts: Any) -> Response:
    """Return a page."""
    caller = g.get("seealso_caller")
    decides = caller is not None and caller.scope in ("editor", "admin")
    shown = [(label, view) for label, view in NAVIGATION if caller is not None and _opens(view, caller.scope)]
    frame = {"caller": caller, "decides": decides, "navigation": shown, "warnings": _warnings()}
    return make_response(render_template(template, **frame | facts), status)


def policy(**changed: str) -> str:
    """Return the Content-Security-Policy of a page; `changed`: what it has otherwise."""
    said = POLICY | {name.replace("_", "-"): sources for name, sources in changed.items()}
    return "; ".join(f"{name} {sources}" for name, sources in said.items())


def protect(response: Response) -> BaseResponse:
    """Give a page its headers, and a browser that wants a page a problem as one."""
    if response.mimetype == MEDIA_TYPE and not wants_data():
        if response.status_code == 401 and request.method == "GET":
            return redirect(url_for("desk.ask", then=request.full_path.rstrip("?")))
        told = orjson.loads(response.get_data())
        response.set_data(page("problem.html", problem=told).get_data())
        response.mimetype = "text/html"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", policy())
    return response


def wants_data() -> bool:
    """Return whether a script asks, which reads problems as JSON."""
    return request.accept_mimetypes.best == "application/json"


def _opens(view: str, scope: Scope) -> bool:
    """Return whether a view is open to callers of a scope."""
    needed = getattr(current_app.view_functions[view], NEEDED, None)
    return needed is None or scope in needed


def _warnings() -> list[str]:
    """Return what everybody at the desk should know."""
    here = parts()
    try:
        old = here.current.age_warning(here.current.snapshot())
    except OperatorError as error:
        return [f"Nothing is served: {error}"]
    return [old] if old else []
