"""A Redis Cluster: a link to each of its servers, and which of them has a key.

A thread asks who has which keys: at the start, every few seconds, and as soon as a server says that one is not its own.
Nobody else waits for that, but for a moment at the start; what has no server for the moment is not kept.
"""

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from redis import Redis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisError, ResponseError

from seealso.logs import get_log
from service.link import CLIENT_OPTIONS, CONNECT_SECONDS_MAX, START_SECONDS_MAX, Link
from service.redis_addresses import read_places
from service.watching import keep_on

# How often it is asked who has which keys. Where a server is lost, the cluster itself takes some seconds to replace it.
LOOK_SECONDS = 2.0
# And no sooner than this after it was: each request may meet a server that says it is not its own.
LOOK_SECONDS_MIN = 0.1
# What a server says of a cluster that it is a part of; one that is cut off from most of the others does not say it.
_WELL = "cluster_state:ok"

_Place = tuple[str, int]


class ClusterLinks:
    """Links to the servers of a cluster. Safe from many threads. `failed` and `turned`: see Link."""

    def __init__(
        self,
        url: str,
        timeout_ms: int,
        connections: int,
        failed: Callable[[str], None],
        turned: Callable[[bool], None],
    ) -> None:
        places = read_places(url)
        self._known: list[_Place] = places.hosts
        self._login = places.login
        self._options = (timeout_ms, connections, failed, self._turned)
        self._told_turned = turned
        self._links: dict[_Place, Link] = {}
        self._by_slot: list[Link | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._whole = False
        self._found = True  # until it is seen not to be so
        self._moved = threading.Event()
        self._closed = threading.Event()
        self._looked = threading.Event()
        keep_on("redis-slots", self._follow, self._closed)
        self._looked.wait(START_SECONDS_MAX)

    @property
    def up(self) -> bool:
        """Return whether each key has a server that is being asked."""
        return self._whole and all(link.up for link in list(self._links.values()))

    def of(self, key: str) -> Link | None:
        """Return the link to the server that has a key; None where none has it for the moment."""
        return self._by_slot[key_slot(key.encode())]

    def close(self) -> None:
        """Give up all connections, and end the threads."""
        self._closed.set()
        self._moved.set()
        for link in list(self._links.values()):
            link.close()

    def _turned(self, down: bool) -> None:
        self._told_turned(not self.up)
        if down:
            self._moved.set()

    def _follow(self) -> None:
        while not self._closed.is_set():
            self._moved.clear()
            self._look()
            self._looked.set()
            self._closed.wait(LOOK_SECONDS_MIN if self._found else LOOK_SECONDS)
            if self._found and not self._closed.is_set():
                self._moved.wait(LOOK_SECONDS)
        for link in self._links.values():  # one may have been made since they were closed
            link.close()

    def _look(self) -> None:
        """Ask the servers, until one whose cluster is well says who has which keys, and link to those."""
        for place in dict.fromkeys([*self._links, *self._known]):
            if self._closed.is_set():
                return
            try:
                slots = self._asked(place)
            except (RedisError, OSError, ValueError):
                continue
            if slots:
                self._take(slots)
                if not self._found:
                    self._found = True
                    get_log().info("cluster_found", servers=len(self._links))
                return
        self._whole = False  # what most servers have is not kept, or not found, until it is well again
        if self._found:
            self._found = False
            self._told_turned(True)
            get_log().warning("cluster_not_found", reason="none of its servers says who has which keys, and is well")

    def _asked(self, place: _Place) -> list[tuple[int, int, _Place]]:
        """Return from which to which slot each primary has keys; none if the server's cluster is not well.

        Raises RedisError or OSError if it does not say.
        """
        host, port = place
        waits: dict[str, Any] = {"socket_timeout": CONNECT_SECONDS_MAX, "socket_connect_timeout": CONNECT_SECONDS_MAX}
        with Redis(host, port, **waits | CLIENT_OPTIONS | self._login) as client:
            # Not by redis-py's own reading of it, which differs by the version of the protocol.
            told: Any = client.connection_pool.get_connection()
            try:
                told.send_command("CLUSTER", "INFO")
                try:
                    well = _WELL in _text(told.read_response())
                except ResponseError:  # who may not ask it takes it to be
                    well = True
                told.send_command("CLUSTER", "SLOTS")
                rows = told.read_response()
            finally:
                client.connection_pool.release(told)
        if not well:
            return []
        # A server that does not know under which name it is reached leaves it out: it is the one that was asked.
        return [(int(first), int(last), (_text(main[0]) or host, int(main[1]))) for first, last, main, *_ in rows]

    def _take(self, slots: list[tuple[int, int, _Place]]) -> None:
        wanted = {place for _, _, place in slots}
        for place in wanted - self._links.keys():
            self._links[place] = Link(_url(place, self._login), *self._options, moved=self._moved.set)
        by_slot: list[Link | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, place in slots:
            by_slot[first : last + 1] = [self._links[place]] * (last + 1 - first)
        self._by_slot = by_slot
        self._whole = None not in by_slot  # each answer asks for it
        for place in self._links.keys() - wanted:
            self._links.pop(place).close()
        self._told_turned(not self.up)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name or "")


def _url(place: _Place, login: dict[str, str]) -> str:
    host = f"[{place[0]}]" if ":" in place[0] else place[0]
    user, password = (quote(login.get(name, ""), safe="") for name in ("username", "password"))
    given = f"{user}:{password}@" if password else ""
    return f"redis://{given}{host}:{place[1]}"
