"""Answers kept in Redis, shared by all workers of all machines.

Redis is a cache: it may be slow, hung, full, empty, or gone at any moment, and whoever asks here never learns more of
that than 'nothing kept'. Every key has a lifetime; nothing lives only here.

What is put is sent, and not waited for. Who finds nothing is told whether to make the answer or whether somebody is
making it: of all workers that miss one key at once, one has the claim to it, and the others wait a little for what it
makes. There is no claim to what is kept but out of date: each worker makes that anew.
"""

import enum
import time
import zlib
from collections.abc import Callable

from service.link import Link, Refused, Unreachable
from service.redis_addresses import CLUSTER
from service.redis_cluster import ClusterLinks

KEY_PREFIX = "seealso:2:"
# Whoever claims a key and dies holds it this long.
CLAIM_MS = 250
# How long, and how often, another's answer is looked for. A block takes a millisecond to make; a reader's wait should
# not be longer because somebody else makes it. What takes longer than this is made once in each worker, no more.
OTHERS_SECONDS_MAX = 0.03
OTHERS_EVERY_SECONDS = 0.003
_MARK = b"S2"
_CHECKSUM_BYTES = 4
# Stands under a key while the answer is being made.
CLAIM = b"S2?"
# Where another has made it meanwhile, that stays. Where scripts are not allowed, the claim lapses by itself.
_GIVE_UP = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class Missing(enum.Enum):
    """Why there is no answer: this caller has the claim to make it, another has it, or there is no cache to ask."""

    MINE = enum.auto()
    ANOTHERS = enum.auto()
    UNKNOWN = enum.auto()


class Cache:
    """Bytes by key. `url`: of one Redis, of its sentinels, or of a cluster; None keeps nothing.

    `site`: what one puts, no other finds.
    """

    def __init__(
        self,
        url: str | None,
        timeout_ms: int,
        ttl_s: int,
        connections: int = 1,
        failed: Callable[[str], None] = lambda _: None,
        turned: Callable[[bool], None] = lambda _: None,
        site: str | None = None,
    ) -> None:
        self._ttl_s = ttl_s
        # What comes after it is a digest of hexadecimal digits where there is no site.
        self._prefix = KEY_PREFIX if site is None else f"{KEY_PREFIX}site:{site}:"
        self._links: Link | ClusterLinks | None = None
        if url is not None:
            of_url = ClusterLinks if url.startswith(CLUSTER) else Link
            self._links = of_url(url, timeout_ms, connections, failed, turned)

    @property
    def state(self) -> str:
        """Return 'off', 'up', or 'down' (given up for the moment)."""
        if self._links is None:
            return "off"
        return "up" if self._links.up else "down"

    def find(self, key: str) -> bytes | Missing:
        """Return what is kept under a key; waits a little where another worker is making it."""
        found = self.fetch(key)
        end = time.monotonic() + OTHERS_SECONDS_MAX  # from now on: who is told late waits all the same
        while found is Missing.ANOTHERS and time.monotonic() < end:
            time.sleep(OTHERS_EVERY_SECONDS)
            found = self.fetch(key)
        return found

    def fetch(self, key: str) -> bytes | Missing:
        """Return what is kept under a key, or why there is nothing: it is not there, not ours, or not to be had."""
        name = self._prefix + key
        link = self._link_to(name)
        if link is None:
            return Missing.UNKNOWN
        if link.full:  # there are no claims to be had, only what is kept
            return self.look(key)
        try:
            kept, claimed = link.ask(("GET", name), ("SET", name, CLAIM, "NX", "PX", CLAIM_MS))
        except Unreachable:
            return Missing.UNKNOWN
        if isinstance(kept, bytes) and kept != CLAIM:
            return _unpack(kept)
        if isinstance(kept, Refused) or isinstance(claimed, Refused):  # of another kind under our key; or Redis is full
            return Missing.UNKNOWN
        return Missing.ANOTHERS if claimed is None else Missing.MINE

    def look(self, key: str) -> bytes | Missing:
        """Return what is kept under a key, and claim nothing."""
        name = self._prefix + key
        link = self._link_to(name)
        if link is None:
            return Missing.UNKNOWN
        try:
            kept = link.call("GET", name)
        except (Unreachable, Refused):
            return Missing.UNKNOWN
        return _unpack(kept) if isinstance(kept, bytes) else Missing.UNKNOWN

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key for the cache's lifetime, if Redis takes them."""
        name = self._prefix + key
        link = self._link_to(name)
        if link is None or link.full:
            return
        try:
            link.post("SET", name, _pack(value), "EX", self._ttl_s)
        except Unreachable:
            return

    def give_up(self, key: str) -> None:
        """Let others have the claim to a key: nothing will be put under it."""
        name = self._prefix + key
        link = self._link_to(name)
        if link is None:
            return
        try:
            link.post("EVAL", _GIVE_UP, 1, name, CLAIM)
        except Unreachable:
            return

    def close(self) -> None:
        """Give up the connections."""
        if self._links is not None:
            self._links.close()

    def _link_to(self, name: str) -> Link | None:
        """Return the link to the server that has a name; None where there is none, or it is not asked for now."""
        link = None if self._links is None else self._links.of(name)
        return link if link is not None and link.up else None


def _pack(value: bytes) -> bytes:
    return _MARK + zlib.crc32(value).to_bytes(_CHECKSUM_BYTES, "little") + value


def _unpack(kept: bytes) -> bytes | Missing:
    """Return the value if what is kept is ours and whole."""
    head = len(_MARK) + _CHECKSUM_BYTES
    value = kept[head:]
    if kept[: len(_MARK)] != _MARK or kept[len(_MARK) : head] != zlib.crc32(value).to_bytes(_CHECKSUM_BYTES, "little"):
        return Missing.UNKNOWN
    return value
