"""Caches in front are told what to drop: a real listener, a real store."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import service.purging
from seealso.editorial.purges import TRIES_MAX, add_purge_in, read_purges, try_again
from seealso.editorial.store import Store
from service.purging import HEADER_CHARACTERS_MAX, Purging, in_headers
from tests.listener import listening
from tests.servers import free_port


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def add(store: Store, article_id: str = "a") -> None:
    with store.writing() as writing:
        writing.record("ann", "takedown", article_id, None, None)
        add_purge_in(writing, {"keys": [f"article:{article_id}"]})


def test_what_is_due_is_posted_as_it_was_written(store: Store) -> None:
    with listening() as listener:
        add(store, "a")
        add(store, "b")
        sent = Purging(store, f"{listener.url}/purge?token=secret", "Bearer x").send_due()
    assert [purge.state for purge in sent] == ["done", "done"]
    assert [json.loads(body) for _, _, _, body in listener.asked] == [{"keys": ["article:a"]}, {"keys": ["article:b"]}]
    method, path, headers, _ = listener.asked[0]
    assert (method, path) == ("POST", "/purge?token=secret")
    assert (headers["content-type"], headers["authorization"]) == ("application/json", "Bearer x")


def test_what_is_not_taken_is_tried_again_and_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seealso.editorial.purges.PAUSE_SECONDS_MAX", 0)
    with listening() as listener, capture_logs() as logs:
        listener.statuses = [500] * TRIES_MAX + [200]
        add(store)
        sent = Purging(store, f"{listener.url}/purge?token=secret").send_due()
    assert len(sent) == len(listener.asked) == TRIES_MAX
    assert [line["event"] for line in logs] == ["purge_failed"] * (TRIES_MAX - 1) + ["purge_given_up"]
    assert "it answered 500" in logs[-1]["reason"]
    assert "secret" not in repr(logs)
    with store.reading() as connection:
        assert [purge.id for purge in read_purges(connection, "given-up", 9)] == [1]


def test_keys_go_out_in_headers_that_a_cache_reads(store: Store) -> None:
    keys = [f"article:{number:04}" for number in range(400)]
    with store.writing() as writing:
        writing.record("ann", "takedown", "a", None, None)
        add_purge_in(writing, {"keys": keys})
    with listening() as listener:
        (sent,) = Purging(store, f"{listener.url}/purge", "Bearer x", as_keys=True).send_due()
    assert sent.state == "done"
    headers = [headers["surrogate-key"] for _, _, headers, _ in listener.asked]
    assert [key for header in headers for key in header.split()] == keys
    assert max(map(len, headers)) <= HEADER_CHARACTERS_MAX
    assert {headers["authorization"] for _, _, headers, _ in listener.asked} == {"Bearer x"}
    assert {body for _, _, _, body in listener.asked} == {b""}


def test_where_nothing_is_to_be_dropped_nothing_is_sent_as_keys() -> None:
    assert in_headers([]) == []
    assert in_headers(["k" * 5_000, "a", "b"]) == ["k" * 5_000, "a b"]


def test_each_of_several_caches_is_told_whichever_fails(store: Store) -> None:
    add(store)
    with listening() as first, listening() as second:
        first.statuses = [500, 200]
        purging = Purging(store, f"{first.url} {second.url}")
        (failed,) = purging.send_due()
        assert (failed.state, failed.failure) == ("waiting", "127.0.0.1: it answered 500")
        assert (len(first.asked), len(second.asked)) == (1, 1)
        try_again(store, failed.id, failed.since)
        assert [purge.state for purge in purging.send_due()] == ["done"]


def test_nobody_there_is_a_failure_and_nothing_is_lost(store: Store) -> None:
    add(store)
    (purge,) = Purging(store, f"http://127.0.0.1:{free_port()}").send_due()
    assert (purge.state, purge.tries) == ("waiting", 1)
    assert "cannot be reached" in (purge.failure or "")


def test_thread_sends_what_it_is_woken_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.purging, "LOOK_SECONDS", 60.0)
    with listening() as listener:
        purging = Purging(store, listener.url)
        purging.follow()
        add(store)
        purging.wake()
        listener.wait(1)
        purging.stop()
