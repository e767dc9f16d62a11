"""A real S3-compatible server for tests, moto's, with a wire in front that may be cut, slow or gone.

`make s3-server` installs it. Where it is not: skip, but fail under CI.
"""

import os
import secrets
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.servers import START_SECONDS_MAX, free_port

PROGRAM = ROOT / ".venv-s3/bin/moto_server"
REGION = "us-east-1"  # where a bucket is made that names no other


@dataclass
class Wire:
    """Passes bytes on between clients and a server. `sent`: what went to clients, `connections`: how many there were.

    `cut_after`: so many bytes to clients, and each connection ends; `pause_s`: before each piece of what a server says;
    `gone`: nobody is let in.
    """

    port: int
    to: int
    sent: int = 0
    connections: int = 0
    cut_after: int | None = None
    pause_s: float = 0.0
    gone: bool = False
    open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End all connections."""
        for each in [*self.open]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            if self.gone:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self.to))
            self.open += [client, server]
            threading.Thread(target=self._join, args=(client, server), daemon=True).start()

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        asking = threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True)
        asking.start()
        self._pass_on(server, client, True)
        asking.join()
        for each in (client, server):
            each.close()
            with suppress(ValueError):
                self.open.remove(each)

    def _pass_on(self, source: socket.socket, sink: socket.socket, to_client: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                if to_client:
                    if self.pause_s:
                        time.sleep(self.pause_s)
                    self.sent += len(piece)
                    if self.cut_after is not None and self.sent > self.cut_after:
                        break
                sink.sendall(piece)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class S3Server:
    """A running server, and the wire to it."""

    wire: Wire
    own_url: str

    def environment(self) -> dict[str, str]:
        """Return the variables by which a client finds it: those of every S3 client."""
        return {
            "AWS_ENDPOINT_URL": self.wire.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }

    def bucket(self) -> str:
        """Make a bucket, and return its name."""
        name = f"news-{secrets.token_hex(6)}"
        asked = urllib.request.Request(f"{self.own_url}/{name}", method="PUT")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.status == 200
        return name


@contextmanager
def s3_serving(log: Path) -> Iterator[S3Server]:
    """Run the server until the block ends."""
    if not PROGRAM.exists():
        reason = f"there is no S3-compatible server ({PROGRAM}); `make s3-server` installs one"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    port = free_port()
    with log.open("w") as output:
        command = [str(PROGRAM), "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    listening = socket.create_server(("127.0.0.1", 0))
    try:
        end = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
        wire = Wire(listening.getsockname()[1], port)
        threading.Thread(target=wire.serve, args=(listening,), daemon=True).start()
        yield S3Server(wire, f"http://127.0.0.1:{port}")
        wire.cut()
    finally:
        listening.close()
        process.terminate()
        process.wait()
