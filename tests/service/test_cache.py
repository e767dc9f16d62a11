import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask

import service.cache
import service.link
from service.cache import CLAIM, KEY_PREFIX, Cache, Missing
from service.link import FAILURES_TO_OPEN
from service.own_redis import OwnRedis
from tests.waiting import wait_until

TTL_S = 60
LONG_MS = 60_000
SECONDS_MAX = 20.0


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def make_cache(redis_url: str) -> Iterator[Callable[[], Cache]]:
    """Makes what each worker has."""
    made: list[Cache] = []

    def make() -> Cache:
        made.append(Cache(redis_url, timeout_ms=1_000, ttl_s=TTL_S, connections=2))
        wait_until(lambda: made[-1].state == "up")
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.fixture
def cache(server: redis.Redis, make_cache: Callable[[], Cache]) -> Cache:
    return make_cache()


@pytest.fixture
def claims_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim outlives what a busy machine takes for a test."""
    monkeypatch.setattr(service.cache, "CLAIM_MS", LONG_MS)


def keep(cache: Cache, server: redis.Redis, key: str, value: bytes) -> None:
    """Put something, and wait until it is there."""
    cache.put(key, value)
    wait_until(lambda: server.exists(f"{KEY_PREFIX}{key}") == 1)


# what is kept


def test_what_is_put_comes_back(cache: Cache) -> None:
    for value in (b"", b"answer", bytes(range(256)) * 1_000):
        cache.put("key", value)
        assert cache.find("key") == cache.fetch("key") == value
    assert cache.fetch("other") is Missing.MINE


@pytest.mark.usefixtures("claims_last")
def test_every_key_has_a_lifetime_and_our_prefix(cache: Cache, server: redis.Redis) -> None:
    cache.fetch("key")
    keep(cache, server, "kept", b"answer")
    assert sorted(server.scan_iter()) == [f"{KEY_PREFIX}{name}".encode() for name in ("kept", "key")]
    assert 0 < server.ttl(f"{KEY_PREFIX}kept") <= TTL_S
    assert 0 < server.pttl(f"{KEY_PREFIX}key") <= LONG_MS


def test_what_one_worker_puts_another_finds(cache: Cache, server: redis.Redis, make_cache: Callable[[], Cache]) -> None:
    keep(cache, server, "key", b"answer")
    assert make_cache().find("key") == b"answer"


# whose it is to make


@pytest.mark.usefixtures("claims_last")
def test_of_all_that_miss_a_key_at_once_one_has_the_claim(cache: Cache, make_cache: Callable[[], Cache]) -> None:
    workers = [cache, make_cache()]
    found: list[bytes | Missing] = []
    together = threading.Barrier(len(workers) * 2)

    def ask(worker: Cache) -> None:
        together.wait()
        found.append(worker.fetch("key"))

    threads = [threading.Thread(target=ask, args=(worker,)) for worker in workers * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(Missing.MINE) == 1
    assert len(found) == len(threads)


@pytest.mark.usefixtures("claims_last")
def test_claims_of_different_keys_have_nothing_to_do_with_each_other(cache: Cache) -> None:
    assert cache.fetch("key") is Missing.MINE
    assert cache.fetch("other") is Missing.MINE
    assert cache.fetch("key") is Missing.ANOTHERS


def test_claim_of_a_worker_that_died_lapses(cache: Cache) -> None:
    assert cache.fetch("key") is Missing.MINE
    wait_until(lambda: cache.fetch("key") is Missing.MINE)


def test_who_finds_a_claim_waits_for_the_answer(cache: Cache, server: redis.Redis) -> None:
    server.set(f"{KEY_PREFIX}key", CLAIM, px=LONG_MS)
    answered = threading.Event()
    found: list[bytes | Missing] = []

    def ask() -> None:
        while not answered.is_set():  # each wait is short: it is begun again until the answer is there
            found.append(cache.find("key"))

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: len(found) > 1)
    cache.put("key", b"answer")
    wait_until(lambda: b"answer" in found)
    answered.set()
    asking.join()
    assert set(found) == {Missing.ANOTHERS, b"answer"}


@pytest.mark.usefixtures("claims_last")
def test_claim_that_is_given_up_is_the_next_ones(cache: Cache) -> None:
    assert cache.fetch("key") is Missing.MINE
    cache.give_up("key")
    wait_until(lambda: cache.fetch("key") is Missing.MINE)


@pytest.mark.usefixtures("claims_last")
def test_who_gives_up_leaves_what_another_made(cache: Cache, make_cache: Callable[[], Cache]) -> None:
    assert cache.fetch("key") is Missing.MINE
    make_cache().put("key", b"answer")
    wait_until(lambda: cache.fetch("key") == b"answer")
    cache.give_up("key")
    assert cache.fetch("key") == b"answer"


@pytest.mark.usefixtures("claims_last")
def test_who_only_looks_claims_nothing(cache: Cache) -> None:
    assert cache.look("key") is Missing.UNKNOWN
    assert cache.fetch("key") is Missing.MINE
    assert cache.look("key") is Missing.UNKNOWN


# what is not ours, or not whole


@pytest.mark.parametrize(
    "garbage", [b"", b"S", b"S1", b"S2", b"garbage", b"S2\0\0\0\0answer", b"S1\0\0\0\0answer", b"\xff" * 100_000, b"17"]
)
def test_garbage_under_our_key_is_nothing_and_is_written_over(
    cache: Cache, server: redis.Redis, garbage: bytes
) -> None:
    server.set(f"{KEY_PREFIX}key", garbage)
    assert cache.find("key") is Missing.UNKNOWN
    cache.put("key", b"answer")
    assert cache.find("key") == b"answer"
    assert 0 < server.ttl(f"{KEY_PREFIX}key") <= TTL_S


def make_list(server: redis.Redis, key: str) -> None:
    server.rpush(key, "element")


def make_set(server: redis.Redis, key: str) -> None:
    server.sadd(key, "element")


def make_sorted_set(server: redis.Redis, key: str) -> None:
    server.zadd(key, {"element": 1.0})


def make_hash(server: redis.Redis, key: str) -> None:
    server.hset(key, "field", "value")


def make_stream(server: redis.Redis, key: str) -> None:
    server.xadd(key, {"field": "value"})


OTHER_TYPES = [make_list, make_set, make_sorted_set, make_hash, make_stream]


@pytest.mark.parametrize("make", OTHER_TYPES)
def test_another_type_under_our_key_is_nothing_and_is_written_over(
    cache: Cache, server: redis.Redis, make: Callable[[redis.Redis, str], None]
) -> None:
    make(server, f"{KEY_PREFIX}key")
    for _ in range(FAILURES_TO_OPEN + 1):
        assert cache.find("key") is Missing.UNKNOWN
    assert cache.state == "up"
    cache.put("key", b"answer")
    assert cache.find("key") == b"answer"


def test_cut_or_changed_value_is_nothing(cache: Cache, server: redis.Redis) -> None:
    keep(cache, server, "key", b"a whole answer")
    kept = server.get(f"{KEY_PREFIX}key")
    assert isinstance(kept, bytes)
    for damaged in (kept[:-1], kept + b" ", kept[1:], kept[:-1] + b"R", kept.replace(b"whole", b"wrong")):
        server.set(f"{KEY_PREFIX}key", damaged)
        assert cache.find("key") is Missing.UNKNOWN


# when Redis is not well


def test_full_redis_that_evicts_nothing_still_answers(cache: Cache, server: redis.Redis) -> None:
    keep(cache, server, "kept", b"answer")
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", "1")
    try:
        for _ in range(FAILURES_TO_OPEN + 1):
            cache.put("refused", b"answer")
            assert cache.find("refused") is Missing.UNKNOWN  # not even a claim can be had
        assert cache.find("kept") == b"answer"
        assert cache.state == "up"
    finally:
        server.config_set("maxmemory", "256mb")
        server.config_set("maxmemory-policy", "allkeys-lru")
    wait_until(lambda: cache.find("refused") is Missing.MINE)
    keep(cache, server, "taken", b"answer")


def test_full_redis_is_asked_for_what_it_has_and_given_nothing(
    cache: Cache, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.link, "FULL_SECONDS", LONG_MS / 1_000)
    keep(cache, server, "kept", b"answer")
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", "1")
    try:
        assert cache.find("refused") is Missing.UNKNOWN
    finally:
        server.config_set("maxmemory", "256mb")
        server.config_set("maxmemory-policy", "allkeys-lru")
    assert cache.find("refused") is Missing.UNKNOWN  # it is not tried yet whether there is room again
    cache.put("refused", b"answer")
    assert cache.find("kept") == b"answer"
    assert server.keys(f"*{KEY_PREFIX}refused*") == []


def test_redis_that_only_reads_still_answers(cache: Cache, server: redis.Redis) -> None:
    keep(cache, server, "kept", b"answer")
    server.replicaof("127.0.0.1", "1")
    try:
        cache.put("refused", b"answer")
        assert cache.find("refused") is Missing.UNKNOWN
        wait_until(lambda: cache.find("kept") == b"answer")  # on another connection, which may have to be opened
        for _ in range(2 * FAILURES_TO_OPEN):
            assert cache.find("kept") == b"answer"
        assert cache.state == "up"
    finally:
        server.replicaof("NO", "ONE")


def test_no_redis_keeps_nothing() -> None:
    cache = Cache(None, 50, TTL_S)
    cache.put("key", b"answer")
    assert (cache.find("key"), cache.fetch("key"), cache.state) == (Missing.UNKNOWN, Missing.UNKNOWN, "off")
    cache.close()


def test_redis_that_is_gone_is_nothing_kept() -> None:
    with OwnRedis() as server:
        cache = Cache(server.url, timeout_ms=1_000, ttl_s=TTL_S)
        wait_until(lambda: cache.state == "up")
        cache.put("key", b"answer")
    for _ in range(FAILURES_TO_OPEN + 1):
        assert cache.find("key") is Missing.UNKNOWN
    wait_until(lambda: cache.state == "down")
    cache.put("key", b"answer")  # kept away, not tried
    assert cache.find("key") is Missing.UNKNOWN
    cache.close()


def test_hung_redis_is_nothing_kept_and_is_asked_again_when_it_goes_on() -> None:
    failures: list[str] = []
    turns: list[bool] = []
    with OwnRedis() as server:
        cache = Cache(server.url, 300, TTL_S, 2, failures.append, turns.append)
        wait_until(lambda: turns[-1:] == [False])
        turns.clear()
        failures.clear()
        cache.put("key", b"answer")
        os.kill(server.process_id, signal.SIGSTOP)
        while cache.state == "up":
            assert cache.find("key") is Missing.UNKNOWN
        assert len(failures) <= FAILURES_TO_OPEN + 1
        os.kill(server.process_id, signal.SIGCONT)
        wait_until(lambda: turns[-1:] == [False])
        wait_until(lambda: cache.find("key") == b"answer")
        cache.close()
    assert turns == [True, False]


# a claim whose answer is not made


@pytest.mark.usefixtures("claims_last")
def test_article_that_is_gone_leaves_no_claim_to_wait_for(
    index: Path, make_app: Callable[..., APIFlask], server: redis.Redis
) -> None:
    client = make_app(index).test_client()
    assert client.get("/v1/articles/gone/related").status_code == 404
    assert list(server.scan_iter(f"{KEY_PREFIX}*")) == []
