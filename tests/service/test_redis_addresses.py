"""A Redis that sentinels watch: asked where they say it is, and where it is after another has taken its place."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask

from seealso.settings import ServiceSettings
from service.app import create_app
from service.cache import Cache
from service.redis_addresses import read_places
from tests.makers import HashEncoder, articles, index_of
from tests.redis_groups import Group, asked, watched
from tests.waiting import wait_until

TTL_S = 60


@pytest.fixture
def group(tmp_path: Path) -> Iterator[tuple[Group, int, int]]:
    (tmp_path / "servers").mkdir()
    with watched(tmp_path / "servers") as found:
        yield found


@pytest.fixture
def cache(group: tuple[Group, int, int]) -> Iterator[Cache]:
    cache = Cache(group[0].url, timeout_ms=1_000, ttl_s=TTL_S, connections=2)
    wait_until(lambda: cache.state == "up")
    yield cache
    cache.close()


def kept(cache: Cache, key: str, value: bytes) -> bool:
    cache.put(key, value)
    return cache.find(key) == value


def test_an_address_says_hosts_login_and_name() -> None:
    places = read_places("redis+sentinel://me:word@a:1,[::1]:2/main/3")
    assert places.hosts == [("a", 1), ("::1", 2)]
    assert places.login == {"username": "me", "password": "word"}
    assert places.path == ["main", "3"]
    assert read_places("redis+cluster://m%40e:p%40s%2Fs%23%2541%3A@a:1").login == {
        "username": "m@e",
        "password": "p@s/s#%41:",
    }
    assert read_places("redis+cluster://:word@a:1").login == {"password": "word"}
    assert read_places("redis+cluster://a:1") == ([("a", 1)], {}, [])


def test_what_is_put_is_found_also_after_another_has_taken_over(cache: Cache, group: tuple[Group, int, int]) -> None:
    servers, first, second = group
    wait_until(lambda: kept(cache, "one", b"before"))
    wait_until(lambda: bool(asked(first, "DBSIZE")))
    servers.kill(first)
    wait_until(lambda: cache.state == "up" and kept(cache, "two", b"after"))
    wait_until(lambda: bool(asked(second, "ROLE")))
    wait_until(lambda: bool(asked(second, "DBSIZE")))


def test_one_that_is_no_longer_the_first_is_left(cache: Cache, group: tuple[Group, int, int]) -> None:
    """The two change places while both run: who still asks the old one is told that it only reads."""
    servers, _, second = group
    wait_until(lambda: kept(cache, "one", b"before"))
    sentinel = int(servers.url.rpartition(":")[2].partition("/")[0])

    def named() -> bool:
        if asked(sentinel, "SENTINEL", "get-master-addr-by-name", "main") == [b"127.0.0.1", str(second).encode()]:
            return True
        asked(sentinel, "SENTINEL", "failover", "main")  # refused until it knows how the replica is
        return False

    wait_until(named)
    # Until the old one is told that it only reads, it takes what is lost when it is.
    wait_until(lambda: kept(cache, "two", b"after") and bool(asked(second, "EXISTS", "seealso:2:two")))


def test_service_answers_and_counts_by_sentinels(group: tuple[Group, int, int], tmp_path: Path) -> None:
    index_of(tmp_path / "index", articles(5))
    app: APIFlask = create_app(settings_of(tmp_path / "index", f"{group[0].url}/1"), lambda _: HashEncoder())
    wait_until(lambda: app.extensions["seealso"].cache.state == "up")
    client = app.test_client()
    assert client.get("/v1/articles/a001/related").status_code == 200
    wait_until(lambda: bool(_keys(group[1], "seealso:2:*")))
    codes = [client.post("/v1/similar", json={"text": "tides moon"}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert any(b"seealso:rates" in key for key in _keys(group[1], "*"))
    app.extensions["seealso"].cache.close()


def settings_of(index: Path, redis_url: str) -> ServiceSettings:
    # A busy machine is no Redis that is gone, without which each process counts by itself.
    return ServiceSettings(index=index, redis_url=redis_url, redis_timeout_ms=10_000, rate_limit="2/minute")


def _keys(port: int, pattern: str) -> list[bytes]:
    with redis.Redis(port=port, db=1) as client:
        found: list[bytes] = client.keys(pattern)
        return found


def test_password_of_any_characters_opens_the_sentinels_and_redis(tmp_path: Path) -> None:
    """To the cache, and to where strangers are counted."""
    password, written = "p@s/s#%41:", "p%40s%2Fs%23%2541%3A"
    (tmp_path / "servers").mkdir()
    with watched(tmp_path / "servers", password) as (group, *_):
        index_of(tmp_path / "index", articles(5))
        url = group.url.replace("//", f"//:{written}@")
        settings = settings_of(tmp_path / "index", url)
        app: APIFlask = create_app(settings, lambda _: HashEncoder())
        wait_until(lambda: app.extensions["seealso"].cache.state == "up")
        client = app.test_client()
        codes = [client.post("/v1/similar", json={"text": "tides moon"}).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        other = create_app(settings, lambda _: HashEncoder())  # another worker: they are counted in Redis
        wait_until(lambda: other.extensions["seealso"].cache.state == "up")
        assert other.test_client().post("/v1/similar", json={"text": "tides moon"}).status_code == 429
        for each in (app, other):
            each.extensions["seealso"].cache.close()
