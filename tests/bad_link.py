"""A TCP proxy on loopback that treats what it carries badly: late, in single bytes, slowly, or not at all."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65_536


class BadLink:
    """Carries connections to a target; what it does to them can be changed while they are open.

    `late_s`: every piece comes so much later; `slice_bytes` and `pause_s`: pieces are cut, with a pause after each;
    `reset`: connections are broken off, and new ones as soon as they say something.
    """

    def __init__(self, target: tuple[str, int] | str) -> None:
        self.late_s = 0.0
        self.slice_bytes = CHUNK_BYTES
        self.pause_s = 0.0
        self.reset = False
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def carried(self) -> int:
        """Return how many connections were ever made through it."""
        return (len(self._threads) - 1) // 2

    def well(self) -> None:
        """Carry everything as it comes, from now on."""
        self.late_s, self.slice_bytes, self.pause_s, self.reset = 0.0, CHUNK_BYTES, 0.0, False

    def break_all(self) -> None:
        """Break off what is open."""
        for each in list(self._open):
            _end(each)

    def close(self) -> None:
        """End."""
        _end(self._server)
        self.break_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                server = _connected(self._target)
            except OSError:
                client.close()
                continue
            self._open |= {client, server}
            for one, other in ((client, server), (server, client)):
                thread = threading.Thread(target=self._carry, args=(one, other), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while piece := one.recv(CHUNK_BYTES):
                if self.reset:
                    break
                time.sleep(self.late_s)
                while piece:
                    other.sendall(piece[: self.slice_bytes])
                    piece = piece[self.slice_bytes :]
                    time.sleep(self.pause_s)
        except OSError:
            pass
        finally:
            _end(one)
            _end(other)
            self._open -= {one, other}


@contextmanager
def bad_link(target: tuple[str, int] | str) -> Iterator[BadLink]:
    """Have a proxy before an address, or before a unix socket's path."""
    link = BadLink(target)
    try:
        yield link
    finally:
        link.close()


def _connected(target: tuple[str, int] | str) -> socket.socket:
    if isinstance(target, tuple):
        return socket.create_connection(target)
    server = socket.socket(socket.AF_UNIX)
    server.connect(target)
    return server


def _end(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
