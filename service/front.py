"""The page view, before Flask.

What block a page shows is `views`'s to find. Everything else goes to Flask as it came: other requests, and those for a
block that are wrong, for Flask to say what is. What every answer has, it gets here: its request id, the headers for
other sites' scripts, what is degraded, and its place in the metrics.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from seealso.errors import CrossSite, InvalidRequest, KeyMissing, SeealsoError, ServiceBusy, StoreUnavailable
from seealso.logs import get_log, saying
from service.addresses import article_in
from service.answer import Answer, Form, Headers, coding_for
from service.auth import Door, caller_in
from service.block.files import PageFile
from service.cache import Cache
from service.copies import LIVES
from service.current import Current
from service.editorial import Editorial
from service.engine import Engine
from service.metrics import Metrics
from service.problems import REQUEST_ID_HEADER, log_unavailable, named_problem, problem_of, request_id_of
from service.routes import STATE_PATHS, is_read, outcome_of, route_of
from service.views import View, Views

CACHE_HEADER = "X-Seealso-Cache"
DEGRADED_HEADER = "X-Seealso-Degraded"
PREFLIGHT_SECONDS = 7_200
# What other sites' scripts may read, beside what browsers let them read of every answer.
EXPOSED = f"ETag, Retry-After, {REQUEST_ID_HEADER}, {CACHE_HEADER}, {DEGRADED_HEADER}, X-Seealso-Snapshot"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Front:
    """A WSGI application around Flask's.

    `current`, `cache`, `editorial` and `engine` say what is missing for now; `origins`: whose scripts may read answers,
    '*' for all; `keyed`: whether who reads needs a key, of any scope.
    """

    def __init__(
        self,
        app: Application,
        views: Views,
        current: Current,
        cache: Cache,
        metrics: Metrics,
        editorial: Editorial,
        door: Door,
        engine: Engine,
        files: Mapping[str, PageFile],
        origins: frozenset[str] = frozenset(),
        keyed: bool = False,
        log_requests: bool = False,
    ) -> None:
        self._app = app
        self._views = views
        self._copies, self._lane = views.copies, views.lane
        self._current = current
        self._cache = cache
        self._metrics = metrics
        self._editorial = editorial
        self._door = door
        self._engine = engine
        self._files = files
        self._origins = origins
        self._vary = [("Vary", "Origin")] if origins - {"*"} else []
        self._keyed = keyed
        self._log_requests = log_requests

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        began = time.perf_counter()
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if "," in environ.get("HTTP_HOST", ""):  # no host has one: so servers hand over several
            return self.refuse(environ, start_response, InvalidRequest("Host", "is sent more than once"), began)
        file = self._files.get(path)
        if file is not None and method in ("GET", "HEAD"):
            return self._send_file(environ, start_response, file, began)
        if self._editorial.moved and path not in STATE_PATHS:
            try:
                self._editorial.catch_up()
            except StoreUnavailable as error:  # something may have been taken down
                return self.refuse(environ, start_response, error, began)
        if self._keyed and is_read(path) and method != "OPTIONS":
            try:
                caller_in(environ, self._door)
            except (KeyMissing, CrossSite) as error:
                return self.refuse(environ, start_response, error, began)
        address = path, environ.get("QUERY_STRING", "")
        reading = method in ("GET", "HEAD")
        answer = self._copies.get(address)
        if answer is not None and reading:
            answer.hits += 1
            answer.lives = LIVES
            return self._send(environ, start_response, answer, "copy", began)
        if reading:
            room = self._lane.room() or not self._views.shows(article_in(path))
            # Before its query is read, which is half of the work; who wants it explained waits elsewhere.
            if not room and "explain" not in address[1] and self._copies.old(address) is None:
                return self.refuse(environ, start_response, self._lane.refusal(), began)
            view = self._views.at(address, self._editorial.era, self._current.served)
            if view is not None:
                return self._block(environ, start_response, view, began, room)
        if method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ and self._allowed(environ):
            return self._preflight(environ, start_response, began)
        return self._pass_on(environ, start_response, began)

    def _block(
        self, environ: Environ, start_response: StartResponse, view: View, began: float, room: bool = True
    ) -> Iterable[bytes]:
        """Answer with a block as it is when it is sent: caches in front know already what was decided meanwhile."""
        coding = coding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))
        try:
            answer, level = self._views.found_or_old(view, coding, room)
            if self._editorial.moved:
                self._editorial.catch_up()
        except (ServiceBusy, StoreUnavailable) as error:
            return self.refuse(environ, start_response, error, began)
        except Exception:  # whatever it is, Flask meets it too, and tells of it
            return self._pass_on(environ, start_response, began)
        era, served = self._editorial.era, self._current.served
        unchanged = era == view.era and served is view.snapshot
        today = view if unchanged else self._views.at(view.address, era, served)
        if today is None:
            return self._pass_on(environ, start_response, began)
        if answer.rests_on(today.snapshot.hidden):  # it was taken down meanwhile
            return self._block(environ, start_response, today, began)
        lasts = view.era == era and answer.snapshot_id == today.snapshot.id and answer.holds_in(today.snapshot)
        return self._send(environ, start_response, answer, level, began, lasts)

    def _send(
        self,
        environ: Environ,
        start_response: StartResponse,
        answer: Answer,
        level: str,
        began: float,
        lasts: bool = True,
    ) -> list[bytes]:
        """Send an answer; `lasts`: whether others may keep it."""
        known = len(answer.bodies)
        form = answer.form(coding_for(environ.get("HTTP_ACCEPT_ENCODING", "")), self._views.vary)
        if len(answer.bodies) > known:
            self._views.keep_coded((environ["PATH_INFO"], environ.get("QUERY_STRING", "")), answer)
        own = [(REQUEST_ID_HEADER, request_id_of(environ)), (CACHE_HEADER, level), *self._common_headers(environ)]
        status, outcome, headers, body = _sent(environ, form)
        if not lasts:
            headers = [(name, "no-store" if name == "Cache-Control" else value) for name, value in headers]
        start_response(status, headers + own)
        self._told(environ, int(status[:3]), outcome, level, began, answer.snapshot_id)
        return [body]

    def _send_file(self, environ: Environ, start_response: StartResponse, file: PageFile, began: float) -> list[bytes]:
        form = file.forms[coding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))]
        status, outcome, headers, body = _sent(environ, form)
        start_response(status, [*headers, (REQUEST_ID_HEADER, request_id_of(environ))])
        self._told(environ, int(status[:3]), outcome, "none", began, None)
        return [body]

    def _pass_on(self, environ: Environ, start_response: StartResponse, began: float) -> Iterable[bytes]:
        return self._send_passed(environ, start_response, self._asked(environ), began)

    def _asked(self, environ: Environ) -> "_Passed":
        passed, snapshot = _Passed(), self._current.served
        with saying(request_id=request_id_of(environ), snapshot_id=snapshot and snapshot.id):
            body = self._app(environ, passed.start)
            if passed.streams:  # it is made while it is sent; the server closes it
                passed.stream = body
                return passed
            try:
                passed.body = b"".join(body)
            finally:
                if hasattr(body, "close"):
                    body.close()
        return passed

    def _send_passed(
        self, environ: Environ, start_response: StartResponse, passed: "_Passed", began: float
    ) -> Iterable[bytes]:
        headers = passed.headers + self._common_headers(environ)
        if not any(name == REQUEST_ID_HEADER for name, _ in headers):  # what Flask answers by itself
            headers.append((REQUEST_ID_HEADER, request_id_of(environ)))
        start_response(passed.status, headers + self._vary)
        status = int(passed.status[:3])
        self._told(environ, status, outcome_of(status, passed.body), "none", began, None)
        return [passed.body] if passed.stream is None else passed.stream

    def refuse(self, environ: Environ, start_response: StartResponse, error: SeealsoError, began: float) -> list[bytes]:
        """Answer a request with an error that has a name; `began`: when it came, by time.perf_counter."""
        named = named_problem(error)
        assert named is not None
        status, kind, title, detail, field = named
        log_unavailable(error, status, request_id_of(environ), environ["PATH_INFO"])
        headers, body = problem_of(request_id_of(environ), status, kind, title, detail, field=field)
        start_response(f"{status} {HTTPStatus(status).phrase}", headers + self._common_headers(environ) + self._vary)
        self._told(environ, status, outcome_of(status, body), "none", began, None)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _preflight(self, environ: Environ, start_response: StartResponse, began: float) -> list[bytes]:
        headers = [
            *self._common_headers(environ),
            (REQUEST_ID_HEADER, request_id_of(environ)),
            ("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"),
            ("Access-Control-Allow-Headers", f"Authorization, Content-Type, If-None-Match, {REQUEST_ID_HEADER}"),
            ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
            ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]
        start_response("204 No Content", headers)
        self._told(environ, 204, "ok", "none", began, None)
        return []

    def _common_headers(self, environ: Environ) -> Headers:
        headers: Headers = []
        if degraded := self.degraded:
            headers.append((DEGRADED_HEADER, ", ".join(degraded)))
        if self._origins and self._allowed(environ):
            headers.append(("Access-Control-Allow-Origin", "*" if "*" in self._origins else environ["HTTP_ORIGIN"]))
            headers.append(("Access-Control-Expose-Headers", EXPOSED))
        return headers

    @property
    def degraded(self) -> list[str]:
        """Return the names of the parts that are missing for now."""
        degraded = []
        if self._cache.state == "down":
            degraded.append("cache")
        if self._current.problem is not None:
            degraded.append("snapshot")
        if self._editorial.behind:
            degraded.append("editorial")
        if self._engine.missing:
            degraded.append("engine")
        return degraded

    def _allowed(self, environ: Environ) -> bool:
        """Return whether the script of another site may read the answer."""
        return "*" in self._origins or environ.get("HTTP_ORIGIN") in self._origins

    def _told(
        self, environ: Environ, status: int, outcome: str, level: str, began: float, snapshot_id: str | None
    ) -> None:
        seconds = time.perf_counter() - began
        path = environ["PATH_INFO"]
        self._metrics.answered(route_of(path), outcome, level, seconds)
        if self._log_requests:
            get_log().info(
                "request_answered",
                request_id=request_id_of(environ),
                snapshot_id=snapshot_id,
                method=environ["REQUEST_METHOD"],
                path=path,
                status=status,
                cache=level,
                duration_ms=round(seconds * 1000, 3),
            )


class _Passed:
    """What Flask answered."""

    def __init__(self) -> None:
        self.status = "500 Internal Server Error"
        self.headers: Headers = []
        self.body = b""
        self.stream: Iterable[bytes] | None = None

    @property
    def streams(self) -> bool:
        """Return whether the body is made while it is sent: its length is not known before."""
        return self.status.startswith("200") and all(name != "Content-Length" for name, _ in self.headers)

    def start(self, status: str, headers: Headers, exc_info: object = None) -> Callable[[bytes], None]:
        """Take the status and the headers, as `start_response` does."""
        self.status, self.headers = status, list(headers)
        return _write


def _write(_: bytes) -> None:
    raise NotImplementedError("Flask returns its body, and writes none")


def _sent(environ: Environ, form: Form) -> tuple[str, str, Headers, bytes]:
    """Return what is sent of an answer that is ready: status, outcome, headers and body."""
    given = environ.get("HTTP_IF_NONE_MATCH")
    if given is not None and _names(given, form.etag):
        return "304 Not Modified", "not_modified", form.unmodified, b""
    return "200 OK", "ok", form.headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else form.body


def _names(given: str, etag: str) -> bool:
    """Return whether an If-None-Match names an entity tag (RFC 9110, 13.1.2: compared weakly)."""
    return given == etag or given == "*" or any(each.strip().removeprefix("W/") == etag for each in given.split(","))
