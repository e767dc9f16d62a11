"""Commands to one Redis, each answered within its time or not at all.

Whoever asks never connects, resolves a name or waits for more than the timeout: connections are opened and tried by a
thread of the link's own, and a second one cuts off what takes too long, also where bytes still trickle in. After some
failures in a row the link is down, and nobody asks, until a trial as large as an answer came back in time.
"""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import hiredis
import redis
from hiredis import pack_command
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, ResponseError
from redis.retry import Retry

from seealso.logs import get_log
from service.redis_addresses import pool_of
from service.watching import keep_on

FAILURES_TO_OPEN = 3
# No client tries again while somebody waits.
CLIENT_OPTIONS: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "health_check_interval": 0}
# How often Redis is tried while it is down.
TRIAL_SECONDS = 1.0
# So long Redis counts as full once it has said that it takes nothing in: then somebody tries again.
FULL_SECONDS = 1.0
# While it is up: how soon after a connection that could not be opened, or was too slow, the next is tried.
RETRIAL_SECONDS = 0.1
# A link on which a word comes back in time and an answer does not is no link.
TRIAL_BYTES = 16_384
# Connecting is nobody's wait but the link's own.
CONNECT_SECONDS_MAX = 1.0
# How exactly the timeout is kept where bytes trickle in, and how soon what was left to be sent is sent.
WATCH_SECONDS = 0.005
# Where commands follow one another this closely, the next one takes along what nobody waits for: to wake Redis twice
# costs more than all that it does.
SOON_SECONDS = 0.002
READ_BYTES = 65_536
# What Redis says where it is full.
_FULL = "OOM command not allowed"
# How long who asks waits for a connection where all are in use, while Redis answers others: they are many at once, as
# when a worker has just started, and to make what Redis has would take the last of them longer.
FREE_SECONDS_MAX = 0.04
SILENT_SECONDS_MAX = 0.01
# What a new link may take to come up before the first request goes on without it.
START_SECONDS_MAX = 0.25

_Failed = Callable[[str], None]
_Command = tuple[str | bytes | int, ...]


class Unreachable(Exception):
    """Redis did not answer in time, or is not being asked for now."""


class Refused(Exception):
    """Redis answered that it will not: full, read-only, another type under the key."""


class Full(Refused):
    """Redis takes nothing in: it has as much memory as it may, and lets nothing go for it."""


