"""A publisher's website for tests, at an address of its own, and services that misbehave, at addresses under it.

Pages are put as HTML with headers. `/slow/v1/...` answers when it may, `/busy/` with 503, `/gone/` with 410, `/empty/`
with no cards, `/garbage/` with no JSON, `/odd/` with JSON of another kind, and `/cards/` with what was put as cards.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERS = {
    "empty": (200, json.dumps({"related": [], "blocks": []})),
    "garbage": (200, "<html>not what was asked for"),
    "odd": (200, json.dumps({"related": [None, 7, {"id": 1}, {"id": "a", "title": ""}, {"title": "no id"}]})),
    "busy": (503, json.dumps({"title": "Busy"})),
    "gone": (410, json.dumps({"title": "Taken down"})),
}


@dataclass
class HostPages:
    """`pages`: path -> HTML and headers; `cards`: what `/cards/` answers with; `asked`: what came there.

    `may_answer`: set once `/slow/` may.
    """

    url: str
    pages: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    cards: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, html: str, **headers: str) -> str:
        """Put a page, and return its address. An underscore in a header's name stands for a hyphen."""
        self.pages[path] = html, {name.replace("_", "-"): value for name, value in headers.items()}
        return self.url + path


@contextmanager
def host_pages() -> Iterator[HostPages]:
    """Serve a website until the block ends."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path in host.pages:
                html, headers = host.pages[self.path]
                self._answer(200, html, {"Content-Type": "text/html; charset=utf-8", **headers})
            elif self.path.count("/") > 1:
                self._misbehave(self.path.split("/")[1])
            else:
                self._answer(404 if self.path != "/favicon.ico" else 204, "", {})

        do_POST = do_GET  # noqa: N815

        def do_OPTIONS(self) -> None:
            self._answer(204, "", {"Access-Control-Allow-Headers": "Content-Type"})

        def _misbehave(self, name: str) -> None:
            host.asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, text = ANSWERS.get(name) or (200, json.dumps({"related": host.cards}))
            if name == "slow":
                host.may_answer.wait()
            self._answer(status, text, {"Content-Type": "application/json"})

        def _answer(self, status: int, text: str, headers: dict[str, str]) -> None:
            body = text.encode()
            try:
                self.send_response(status)
                for name, value in {"Access-Control-Allow-Origin": "*", **headers}.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # who asked has gone
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    server.daemon_threads = True
    host = HostPages(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield host
    finally:
        host.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()
