"""A real Redis Cluster: each key asked for where it is, and where it is after a server was lost."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import service.cache
from seealso.settings import ServiceSettings
from service.app import create_app
from service.cache import Cache, Missing
from service.link import Link, Refused
from service.redis_cluster import ClusterLinks
from tests.makers import HashEncoder, articles, index_of
from tests.redis_groups import SLOTS, Group, asked, clustered
from tests.waiting import wait_until

TTL_S = 60
KEYS = [f"key{number}" for number in range(60)]


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Group, list[int]]]:
    with clustered(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def turns() -> list[bool]:
    return []


@pytest.fixture
def cache(group: tuple[Group, list[int]], turns: list[bool]) -> Iterator[Cache]:
    cache = Cache(group[0].url, 1_000, TTL_S, connections=2, turned=turns.append)
    wait_until(lambda: cache.state == "up")
    yield cache
    cache.close()


def kept(cache: Cache, key: str) -> bool:
    cache.put(key, key.encode())
    return cache.find(key) == key.encode()


def test_keys_are_kept_each_on_its_server(cache: Cache, group: tuple[Group, list[int]]) -> None:
    for key in KEYS:
        wait_until(lambda key=key: kept(cache, key))  # type: ignore[misc]
    sizes = [asked(port, "DBSIZE") for port in group[1][:3]]
    assert all(isinstance(size, int) and size >= 10 for size in sizes), sizes


@pytest.mark.parametrize("key", ["a{b}c", "}", "{", "{}", "50%", "%7B", "a}{b"])
def test_key_is_claimed_and_kept_whatever_is_in_it(cache: Cache, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(service.cache, "CLAIM_MS", 60_000)  # it outlives what a busy machine takes
    assert cache.fetch(key) is Missing.MINE
    assert cache.fetch(key) is Missing.ANOTHERS
    cache.give_up(key)
    wait_until(lambda: cache.fetch(key) is Missing.MINE)
    cache.put(key, key.encode())
    wait_until(lambda: cache.fetch(key) == key.encode())


def test_no_two_keys_are_one(cache: Cache) -> None:
    for key in ("{", "%7B"):
        cache.put(f"of {key}", key.encode())
    wait_until(lambda: cache.fetch("of {") == b"{")
    wait_until(lambda: cache.fetch("of %7B") == b"%7B")


def test_service_answers_by_a_cluster(group: tuple[Group, list[int]], tmp_path: Path) -> None:
    index_of(tmp_path, articles(5))
    settings = ServiceSettings(index=tmp_path, redis_url=group[0].url, redis_timeout_ms=10_000)
    app = create_app(settings, lambda _: HashEncoder())
    wait_until(lambda: app.extensions["seealso"].cache.state == "up")
    client = app.test_client()
    for number in range(5):
        assert client.get(f"/v1/articles/a{number:03}/related").status_code == 200
    assert client.post("/v1/similar", json={"text": "tides moon"}).status_code == 200
    assert "X-Seealso-Degraded" not in client.get("/v1/articles/a001/related").headers
    app.extensions["seealso"].cache.close()


def test_cluster_of_which_nobody_answers_holds_up_nobody() -> None:
    cache = Cache("redis+cluster://127.0.0.1:1", 1_000, TTL_S)
    assert (cache.state, cache.find("key")) == ("down", Missing.UNKNOWN)
    cache.put("key", b"value")
    cache.close()


def test_cluster_that_hangs_holds_up_nobody_who_starts() -> None:
    with ExitStack() as listening:
        ports = [listening.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(20)]
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)
        links = ClusterLinks(url, 1_000, 1, lambda _: None, lambda _: None)
        assert not links._looked.is_set()  # each is waited for, a second at most, by a thread of its own
        assert not links.up
        links.close()


@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[int]:
    """The port of a server that does not see the most of its cluster."""
    group = Group(tmp_path)
    port = group.start("--cluster-enabled", "yes")
    asked(port, "CLUSTER", "ADDSLOTS", *range(SLOTS // 2))
    yield port
    group.end()


def test_server_that_is_cut_off_is_not_believed(cut_off: int, group: tuple[Group, list[int]]) -> None:
    cache = Cache(f"redis+cluster://127.0.0.1:{cut_off},127.0.0.1:{group[1][1]}", 1_000, TTL_S)
    wait_until(lambda: cache.state == "up" and all(kept(cache, key) for key in KEYS))
    cache.close()


def test_cluster_that_is_down_is_looked_at_again(cut_off: int) -> None:
    told: list[str] = []
    link = Link(f"redis://127.0.0.1:{cut_off}", 1_000, moved=lambda: told.append("moved"))
    wait_until(lambda: link.up)
    with pytest.raises(Refused, match="CLUSTERDOWN"):
        link.call("GET", "key")
    assert told == ["moved"]
    link.close()


def test_lost_server_is_replaced_by_its_replica(
    cache: Cache, group: tuple[Group, list[int]], turns: list[bool]
) -> None:
    """Last: the cluster is another one afterwards."""
    servers, ports = group
    wait_until(lambda: all(kept(cache, key) for key in KEYS))
    # On a busy machine the replica may have taken over before.
    lost, other = (ports[0], ports[3]) if is_primary(ports[0]) else (ports[3], ports[0])
    turns.clear()
    servers.kill(lost)
    found = [cache.find(key) for key in KEYS]
    assert sum(isinstance(each, bytes) for each in found) >= 20  # on the other two
    assert all(isinstance(each, bytes) or each is Missing.UNKNOWN for each in found)
    wait_until(lambda: cache.state == "up" and all(kept(cache, key) for key in KEYS))
    wait_until(lambda: bool(asked(other, "DBSIZE")))
    assert turns[-1] is False


def is_primary(port: int) -> bool:
    role = asked(port, "ROLE")
    return isinstance(role, list) and role[0] == b"master"


def test_password_of_any_characters_opens_each_server(tmp_path: Path) -> None:
    password, written = "p@s/s#%41:", "p%40s%2Fs%23%2541%3A"
    group = Group(tmp_path)
    try:
        port = group.start("--cluster-enabled", "yes", "--requirepass", password)
        asked(port, "CLUSTER", "ADDSLOTS", *range(SLOTS), password=password)
        wait_until(lambda: b"cluster_state:ok" in bytes(asked(port, "CLUSTER", "INFO", password=password) or b""))  # type: ignore[call-overload]
        cache = Cache(f"redis+cluster://:{written}@127.0.0.1:{port}", 1_000, TTL_S)
        wait_until(lambda: cache.state == "up" and kept(cache, "key"))
        cache.close()
    finally:
        group.end()