class Link:
    """Connections to one Redis. Safe from many threads.

    `connections`: how many are open before anybody asks; more are opened as they are wanted. `failed` is told the kind
    of each failure, `turned` each time the link goes down (True) or comes up (False), `moved` that another server of a
    cluster has a key that was asked for, or that this one is cut off from the others.
    """

    def __init__(
        self,
        url: str,
        timeout_ms: int,
        connections: int = 1,
        failed: _Failed = lambda _: None,
        turned: Callable[[bool], None] = lambda _: None,
        moved: Callable[[], object] = lambda: None,
    ) -> None:
        self._timeout_s = timeout_ms / 1000
        options = {"socket_connect_timeout": CONNECT_SECONDS_MAX, **CLIENT_OPTIONS}
        # Only what a pool reads from the URL is wanted: it counts what it ever made, and after a hundred makes no more.
        self._pool = pool_of(
            url, options | {"socket_timeout": self._timeout_s}, options | {"socket_timeout": CONNECT_SECONDS_MAX}
        )
        self._new_connection = partial(self._pool.connection_class, **self._pool.connection_kwargs)
        self._told_moved = moved
        self._least = connections
        self._told_failed = failed
        self._told_turned = turned
        self._ready: deque[Any] = deque()
        self._count_ready = threading.Semaphore(0)
        self._flying: dict[int, tuple[Any, float]] = {}
        self._failures = 0
        self._up = False
        self._ever_tried = False
        self._turning = threading.Lock()
        self._wanted = threading.Event()
        self._tried = threading.Event()
        self._closed = threading.Event()
        self._last_call = self._last_answer = 0.0
        self._full_until = 0.0
        for name, target in (("redis-connect", self._keep_connected), ("redis-watch", self._cut_off)):
            keep_on(name, target, self._closed)
        self._tried.wait(START_SECONDS_MAX)

    @property
    def up(self) -> bool:
        """Return whether Redis is being asked."""
        return self._up

    @property
    def full(self) -> bool:
        """Return whether Redis said a moment ago that it takes nothing in."""
        return time.monotonic() < self._full_until

    def of(self, key: str) -> "Link":
        """Return the link to the server that has a key: this one has all."""
        return self

    def call(self, *command: str | bytes | int) -> Any:
        """Return what Redis answers to a command: bytes, a number, a list, or None.

        Raises Unreachable within the timeout, and Refused (Full) if Redis is well and says no.
        """
        (answer,) = self.ask(command)
        if isinstance(answer, Refused):
            try:
                raise answer
            finally:
                del answer  # what is raised holds this frame, and all that call it: a snapshot, until it is collected
        return answer

    def ask(self, *commands: _Command) -> list[Any]:
        """Return what Redis answers to each of some commands, sent together; see `call`. What it says no to is Refused.

        Raises Unreachable within the timeout.
        """
        began = time.monotonic()
        connection = self._taken()
        try:
            answers = self._exchange(connection, commands, began)
        except (redis.exceptions.RedisError, OSError, ValueError) as error:
            self._failed(connection, error)
            raise Unreachable from None
        own = answers[-len(commands) :]
        only_reads = next((each for each in answers if isinstance(each, ReadOnlyError)), None)
        if only_reads is None or isinstance(own[0], bytes):
            self._put_back(connection)
            self._failures = 0
        else:  # it is the first no more: who is now, connecting anew tells. What it has is as good as ever.
            self._failed(connection, only_reads)
        return [self._refused(each) if isinstance(each, ResponseError) else each for each in own]

    def _refused(self, error: ResponseError) -> Refused:
        """Return what Redis said no to, and take it to heart."""
        told = str(error)
        if told.startswith(_FULL):
            self._full_until = time.monotonic() + FULL_SECONDS
            self._told_failed(Full.__name__)
            return Full(told)
        if told.startswith(("MOVED", "CLUSTERDOWN")):
            self._told_moved()
        return Refused(told)

    def post(self, *command: str | bytes | int) -> None:
        """Send a command, and let what Redis answers to it be read with the next answer on the same connection.

        Where the next is asked soon, as by the pace of the last, it is sent along with that; within WATCH_SECONDS in
        any case. Raises Unreachable within the timeout. Whether Redis did it is never known.
        """
        connection = self._taken()
        connection.unsent += pack_command(cast(Any, command))
        connection.unread += 1
        if time.monotonic() - self._last_call > SOON_SECONDS:
            try:
                self._send(connection, b"")
            except (redis.exceptions.RedisError, OSError) as error:
                self._failed(connection, error)
                raise Unreachable from None
        self._put_back(connection)  # the next who asks takes this one

    def close(self) -> None:
        """Give up the connections, and end the threads."""
        self._closed.set()
        self._wanted.set()
        self._up = False
        self._drop_ready()

    def _taken(self) -> Any:
        """Return a connection that nobody uses. Raises Unreachable."""
        if not self._up:
            raise Unreachable
        if not self._count_ready.acquire(blocking=False):  # all are in use: there will be one more
            self._wanted.set()
            end = time.monotonic() + FREE_SECONDS_MAX
            while not self._count_ready.acquire(timeout=SILENT_SECONDS_MAX / 2):
                now = time.monotonic()
                if now > end or now > self._last_answer + SILENT_SECONDS_MAX:
                    raise Unreachable
        return self._ready.pop()

    def _put_back(self, connection: Any) -> None:
        self._ready.append(connection)
        self._count_ready.release()
        if self._closed.is_set():  # since it was taken: nobody lets go of what is put back afterwards
            self._drop_ready()

    def _exchange(self, connection: Any, commands: Sequence[_Command], began: float) -> list[Any]:
        """Return what Redis answers to what nobody waits for, and then to each; what it says no to is a ResponseError.

        `began`: from when on it has its time; who waited for the connection has less.
        """
        self._last_call = time.monotonic()
        self._flying[id(connection)] = (connection, began + self._timeout_s)
        try:
            self._send(connection, b"".join(pack_command(cast(Any, command)) for command in commands))
            answers = [self._read(connection) for _ in range(connection.unread + len(commands))]
            self._last_answer = time.monotonic()
        finally:
            del self._flying[id(connection)]
        connection.unread = 0
        return answers

    def _send(self, connection: Any, packed: bytes) -> None:
        unsent, connection.unsent = connection.unsent + packed, b""
        connection._sock.sendall(unsent)

    def _read(self, connection: Any) -> Any:
        """Return the next answer; an error of Redis's as an exception that is not raised."""
        reader = connection.answers
        while (answer := reader.gets()) is False:
            received = connection._sock.recv(READ_BYTES)
            if not received:
                raise ConnectionResetError("Redis closed the connection")
            reader.feed(received)
        return answer

    def _failed(self, connection: Any, error: Exception) -> None:
        connection.disconnect()
        self._count(error)
        self._wanted.set()

    def _count(self, error: Exception) -> None:
        """Count a failure, and give the link up: after some in a row, or the first of one that never was up."""
        self._told_failed(_kind_of(error))
        with self._turning:
            self._failures += 1
            first = not (self._up or self._ever_tried)
            if first or (self._up and self._failures >= FAILURES_TO_OPEN):
                self._turn(False, f"{type(error).__name__}: {error}")

    def _turn(self, up: bool, reason: str | None = None) -> None:
        self._up = up
        self._failures = 0
        if not up:
            self._drop_ready()
            get_log().warning("cache_given_up", reason=reason)
        elif self._ever_tried:
            get_log().info("cache_came_back")
        self._told_turned(not up)

    def _drop_ready(self) -> None:
        while self._count_ready.acquire(blocking=False):
            self._ready.pop().disconnect()

    def _keep_connected(self) -> None:
        """Open connections when they are wanted, and try Redis while it is down."""
        while not self._closed.is_set():
            self._wanted.clear()
            connection: Any = self._new_connection()
            connection.unread = 0  # answers that nobody waits for
            connection.unsent = b""  # commands, packed
            connection.answers = hiredis.Reader(
                protocolError=redis.exceptions.InvalidResponse, replyError=_refusal, notEnoughData=False
            )
            well = False
            try:
                self._try(connection)
            except (redis.exceptions.RedisError, OSError, ValueError) as error:
                connection.disconnect()
                self._count(error)
            else:
                well = True
                self._put_back(connection)
                with self._turning:
                    if not self._up and not self._closed.is_set():
                        self._turn(True)
            self._ever_tried = True
            self._tried.set()
            if not self._up:
                self._closed.wait(TRIAL_SECONDS)
                continue
            if not well:
                self._closed.wait(RETRIAL_SECONDS)
            if self._up and self._has_enough(well):
                self._wanted.wait()
        self._drop_ready()

    def _try(self, connection: Any) -> None:
        connection.connect()
        trial = b"?" * TRIAL_BYTES
        if self._exchange(connection, [("ECHO", trial)], time.monotonic()) != [trial]:
            raise redis.exceptions.InvalidResponse("an echo came back changed")

    def _has_enough(self, well: bool) -> bool:
        """Return whether no more connections are opened until one is wanted; `well`: whether the last could be."""
        there = len(self._ready) + len(self._flying)
        if well:
            return there >= self._least
        # One says little of those that are there: Redis may have as many as it takes. Two failures in a row say more.
        return there > 0 and self._failures < 2

    def _cut_off(self) -> None:
        """End every exchange that is past its time: its socket is shut down under whoever reads from it.

        Send what was left to be sent along with the next command, where none came.
        """
        while not self._closed.wait(WATCH_SECONDS):
            self._send_left()
            now = time.monotonic()
            for connection, deadline in list(self._flying.values()):
                if now > deadline and connection._sock is not None:
                    try:
                        connection._sock.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue  # it has ended by itself

    def _send_left(self) -> None:
        for _ in range(len(self._ready)):
            if not self._count_ready.acquire(blocking=False):  # all are in use
                return
            connection = self._ready.popleft()
            try:
                if connection.unsent:
                    self._send(connection, b"")
            except (redis.exceptions.RedisError, OSError) as error:
                self._failed(connection, error)
            else:
                self._put_back(connection)


def _kind_of(error: Exception) -> str:
    """Return the name by which a failure is counted: that of redis-py's own, whoever raised it."""
    if isinstance(error, TimeoutError):
        return "TimeoutError"
    return "ConnectionError" if isinstance(error, OSError) else type(error).__name__


def _refusal(message: str) -> Exception:
    """Return what Redis refused with as an exception."""
    return (ReadOnlyError if message.startswith("READONLY") else ResponseError)(message)
