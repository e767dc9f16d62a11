"""An earlier snapshot served again, over HTTP."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient

import service.api.snapshots
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.errors import SnapshotStoreUnavailable, StoreUnavailable
from seealso.snapshot.layout import current_id, publish, published_ids, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.retention import remove_snapshot
from seealso.snapshot.store import SnapshotStore
from tests.makers import HashEncoder, articles, index_of

MakeApp = Callable[..., APIFlask]
WHY = {"reason": "a broken feed"}


@pytest.fixture
def index(tmp_path: Path, redis_url: str) -> Path:
    redis.Redis.from_url(redis_url).flushall()
    for count in (6, 7):
        index_of(tmp_path, articles(count))
    return tmp_path


@pytest.fixture
def client(index: Path, make_app: MakeApp) -> FlaskClient:
    return signed(make_app(index), index)


def signed(app: APIFlask, index: Path) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'admin', 'x')[1]}"
    return client


def refusal(client: FlaskClient, snapshot_id: str) -> tuple[int, str]:
    answer = client.post(f"/v1/snapshots/{snapshot_id}/rollback", json=WHY)
    return answer.status_code, answer.get_json()["detail"]


@pytest.mark.parametrize("name", ["20260101T000000Z-0123456789ab", "CURRENT", "..%2F..%2Fetc"])
def test_one_that_is_not_there_is_refused_by_name(client: FlaskClient, name: str) -> None:
    status, _ = refusal(client, name)
    assert status == 404


def test_while_a_night_runs_nothing_is_rolled_back(index: Path, client: FlaskClient) -> None:
    first, second = published_ids(index)
    with lock_index(index):
        status, detail = refusal(client, first)
    assert (status, f"process {os.getpid()}" in detail, "a night is running" in detail) == (409, True, True)
    assert current_id(index) == second
    assert "rolled-back" not in client.get("/v1/changes").text


def test_damaged_one_is_refused_and_the_log_says_nothing(index: Path, client: FlaskClient) -> None:
    first, second = published_ids(index)
    scores = snapshot_folder(index, first) / "scores.npy"
    scores.chmod(0o644)
    scores.write_bytes(b"")
    status, detail = refusal(client, first)
    assert (status, "scores.npy" in detail) == (409, True)
    assert current_id(index) == second
    assert "rolled-back" not in client.get("/v1/changes").text


def test_one_of_another_model_than_is_served_is_refused(index: Path, make_app: MakeApp) -> None:
    other = str(index_of(index, articles(7), HashEncoder("other"), force=True).snapshot)
    client = signed(make_app(index, model="other"), index)
    status, detail = refusal(client, published_ids(index)[0])
    assert (status, "was made by the model hash" in detail) == (409, True)
    assert current_id(index) == other


def test_one_that_is_current_already_is_refused(index: Path, client: FlaskClient) -> None:
    status, detail = refusal(client, current_id(index))
    assert (status, "current one already" in detail) == (409, True)


def test_what_cannot_be_written_into_the_log_is_not_done(
    index: Path, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = published_ids(index)

    def published(folder: Path, snapshot_id: str) -> None:
        publish(folder, snapshot_id)
        if snapshot_id == first:
            raise StoreUnavailable("editorial.db", "the disk is full")

    monkeypatch.setattr(service.api.snapshots, "publish", published)
    status, _ = refusal(client, first)
    assert (status, current_id(index)) == (503, second)


def test_folder_that_cannot_be_written_to_says_where_to_roll_back(
    index: Path, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(service.api.snapshots, "publish", read_only)
    status, detail = refusal(client, published_ids(index)[0])
    assert (status, "seealso rollback" in detail, "Read-only" in detail) == (409, True, True)


def test_rollback_is_live_when_it_is_answered_and_stands_in_the_log(index: Path, client: FlaskClient) -> None:
    first, second = published_ids(index)
    told = client.post(f"/v1/snapshots/{first}/rollback", json=WHY).get_json()
    assert (told["snapshot"], told["before"], told["within_ms"]) == (first, second, 6_000)
    assert told["live"] is not None
    assert "Live since" in told["detail"]
    assert client.get("/version").get_json()["snapshot"] == first == current_id(index)
    change = client.get("/v1/changes").get_json()["changes"][0]
    assert (change["action"], change["subject"], change["reason"]) == (
        "rolled-back",
        f"snapshot:{first}",
        "a broken feed",
    )
    assert change["who"].startswith("Ann (")
    forward = client.post(f"/v1/snapshots/{second}/rollback", json=WHY)
    assert forward.get_json()["snapshot"] == second == client.get("/version").get_json()["snapshot"]


def test_what_takes_long_to_open_is_told_so(index: Path, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.api.snapshots, "LIVE_SECONDS_MAX", 0.0)
    here = client.application.extensions["seealso"]
    monkeypatch.setattr(here.current, "refresh", lambda: None)
    told = client.post(f"/v1/snapshots/{published_ids(index)[0]}/rollback", json=WHY).get_json()
    assert (told["live"], "still being opened" in told["detail"]) == (None, True)


def test_caches_in_front_are_told_to_drop_what_the_other_showed(index: Path, make_app: MakeApp) -> None:
    client = signed(make_app(index, purge_webhook="http://127.0.0.1:9/purge"), index)
    first, second = published_ids(index)
    client.post(f"/v1/snapshots/{first}/rollback", json=WHY)
    (purge,) = client.get("/v1/purges").get_json()["purges"]
    assert purge["message"]["keys"] == [f"snapshot:{second}"]
    assert purge["message"]["reason"] == "rollback"
    waits = datetime.fromisoformat(purge["next_try"]) - datetime.fromisoformat(purge["since"])
    assert waits.total_seconds() == 7  # others look once a second, open it, and make blocks ready for five


@pytest.fixture
def store(index: Path, store_url: str) -> SnapshotStore:
    """A store with both snapshots, the newer one current."""
    store = SnapshotStore(store_url)
    for each in published_ids(index):
        store.push(snapshot_folder(index, each))
        store.point(each)
    return store


def test_all_machines_are_told_and_caches_once_they_have_followed(
    index: Path, make_app: MakeApp, store: SnapshotStore
) -> None:
    client = signed(make_app(index, snapshot_store=store.url, purge_webhook="http://127.0.0.1:9/purge"), index)
    first, second = published_ids(index)
    told = client.post(f"/v1/snapshots/{first}/rollback", json=WHY).get_json()
    assert (told["before"], told["within_ms"], told["live"] is not None) == (second, 11_000, True)
    assert store.current() == current_id(index) == first
    (purge,) = client.get("/v1/purges").get_json()["purges"]
    waits = datetime.fromisoformat(purge["next_try"]) - datetime.fromisoformat(purge["since"])
    assert waits.total_seconds() == 17  # twice as long as it takes any machine to look, and five to make blocks ready


def test_what_the_store_says_is_current_counts(index: Path, make_app: MakeApp, store: SnapshotStore) -> None:
    client = signed(make_app(index, snapshot_store=store.url), index)
    first, second = published_ids(index)
    publish(index, first)  # this machine has not followed yet
    assert client.post(f"/v1/snapshots/{first}/rollback", json=WHY).get_json()["before"] == second
    assert (store.current(), current_id(index)) == (first, first)
    status, detail = refusal(client, first)
    assert (status, "current one already" in detail) == (409, True)


def test_one_that_the_store_has_removed_is_refused(index: Path, make_app: MakeApp, store: SnapshotStore) -> None:
    client = signed(make_app(index, snapshot_store=store.url), index)
    first, second = published_ids(index)
    store.remove(first)
    status, detail = refusal(client, first)
    assert (status, "does not hold it" in detail) == (409, True)
    assert (store.current(), current_id(index)) == (second, second)


def test_one_that_the_store_alone_holds_says_how_to_have_it_here(
    index: Path, make_app: MakeApp, store: SnapshotStore
) -> None:
    client = signed(make_app(index, snapshot_store=store.url), index)
    first, second = published_ids(index)
    remove_snapshot(index, first)
    status, detail = refusal(client, first)
    assert (status, f"`seealso rollback {first}` fetches it" in detail) == (409, True)
    assert (store.current(), current_id(index)) == (second, second)


def test_store_that_does_not_answer_changes_nothing(index: Path, make_app: MakeApp, tmp_path: Path) -> None:
    client = signed(make_app(index, snapshot_store=f"file://{tmp_path}/share"), index)
    first, second = published_ids(index)
    status, detail = refusal(client, first)
    assert (status, "is the share mounted" in detail) == (503, True)
    assert current_id(index) == second
    assert "rolled-back" not in client.get("/v1/changes").text


def test_what_cannot_be_written_into_the_log_is_not_done_elsewhere_either(
    index: Path, make_app: MakeApp, store: SnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed(make_app(index, snapshot_store=store.url), index)
    first, second = published_ids(index)

    def failing(*_: object) -> None:
        raise StoreUnavailable("editorial.db", "the disk is full")

    monkeypatch.setattr(service.api.snapshots, "publish", failing)
    assert refusal(client, first)[0] == 503
    assert (store.current(), current_id(index)) == (second, second)


def test_what_cannot_be_taken_back_is_said(
    index: Path, make_app: MakeApp, store: SnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(index, snapshot_store=store.url)
    client, there = signed(app, index), app.extensions["seealso"].snapshot_store
    first, second = published_ids(index)
    really = there.point

    def pointed(snapshot_id: str) -> None:
        if snapshot_id == second:
            raise SnapshotStoreUnavailable(store.url, "cut")
        really(snapshot_id)

    def failing(*_: object) -> None:
        raise StoreUnavailable("editorial.db", "the disk is full")

    monkeypatch.setattr(there, "point", pointed)
    monkeypatch.setattr(service.api.snapshots, "publish", failing)
    status, detail = refusal(client, first)
    assert (status, store.current()) == (503, first)
    assert f"all machines may serve {first}, which the log does not tell" in detail
    assert "the disk is full" in detail


def test_nothing_is_handed_round_after_a_rollback(index: Path, make_app: MakeApp, store: SnapshotStore) -> None:
    first, second = published_ids(index)
    store.hand_round(second)  # a night that was killed left it
    client = signed(make_app(index, snapshot_store=store.url), index)
    assert client.post(f"/v1/snapshots/{first}/rollback", json=WHY).status_code == 200
    assert (store.current(), store.next()) == (first, None)
