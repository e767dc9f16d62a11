"""Errors -> problem+json (RFC 9457): the one table of statuses, and the form of the answer.

`type` is stable and names the kind; `detail` says what was wrong, the value, and what to do; `field` names the part of
the request it is about.
"""

import secrets
from typing import Any

import orjson
from flask import Flask, Response, g, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from seealso import errors
from seealso.logs import get_log

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:seealso:problem:"
REQUEST_ID_HEADER = "X-Request-Id"
REQUEST_ID_CHARACTERS_MAX = 64
RETRY_AFTER_S = 5

# error -> status, kind, title
PROBLEMS: dict[type[errors.SeealsoError], tuple[int, str, str]] = {
    errors.InvalidRequest: (400, "invalid-request", "A part of the request is wrong"),
    errors.UnknownArticle: (404, "unknown-article", "There is no such article"),
    errors.SnapshotMissing: (503, "no-snapshot", "Nothing has been indexed yet"),
    errors.SnapshotRefused: (503, "snapshot-refused", "The index cannot be served"),
    errors.ModelUnavailable: (503, "model-unavailable", "Texts cannot be searched by for now"),
    errors.ModelMismatch: (503, "model-mismatch", "The index was made by another model"),
    errors.ServiceBusy: (503, "busy", "Too many texts at once"),
}
# What Flask and Werkzeug raise by themselves: status -> kind, title.
HTTP_KINDS = {
    400: ("bad-request", "The request is malformed"),
    404: ("not-found", "There is nothing at this address"),
    405: ("method-not-allowed", "This address does not take this method"),
    413: ("body-too-large", "The body is too long"),
    415: ("unsupported-media-type", "The body is not plain JSON"),
}
_TITLES = {status: title for status, _, title in reversed(PROBLEMS.values())} | {
    status: title for status, (_, title) in HTTP_KINDS.items() if status in (413, 415)
}


class Problem(BaseModel):
    """An error as JSON (RFC 9457)."""

    type: str = Field(description="stable name of the kind of problem", examples=[f"{TYPE_PREFIX}invalid-request"])
    title: str = Field(description="what kind of problem it is, in words")
    status: int = Field(description="the HTTP status", ge=400, le=599)
    detail: str = Field(description="what was wrong, the value, and what to do")
    field: str | None = Field(None, description="the part of the request it is about")
    request_id: str = Field(description="to be quoted when asking about it")


def documented(*statuses: int) -> Any:
    """Return the problems of some statuses as the OpenAPI document takes them."""
    return {
        status: {
            "description": _TITLES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def register_problems(app: Flask) -> None:
    """Have every error of an app answered as a problem."""
    app.register_error_handler(errors.SeealsoError, _answer_named)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unexpected)


def request_id() -> str:
    """Return the id of the request being answered: the caller's if it sent a plain one, else a new one."""
    if "request_id" not in g:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        plain = 0 < len(given) <= REQUEST_ID_CHARACTERS_MAX and given.isascii() and given.replace("-", "").isalnum()
        g.request_id = given if plain else secrets.token_hex(8)
    return str(g.request_id)


def problem(status: int, kind: str, title: str, detail: str, **facts: Any) -> Response:
    """Return a problem as an answer."""
    body = {"type": TYPE_PREFIX + kind, "title": title, "status": status, "detail": detail}
    body |= {name: value for name, value in facts.items() if value is not None}
    body["request_id"] = request_id()
    response = Response(orjson.dumps(body), status, content_type=MEDIA_TYPE)
    response.headers[REQUEST_ID_HEADER] = request_id()
    response.headers["Cache-Control"] = "no-store"
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _answer_named(error: errors.SeealsoError) -> Response:
    for ancestor in type(error).__mro__:
        if ancestor in PROBLEMS:
            status, kind, title = PROBLEMS[ancestor]
            return problem(status, kind, title, printable(str(error)), field=getattr(error, "field", None))
    return _answer_unexpected(error)


def _answer_http(error: HTTPException) -> BaseResponse:
    status = error.code or 500
    if status < 400:  # a redirect
        return error.get_response()
    kind, title = HTTP_KINDS.get(status, ("http", error.name))
    detail = error.description or error.name
    if status == 413:
        detail = f"the body is longer than {request.max_content_length:,} bytes; send less at once"
    elif status == 405:
        detail = f"{request.method} is not taken here; the header Allow names what is"
    elif status == 404:
        detail = f"{printable(request.path)} is not known here; /openapi.json lists what is"
    response = problem(status, kind, title, detail)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers[name] = value
    return response


def _answer_unexpected(error: Exception) -> Response:
    get_log().error("request_failed", request_id=request_id(), path=request.path, exc_info=error)
    return problem(
        500,
        "internal",
        "Something went wrong here",
        "the error has been logged; quote the request_id when asking about it",
    )


def printable(text: str) -> str:
    """Return a text that can be sent as UTF-8, whatever a caller put into it."""
    return text.encode("utf-8", "backslashreplace").decode()
