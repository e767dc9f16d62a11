"""The page view, before Flask.

A block is looked for in the process's own copy, then in Redis, and then made from the snapshot; whoever finds it leaves
it in the places before. Everything else goes to Flask as it came: all other requests, and those for a block that are
wrong, for Flask to say what is. What every answer has, it gets here:
its request id, the headers for other sites' scripts, what is degraded, and its place in the metrics.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, NamedTuple

import numpy as np
import orjson

from seealso.editorial.decisions import Decisions, now
from seealso.editorial.rules import Rule
from seealso.errors import CrossSite, InvalidRequest, KeyMissing, SeealsoError, ServiceBusy, StoreUnavailable
from seealso.logs import get_log, saying
from seealso.settings import WARM_SECONDS_MAX
from seealso.snapshot.snapshot import Snapshot
from service.addresses import Addresses, article_in
from service.admission import Admission
from service.answer import Answer, Form, Headers, coding_for, unpacked
from service.auth import Door, caller_in
from service.block.files import PageFile
from service.blocks import Asked, Blocks, shown_row_of
from service.cache import Cache, Missing
from service.copies import ADDRESS_CHARACTERS, LIVES, Address, Copies
from service.current import Current
from service.editorial import Editorial
from service.engine import Engine
from service.flights import Flights
from service.lanes import Lane
from service.live import LiveArticles
from service.metrics import Metrics
from service.problems import REQUEST_ID_HEADER, log_unavailable, named_problem, problem_of, request_id_of
from service.routes import STATE_PATHS, is_read, outcome_of, route_of
from service.rulings import Rulings, ruled
from service.traces import span
from service.wanted import Wanted
from service.watching import keep_on

CACHE_HEADER = "X-Seealso-Cache"
DEGRADED_HEADER = "X-Seealso-Degraded"
# How long somebody waits for a block that another thread makes, before being refused. Nobody makes it beside: that
# would be ready later still, and hold up all others.
FOLLOW_SECONDS_MAX = 1.0
# Where the line is full, others wait for a block only while it is this young: a burst finds what takes a millisecond to
# make, and what takes long does not hold every thread of the worker, of which kept answers need one.
CROWD_SECONDS_MAX = 0.2
# Before another snapshot takes over, so many of the blocks asked for most are made of it, in WARM_SECONDS_MAX at most,
# with a breath after each for those who are being answered meanwhile.
WARM_BLOCKS_MAX = 500
WARM_BREATH_SECONDS = 0.002
# A worker that starts takes over what Redis has of the blocks that another is asked for most, before it is asked
# itself, for so long at most, of all its sites together. Which they are, each tells Redis this often.
TAKEN_SECONDS_MAX = 0.25
HOTTEST_EVERY_SECONDS = 5.0
PREFLIGHT_SECONDS = 7_200

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Front:
    """A WSGI application around Flask's.

    `state` is what answers depend on beside the snapshot and the address; `vary`, what they depend on of a request;
    `keyed`: whether who reads needs a key, of any scope; `taken_s`: how long it may take what Redis has before it is
    asked.
    """

    def __init__(
        self,
        app: Application,
        current: Current,
        cache: Cache,
        copies: Copies,
        lane: Lane,
        metrics: Metrics,
        addresses: Addresses,
        blocks: Blocks,
        editorial: Editorial,
        door: Door,
        live: LiveArticles,
        engine: Engine,
        files: Mapping[str, PageFile],
        state: bytes,
        origins: str = "",
        keyed: bool = False,
        log_requests: bool = False,
        taken_s: float = TAKEN_SECONDS_MAX,
    ) -> None:
        self._app = app
        self._current = current
        self._cache = cache
        self._copies = copies
        self._lane = lane
        self._metrics = metrics
        self._addresses = addresses
        self._blocks = blocks
        self._editorial = editorial
        self._door = door
        self._live = live
        self._engine = engine
        self._files = files
        self._state = blake2b(state, digest_size=8).hexdigest()
        self._hottest_key = f"{self._state}:hottest"
        self._stop = threading.Event()
        self._origins = frozenset(origins.split())
        self.vary = "Accept-Encoding, Origin" if self._origins - {"*"} else "Accept-Encoding"
        self._keyed = keyed
        self._log_requests = log_requests
        self._taken_s = taken_s
        self._flights: Flights[Answer] = Flights()
        copies.holds = self._holds

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
            room = self._lane.room() or not self._shows(article_in(path))
            if not room and self._copies.old(address) is None:  # before its query is read, which is half of the work
                return self.refuse(environ, start_response, self._lane.refusal(), began)
            view = self._view_of(address, self._editorial.era, self._current.served)
            if view is not None:
                return self._block(environ, start_response, view, began, room)
        if method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ and self._allowed(environ):
            return self._preflight(environ, start_response, began)
        return self._pass_on(environ, start_response, began)

    def prepare(self, snapshot: Snapshot) -> Callable[[], None]:
        """Make the hottest blocks of another snapshot; return what is to be done once it has taken over."""
        era, ready = self._editorial.era, dict[Address, Answer]()
        try:
            ready.update(self._taken(snapshot, era) if self._current.served is None else self._warmed(snapshot, era))
        except Exception as error:  # whatever is wrong, readers will meet it one by one, and it will be told then
            get_log().error("warming_failed", snapshot_id=snapshot.id, exc_info=error)

        self._live.catch_up(snapshot.id)  # what came while the hottest were made

        def go_over() -> None:
            self._copies.turn(snapshot.id, ready, era)
            self._live.keep(snapshot.id)
            self._metrics.swapped()

        return go_over

    def decide(self, decisions: Decisions, moment: datetime) -> None:
        """Answer from now on as was decided, as far as it holds at a moment, and with what was put and removed.

        Raises StoreUnavailable.
        """
        self._live.learn(decisions.head)
        hidden, rules = decisions.hidden_at(moment), decisions.rules_at(moment)
        self._blocks.rulings = Rulings(rules)
        self._current.decide(lambda snapshot: self._edited(snapshot, hidden, rules))
        self._copies.hide(hidden, decisions.era_at(moment))

    def as_if(self, rules: Sequence[Rule]) -> tuple[Snapshot, Rulings]:
        """Return what would be served, and what editors would want of blocks, if these rules held, and no others.

        Raises why nothing is served.
        """
        hidden = self._editorial.decisions.hidden_at(now())
        return self._current.as_if(lambda snapshot: self._edited(snapshot, hidden, rules)), Rulings(rules)

    def _edited(self, opened: Snapshot, hidden: frozenset[str], rules: Sequence[Rule]) -> Snapshot:
        return ruled(self._live.laid(opened).without(hidden), rules)

    def _holds(self, answer: Answer) -> bool:
        """Return whether what has been put and removed since leaves an answer as it is."""
        snapshot = self._current.served
        return snapshot is None or answer.holds_in(snapshot)

    def _block(
        self, environ: Environ, start_response: StartResponse, view: "_View", began: float, room: bool = True
    ) -> Iterable[bytes]:
        """Answer with a block as it is when it is sent: caches in front know already what was decided meanwhile."""
        coding = coding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))
        try:
            answer, level = self._found_or_old(view, coding, room)
            if self._editorial.moved:
                self._editorial.catch_up()
        except (ServiceBusy, StoreUnavailable) as error:
            return self.refuse(environ, start_response, error, began)
        except Exception:  # whatever it is, Flask meets it too, and tells of it
            return self._pass_on(environ, start_response, began)
        era, served = self._editorial.era, self._current.served
        unchanged = era == view.era and served is view.snapshot
        today = view if unchanged else self._view_of(view.address, era, served)
        if today is None:
            return self._pass_on(environ, start_response, began)
        if answer.rests_on(today.snapshot.hidden):  # it was taken down meanwhile
            return self._block(environ, start_response, today, began)
        lasts = view.era == era and answer.snapshot_id == today.snapshot.id and answer.holds_in(today.snapshot)
        return self._send(environ, start_response, answer, level, began, lasts)

    def _shows(self, article_id: str | None) -> bool:
        """Return whether there is an article whose block may be asked for."""
        snapshot = self._current.served
        return article_id is not None and snapshot is not None and shown_row_of(snapshot, article_id) is not None

    def _view_of(self, address: Address, era: str, snapshot: Snapshot | None) -> "_View | None":
        """Return the block at an address, as a snapshot has it; None if there is none, or none to be shown."""
        read = self._addresses.read(*address)
        if read is None or snapshot is None or shown_row_of(snapshot, read[0].article_id) is None:
            return None
        return _View(address, snapshot, *read, era)

    def _found_or_old(self, view: "_View", coding: str, room: bool) -> tuple[Answer, str]:
        """Return a block's answer, or where there is no room to look for it an old one. Raises ServiceBusy."""
        try:
            if not room:
                raise self._lane.refusal()
            return self._found(view, coding)
        except ServiceBusy:
            old = self._old(view)
            if old is None:
                raise
            return old, "stale"

    def _found(self, view: "_View", coding: str) -> tuple[Answer, str]:
        """Return a block's answer and from where it is. Raises ServiceBusy.

        Who waits for what another makes stands in the lane's line, but takes no place. If that one is refused or fails,
        all are. Where many wait for a place already, Redis is not asked either: to be told of too much in vain would
        cost more than half of a block, and the others would wait for it.
        """
        key = self._key_of(view)
        flight, ours = self._flights.board(key)
        if ours:
            try:
                landed = self._copies.get(view.address)  # by a flight that ended since it was looked for
                if landed is not None and landed.snapshot_id == view.snapshot.id and view.may_show(landed):
                    flight.found, level = landed, "copy"
                else:
                    with self._lane.inside():
                        flight.found, level = self._kept_or_made(view, [coding], self._lane)
                return flight.found, level
            except Exception as error:
                flight.failure = error
                raise
            finally:
                self._flights.land(key)
                del flight  # it holds what is raised, which holds this frame, and so the snapshot
        answer = self._old(view)
        if answer is not None:
            return answer, "stale"
        with self._lane.line() as room:
            try:
                answer = flight.wait(
                    FOLLOW_SECONDS_MAX if room else flight.began + CROWD_SECONDS_MAX - time.monotonic()
                )
            finally:
                del flight
        if answer is None:
            raise self._lane.refusal()
        if not view.may_show(answer):  # begun before something was put or taken down: once more, and for all again
            return self._found(view, coding)
        self._copies.put(view.address, answer, view.era)
        return answer, "shared"

    def _kept_or_made(self, view: "_View", codings: Sequence[str], lane: Lane | None) -> tuple[Answer, str]:
        """Return a block's answer from Redis, or make it, in these codings; who makes it takes a turn in the lane."""
        key = self._key_of(view)
        with span("redis_asked"):
            kept = self._cache.find(key)
        answer = unpacked(kept) if isinstance(kept, bytes) else None
        if answer is not None and not view.may_show(answer):
            answer = None
        level, known = "redis", len(answer.bodies) if answer else 0
        if answer is None:
            try:
                with lane.turn() if lane else nullcontext():
                    level, answer = "miss", self._blocks.make(view.snapshot, view.asked)
            except Exception:
                if kept is Missing.MINE:
                    self._cache.give_up(key)
                raise
        for coding in codings:
            answer.form(coding, self.vary)
        if len(answer.bodies) > known:  # made, or coded as nobody had asked for
            self._cache.put(key, answer.packed())
        self._copies.put(view.address, answer, view.era)
        return answer, level

    def _key_of(self, view: "_View") -> str:
        return f"{self._state}:{view.era}:{view.snapshot.id}:{view.key}"

    def _old(self, view: "_View") -> Answer | None:
        """Return the answer of the snapshot before, if all that it shows may be shown today, and is as it was."""
        answer, snapshot = self._copies.old(view.address), view.snapshot
        if answer is None or not view.may_show(answer):
            return None
        rows = [snapshot.row_of(article_id) for article_id in answer.articles]
        known = [row for row in rows if row is not None]
        safe = len(known) == len(rows) and Admission(snapshot, Wanted(stories="all")).of(np.array(known)).all()
        return answer if safe else None

    def follow(self) -> None:
        """Tell workers that will start which blocks are asked for most, from now on. Call after the fork."""
        if self._cache.state != "off":
            keep_on("hottest", self._tell_hottest, self._stop)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _tell_hottest(self) -> None:
        while not self._stop.wait(HOTTEST_EVERY_SECONDS):
            self.tell_hottest()

    def tell_hottest(self) -> None:
        """Let Redis have the addresses of the blocks that this process is asked for most, but for very long ones."""
        known = self._copies.hottest(WARM_BLOCKS_MAX, hits_min=1)
        hottest = [address for address in known if sum(map(len, address)) <= ADDRESS_CHARACTERS]
        if hottest:
            self._cache.put(self._hottest_key, orjson.dumps(hottest))

    def _taken(self, snapshot: Snapshot, era: str) -> Iterator[tuple[Address, Answer]]:
        """Yield what Redis has of the blocks that another process is asked for most, the last that told."""
        end = time.monotonic() + self._taken_s
        hottest = self._cache.look(self._hottest_key)
        for path, query in orjson.loads(hottest) if isinstance(hottest, bytes) else ():
            if time.monotonic() > end:
                return
            view = self._view_of((path, query), era, snapshot)
            if view is None:
                continue
            kept = self._cache.look(self._key_of(view))
            answer = unpacked(kept) if isinstance(kept, bytes) else None
            if answer is not None and view.may_show(answer):
                yield view.address, answer

    def _warmed(self, snapshot: Snapshot, era: str) -> Iterator[tuple[Address, Answer]]:
        """Yield the blocks of another snapshot that this process is asked for most."""
        end = time.monotonic() + WARM_SECONDS_MAX
        for address in self._copies.hottest(WARM_BLOCKS_MAX):
            if time.monotonic() > end:
                return
            before, view = self._copies.get(address), self._view_of(address, era, snapshot)
            if before is None or view is None:
                continue
            # Nobody else asks this process for it yet, and it is one at a time: no flight, and no place of a reader's.
            answer, _ = self._kept_or_made(view, [*before.bodies], None)
            yield address, answer
            time.sleep(WARM_BREATH_SECONDS)

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
        form = answer.form(coding_for(environ.get("HTTP_ACCEPT_ENCODING", "")), self.vary)
        if len(answer.bodies) > known:
            self._keep_coded((environ["PATH_INFO"], environ.get("QUERY_STRING", "")), answer)
        own = [(REQUEST_ID_HEADER, request_id_of(environ)), (CACHE_HEADER, level), *self._common_headers(environ)]
        status, outcome, headers, body = _sent(environ, form)
        if not lasts:
            headers = [(name, "no-store" if name == "Cache-Control" else value) for name, value in headers]
        start_response(status, headers + own)
        self._told(environ, int(status[:3]), outcome, level, began, answer.snapshot_id)
        return [body]

    def _keep_coded(self, address: Address, answer: Answer) -> None:
        """Let Redis have an answer that was coded as nobody had asked for, if it is still this process's copy."""
        view = self._view_of(address, self._editorial.era, self._current.served)
        # In this order: the copies of another era were let go before this one began.
        if view is not None and view.snapshot.id == answer.snapshot_id and self._copies.get(address) is answer:
            self._cache.put(self._key_of(view), answer.packed())

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
        if self._origins - {"*"}:
            headers.append(("Vary", "Origin"))
        start_response(passed.status, headers)
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
        start_response(f"{status} {HTTPStatus(status).phrase}", headers + self._common_headers(environ))
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
            headers.append(("Access-Control-Expose-Headers", f"ETag, {REQUEST_ID_HEADER}, X-Seealso-Snapshot"))
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


class _View(NamedTuple):
    """A block that is being viewed: at which address, of which snapshot, what is asked for, its key, in which era."""

    address: Address
    snapshot: Snapshot
    asked: Asked
    key: str
    era: str

    def may_show(self, answer: Answer) -> bool:
        """Return whether an answer shows nothing that was taken down, and would be the same today."""
        return not answer.rests_on(self.snapshot.hidden) and answer.holds_in(self.snapshot)


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
