"""/desk: signing in with a key, and out; the first page of the desk."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from seealso.errors import CrossSite, KeyMissing
from service.api.answers import parts
from service.auth import caller_in
from service.sessions import COOKIE, check_same_site

desk = Blueprint("desk", __name__, url_prefix="/desk", template_folder="templates", static_folder="static")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@desk.after_request
def protect(response: Response) -> Response:
    """Have no page of the desk kept, framed, or run anything."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@desk.get("/")
def home() -> BaseResponse:
    """Who is signed in; who is not is asked to."""
    try:
        caller = caller_in(request.environ, parts().door)
    except KeyMissing:
        return redirect(url_for("desk.ask"))
    return make_response(render_template("home.html", caller=caller))


@desk.get("/login")
def ask() -> Response:
    """Ask for a key."""
    return make_response(render_template("login.html", problem=None))


@desk.post("/login")
def login() -> BaseResponse:
    """Begin a session with a key."""
    try:
        check_same_site(request.environ)
    except CrossSite as error:
        return refused(str(error), 403)
    here = parts()
    key = here.editorial.key_of(request.form.get("key", "").strip())
    if key is None:
        return refused("This key opens nothing: it is unknown, revoked or expired. Ask whoever made it for you.", 401)
    response = redirect(url_for("desk.home"), 303)
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


def refused(reason: str, status: int) -> Response:
    """Return the page that asks for a key, with why the last one was not taken."""
    return make_response(render_template("login.html", problem=reason), status)
