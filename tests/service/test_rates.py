"""How often a stranger may ask, over a real Redis and without one, in one process and in several."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.errors import SettingsInvalid
from service.own_redis import OwnRedis
from service.rates import Rates
from tests.servers import SEEALSO, free_port, serving

MakeApp = Callable[..., APIFlask]
TEXT = {"text": "tides moon sea harbour"}
# By when an hour's count is begun anew; told in whole seconds, rounded up.
HOUR_S = 3_601


@pytest.fixture(autouse=True)
def _nobody_has_asked_yet(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        server.flushall()


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """A Redis that a test may break."""
    with OwnRedis() as server:
        yield server
        with suppress(ProcessLookupError):
            os.kill(server.process_id, signal.SIGCONT)


def ask(client: FlaskClient, address: str = "198.51.100.1", forwarded: str | None = None) -> TestResponse:
    """Send a text from an address."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client.post("/v1/similar", json=TEXT, headers=headers, environ_base={"REMOTE_ADDR": address})


def statuses(client: FlaskClient, times: int, address: str = "198.51.100.1") -> list[int]:
    return [ask(client, address).status_code for _ in range(times)]


# what is refused, and how


def test_nobody_is_refused_where_no_rate_is_set(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="none").test_client()
    assert set(statuses(client, 200)) == {200}


def test_who_asks_too_often_is_told_when_to_come_again(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="3/hour").test_client()
    assert statuses(client, 3) == [200, 200, 200]
    refused = ask(client)
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= HOUR_S
    body = refused.get_json()
    assert body["type"] == "urn:seealso:problem:too-many-requests"
    assert (body["title"], body["status"]) == ("This address asks too often", 429)
    assert "3 per 1 hour" in body["detail"]
    assert body["request_id"] == refused.headers["X-Request-Id"]
    assert refused.headers["Cache-Control"] == "no-store"


def test_who_has_a_key_is_no_stranger(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="3/hour").test_client()
    key = create_key(Store(index), "An app", "read", "ann")[1]
    asked = {"Authorization": f"Bearer {key}"}
    assert {client.post("/v1/similar", json=TEXT, headers=asked).status_code for _ in range(5)} == {200}
    assert statuses(client, 4) == [200, 200, 200, 429]  # what was asked with the key has not been counted
    for headers, status in (({"Authorization": "Bearer seealso_nothing"}, 429), (asked, 200)):
        answer = client.post("/v1/similar", json=TEXT, headers=headers, environ_base={"REMOTE_ADDR": "198.51.100.1"})
        assert answer.status_code == status


def test_of_several_rates_the_one_that_is_broken_is_told(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="2/hour;1000/day").test_client()
    assert statuses(client, 2) == [200, 200]
    refused = ask(client)
    assert "2 per 1 hour" in refused.get_json()["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= HOUR_S


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/v1/similar", TEXT),
        ("/v1/related", {"articles": ["a000"]}),
        ("/v1/page", {"article": "a000", "blocks": [{"name": "below"}]}),
    ],
)
def test_texts_batches_and_pages_are_limited_and_the_document_says_so(
    index: Path, make_app: MakeApp, address: str, body: dict[str, object]
) -> None:
    client = make_app(index, rate_limit="2/hour").test_client()
    assert [client.post(address, json=body).status_code for _ in range(3)] == [200, 200, 429]
    document = client.get("/openapi.json").get_json()
    assert "429" in document["paths"][address]["post"]["responses"]


def test_refusal_is_for_the_address_that_asked(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="2/hour").test_client()
    assert statuses(client, 3, "198.51.100.1") == [200, 200, 429]
    assert statuses(client, 3, "198.51.100.2") == [200, 200, 429]
    assert statuses(client, 3, "2001:db8::1") == [200, 200, 429]


def test_page_views_are_not_limited(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="1/hour").test_client()
    assert statuses(client, 2) == [200, 429]
    answers = [client.get(f"/v1/articles/a000/related?limit={limit}").status_code for limit in range(1, 20)]
    assert set(answers) == {200}


# whose address it is


def test_forwarded_address_of_a_stranger_is_not_believed(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="2/hour").test_client()
    forwarded = [ask(client, forwarded=f"203.0.113.{number}").status_code for number in range(3)]
    assert forwarded == [200, 200, 429]


def test_proxy_in_front_says_who_asks(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="2/hour", proxies=1).test_client()
    for reader in ("203.0.113.1", "203.0.113.2"):
        # What a reader sends stands before what the proxy adds.
        asked = [ask(client, forwarded=f"192.0.2.{number}, {reader}").status_code for number in range(3)]
        assert asked == [200, 200, 429]


@pytest.mark.parametrize(
    ("addresses", "answers"),
    [
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1"], [200, 429, 200]),
        (["::ffff:198.51.100.1", "::ffff:198.51.100.2", "198.51.100.1"], [200, 200, 429]),
        (["fe80::1%eth0", "fe80::1%eth0", "no:address"], [200, 429, 200]),
    ],
)
def test_one_network_of_ipv6_is_one_stranger(
    index: Path, make_app: MakeApp, addresses: list[str], answers: list[int]
) -> None:
    client = make_app(index, rate_limit="1/hour").test_client()
    assert [ask(client, address).status_code for address in addresses] == answers


# several workers


def test_workers_count_together_by_redis(index: Path, make_app: MakeApp) -> None:
    workers = [make_app(index, rate_limit="3/hour").test_client() for _ in range(2)]
    assert [ask(workers[number % 2]).status_code for number in range(5)] == [200, 200, 200, 429, 429]


