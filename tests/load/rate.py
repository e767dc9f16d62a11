"""Requests at a high fixed rate, whatever the answers take (an open loop), by one thread over kept connections.

It knows what is asked and keeps what came back; whether that is right is for the test to say.
"""

import errno
import gc
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from typing import NamedTuple

HOST = "127.0.0.1"
# As many as a proxy would open at most; what comes beyond waits, and its wait is counted.
CONNECTIONS_MAX = 1_000
# A text may take 20 seconds (SEEALSO_TEXT_DEADLINE_S).
ANSWER_SECONDS_MAX = 40.0
# Few enough for no place of a worker to have a line before it, enough for none to be empty.
CLOSED_CONNECTIONS = 8
BUSY = b"urn:seealso:problem:busy"
_NUMBERS = count(1)
_READ_BYTES = 262_144
_LOOK_SECONDS = 0.5


class Ask(NamedTuple):
    """A request: a GET or, with a body, a POST; `headers` are whole lines, `kind` is what the body is."""

    path: str
    body: bytes | None = None
    headers: str = ""
    kind: str = "application/json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: `status` 0 and the reason in `body` where there was no answer.

    `due` is when it was to be sent, by `time.monotonic`, and `seconds` is from then; `again` is how often it was sent
    anew because its connection had ended under it; `level`, `snapshot` and `retry_after` are headers, '' if missing.
    """

    path: str
    status: int
    body: bytes
    level: str
    snapshot: str
    retry_after: str
    due: float
    seconds: float
    again: int

    @property
    def busy(self) -> bool:
        """Return whether it was refused as it should be where too much is asked."""
        return self.status == 503 and self.retry_after.isdigit() and BUSY in self.body


class _Flight(NamedTuple):
    """A request under way."""

    asked: Ask
    due: float
    sent: float
    again: int


class _Connection:
    __slots__ = ("flight", "received", "socket")

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.flight: _Flight | None = None
        self.received = bytearray()


class Rate:
    """Asks in turn until the context ends or nothing is left to ask; `outcomes` then has every request that was sent.

    `per_second` may be changed on the way; None: a closed loop, each of `connections_max` asks again as soon as it has
    its answer. `again_max`: how often a request is sent anew whose connection ended before the answer. `opened`: so
    many connections are open before the first request.
    """

    def __init__(
        self,
        port: int,
        asks: Iterable[Ask],
        per_second: float | None,
        connections_max: int = CONNECTIONS_MAX,
        again_max: int = 0,
        opened: int = 0,
    ) -> None:
        self.per_second = per_second
        self.outcomes: list[Outcome] = []
        self._port = port
        self._asks = iter(asks)
        self._connections_max = connections_max
        self._again_max = again_max
        self._opened = opened
        self._connections: dict[int, _Connection] = {}
        self._free: deque[_Connection] = deque()
        self._waiting: deque[_Flight] = deque()
        self._events = select.epoll()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rate")
        self._failure: BaseException | None = None
        # One answer is given thousands of times, and kept once.
        self._bodies: dict[bytes, bytes] = {}

    def __enter__(self) -> "Rate":
        for _ in range(self._opened):
            connection = _Connection()
            connection.socket.setblocking(True)
            connection.socket.connect((HOST, self._port))
            connection.socket.setblocking(False)
            self._connections[connection.socket.fileno()] = connection
            self._events.register(connection.socket.fileno(), select.EPOLLIN)
            self._free.append(connection)
        gc.disable()  # to look through millions of outcomes takes a while, after which all that is due is sent at once
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()
        gc.enable()
        if self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """Wait until there is nothing left to ask, and all is answered."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._ask_on()
        except BaseException as error:  # whatever it is, it is raised where it is waited for
            self._failure = error
        finally:
            for connection in self._connections.values():
                connection.socket.close()
            self._events.close()

    def _ask_on(self) -> None:
        due = look = time.monotonic()
        while True:
            now = time.monotonic()
            while not self._stopping and due <= now and (self.per_second or self._room()):
                asked = next(self._asks, None)
                if asked is None:
                    self._stopping = True
                    break
                self._send(_Flight(asked, due if self.per_second else now, now, 0))
                due += 1 / self.per_second if self.per_second else 0.0
            if now >= look:
                self._give_up(now)
                look = now + _LOOK_SECONDS
            under_way = len(self._connections) - len(self._free) + len(self._waiting)
            if self._stopping and not under_way:
                return
            ends = look if self._stopping or not self.per_second else min(due, look)
            for number, events in self._events.poll(max(0.0, ends - time.monotonic())):
                self._heard(self._connections[number], events)

    def _room(self) -> bool:
        return bool(self._free) or len(self._connections) < self._connections_max

    def _send(self, flight: _Flight) -> None:
        if not self._room():
            self._waiting.append(flight)
        elif self._free:
            self._send_on(self._free.popleft(), flight)  # the one that rested longest: all workers are asked
        else:
            self._open(flight)

    def _open(self, flight: _Flight) -> None:
        connection = _Connection()
        connection.flight = flight
        number = connection.socket.fileno()
        code = connection.socket.connect_ex((HOST, self._port))
        self._connections[number] = connection
        self._events.register(number, select.EPOLLOUT)
        if code not in (0, errno.EINPROGRESS):
            self._ended(connection, f"not connected: {errno.errorcode[code]}")

    def _send_on(self, connection: _Connection, flight: _Flight) -> None:
        connection.flight = flight
        try:
            connection.socket.sendall(bytes_of(flight.asked))
        except OSError as error:
            self._ended(connection, repr(error))

    def _heard(self, connection: _Connection, events: int) -> None:
        flight = connection.flight
        if events & select.EPOLLOUT and flight is not None:
            self._events.modify(connection.socket.fileno(), select.EPOLLIN)
            self._send_on(connection, flight)
            return
        try:
            read = connection.socket.recv(_READ_BYTES)
        except OSError as error:
            self._ended(connection, repr(error))
            return
        if not read:
            self._ended(connection, "the connection was closed")
            return
        connection.received += read
        if flight is not None and (answer := _understood(connection.received)) is not None:
            self._keep(flight, *answer)
            connection.flight = None
            connection.received.clear()
            if self._waiting:
                self._send_on(connection, self._waiting.popleft())
            else:
                self._free.append(connection)

    def _keep(self, flight: _Flight, status: int, head: bytes, body: bytes) -> None:
        self.outcomes.append(
            Outcome(
                flight.asked.path,
                status,
                self._bodies.setdefault(body, body),
                _header(head, b"x-seealso-cache"),
                _header(head, b"x-seealso-snapshot"),
                _header(head, b"retry-after"),
                flight.due,
                time.monotonic() - flight.due,
                flight.again,
            )
        )

    def _ended(self, connection: _Connection, reason: str) -> None:
        """Let go of a connection; what was asked on it is asked anew on another, or has failed."""
        del self._connections[connection.socket.fileno()]
        connection.socket.close()
        flight = connection.flight
        if flight is None:
            self._free.remove(connection)
        elif flight.again < self._again_max and not reason.startswith("no answer"):
            self._open(flight._replace(again=flight.again + 1, sent=time.monotonic()))
        else:
            self._keep(flight, 0, b"", reason.encode())
        if self._waiting and self._room():
            self._send(self._waiting.popleft())

    def _give_up(self, now: float) -> None:
        for connection in list(self._connections.values()):
            if connection.flight is not None and now - connection.flight.sent > ANSWER_SECONDS_MAX:
                self._ended(connection, f"no answer within {ANSWER_SECONDS_MAX:g} s")


