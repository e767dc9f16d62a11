"""A site on a port of this machine: what it answers is set by path, and it counts what it was asked for."""

import gzip
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer; `pause` seconds lie between its pieces. With an etag, a request that has it gets a 304."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    pieces: int = 1
    pause: float = 0.0
    cut: bool = False


@dataclass
class Asked:
    """A request as it came: its path with the query, and its headers in lower case."""

    path: str
    headers: dict[str, str]


class Site:
    """Set `site["/path"]` to a Reply, or to a function of an Asked that returns one; all else is a 404."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self._replies: dict[str, Reply | Callable[[Asked], Reply]] = {}
        self._lock = threading.Lock()

    def __setitem__(self, path: str, reply: Reply | Callable[[Asked], Reply] | str | bytes) -> None:
        self._replies[path] = Reply(reply) if isinstance(reply, str | bytes) else reply

    def counts(self) -> Counter[str]:
        with self._lock:
            return Counter(each.path for each in self.asked)

    def clear(self) -> None:
        with self._lock:
            self.asked.clear()

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
        reply = self._replies.get(asked.path) or self._replies.get(asked.path.split("?")[0])
        if reply is None:
            return Reply("nothing here", 404)
        reply = reply(asked) if callable(reply) else reply
        if reply.etag and asked.headers.get("if-none-match") == reply.etag:
            return Reply(status=304, etag=reply.etag)
        return reply


@contextmanager
def serve_site() -> Iterator[Site]:
    """Serve a site until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = site.answer(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}))
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            try:
                self._send(reply, body)
            except OSError:  # the client has had enough
                self.close_connection = True

        def _send(self, reply: Reply, body: bytes) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **reply.headers}.items():
                self.send_header(name, value)
            if reply.etag:
                self.send_header("ETag", reply.etag)
            if reply.status != 304:
                self.send_header("Content-Length", str(len(body) + reply.cut))
            self.end_headers()
            step = max(1, -(-len(body) // reply.pieces))
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                self.wfile.flush()
                time.sleep(reply.pause)
            self.close_connection = self.close_connection or reply.cut

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that goes away in the middle is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    site = Site(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class FakeClock:
    """A clock on which waiting takes no time; `moments` may be asked what it shows."""

    def __init__(self) -> None:
        self._seconds = 1_000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._seconds += max(0.0, seconds)


def page(title: str, text: str = "", head: str = "") -> str:
    """Return a page with an article on it."""
    paragraphs = text or f"{title}: the harbour was quiet that morning, and the boats stayed in. " * 6
    return (
        f"<!doctype html><html lang='en'><head><title>{title}</title><meta property='og:title' content='{title}'>{head}"
        f"</head><body><main><article><h1>{title}</h1><p>{paragraphs}</p></article></main></body></html>"
    )


def gzipped(text: str) -> bytes:
    """Return a text in gzip."""
    return gzip.compress(text.encode(), mtime=0)
