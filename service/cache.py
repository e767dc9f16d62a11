"""Answers kept in Redis, shared by all workers. The one user of Redis.

Redis is a cache: it may be slow, hung, full, empty, or gone at any moment, and whoever asks here never learns more of
that than 'nothing kept'. Every key has a lifetime; nothing lives only here.
"""

import threading
import time
import zlib

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from seealso.logs import get_log

KEY_PREFIX = "seealso:1:"
FAILURES_TO_OPEN = 3
# While the breaker is open, nobody waits for Redis; after this long one request tries it again.
OPEN_SECONDS = 2.0
_MARK = b"S1"
_CHECKSUM_BYTES = 4


class Breaker:
    """Opens after some failures in a row; while open, one call in OPEN_SECONDS is let through to try."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    @property
    def open(self) -> bool:
        """Return whether calls are being kept away."""
        return self._failures >= FAILURES_TO_OPEN

    def admits(self) -> bool:
        """Return whether to make a call now."""
        if not self.open:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next_try:
                return False
            self._next_try = now + OPEN_SECONDS
            return True

    def succeeded(self) -> None:
        """Count a call that worked."""
        if self._failures:
            if self.open:
                get_log().info("cache_came_back")
            self._failures = 0

    def failed(self, error: Exception) -> None:
        """Count a call that did not."""
        with self._lock:
            self._failures += 1
            if self._failures == FAILURES_TO_OPEN:
                self._next_try = time.monotonic() + OPEN_SECONDS
                get_log().warning("cache_given_up", reason=f"{type(error).__name__}: {error}")


class Cache:
    """Bytes by key. `url` None keeps nothing."""

    def __init__(self, url: str | None, timeout_ms: int, ttl_s: int) -> None:
        self._ttl_s = ttl_s
        self._breaker = Breaker()
        self._redis = None
        if url is not None:
            timeout_s = timeout_ms / 1000
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
                health_check_interval=0,
            )

    @property
    def state(self) -> str:
        """Return 'off', 'up', or 'down' (given up for the moment)."""
        if self._redis is None:
            return "off"
        return "down" if self._breaker.open else "up"

    def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, None if that is nothing, not ours, or not to be had in time."""
        if self._redis is None or not self._breaker.admits():
            return None
        try:
            kept = self._redis.get(KEY_PREFIX + key)
        except redis.exceptions.ResponseError:
            return None  # something of another kind under our key: Redis itself is well
        except (redis.exceptions.RedisError, OSError, ValueError) as error:
            self._breaker.failed(error)
            return None
        self._breaker.succeeded()
        return _unpack(kept) if isinstance(kept, bytes) else None

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key for the cache's lifetime, if Redis takes them."""
        if self._redis is None or not self._breaker.admits():
            return
        try:
            self._redis.set(KEY_PREFIX + key, _pack(value), ex=self._ttl_s)
        except redis.exceptions.ResponseError as error:
            # Full and told to evict nothing, or read-only: reading still works.
            get_log().debug("cache_refused", reason=str(error))
        except (redis.exceptions.RedisError, OSError, ValueError) as error:
            self._breaker.failed(error)
        else:
            self._breaker.succeeded()

    def close(self) -> None:
        """Give up the connections."""
        if self._redis is not None:
            self._redis.close()


def _pack(value: bytes) -> bytes:
    return _MARK + zlib.crc32(value).to_bytes(_CHECKSUM_BYTES, "little") + value


def _unpack(kept: bytes) -> bytes | None:
    """Return the value if what is kept is ours and whole."""
    head = len(_MARK) + _CHECKSUM_BYTES
    value = kept[head:]
    if kept[: len(_MARK)] != _MARK or kept[len(_MARK) : head] != zlib.crc32(value).to_bytes(_CHECKSUM_BYTES, "little"):
        return None
    return value
