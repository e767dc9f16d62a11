"""The address of a Redis -> what opens connections to it: a Redis itself, or the one that sentinels name at the moment.

With link and redis_cluster the one user of redis-py. Nothing is connected here.
"""

from typing import Any, NamedTuple
from urllib.parse import unquote

from redis import ConnectionPool
from redis.sentinel import Sentinel, SentinelConnectionPool

SENTINELS = "redis+sentinel://"
CLUSTER = "redis+cluster://"


class Places(NamedTuple):
    """Where to ask: `hosts` with their ports; `login`: user name and password, as redis-py takes them; `path`."""

    hosts: list[tuple[str, int]]
    login: dict[str, str]
    path: list[str]


def pool_of(url: str, options: dict[str, Any], sentinel_options: dict[str, Any]) -> Any:
    """Return a pool, only for what it knows of opening connections: `connection_class` and `connection_kwargs`.

    Keep it as long as its connections.
    """
    if not url.startswith(SENTINELS):
        return ConnectionPool.from_url(url, **options)
    places = read_places(url)
    name, *number = places.path
    sentinels = Sentinel(places.hosts, sentinel_kwargs=sentinel_options | places.login)  # type: ignore[no-untyped-call]
    return SentinelConnectionPool(name, sentinels, db=int(number[0]) if number else 0, **options, **places.login)  # type: ignore[no-untyped-call]


def read_places(url: str) -> Places:
    """Return what an address of several hosts says; it has the form that the settings ask for."""
    _, _, rest = url.partition("://")
    places, *path = rest.rstrip("/").split("/")
    login, _, hosts = places.rpartition("@")
    user, _, password = login.partition(":")
    given = {"username": user, "password": password}
    return Places(
        [(host.strip("[]"), int(port)) for host, _, port in (each.rpartition(":") for each in hosts.split(","))],
        {name: unquote(text) for name, text in given.items() if text},
        path,
    )
