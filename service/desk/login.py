"""/desk/login: signing in with a key, and out."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from seealso.errors import CrossSite
from service.desk.pages import page, protect
from service.parts import in_a_place, parts
from service.sessions import COOKIE, check_same_site

desk = Blueprint("desk", __name__, url_prefix="/desk", template_folder="templates", static_folder="static")
desk.after_request(protect)


@desk.get("/login")
def ask() -> Response:
    """Ask for a key."""
    return page("login.html", problem=None, then=_ours(request.args.get("then", "")))


@desk.post("/login")
@in_a_place(lambda here: here.lanes.batches)
def login() -> BaseResponse:
    """Begin a session with a key, and lead to where the person wanted to be."""
    then = _ours(request.form.get("then", ""))
    try:
        check_same_site(request.environ)
    except CrossSite as error:
        return refused(str(error), 403, then)
    here = parts()
    key = here.editorial.key_of(request.form.get("key", "").strip())
    if key is None:
        told = "This key opens nothing: it is unknown, revoked or expired. Ask whoever made it for you."
        return refused(told, 401, then)
    response = redirect(then or url_for("desk_find.find"), 303)
    response.set_cookie(
        COOKIE,
        here.door.sessions.begin(key),
        max_age=int(here.door.sessions.hours * 3_600),
        secure=True,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


@desk.post("/logout")
def logout() -> BaseResponse:
    """End the session of this browser."""
    check_same_site(request.environ)
    response = redirect(url_for("desk.ask"), 303)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax", path="/")
    return response


@desk.get("/<path:elsewhere>")
def nothing(elsewhere: str) -> Response:
    """Tell that there is no such page, in the desk's own words."""
    raise NotFound


def refused(reason: str, status: int, then: str) -> Response:
    """Return the page that asks for a key, with why the last one was not taken."""
    return page("login.html", status, problem=reason, then=then)


def _ours(then: str) -> str:
    """Return the address of a page of the desk as it is, '' for any other: nobody is led elsewhere from here."""
    try:
        parted = urlsplit(then if then.isprintable() else "")
    except ValueError:  # it begins as an address of IPv6 does
        return ""
    inside = parted.path.startswith("/desk/") and "\\" not in then
    return then if inside and not parted.scheme and not parted.netloc else ""
