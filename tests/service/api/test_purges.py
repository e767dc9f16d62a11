from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import create_key
from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from tests.deciding import make_rule, take_down
from tests.listener import listening
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]
PIN = {"action": "pin", "under": {"article": "a000"}, "about": {"article": "a001"}, "number": 1, "reason": "news"}


pytestmark = pytest.mark.usefixtures("empty_redis")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(20))
    return tmp_path


def editor(app: APIFlask, index: Path) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'editor', 'x')[1]}"
    return client


def send_due(app: APIFlask) -> None:
    app.extensions["seealso"].purging.send_due()


def test_decisions_are_told_to_caches(index: Path, make_app: MakeApp) -> None:
    with listening() as listener:
        app = make_app(index, purge_webhook=listener.url, rate_limit="none")
        client = editor(app, index)
        taken = client.post("/v1/articles/a003/takedown", json={"reason": "court order"}).get_json()
        rule = client.post("/v1/rules", json=PIN).get_json()
        client.delete(f"/v1/rules/{rule['id']}?reason=old")
        client.post("/v1/changes/2/undo?reason=wrong")
        waiting = client.get("/v1/purges?state=waiting").get_json()["purges"]
        send_due(app)
        done = client.get("/v1/purges").get_json()["purges"]
    keys = [purge["message"]["keys"] for purge in reversed(waiting)]
    assert keys[:3] == [["article:a003"], ["article:a000"], ["article:a000"]]
    assert keys[3][0] == "article:a003"
    assert waiting[-1]["message"] == {"article": "a003", "reason": "takedown", **taken["purge"]}
    assert {purge["state"] for purge in done} == {"done"}
    assert len(listener.asked) == 4


def test_what_has_ended_by_itself_is_told_to_caches_by_who_lifts_it(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, purge_webhook="http://127.0.0.1:9/", rate_limit="none")
    client, store, ended = editor(app, index), Store(index), datetime.now(UTC) - timedelta(seconds=1)
    take_down(store, ["a003"], "ann", "embargo", ended)
    rule = make_rule(store, Wish("pin", under_article="a000", article="a001", number=1), "ann", "news", ended)
    assert client.get("/v1/purges").get_json()["purges"] == []
    for path in ("articles/a003/takedown", f"rules/{rule.id}"):
        assert client.delete(f"/v1/{path}?reason=over").status_code == 200
    first_keys = [purge["message"]["keys"][0] for purge in client.get("/v1/purges").get_json()["purges"]]
    assert first_keys == ["article:a000", "article:a003"]


def test_rule_on_all_blocks_drops_those_of_earlier_snapshots_too(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, purge_webhook="http://127.0.0.1:9/", rate_limit="none")
    client = editor(app, index)
    kept = client.get("/v1/articles/a000/related").headers["Surrogate-Key"].split()
    index_of(index, articles(21))
    app.extensions["seealso"].current.refresh()
    rule = {"action": "exclude", "about": {"section": "News"}, "reason": "closed"}
    assert client.post("/v1/rules", json=rule).status_code in (200, 201)
    (purge,) = client.get("/v1/purges").get_json()["purges"]
    assert len(purge["message"]["keys"]) == 2
    assert set(purge["message"]["keys"]) & set(kept)


def test_what_was_given_up_is_warned_of_and_can_be_sent_again(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seealso.editorial.purges.TRIES_MAX", 1)
    monkeypatch.setattr("service.editorial.COUNT_SECONDS", 0.0)
    with listening() as listener:
        listener.statuses = [403, 200]
        app = make_app(index, purge_webhook=listener.url, rate_limit="none")
        client, look = editor(app, index), app.extensions["seealso"].editorial.look
        client.post("/v1/articles/a003/takedown", json={"reason": "court order"})
        send_due(app)
        look()
        (purge,) = client.get("/v1/purges?state=given-up").get_json()["purges"]
        assert purge["failure"] == "it answered 403"
        assert "1 purges were not taken" in client.get("/v1/status").get_json()["warnings"][0]
        assert client.post(f"/v1/purges/{purge['id']}/retry").get_json()["state"] == "waiting"
        send_due(app)
        look()
        assert client.get("/v1/status").get_json()["warnings"] == []
    assert client.post("/v1/purges/99/retry").status_code == 404


def test_what_was_given_up_can_be_settled_by_hand(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seealso.editorial.purges.TRIES_MAX", 1)
    monkeypatch.setattr("service.editorial.COUNT_SECONDS", 0.0)
    app = make_app(index, purge_webhook="http://127.0.0.1:9/", rate_limit="none")
    client, look = editor(app, index), app.extensions["seealso"].editorial.look
    client.post("/v1/articles/a003/takedown", json={"reason": "court order"})
    send_due(app)
    look()
    assert len(client.get("/v1/status").get_json()["warnings"]) == 1
    (purge,) = client.get("/v1/purges?state=given-up").get_json()["purges"]
    unsent = make_app(index, rate_limit="none").test_client()
    unsent.environ_base |= client.environ_base
    refused = unsent.post(f"/v1/purges/{purge['id']}/retry")
    assert (refused.status_code, refused.get_json()["type"]) == (409, "urn:seealso:problem:not-sent")
    done = client.post(f"/v1/purges/{purge['id']}/done").get_json()
    assert (done["state"], done["next_try"]) == ("done", None)
    assert "by hand, as Ann" in done["failure"]
    look()
    assert client.get("/v1/status").get_json()["warnings"] == []
    assert client.post("/v1/purges/99/done").status_code == 404


def test_without_an_address_nothing_is_kept_to_be_told(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, rate_limit="none")
    client = editor(app, index)
    client.post("/v1/articles/a003/takedown", json={"reason": "court order"})
    assert client.get("/v1/purges").get_json()["purges"] == []
