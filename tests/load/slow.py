"""Clients that take their time: connections on which nothing comes, or a byte now and then, or nothing is read."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tests.load.rate import HOST, Ask, bytes_of

BYTE_SECONDS = 0.02
# Answers of a megabyte fill whatever the kernel holds for a reader that does not read.
UNREAD = Ask("/docs/swagger-ui-bundle.js")
UNREAD_REQUESTS = 20
UNREAD_SECONDS = 2.0


@contextmanager
def opened(port: int, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """Hold so many connections open, each having sent the same first bytes."""
    with ExitStack() as connections:
        held = []
        for _ in range(count):
            held.append(connections.enter_context(socket.create_connection((HOST, port), 20)))
            held[-1].sendall(first)
        yield held


@contextmanager
def trickling(port: int, count: int, asked: Ask, at_once: int = 0) -> Iterator[list[socket.socket]]:
    """Have so many clients send a request byte by byte, its first bytes at once; they never come to its end."""
    whole = bytes_of(asked)
    first, rest = whole[:at_once], whole[at_once:-1]
    stop = threading.Event()

    def send(connections: Sequence[socket.socket]) -> None:
        for place in range(len(rest)):
            if stop.wait(BYTE_SECONDS):
                return
            for connection in connections:
                try:
                    connection.send(rest[place : place + 1])
                except OSError:  # it has been refused
                    continue

    with opened(port, count, first) as connections:
        thread = threading.Thread(target=send, args=(connections,), name="trickle")
        thread.start()
        try:
            yield connections
        finally:
            stop.set()
            thread.join()


@contextmanager
def not_reading(port: int, count: int) -> Iterator[None]:
    """Have so many clients ask again and again for what is long, and read nothing."""
    with ExitStack() as connections:
        for _ in range(count):
            connection = connections.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.connect((HOST, port))
            connection.sendall(bytes_of(UNREAD) * UNREAD_REQUESTS)
        time.sleep(UNREAD_SECONDS)  # until the service has sent what the kernel takes
        yield


def begins_to_answer(connection: socket.socket, seconds_max: float) -> bytes:
    """Return the first bytes of an answer, b'' if none comes in time."""
    connection.settimeout(seconds_max)
    try:
        return connection.recv(4_096)
    except OSError:
        return b""