# The service, whose workers wait until they have Redis: without it, each counts by itself.
PATIENT = "import service.link; service.link.START_SECONDS_MAX = 60.0; from seealso.cli import main; main()"


def test_service_of_several_workers_lets_no_more_through(index: Path, tmp_path: Path) -> None:
    # A busy machine is no Redis that is gone.
    settings = {"SEEALSO_RATE_LIMIT": "7/hour", "SEEALSO_REDIS_TIMEOUT_MS": "10000"}
    with serving(index, tmp_path / "log", 3, True, (sys.executable, "-c", PATIENT), **settings) as service:
        body = {"articles": ["a000"]}
        answers = Counter(service.post("/v1/related", body).status for _ in range(40))
    assert answers == {200: 7, 429: 33}


# without Redis


def test_process_counts_by_itself_when_redis_is_gone(index: Path, make_app: MakeApp, own_redis: OwnRedis) -> None:
    workers = [
        make_app(index, redis_url=own_redis.url, rate_limit="2/hour", redis_timeout_ms=200).test_client()
        for _ in range(2)
    ]
    assert statuses(workers[0], 1) == [200]
    own_redis.close()
    for worker in workers:
        assert statuses(worker, 4) == [200, 200, 429, 429]
        assert int(ask(worker).headers["Retry-After"]) > 0


def test_process_counts_by_itself_when_redis_never_was(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, redis_url="redis://127.0.0.1:1", rate_limit="2/hour", redis_timeout_ms=200)
    assert statuses(app.test_client(), 3) == [200, 200, 429]


def test_nobody_waits_for_the_name_of_a_redis_that_is_known_to_be_gone(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis and what knows its name are often gone together, and a name is looked up for seconds."""
    asking = set[int]()

    def unknown(*_: object, **__: object) -> list[Any]:
        asking.add(threading.get_ident())
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    app = make_app(index, redis_url="redis://redis.invalid:6379", rate_limit="2/hour")
    client, cache = app.test_client(), app.extensions["seealso"].cache
    deadline = time.monotonic() + 20
    while cache.state != "down":
        assert time.monotonic() < deadline
        client.get("/v1/articles/a000/related?limit=3")
        time.sleep(0.01)
    asking.discard(threading.get_ident())
    assert statuses(client, 3) == [200, 200, 429]
    assert threading.get_ident() not in asking


def stopped(server: OwnRedis) -> None:
    server.close()


def hung(server: OwnRedis) -> None:
    os.kill(server.process_id, signal.SIGSTOP)


@pytest.mark.parametrize("fault", [stopped, hung])
def test_nobody_is_failed_by_a_redis_that_fails_under_many_at_once(
    index: Path, make_app: MakeApp, own_redis: OwnRedis, fault: Callable[[OwnRedis], None]
) -> None:
    app = make_app(index, redis_url=own_redis.url, rate_limit="1000/hour", redis_timeout_ms=200, threads=32)
    assert statuses(app.test_client(), 1) == [200]
    fault(own_redis)
    found: list[int] = []
    together = threading.Barrier(8)

    def send() -> None:
        client = app.test_client()
        together.wait()
        found.append(ask(client).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 8


def test_something_else_under_the_counts_keys_fails_nobody(index: Path, make_app: MakeApp, own_redis: OwnRedis) -> None:
    client = make_app(index, redis_url=own_redis.url, rate_limit="3/hour").test_client()
    assert statuses(client, 1) == [200]
    with redis.Redis.from_url(own_redis.url) as server:
        for key in list(server.scan_iter("*rates*")):
            server.delete(key)
            server.rpush(key, "an element")
    assert set(statuses(client, 10)) == {200, 429}


def test_full_redis_that_evicts_nothing_fails_nobody_and_limits(
    index: Path, make_app: MakeApp, own_redis: OwnRedis
) -> None:
    client = make_app(index, redis_url=own_redis.url, rate_limit="3/hour").test_client()
    with redis.Redis.from_url(own_redis.url) as server:
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("maxmemory", "1")
    assert statuses(client, 5) == [200, 200, 200, 429, 429]


def test_refusal_is_one_even_where_redis_does_not_say_when_to_come_again(
    index: Path, make_app: MakeApp, own_redis: OwnRedis
) -> None:
    """As if it failed between the count and the question."""
    client = make_app(index, redis_url=own_redis.url, rate_limit="2/hour").test_client()
    assert statuses(client, 2) == [200, 200]
    with redis.Redis.from_url(own_redis.url) as server:
        server.execute_command("ACL", "SETUSER", "default", "-ttl", "-pttl", "-get")
    refused = ask(client)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


# settings


@pytest.mark.parametrize("rate", ["often", "120", "120/fortnight", "-1/minute", "1.5/minute", ""])
def test_rate_that_means_nothing_is_refused(rate: str) -> None:
    with pytest.raises(SettingsInvalid, match="no rate; write one such as 120/minute"):
        Rates({"some.view": rate}, None, 50)


def test_wrong_rate_is_told_before_a_worker_is_started(index: Path) -> None:
    done = subprocess.run(
        [SEEALSO, "serve", "--index", str(index), "--port", str(free_port())],
        env=os.environ | {"SEEALSO_RATE_LIMIT": "often"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 3, done.stderr
    assert "SEEALSO_RATE_LIMIT" in done.stderr
    assert "worker_died" not in done.stderr
