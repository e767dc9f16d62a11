"""Load on a server: as much as it can answer (wrk), and at a fixed rate, whatever the answers take (an open loop).

Requests come in as bytes, ready to be sent; rates, latencies, and how many requests failed go out.
"""

import ctypes
import gc
import http.client
import re
import select
import socket
import subprocess
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median, quantiles
from types import TracebackType

import click

# Twice as many as there are threads to answer. The service refuses what waits in longer lines, as it should.
CONNECTIONS = 16
# Stands in an address for a number that no request had before.
NUMBER = "NUMBER"
_NUMBERS = count(1)
_NUMBERS_EACH = 10**8
_ANSWER_SECONDS_MAX = 20
_READ_BYTES = 262_144

# All requests are made before the first is sent, so that the cost of making them is not the server's.
_SCRIPT = """
local heads, tails, number, place = {}, {}, %(first)d, 0
local file = io.open("%(file)s", "rb")
for request in file:read("*a"):gmatch("(.-\\r\\n\\r\\n)") do
  local head, tail = request:match("^(.-)%(number)s(.*)$")
  heads[#heads + 1] = head or request
  tails[#heads] = tail or false
end
file:close()
request = function()
  place = place %% #heads + 1
  if not tails[place] then return heads[place] end
  number = number + 1
  return heads[place] .. string.format("%%d", number) .. tails[place]
end
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a load: good answers a second, how long answers took, in milliseconds, and how many requests failed.

    One that is refused (503) or gets no answer has failed.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


def middle(rounds: Sequence[Measured]) -> Measured:
    """Return the median of each number, and all that failed."""
    return Measured(
        median(each.per_second for each in rounds),
        median(each.p50_ms for each in rounds),
        median(each.p99_ms for each in rounds),
        sum(each.failed for each in rounds),
    )


def get(path: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request; NUMBER in the path gives each one sent another number."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def wrk(port: int, requests: Sequence[bytes], seconds: int, connections: int = CONNECTIONS) -> Measured:
    """Ask for all in turn, as fast as answers come, on so many connections."""
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requests"
        asked.write_bytes(b"".join(requests))
        script = Path(folder) / "ask.lua"
        script.write_text(_SCRIPT % {"file": asked, "number": NUMBER, "first": next(_NUMBERS) * _NUMBERS_EACH})
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}",
            f"--timeout={_ANSWER_SECONDS_MAX}",
            "--latency",
        ]
        command += ["-s", str(script), f"http://127.0.0.1:{port}/"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return _understood(output)


def _understood(output: str) -> Measured:
    words = {
        name: re.search(rf"^ *{name}:?\s+(\S+)", output, re.MULTILINE)
        for name in ("Requests/sec", "50%", "99%", "Non-2xx or 3xx responses")
    }
    rate, p50, p99, bad = (found[1] if found else "0" for found in words.values())
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    answered = re.search(r"(\d+) requests in", output)
    if answered is None or int(answered[1]) == 0:
        raise click.ClickException(f"no answer came:\n{output}")
    share = 1 - int(bad) / int(answered[1])
    failed = int(bad) + sum(int(number) for number in (errors.groups() if errors else ()))
    return Measured(float(rate) * share, _milliseconds(p50), _milliseconds(p99), failed)


def _milliseconds(text: str) -> float:
    for unit, factor in (("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(f"no time: {text!r}")


def at_rate(port: int, requests: Sequence[bytes], per_second: float, seconds: float) -> Measured:
    """Ask at a fixed rate. Latencies are counted from when a request was due, not from when a connection was free."""
    every, wanted = 1 / per_second, int(per_second * seconds)
    latencies: list[float] = []
    with _Connections(port, requests) as connections:
        began = time.perf_counter()
        sent = 0
        while len(latencies) < wanted:
            while sent < wanted and connections.free and (due := began + sent * every) <= time.perf_counter():
                connections.send(due)
                sent += 1
            waits_for_time = sent < wanted and connections.free
            wait = began + sent * every - time.perf_counter() if waits_for_time else _ANSWER_SECONDS_MAX
            latencies += connections.receive(max(0.0, wait))
        taken = time.perf_counter() - began
    cuts = quantiles(latencies, n=100)
    good = wanted - connections.failed
    return Measured(good / taken, cuts[49] * 1_000, cuts[98] * 1_000, connections.failed)


def saturation(port: int, requests: Sequence[bytes], seconds: float) -> float:
    """Return how many requests a second are answered if each connection asks again as soon as it has its answer.

    By the same sender as `at_rate`, which is on the same machine and is counted with it.
    """
    answered = 0
    with _Connections(port, requests) as connections:
        began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            while connections.free:
                connections.send(now)
            answered += len(connections.receive(_ANSWER_SECONDS_MAX))
        return (answered - connections.failed) / (time.perf_counter() - began)


class _Connections:
    """Kept-alive connections, each with one request under way at most; `free` are those with none.

    `failed`: how many answers were no success.
    """

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self._requests = _numbered(requests)
        self._sockets = {}
        self._readable = select.epoll()
        self._under_way: dict[int, tuple[float, bytes]] = {}
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port), _ANSWER_SECONDS_MAX)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(None)  # with one, each read is another call to poll
            self._sockets[connection.fileno()] = connection
            self._readable.register(connection.fileno(), select.EPOLLIN)
        self.failed = 0
        # The one that rested longest is next, so that all workers of the server are asked.
        self.free = deque(self._sockets)

    def __enter__(self) -> "_Connections":
        # A wait may otherwise end 50 us late (prctl(2), PR_SET_TIMERSLACK), a good part of a short answer.
        ctypes.CDLL(None).prctl(29, 1_000, 0, 0, 0)
        gc.disable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.enable()
        self._readable.close()
        for connection in self._sockets.values():
            connection.close()

    def send(self, due: float) -> None:
        """Send the next request on a free connection."""
        number = self.free.popleft()
        self._under_way[number] = (due, b"")
        self._sockets[number].sendall(next(self._requests))

    def receive(self, seconds_max: float) -> list[float]:
        """Wait until an answer comes or the time is over; return the seconds that each one which is whole has taken."""
        # epoll itself waits for whole milliseconds only.
        ready, _, _ = select.select([self._readable], [], [], seconds_max)
        if not ready and seconds_max >= _ANSWER_SECONDS_MAX:
            raise click.ClickException(f"no answer within {_ANSWER_SECONDS_MAX} s")
        taken = []
        for number, _ in self._readable.poll(0) if ready else ():
            due, before = self._under_way[number]
            answer = before + self._read(number)
            if _whole(answer):
                taken.append(time.perf_counter() - due)
                self.failed += answer[9:10] not in (b"2", b"3")
                del self._under_way[number]
                self.free.append(number)
            else:
                self._under_way[number] = (due, answer)
        return taken

    def _read(self, number: int) -> bytes:
        read = self._sockets[number].recv(_READ_BYTES)
        if not read:
            raise click.ClickException("the server closed a connection that was to be kept")
        return read


def _whole(answer: bytes) -> bool:
    """Say whether an answer has come to its end. Raises ClickException if it does not give its length."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    if answer[9:12] == b"304":
        return True
    head = answer[:end].lower() + b"\r\n"
    place = head.find(b"\r\ncontent-length:")
    if place < 0:
        raise click.ClickException(f"an answer of unknown length: {answer[:300]!r}")
    length = int(head[place + 17 : head.index(b"\r\n", place + 17)])
    return len(answer) >= end + 4 + length


def _numbered(requests: Sequence[bytes]) -> Iterator[bytes]:
    parts = [request.partition(NUMBER.encode()) for request in requests]
    numbers = count(next(_NUMBERS) * _NUMBERS_EACH)
    for head, mark, tail in cycle(parts):
        yield head + str(next(numbers)).encode() + tail if mark else head


def answers(port: int, requests: Sequence[bytes], most: int = 100) -> list[tuple[int, dict[str, str], bytes]]:
    """Return status, headers (names in small letters) and body of the first requests' answers.

    Each is asked for on a connection of its own, so that any worker may answer.
    """
    found = []
    for request in islice(_numbered(requests), min(most, len(requests))):
        with socket.create_connection(("127.0.0.1", port), _ANSWER_SECONDS_MAX) as connection:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            found.append((answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()))
    return found


def shares(levels: Counter[str]) -> str:
    """Return what share each of some levels has, the most first; a level below one in a thousand is left out."""
    every = levels.total()
    return ", ".join(f"{level} {count / every:.1%}" for level, count in levels.most_common() if count * 1_000 >= every)
