import socket
import threading
import time
from collections.abc import Iterator

import pytest
import redis

import service.cache
from service.cache import FAILURES_TO_OPEN, KEY_PREFIX, Cache
from service.own_redis import OwnRedis


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def cache(server: redis.Redis, redis_url: str) -> Iterator[Cache]:
    cache = Cache(redis_url, timeout_ms=1_000, ttl_s=60)
    yield cache
    cache.close()


def test_what_is_put_comes_back(cache: Cache) -> None:
    for value in (b"", b"answer", bytes(range(256)) * 100):
        cache.put("key", value)
        assert cache.get("key") == value
    assert cache.get("other") is None
    assert cache.state == "up"


def test_every_key_has_a_lifetime_and_our_prefix(cache: Cache, server: redis.Redis) -> None:
    cache.put("key", b"answer")
    (key,) = server.keys()
    assert key == f"{KEY_PREFIX}key".encode()
    assert 0 < server.ttl(key) <= 60


def test_garbage_under_our_key_is_nothing(cache: Cache, server: redis.Redis) -> None:
    for garbage in (b"", b"S", b"S1", b"garbage", b"S1\0\0\0\0answer", b"\xff" * 1000):
        server.set(f"{KEY_PREFIX}key", garbage)
        assert cache.get("key") is None
    server.delete(f"{KEY_PREFIX}key")
    server.lpush(f"{KEY_PREFIX}key", "of another type")
    assert cache.get("key") is None
    assert cache.state == "up"


def test_cut_value_is_nothing(cache: Cache, server: redis.Redis) -> None:
    cache.put("key", b"a whole answer")
    kept = server.get(f"{KEY_PREFIX}key")
    assert isinstance(kept, bytes)
    server.set(f"{KEY_PREFIX}key", kept[:-1])
    assert cache.get("key") is None


def test_full_redis_that_evicts_nothing_still_answers(cache: Cache, server: redis.Redis) -> None:
    cache.put("kept", b"answer")
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", "1")
    try:
        for _ in range(FAILURES_TO_OPEN + 1):
            cache.put("refused", b"answer")
        assert cache.get("kept") == b"answer"
        assert cache.state == "up"
    finally:
        server.config_set("maxmemory", "256mb")
        server.config_set("maxmemory-policy", "allkeys-lru")


def test_no_redis_keeps_nothing() -> None:
    cache = Cache(None, 50, 60)
    cache.put("key", b"answer")
    assert (cache.get("key"), cache.state) == (None, "off")


def test_gone_redis_is_given_up() -> None:
    with OwnRedis() as server:
        url = server.url
        cache = Cache(url, timeout_ms=1_000, ttl_s=60)
        cache.put("key", b"answer")
    for _ in range(FAILURES_TO_OPEN):
        assert cache.get("key") is None
    assert cache.state == "down"
    cache.put("key", b"answer")  # kept away, not tried
    cache.close()


def test_redis_that_came_back_is_used_again(
    server: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.cache, "OPEN_SECONDS", 0.05)
    cache = Cache(redis_url, timeout_ms=1_000, ttl_s=60)
    cache.put("key", b"answer")
    for _ in range(FAILURES_TO_OPEN):
        cache._breaker.failed(ConnectionError("gone"))
    assert cache.get("key") is None
    assert cache.state == "down"
    time.sleep(0.1)
    assert cache.get("key") == b"answer"
    assert cache.state == "up"
    cache.close()


def test_hung_redis_costs_its_timeout_a_few_times_and_then_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        cache = Cache(f"redis://127.0.0.1:{silent.getsockname()[1]}", timeout_ms=50, ttl_s=60)
        tries = 0
        while cache.state == "up":
            assert cache.get("key") is None
            tries += 1
        assert tries == FAILURES_TO_OPEN
        admitted = [cache._breaker.admits() for _ in range(100)]
        assert not any(admitted)
        cache.close()


def test_while_open_one_call_tries_and_the_others_pass_by(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = service.cache.Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(ConnectionError("gone"))
    breaker._next_try = 0.0
    admitted: list[bool] = []
    threads = [threading.Thread(target=lambda: admitted.append(breaker.admits())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admitted.count(True) == 1
