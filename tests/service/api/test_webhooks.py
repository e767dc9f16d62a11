"""What WordPress and Ghost tell, and what is not theirs."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.posts import article_of_post, wordpress_fields
from seealso.snapshot.reader import open_current
from tests.makers import articles, index_of
from tests.seealso.test_posts import GHOST, WORDPRESS

MakeApp = Callable[..., APIFlask]
SECRET = "a secret of some length"


@pytest.fixture
def client(tmp_path: Path, make_app: MakeApp) -> FlaskClient:
    index_of(tmp_path, articles(20))
    return make_app(tmp_path, wordpress_secret=SECRET, ghost_secret=SECRET, rate_limit="none").test_client()


def signature(text: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def wordpress(client: FlaskClient, event: str, post: dict[str, Any], sent: float | None = None) -> TestResponse:
    body = json.dumps({"event": event, "time": int(sent or time.time()), "post": post}).encode()
    headers = {"X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
    return client.post("/v1/webhooks/wordpress", data=body, headers=headers)


def ghost(client: FlaskClient, message: dict[str, Any], sent: float | None = None) -> TestResponse:
    body, moment = json.dumps(message).encode(), str(int((sent or time.time()) * 1000))
    headers = {
        "X-Ghost-Signature": f"{signature(body + moment.encode())}, t={moment}",
        "Content-Type": "application/json",
    }
    return client.post("/v1/webhooks/ghost", data=body, headers=headers)


def title_of(client: FlaskClient, article_id: str) -> str | None:
    answer = client.get(f"/v1/articles/{article_id}")
    return answer.get_json()["title"] if answer.status_code == 200 else None


def test_a_post_of_wordpress_is_published_changed_and_withdrawn(client: FlaskClient) -> None:
    assert wordpress(client, "published", WORDPRESS).get_json() == {"article": "42", "state": "new"}
    assert title_of(client, "42") == "Tide & time"
    assert wordpress(client, "published", WORDPRESS).get_json()["state"] == "unchanged"
    changed = {**WORDPRESS, "title": {"rendered": "Neap"}, "modified_gmt": "2026-11-28T07:00:00"}
    assert wordpress(client, "published", changed).get_json()["state"] == "changed"
    assert wordpress(client, "published", WORDPRESS).get_json()["state"] == "outdated"
    assert title_of(client, "42") == "Neap"
    assert wordpress(client, "removed", {"id": 42}).get_json()["state"] == "removed"
    assert title_of(client, "42") is None
    assert wordpress(client, "removed", {"id": 42}).get_json()["state"] == "unchanged"


@pytest.mark.parametrize("unread", [{"status": "draft"}, {"content": {"rendered": "x", "protected": True}}])
def test_what_is_not_for_everybody_is_withdrawn(client: FlaskClient, unread: dict[str, Any]) -> None:
    wordpress(client, "published", WORDPRESS)
    assert wordpress(client, "published", {**WORDPRESS, **unread}).get_json()["state"] == "removed"


def test_a_post_of_ghost_is_published_changed_and_withdrawn(client: FlaskClient) -> None:
    assert ghost(client, {"post": {"current": GHOST, "previous": {}}}).get_json()["state"] == "new"
    assert title_of(client, GHOST["id"]) == "Tide"
    changed = {**GHOST, "title": "Neap", "updated_at": "2026-11-28T07:00:00.000Z"}
    assert ghost(client, {"post": {"current": changed, "previous": {"title": "Tide"}}}).get_json()["state"] == "changed"
    gone = {"post": {"current": {**GHOST, "status": "draft"}, "previous": {"status": "published"}}}
    assert ghost(client, gone).get_json()["state"] == "removed"
    late = time.time() - 60  # it was on its way for a minute
    assert ghost(client, {"post": {"current": GHOST, "previous": {}}}, late).get_json()["state"] == "outdated"
    again = {**GHOST, "updated_at": "2999-01-01T00:00:00.000Z"}
    assert ghost(client, {"post": {"current": again, "previous": {}}}).get_json()["state"] == "new"
    assert ghost(client, {"post": {"current": {}, "previous": again}}).get_json()["state"] == "outdated"
    later = time.time() + 200
    other = {**GHOST, "id": "67447438e61fb200012f48e1"}
    ghost(client, {"post": {"current": other, "previous": {}}})
    assert ghost(client, {"post": {"current": {}, "previous": other}}, later).get_json()["state"] == "removed"
    assert ghost(client, {"page": {"current": GHOST}}).get_json() == {"article": None, "state": "ignored"}


def test_what_is_not_signed_with_the_secret_changes_nothing(client: FlaskClient) -> None:
    body = json.dumps({"event": "removed", "time": int(time.time()), "post": {"id": 1}}).encode()
    others = signature(body, "another secret, as long"), signature(body + b" ")
    for given in ("", "sha256=", "sha256=" + "0" * 64, *others):
        headers = {"X-Hub-Signature-256": given, "Content-Type": "application/json"}
        answer = client.post("/v1/webhooks/wordpress", data=body, headers=headers)
        assert (answer.status_code, answer.get_json()["type"]) == (401, "urn:seealso:problem:signature-wrong")
    moment = str(int(time.time() * 1000))
    for given in ("", signature(body), f"{signature(body)}, t={moment}", f"{signature(body + b'1')}, t={moment}"):
        headers = {"X-Ghost-Signature": given, "Content-Type": "application/json"}
        assert client.post("/v1/webhooks/ghost", data=body, headers=headers).status_code == 401


def test_what_somebody_kept_to_send_it_again_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    for apart in (-301.0, 301.0):
        assert wordpress(client, "published", WORDPRESS, now + apart).status_code == 401
        assert ghost(client, {"post": {"current": GHOST}}, now + apart).status_code == 401


def test_what_is_no_post_is_told_so(client: FlaskClient) -> None:
    assert wordpress(client, "published", {"title": "none"}).status_code == 400
    for wrong in (True, "42", 4.2, None):
        assert wordpress(client, "removed", {"id": wrong}).status_code == 400
    assert wordpress(client, "changed", {"id": 1}).status_code == 400
    assert "title" in wordpress(client, "published", {"id": 1}).get_json()["detail"]
    assert ghost(client, {"post": {"current": {"id": 7}}}).status_code == 400


@pytest.mark.parametrize("wrong", ["", " a", "a\0", "\ud800", "x" * 201, "a/related"])
def test_what_can_be_no_article_is_not_withdrawn(client: FlaskClient, wrong: str) -> None:
    for post in ({"current": {}, "previous": {"id": wrong}}, {"current": {"id": wrong, "status": "draft"}}):
        answer = ghost(client, {"post": post})
        assert (answer.status_code, answer.get_json()["field"]) == (400, "post")
    assert wordpress(client, "removed", {"id": 10**200}).get_json()["field"] == "post"


def test_without_a_secret_there_is_no_such_address(tmp_path: Path, make_app: MakeApp) -> None:
    index_of(tmp_path, articles(5))
    client = make_app(tmp_path).test_client()
    assert wordpress(client, "published", WORDPRESS).status_code == 404
    assert ghost(client, {"post": {"current": GHOST}}).status_code == 404


def test_what_was_withdrawn_does_not_come_back_by_a_late_message(client: FlaskClient) -> None:
    wordpress(client, "published", WORDPRESS)
    wordpress(client, "removed", {"id": 42})
    assert wordpress(client, "published", WORDPRESS, time.time() - 60).get_json()["state"] == "outdated"
    assert title_of(client, "42") is None
    again = {**WORDPRESS, "modified_gmt": "2999-01-01T00:00:00"}
    assert wordpress(client, "published", again).get_json()["state"] == "new"
    assert wordpress(client, "removed", {"id": 42}).get_json()["state"] == "outdated"  # it was told of before
    assert title_of(client, "42") == "Tide & time"


def test_what_was_withdrawn_again_does_not_come_back_by_what_was_published_between(client: FlaskClient) -> None:
    began = time.time() - 200
    for event, post, after, state in (
        ("published", WORDPRESS, 0, "new"),
        ("removed", {"id": 42}, 20, "removed"),
        ("removed", {"id": 42}, 60, "unchanged"),
        ("removed", {"id": 42}, 30, "unchanged"),  # late: the later one stands
        ("published", WORDPRESS, 40, "outdated"),
        ("published", WORDPRESS, 80, "new"),
    ):
        assert wordpress(client, event, post, began + after).get_json()["state"] == state, after


@pytest.mark.parametrize("found_by_a_night", [False, True])
def test_what_was_published_again_as_it_was_is_not_withdrawn_by_a_late_message(
    client: FlaskClient, tmp_path: Path, found_by_a_night: bool
) -> None:
    if found_by_a_night:
        index_of(tmp_path, [*articles(20), article_of_post(wordpress_fields(WORDPRESS))])
        client.application.extensions["seealso"].current.refresh()
    began = time.time() - 200
    for event, post, after, state in (
        ("published", WORDPRESS, 0, "unchanged" if found_by_a_night else "new"),
        ("published", WORDPRESS, 60, "unchanged"),
        ("published", WORDPRESS, 30, "unchanged"),  # late: the later one stands
        ("removed", {"id": 42}, 40, "outdated"),
        ("removed", {"id": 42}, 80, "removed"),
    ):
        assert wordpress(client, event, post, began + after).get_json()["state"] == state, after


def test_a_post_that_was_moved_into_the_future_comes_back_at_its_time(client: FlaskClient) -> None:
    """WordPress publishes it as it was: it was modified before it was withdrawn."""
    began = time.time() - 200
    wordpress(client, "published", WORDPRESS, began)
    wordpress(client, "removed", {"id": 42}, began + 50)
    back = {**WORDPRESS, "date_gmt": "2026-11-28T12:00:00"}
    assert wordpress(client, "published", WORDPRESS, began).get_json()["state"] == "outdated"
    assert wordpress(client, "published", back, began + 50).get_json()["state"] == "outdated"
    assert wordpress(client, "published", back, began + 100).get_json()["state"] == "new"
    assert client.get("/v1/articles/42").get_json()["updated"] == "2026-11-28T06:00:00Z"
    assert wordpress(client, "published", WORDPRESS, began).get_json()["state"] == "outdated"
    assert wordpress(client, "removed", {"id": 42}, began + 50).get_json()["state"] == "outdated"
    assert client.get("/v1/articles/42").get_json()["published"] == "2026-11-28T12:00:00Z"
    assert wordpress(client, "removed", {"id": 42}, began + 150).get_json()["state"] == "removed"


def test_what_was_removed_by_the_api_comes_back_if_it_is_published_after_that(
    client: FlaskClient, tmp_path: Path
) -> None:
    key = create_key(Store(tmp_path), "the cms", "index", "ann")[1]
    wordpress(client, "published", WORDPRESS, time.time() - 60)
    removed = client.delete("/v1/articles/42?reason=x", headers={"Authorization": f"Bearer {key}"})
    assert removed.status_code == 200
    assert wordpress(client, "published", WORDPRESS, time.time() - 30).get_json()["state"] == "outdated"
    assert wordpress(client, "published", WORDPRESS, time.time() + 30).get_json()["state"] == "new"


def test_the_night_has_what_came_back(client: FlaskClient, tmp_path: Path) -> None:
    began = time.time() - 100
    wordpress(client, "published", WORDPRESS, began)
    wordpress(client, "removed", {"id": 42}, began + 20)
    post = article_of_post(wordpress_fields(WORDPRESS))
    store = Store(tmp_path)
    index_of(tmp_path, [*articles(20), post], live=store)
    assert open_current(tmp_path).row_of("42") is None
    wordpress(client, "published", WORDPRESS, began + 40)
    later = post.model_copy(update={"title": "Neap", "updated": datetime.now(UTC)})
    for nightly, title in (([], post.title), ([post], post.title), ([later], "Neap")):
        index_of(tmp_path, [*articles(20), *nightly], live=store)
        snapshot = open_current(tmp_path)
        row = snapshot.row_of("42")
        assert row is not None
        assert snapshot.title(row) == title


def test_what_takes_long_to_embed_does_not_undo_what_came_meanwhile(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = client.application.extensions["seealso"].texts
    real, newer = texts.embedded, {**WORDPRESS, "title": {"rendered": "Newer"}, "modified_gmt": "2026-11-28T09:00:00"}

    def slow(snapshot: Any, article: Any) -> Any:
        monkeypatch.setattr(texts, "embedded", real)
        assert wordpress(client, "published", newer).get_json()["state"] == "new"
        return real(snapshot, article)

    monkeypatch.setattr(texts, "embedded", slow)
    assert wordpress(client, "published", WORDPRESS).get_json()["state"] == "outdated"
    assert title_of(client, "42") == "Newer"


@pytest.mark.parametrize("sent", [10**400, -1, 10**12])
def test_a_time_that_no_clock_shows_is_refused(client: FlaskClient, sent: int) -> None:
    body = json.dumps({"event": "published", "time": sent, "post": WORDPRESS}).encode()
    headers = {"X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
    answer = client.post("/v1/webhooks/wordpress", data=body, headers=headers)
    assert (answer.status_code, answer.get_json()["field"]) == (400, "time")
