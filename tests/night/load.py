"""Requests at a fixed rate, whatever the answers take (an open loop): a service that stalls shows as late answers.

It knows addresses and keeps what came back; whether that is right is for the test to say.
"""

import http.client
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

SENDERS = 16
ANSWER_SECONDS_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: `status` 0 and the reason in `body` where there was no answer.

    `seconds` is from the moment at which it was due.
    """

    path: str
    status: int
    body: bytes
    seconds: float


class Load:
    """Asks for paths in turn, so many a second, until the context ends; `outcomes` then has every request."""

    def __init__(self, host: str, port: int, paths: Sequence[str], per_second: float) -> None:
        self._address = (host, port)
        self._paths = paths
        self._every = 1 / per_second
        self._due: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._keep_time)]
        self._threads += [threading.Thread(target=self._send) for _ in range(SENDERS)]
        self.outcomes: list[Outcome] = []
        # One answer is given thousands of times, and kept once.
        self._bodies: dict[bytes, bytes] = {}

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _keep_time(self) -> None:
        due = time.monotonic()
        for path in cycle(self._paths):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            self._due.put((due, path))
            due += self._every
        for _ in range(SENDERS):
            self._due.put(None)

    def _send(self) -> None:
        while (task := self._due.get()) is not None:
            due, path = task
            status, body = self._ask(path)
            body = self._bodies.setdefault(body, body)
            self.outcomes.append(Outcome(path, status, body, time.monotonic() - due))

    def _ask(self, path: str) -> tuple[int, bytes]:
        return ask(self._address, path)


def ask(address: tuple[str, int], path: str) -> tuple[int, bytes]:
    """Return status and body of an answer; 0 and the reason if there is none."""
    connection = http.client.HTTPConnection(*address, timeout=ANSWER_SECONDS_MAX)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()


def saturation(host: str, port: int, paths: Sequence[str], seconds: float = 5.0) -> float:
    """Return how many requests a second are answered when each sender asks again as soon as it has an answer.

    The senders are on the same machine, and are counted with it.
    """
    end = time.monotonic() + seconds
    counts = [0] * SENDERS

    def send(number: int) -> None:
        for path in cycle(paths):
            if time.monotonic() >= end:
                break
            status, body = ask((host, port), path)
            assert status == 200, body
            counts[number] += 1

    threads = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds
