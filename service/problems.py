"""Errors -> problem+json (RFC 9457): the one table of statuses, and the form of the answer.

`type` is stable and names the kind; `detail` says what was wrong, the value, and what to do; `field` names the part of
the request it is about.
"""

import itertools
import os
import re
from typing import Any

import orjson
from flask import Flask, Response, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from seealso import errors
from seealso.article import printable
from seealso.logs import get_log

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:seealso:problem:"
REQUEST_ID_HEADER = "X-Request-Id"
REQUEST_ID_CHARACTERS_MAX = 64
RETRY_AFTER_S = 5
_REQUEST_ID = "seealso.request_id"
# Of one process: those of another begin elsewhere, a forked one's too.
_PLAIN_ID = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9][A-Za-z0-9-]*")
_ID_MASK = (1 << 64) - 1
_numbers = itertools.count(int.from_bytes(os.urandom(8), "big"))


def _begin_elsewhere() -> None:
    global _numbers
    _numbers = itertools.count(int.from_bytes(os.urandom(8), "big"))


os.register_at_fork(after_in_child=_begin_elsewhere)

# error -> status, kind, title
PROBLEMS: dict[type[errors.SeealsoError], tuple[int, str, str]] = {
    errors.InvalidRequest: (400, "invalid-request", "A part of the request is wrong"),
    errors.UnknownArticle: (404, "unknown-article", "There is no such article"),
    errors.KeyMissing: (401, "key-missing", "This needs a key"),
    errors.KeyRefused: (403, "key-refused", "This key is not for this"),
    errors.UnknownSite: (421, "unknown-site", "There is no such site here"),
    errors.CrossSite: (403, "cross-site", "Another site's page has asked for this"),
    errors.SignatureWrong: (401, "signature-wrong", "This needs a signature"),
    errors.TakenDown: (410, "taken-down", "The article was taken down"),
    errors.RemovedMeanwhile: (409, "removed-meanwhile", "The article was removed meanwhile"),
    errors.NotTakenDown: (404, "not-taken-down", "The article is not taken down"),
    errors.UnknownChange: (404, "unknown-change", "There is no such rule or change"),
    errors.NotUndone: (409, "not-undone", "The change cannot be undone"),
    errors.NotSent: (409, "not-sent", "The purge cannot be sent"),
    errors.UnknownKey: (404, "unknown-key", "There is no such key"),
    errors.UnknownSnapshot: (404, "unknown-snapshot", "There is no such snapshot"),
    errors.NotRolledBack: (409, "not-rolled-back", "The snapshot cannot be served again"),
    errors.PageNotRead: (422, "page-not-read", "The page cannot be read"),
    errors.DraftNotRead: (422, "draft-not-read", "The draft cannot be read"),
    errors.StoreUnavailable: (503, "editorial-unavailable", "What editors decided cannot be read or changed for now"),
    errors.SnapshotMissing: (503, "no-snapshot", "Nothing has been indexed yet"),
    errors.SnapshotRefused: (503, "snapshot-refused", "The index cannot be served"),
    errors.SiteNotReady: (503, "site-not-ready", "A site cannot be answered for yet"),
    errors.SnapshotStoreUnavailable: (503, "snapshot-store-unavailable", "The snapshot store does not answer"),
    errors.ModelUnavailable: (503, "model-unavailable", "Texts cannot be searched by for now"),
    errors.ModelMismatch: (503, "model-mismatch", "The index was made by another model"),
    errors.ServiceBusy: (503, "busy", "Too much at once"),
    errors.TextLate: (503, "text-late", "The text was not read in time"),
    errors.BlocksLate: (503, "blocks-late", "The blocks were not made in time"),
}
# What Flask and Werkzeug raise by themselves: status -> kind, title.
HTTP_KINDS = {
    400: ("bad-request", "The request is malformed"),
    404: ("not-found", "There is nothing at this address"),
    405: ("method-not-allowed", "This address does not take this method"),
    413: ("body-too-large", "The body is too long"),
    415: ("unsupported-media-type", "The body is not plain JSON"),
    429: ("too-many-requests", "This address asks too often"),
}
_TITLES = {status: title for status, _, title in reversed(PROBLEMS.values())} | {
    status: title for status, (_, title) in HTTP_KINDS.items() if status in (413, 415, 429)
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


def request_id_of(environ: dict[str, Any]) -> str:
    """Return the id of the request being answered: the caller's if it sent a plain one, else a new one."""
    known = environ.get(_REQUEST_ID)
    if known is None:
        given = environ.get("HTTP_X_REQUEST_ID")
        if not given or len(given) > REQUEST_ID_CHARACTERS_MAX or not _PLAIN_ID.fullmatch(given):
            given = f"{next(_numbers) & _ID_MASK:016x}"
        known = environ[_REQUEST_ID] = given
    return str(known)


def request_id() -> str:
    """Return the id of the request that Flask is answering."""
    return request_id_of(request.environ)


def problem(status: int, kind: str, title: str, detail: str, **facts: Any) -> Response:
    """Return a problem as an answer."""
    headers, body = problem_of(request_id(), status, kind, title, detail, **facts)
    return Response(body, status, headers)


def problem_of(
    request_id: str, status: int, kind: str, title: str, detail: str, **facts: Any
) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers and the body of a problem."""
    fields = {"type": TYPE_PREFIX + kind, "title": title, "status": status, "detail": detail}
    fields |= {name: value for name, value in facts.items() if value is not None}
    fields["request_id"] = request_id
    body = orjson.dumps(fields)
    headers = [
        ("Content-Type", MEDIA_TYPE),
        ("Content-Length", str(len(body))),
        (REQUEST_ID_HEADER, request_id),
        ("Cache-Control", "no-store"),
    ]
    if status == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="seealso"'))
    if status == 503:
        headers.append(("Retry-After", str(RETRY_AFTER_S)))
    return headers, body


def named_problem(error: errors.SeealsoError) -> tuple[int, str, str, str, str | None] | None:
    """Return status, kind, title, detail and field of an error of ours; None if a request should not meet it."""
    for ancestor in type(error).__mro__:
        if ancestor in PROBLEMS:
            status, kind, title = PROBLEMS[ancestor]
            return status, kind, title, printable(str(error)), getattr(error, "field", None)
    return None


def log_unavailable(error: errors.SeealsoError, status: int, request_id: str, path: str) -> None:
    """Log that a request was answered with 503, unless it was only too much at once."""
    if status == 503 and not isinstance(error, errors.ServiceBusy):
        get_log().warning("request_unavailable", request_id=request_id, path=path, reason=printable(str(error)))


def _answer_named(error: errors.SeealsoError) -> Response:
    named = named_problem(error)
    if named is None:
        return _answer_unexpected(error)
    status, kind, title, detail, field = named
    log_unavailable(error, status, request_id(), request.path)
    return problem(status, kind, title, detail, field=field)


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
