"""Several sites in one service: the host that is asked names the site, and that site's own app answers.

A site is a whole app: its snapshot, what editors decided, keys, copies, limits. Nothing is looked up in one for
another, and no more of a worker's threads are one site's than it was given. Probes and scrapes, which ask under no
site's host, are answered for all of them; anything else under such a host is refused.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from http import HTTPStatus

from apiflask import APIFlask

from seealso.encoder import Encoder
from seealso.errors import OperatorError, SeealsoError, ServiceBusy, SiteNotReady, UnknownSite
from seealso.logs import get_log, say_site
from seealso.sites import Site
from service.answer import Headers
from service.api.answers import JSON
from service.api.state import ALIVE, READY, check_ready
from service.exposition import METRICS_TYPE, Served, metrics_of_all
from service.front import Environ, StartResponse
from service.lanes import PROBES, Lane, blocking_threads
from service.metrics import Families
from service.parts import Parts
from service.problems import REQUEST_ID_HEADER, log_unavailable, named_problem, problem_of, request_id_of
from service.routes import outcome_of, route_of

# The site under which what is asked of none is counted: in Prometheus, no label.
NO_SITE = ""
READING = ("GET", "HEAD")
OF_ALL = frozenset({"/livez", "/readyz", "/metrics"})


class Sites:
    """A WSGI application over the apps of sites; `families` is what they count in.

    `closed`: sites of which no app could be made, and why; they are answered for with 503.
    """

    def __init__(
        self,
        apps: Sequence[tuple[Site, APIFlask]],
        families: Families,
        closed: Sequence[tuple[Site, OperatorError]] = (),
    ) -> None:
        sites = [_Site(*each) for each in apps]
        self._by_host = {host: site for site in sites for host in site.hosts}
        self._parts = [site.parts for site in sites]
        self._closed = {host: SiteNotReady(site.name, error) for site, error in closed for host in site.hosts}
        self._families = families
        self._probes = Lane("probes and scrapes", PROBES)
        self._log_requests = any(here.settings.log_requests for here in self._parts)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        asked = environ.get("HTTP_HOST", "")
        site = self._by_host.get(asked) or self._by_host.get(host_in(asked))
        if site is None:
            say_site(None)
            return self._answer(environ, start_response, asked)
        say_site(site.name)
        places = site.places
        try:
            place = places.pop()
        except IndexError:
            return site.parts.front.refuse(environ, start_response, site.refusal(), time.perf_counter())
        try:
            body = site.app(environ, start_response)
        except BaseException:
            places.append(place)
            raise
        if type(body) is not list:
            return _Stream(body, partial(places.append, place))
        places.append(place)
        return body

    def _answer(self, environ: Environ, start_response: StartResponse, host: str) -> Iterable[bytes]:
        """Answer what is asked under no site's host."""
        began, request_id = time.perf_counter(), request_id_of(environ)
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        status = 200
        headers: Headers = [(REQUEST_ID_HEADER, request_id), ("Cache-Control", "no-store")]
        try:
            if closed := self._closed.get(host_in(host)):
                raise closed.with_traceback(None)
            if method not in READING or path not in OF_ALL:
                raise UnknownSite(host)
            media_type, body = self._of_all(path)
            headers += [("Content-Type", media_type), ("Content-Length", str(len(body)))]
        except (UnknownSite, SiteNotReady, ServiceBusy) as error:
            named = named_problem(error)
            assert named is not None
            status, kind, title, detail, _ = named
            log_unavailable(error, status, request_id, path)
            headers, body = problem_of(request_id, status, kind, title, detail)
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        seconds = time.perf_counter() - began
        self._families.requests.labels(NO_SITE, route_of(path), outcome_of(status, body), "none").observe(seconds)
        if self._log_requests:
            facts = {"request_id": request_id, "method": method, "path": path, "status": status, "host": host[:200]}
            get_log().info("request_answered", **facts, duration_ms=round(seconds * 1000, 3))
        return [b"" if method == "HEAD" else body]

    def _of_all(self, path: str) -> tuple[str, bytes]:
        """Return what a probe or a scrape is told: media type and body. Raises SiteNotReady, ServiceBusy."""
        if path == "/livez":
            return JSON, ALIVE
        with self._probes.place():  # they look at stores, of which one may hang
            if path == "/readyz":
                self._check_ready()
                return JSON, READY
            told = [
                Served(
                    here.settings.site,
                    here.current,
                    here.editorial,
                    here.settings.index,
                    here.snapshot_store is not None,
                )
                for here in self._parts
            ]
            return METRICS_TYPE, metrics_of_all(self._families, told, {error.site for error in self._closed.values()})

    def _check_ready(self) -> None:
        for error in self._closed.values():
            raise error.with_traceback(None)
        for here in self._parts:
            try:
                check_ready(here)
            except SeealsoError as error:
                raise SiteNotReady(here.settings.site, error) from None


class _Site:
    """A site as a worker serves it; of its `places`, each request holds one."""

    def __init__(self, site: Site, app: APIFlask) -> None:
        self.name = site.name
        self.hosts = site.hosts
        self.app = app.wsgi_app
        self.parts: Parts = app.extensions["seealso"]
        self._threads = blocking_threads(site.settings)
        # A deque gives and takes in one step, without a lock.
        self.places = deque(range(self._threads))

    def refusal(self) -> ServiceBusy:
        """Return what is said while all places are held."""
        return ServiceBusy("requests", self._threads)


class Encoders:
    """Models, each loaded once for all sites, and let go when the last of them has."""

    def __init__(self, load: Callable[[str], Encoder]) -> None:
        self._load = load
        self._loaded: weakref.WeakValueDictionary[str, Encoder] = weakref.WeakValueDictionary()
        self._loading: dict[str, threading.Lock] = {}

    def load(self, model: str) -> Encoder:
        """Return a model by its name. Raises ModelUnavailable."""
        with self._loading.setdefault(model, threading.Lock()):
            encoder = self._loaded.get(model)
            if encoder is None:
                encoder = self._loaded[model] = self._load(model)
            return encoder


class Pasts:
    """Whose past each editorial store tells: of two sites with one, the second has the first's store, or a copy."""

    def __init__(self) -> None:
        self._sites: dict[str, str | None] = {}

    def other_than(self, site: str | None, generation: str) -> str | None:
        """Return which other site was first with a past, None if none was; the first has it from then on."""
        first = self._sites.setdefault(generation, site)
        return None if first == site else first


def host_in(header: str) -> str:
    """Return the host of a header Host as sites name theirs: in lower case, without port and the dot at its end."""
    host, colon, port = header.rpartition(":")
    named = host if colon and (port.isdecimal() or not port) else header
    return named.lower().removesuffix(".")


class _Stream:
    """A body that is made while it is sent; when it is closed, or let go of, its place is given back."""

    def __init__(self, body: Iterable[bytes], give_back: Callable[[], None]) -> None:
        self._body = body
        self._give_back: Callable[[], None] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """End it."""
        give_back, self._give_back = self._give_back, None
        if give_back is None:
            return
        give_back()
        if hasattr(self._body, "close"):
            self._body.close()

    __del__ = close
