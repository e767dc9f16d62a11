"""A cache in front of a service, as a CDN is: it keeps answers as long as they say, and drops them by surrogate key.

What it asked for before it was told to drop it is not kept, as in examples/varnish/seealso.vcl. A cache that keeps it
may have what was on its way then: docs/editorial.md.
"""

import http.client
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

_OF_THE_CONNECTION = {"connection", "date", "keep-alive", "server", "transfer-encoding"}


class _Kept(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    keys: frozenset[str]
    until: float


class SurrogateCache:
    """Answers at `port` for a service at another. Safe from many threads."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._kept: dict[str, _Kept] = {}
        self._purged: dict[str, float] = {}
        self._changing = threading.Lock()
        self.hits = 0
        cache = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = cache.answer(self.path)
                self.send_response(found.status)
                for name, value in found.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(found.body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    @contextmanager
    def running(self) -> Iterator["SurrogateCache"]:
        """Answer until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def purge(self, keys: Iterable[str]) -> None:
        """Drop all answers that have one of these keys; those that are being fetched as well."""
        with self._changing:
            gone = set(keys)
            self._purged |= dict.fromkeys(gone, time.monotonic())
            self._kept = {path: kept for path, kept in self._kept.items() if gone.isdisjoint(kept.keys)}

    def answer(self, path: str) -> _Kept:
        """Return what is kept for an address, or what the service answers."""
        kept = self._kept.get(path)
        if kept is not None and time.monotonic() < kept.until:
            self.hits += 1
            return kept
        began = time.monotonic()
        fetched = self._fetched(path)
        with self._changing:
            if fetched.status == 200 and all(self._purged.get(key, 0.0) < began for key in fetched.keys):
                self._kept[path] = fetched
        return fetched

    def _fetched(self, path: str) -> _Kept:
        connection = http.client.HTTPConnection("127.0.0.1", self._behind, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_THE_CONNECTION]
        said = answer.headers.get("Cache-Control", "")
        fresh = [part.partition("=")[2] for part in said.split(", ") if part.startswith("max-age=")]
        keys = frozenset(answer.headers.get("Surrogate-Key", "").split())
        return _Kept(answer.status, headers, body, keys, time.monotonic() + (int(fresh[0]) if fresh else 0))