def saturation(port: int, asks: Iterable[Ask], seconds: float, connections: int = CLOSED_CONNECTIONS) -> float:
    """Return how many requests a second are answered if each connection asks again as soon as it has its answer.

    The sender is on the same machine, and is counted with it.
    """
    with Rate(port, asks, None, connections) as rate:
        time.sleep(seconds)
    return sum(outcome.status == 200 for outcome in rate.outcomes) / seconds


def at_once(port: int, asks: Sequence[Ask]) -> list[Outcome]:
    """Have as many clients as there are requests send them at one moment; return what came of them."""
    with Rate(port, asks, 1e9, len(asks), opened=len(asks)) as rate:
        rate.finish()
    return rate.outcomes


def blocks(paths: Iterable[str]) -> Iterator[Ask]:
    """Ask for paths in turn, without end."""
    return (Ask(path) for path in cycle(paths))


def new_blocks(paths: Iterable[str]) -> Iterator[Ask]:
    """Ask for paths in turn, each time at an address that nobody asked for before: the block has to be made."""
    return (Ask(f"{path}{'&' if '?' in path else '?'}exclude=x{next(_NUMBERS)}") for path in cycle(paths))


def in_turn(first: Iterator[Ask], second: Iterator[Ask], every: int) -> Iterator[Ask]:
    """Ask what `first` asks, and at every so many what `second` asks."""
    for number in count(1):
        yield next(second) if number % every == 0 else next(first)


def bytes_of(asked: Ask) -> bytes:
    """Return a request as it is sent."""
    # A request id of our own: a problem says it, and would otherwise be another each time.
    common = f"Host: {HOST}\r\nX-Request-Id: load\r\n{asked.headers}"
    if asked.body is None:
        return f"GET {asked.path} HTTP/1.1\r\n{common}\r\n".encode()
    length = f"Content-Type: {asked.kind}\r\nContent-Length: {len(asked.body)}\r\n"
    return f"POST {asked.path} HTTP/1.1\r\n{common}{length}\r\n".encode() + asked.body


def percentile(outcomes: Iterable[Outcome], share: float) -> float:
    """Return the milliseconds that this share of the requests took at most."""
    taken = sorted(outcome.seconds for outcome in outcomes)
    return taken[min(len(taken) - 1, int(share * len(taken)))] * 1_000


def _understood(received: bytearray) -> tuple[int, bytes, bytes] | None:
    """Return status, head and body of an answer; None while it is not whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[: end + 2])
    status = int(head[9:12])
    if status in (204, 304):
        return status, head, b""
    length = int(_header(head, b"content-length"))
    whole = end + 4 + length
    return (status, head, bytes(received[end + 4 : whole])) if len(received) >= whole else None


def _header(head: bytes, name: bytes) -> str:
    place = head.lower().find(b"\r\n" + name + b":")
    if place < 0:
        return ""
    begin = place + len(name) + 3
    return head[begin : head.index(b"\r\n", begin)].strip().decode()
