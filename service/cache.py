"""Answers kept in Redis, shared by all workers of all machines.

Redis is a cache: it may be slow, hung, full, empty, or gone at any moment, and whoever asks here never learns more of
that than 'nothing kept'. Every key has a lifetime; nothing lives only here.

What is put is sent, and not waited for. Who finds nothing is told whether to make the answer or whether somebody is
making it: of all workers that miss one key at once, one has the claim to it.
"""

import enum
import hashlib
import time
import zlib
from collections.abc import Callable

from service.link import Link, Refused, ScriptUnknown, Unreachable

KEY_PREFIX = "seealso:2:"
# Whoever claims a key and dies holds it this long.
CLAIM_MS = 250
# How long, and how often, another's answer is looked for. A block takes a millisecond to make; a reader's wait should
# not be longer because somebody else makes it. What takes longer than this is made once in each worker, no more.
OTHERS_SECONDS_MAX = 0.03
OTHERS_EVERY_SECONDS = 0.003
_MARK = b"S2"
_CHECKSUM_BYTES = 4
# One way to Redis and back: what is kept; else 1 if the claim is ours now, 0 if it is another's.
_FETCH = """
local kept = redis.call('GET', KEYS[1])
if kept then return kept end
if redis.call('SET', KEYS[2], '', 'NX', 'PX', ARGV[1]) then return 1 end
return 0
"""
_FETCH_DIGEST = hashlib.sha1(_FETCH.encode()).hexdigest()  # noqa: S324 - by which Redis names a script


class Missing(enum.Enum):
    """Why there is no answer: this caller has the claim to make it, another has it, or there is no cache to ask."""

    MINE = enum.auto()
    ANOTHERS = enum.auto()
    UNKNOWN = enum.auto()


class Cache:
    """Bytes by key. `url` None keeps nothing."""

    def __init__(
        self,
        url: str | None,
        timeout_ms: int,
        ttl_s: int,
        connections: int = 1,
        failed: Callable[[str], None] = lambda _: None,
        turned: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._ttl_s = ttl_s
        self._link = None if url is None else Link(url, timeout_ms, connections, failed, turned)

    @property
    def state(self) -> str:
        """Return 'off', 'up', or 'down' (given up for the moment)."""
        if self._link is None:
            return "off"
        return "up" if self._link.up else "down"

    def find(self, key: str) -> bytes | Missing:
        """Return what is kept under a key; waits a little where another worker is making it."""
        found = self.fetch(key)
        end = time.monotonic() + OTHERS_SECONDS_MAX
        while found is Missing.ANOTHERS and time.monotonic() < end:
            time.sleep(OTHERS_EVERY_SECONDS)
            found = self.fetch(key)
        return found

    def fetch(self, key: str) -> bytes | Missing:
        """Return what is kept under a key, or why there is nothing: it is not there, not ours, or not to be had."""
        link = self._link
        if link is None or not link.up:
            return Missing.UNKNOWN
        name = KEY_PREFIX + key
        asked = (2, name, f"{name}:claim", CLAIM_MS)
        try:
            try:
                kept = link.call("EVALSHA", _FETCH_DIGEST, *asked)
            except ScriptUnknown:  # Redis was restarted
                kept = link.call("EVAL", _FETCH, *asked)
        except (Unreachable, Refused):  # refused: something of another kind under our key, or Redis is full
            return Missing.UNKNOWN
        if isinstance(kept, bytes):
            return _unpack(kept)
        return Missing.MINE if kept == 1 else Missing.ANOTHERS

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key for the cache's lifetime, if Redis takes them."""
        if self._link is None or not self._link.up:
            return
        try:
            self._link.post("SET", KEY_PREFIX + key, _pack(value), "EX", self._ttl_s)
        except Unreachable:
            return

    def give_up(self, key: str) -> None:
        """Let others have the claim to a key: nothing will be put under it."""
        if self._link is None or not self._link.up:
            return
        try:
            self._link.post("DEL", f"{KEY_PREFIX}{key}:claim")
        except Unreachable:
            return

    def close(self) -> None:
        """Give up the connections."""
        if self._link is not None:
            self._link.close()


def _pack(value: bytes) -> bytes:
    return _MARK + zlib.crc32(value).to_bytes(_CHECKSUM_BYTES, "little") + value


def _unpack(kept: bytes) -> bytes | Missing:
    """Return the value if what is kept is ours and whole."""
    head = len(_MARK) + _CHECKSUM_BYTES
    value = kept[head:]
    if kept[: len(_MARK)] != _MARK or kept[len(_MARK) : head] != zlib.crc32(value).to_bytes(_CHECKSUM_BYTES, "little"):
        return Missing.UNKNOWN
    return value
