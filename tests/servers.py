"""A running `seealso serve`, and plain requests to it."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEEALSO = Path(sys.executable).with_name("seealso")
START_SECONDS_MAX = 60.0
OWN_PROGRAMS = (b"redis-server", b"--follow")
# The state of a socket that takes connections, in /proc/net/tcp.
LISTENS = "0A"
# Below those of outgoing connections, and above 10080, the last that browsers and node do not ask (the Fetch standard).
# The 10,000 above are free as well: a Redis cluster's own talk is there.
_PORTS, _PORTS_EACH = 10_100, 1_000


def _own_ports() -> Iterator[int]:
    """Yield the ports of this process of a test run, from one that another run on this machine did not begin with."""
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
    start = time.time_ns() // 1_000_000
    for number in itertools.count(start):
        yield _PORTS + own * _PORTS_EACH + number % _PORTS_EACH


_ports = _own_ports()


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower case) and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A service process and where it answers; `ready_seconds` from start to the first readyz that says yes."""

    process: subprocess.Popen[str]
    url: str
    ready_seconds: float
    log: Path

    @property
    def port(self) -> int:
        """Return the port at which it answers."""
        return int(self.url.rpartition(":")[2])

    def get(self, path: str, timeout: float = 60, **headers: str) -> Answer:
        return request(urllib.request.Request(self.url + path, headers=headers), timeout)

    def post(self, path: str, body: object, timeout: float = 120) -> Answer:
        data = json.dumps(body).encode()
        return request(
            urllib.request.Request(self.url + path, data=data, headers={"Content-Type": "application/json"}), timeout
        )

    def send(self, method: str, path: str, body: object = None, key: str = "", timeout: float = 120) -> Answer:
        """Send a request with a key."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        asked = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        return request(asked, timeout)

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines of the log that are JSON and whole: the last may be half written."""
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def workers(self) -> list[int]:
        """Return the process numbers of the workers: of all children but those that are programs of their own."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        commands = {int(child): command_of(child) for child in children}
        return [
            child
            for child, command in commands.items()
            if command is not None and not any(own in command for own in OWN_PROGRAMS)
        ]

    def listening(self) -> int:
        """Return how many sockets listen at its port: each worker has its own, once it has loaded the app."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        places = [local for _, local, _, state, *_ in rows if state == LISTENS]
        return sum(int(place.rpartition(":")[2], 16) == self.port for place in places)


def command_of(process: int | str) -> bytes | None:
    """Return the command line of a process; None if it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return None


def request(asked: urllib.request.Request, timeout: float) -> Answer:
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


def free_port() -> int:
    """Return a port that nothing listens at, and that is still free when a server takes it.

    Each process of a test run has its own, given in turn, and none is of those that a machine gives to outgoing
    connections.
    """
    for port in _ports:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError


@contextmanager
def serving(
    index: Path | None,
    log: Path,
    workers: int = 2,
    ready: bool = True,
    program: Sequence[str] = (str(SEEALSO),),
    **settings: str,
) -> Iterator[Running]:
    """Run `seealso serve` over an index until the block ends; wait until it is ready (or alive).

    `index`: None where `settings` name several; `program`: what is run in place of `seealso`.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*program, "serve", "--port", str(port), "--workers", str(workers)]
    command += [] if index is None else ["--index", str(index)]
    with log.open("w") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=output, text=True, env=os.environ | settings)
        try:
            wait_until(url + ("/readyz" if ready else "/livez"), process, began, log)
            yield Running(process, url, time.monotonic() - began, log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(url: str, process: subprocess.Popen[str], began: float, log: Path) -> None:
    while True:
        try:
            if request(urllib.request.Request(url), 5).status == 200:
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() - began > START_SECONDS_MAX:
            raise AssertionError(f"the service did not come up:\n{log.read_text()}")
        time.sleep(0.02)
