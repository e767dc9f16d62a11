"""A server on loopback that keeps what it is sent and answers as a test wants."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

# Only what never comes takes so long, however busy the machine is.
WAIT_SECONDS_MAX = 60.0


@dataclass
class Listener:
    """What a server was asked, in order, and how it answers: a status for each request, the last for all after."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    location: str | None = None
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    instead: Callable[[BaseHTTPRequestHandler], None] | None = None

    def wait(self, count: int) -> None:
        """Wait until it was asked so often."""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while len(self.asked) < count:
            assert time.monotonic() < end, f"{len(self.asked)} of {count} requests came"
            time.sleep(0.01)


@contextmanager
def listening() -> Iterator[Listener]:
    """Run a server on loopback that records what it is sent."""
    listener = Listener()

    class Recording(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            listener.asked.append((self.command, self.path, headers, self.rfile.read(length)))
            if listener.instead:
                return listener.instead(self)
            self.send_response(listener.statuses[min(len(listener.asked), len(listener.statuses)) - 1])
            if listener.location:
                self.send_header("Location", listener.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Recording)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
