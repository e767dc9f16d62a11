"""Putting and removing articles over HTTP: what is asked, refused, and told to caches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import create_key
from seealso.editorial.purges import read_purges
from seealso.editorial.store import Store
from service.live import TRIES_MAX
from tests.makers import article, articles, index_of

MakeApp = Callable[..., APIFlask]
TIDES: dict[str, Any] = {"title": "Spring tide", "body": "tides moon sea harbour"}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(20))
    return tmp_path


@pytest.fixture
def client(index: Path, make_app: MakeApp) -> FlaskClient:
    return publisher(make_app(index, rate_limit="none"), index)


def publisher(app: APIFlask, index: Path) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'the cms', 'index', 'ann')[1]}"
    return client


def test_the_answer_says_what_was_done(client: FlaskClient) -> None:
    answer = client.put("/v1/articles/new", json=TIDES)
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["article"], told["state"], told["passages"]) == ("new", "new", 1)
    assert set(told["shown_under"]) <= {f"a{number:03}" for number in range(20)}
    assert client.put("/v1/articles/new", json=TIDES | {"title": "Neap"}).get_json()["state"] == "changed"
    assert client.put("/v1/articles/a000", json=TIDES).get_json()["state"] == "changed"
    removed = client.delete("/v1/articles/new?reason=gone").get_json()
    assert (removed["article"], removed["state"]) == ("new", "removed")
    assert client.put("/v1/articles/new", json=TIDES).get_json()["state"] == "new"


@pytest.mark.parametrize(
    ("article_id", "body", "field"),
    [
        ("new", {"title": "No body"}, "body"),
        ("new", {**TIDES, "titel": "x"}, "titel"),
        ("new", {**TIDES, "id": "other"}, "id"),
        ("new", {**TIDES, "url": "javascript:x"}, "url"),
        ("new", {**TIDES, "published": "yesterday"}, "published"),
        ("new", {**TIDES, "tags": "one"}, "tags"),
        ("%20new", TIDES, "article"),
        ("a%00b", TIDES, "article"),
        ("a%0Ab", TIDES, "article"),
        ("new%0A", TIDES, "article"),
        ("x" * 201, TIDES, "article"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    client: FlaskClient, index: Path, article_id: str, body: dict[str, Any], field: str
) -> None:
    answer = client.put(f"/v1/articles/{article_id}", json=body)
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)
    assert Store(index).changes(subject="new") == []


def test_an_id_that_is_an_address_is_one(client: FlaskClient) -> None:
    assert client.put("/v1/articles//news/tide/", json=TIDES).status_code == 200
    assert client.get("/v1/articles//news/tide/").get_json()["id"] == "/news/tide/"
    assert client.get("/v1/articles//news/tide//related").get_json()["related"]


def test_no_id_ends_like_the_address_of_a_block(client: FlaskClient) -> None:
    for ends in ("related", "related.html"):
        assert client.put(f"/v1/articles/new/{ends}", json=TIDES).status_code == 405


def test_many_stand_each_for_itself(client: FlaskClient) -> None:
    many = [{"id": "one", **TIDES}, {"id": "two", "title": ""}, {"title": "No id", "body": ""}, {"id": "a001", **TIDES}]
    answer = client.post("/v1/articles", json={"articles": [*many, {"id": "one", **TIDES}, {"id": "x", "titel": "y"}]})
    told = answer.get_json()["articles"]
    assert [each["article"] for each in told] == ["one", "two", None, "a001", "one", "x"]
    assert [each["state"] for each in told] == ["new", "refused", "refused", "changed", "unchanged", "refused"]
    assert "title" in told[1]["detail"]
    assert "id" in told[2]["detail"]
    assert client.post("/v1/articles", json={"articles": []}).status_code == 400
    assert client.post("/v1/articles", json={"articles": [TIDES] * 51}).status_code == 400


def test_what_cannot_be_written_is_refused_and_told_beside_what_was_put(client: FlaskClient) -> None:
    """JSON may hold half of a character, which no answer can."""
    texts = ("title", "body", "section", "url", "summary", "image_alt")
    many = [{"id": "one", **TIDES}, {"id": "\ud800", **TIDES}, {"id": "two", **TIDES, "\ud800": 1}]
    many += [{"id": "three", **TIDES, field: "\ud800"} for field in texts]
    many += [{"id": "three", **TIDES, "tags": ["\ud800"]}, {"id": "three", **TIDES, "editor_related": ["\ud800"]}]
    answer = client.post("/v1/articles", json={"articles": many})
    assert answer.status_code == 200
    told = answer.get_json()["articles"]
    assert [each["article"] for each in told[:4]] == ["one", "\\ud800", "two", "three"]
    assert [each["state"] for each in told] == ["new", *["refused"] * (len(many) - 1)]
    assert "\\ud800" in told[2]["detail"]
    alone = client.put("/v1/articles/two", json={**TIDES, "\ud800": 1})
    assert alone.status_code == 400


def test_without_a_place_to_keep_it_nothing_is_published(
    index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = publisher(make_app(index), index)
    store = client.application.extensions["seealso"].editorial.store()
    monkeypatch.setattr(
        "service.editorial.Editorial.store", lambda _: Store(index / "nowhere" / "x", "sqlite:////proc/x")
    )
    assert client.put("/v1/articles/new", json=TIDES).status_code == 503
    assert store.changes(subject="new") == []


def test_caches_are_told_what_shows_it_and_where_it_may_stand_now(index: Path, make_app: MakeApp) -> None:
    client = publisher(make_app(index, purge_webhook="http://127.0.0.1:9/"), index)
    hosts = client.put("/v1/articles/new", json=TIDES).get_json()["shown_under"]
    client.delete("/v1/articles/new?reason=gone")
    with Store(index).reading() as connection:
        messages = [purge.message for purge in read_purges(connection, None, 10)]
    put = next(each for each in messages if len(each["keys"]) > 1)
    assert put["keys"] == ["article:new", *(f"article:{host}" for host in hosts)]
    assert "/v1/articles/new/related" in put["paths"]
    gone = next(each for each in messages if len(each["keys"]) == 1)
    assert gone["keys"] == ["article:new"]


def test_who_is_overtaken_places_anew(
    client: FlaskClient, index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, real, tries = (
        publisher(make_app(index), index),
        client.application.extensions["seealso"].live.base_of,
        list[int](),
    )

    def overtaken(snapshot: Any) -> Any:
        base = real(snapshot)
        if len(tries) < 3:
            tries.append(1)
            assert other.put(f"/v1/articles/other{len(tries)}", json=TIDES).status_code == 200
        return base

    monkeypatch.setattr(client.application.extensions["seealso"].live, "base_of", overtaken)
    assert client.put("/v1/articles/new", json=TIDES).status_code == 200
    assert len(tries) == 3 < TRIES_MAX
    cards = client.get("/v1/articles/new/related?stories=all&min_probability=0").get_json()["related"]
    assert {"other1", "other2", "other3"} <= {card["id"] for card in cards}


def test_what_is_removed_while_it_is_embedded_stays_away(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = client.application.extensions["seealso"].texts
    real = texts.embedded

    def removed_meanwhile(*about: Any) -> Any:
        assert client.delete("/v1/articles/new?reason=gone").status_code == 200
        return real(*about)

    with monkeypatch.context() as patched:
        patched.setattr(texts, "embedded", removed_meanwhile)
        refused = client.put("/v1/articles/new", json=TIDES)
    assert (refused.status_code, refused.get_json()["type"]) == (409, "urn:seealso:problem:removed-meanwhile")
    assert client.get("/v1/articles/new").status_code == 404
    assert client.put("/v1/articles/new", json=TIDES).get_json()["state"] == "new"  # removed before, and not meanwhile
    with monkeypatch.context() as patched:
        patched.setattr(texts, "embedded", removed_meanwhile)
        many = client.post("/v1/articles", json={"articles": [{"id": "new", **TIDES, "title": "Neap"}]}).get_json()
    assert many["articles"][0]["state"] == "refused"
    assert "put it again" in many["articles"][0]["detail"]
    assert client.get("/v1/articles/new").status_code == 404


def test_what_another_worker_has_just_removed_is_not_unchanged(
    client: FlaskClient, index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, snapshot = publisher(make_app(index), index), client.application.extensions["seealso"].current.snapshot
    client.put("/v1/articles/new", json=TIDES)
    stale = snapshot()
    with monkeypatch.context() as patched:
        patched.setattr(client.application.extensions["seealso"].current, "snapshot", lambda: stale)
        assert other.delete("/v1/articles/new?reason=gone").status_code == 200
        assert client.put("/v1/articles/new", json=TIDES).get_json()["state"] != "unchanged"
    assert client.get("/v1/articles/new").status_code == 200


def test_what_is_put_is_explained_as_others_are(client: FlaskClient) -> None:
    client.put("/v1/articles/new", json=TIDES | {"section": "News"})
    first = client.get("/v1/articles/new/related?explain=1&min_probability=0").get_json()["related"][0]
    assert first["why"]["shared_terms"]
    under = client.get(f"/v1/articles/{first['id']}/related?explain=1&min_probability=0&limit=50").get_json()["related"]
    assert [card["why"]["passages"]["other"] for card in under if card["id"] == "new"] == ["tides moon sea harbour"]


def test_status_counts_what_is_live(client: FlaskClient) -> None:
    client.put("/v1/articles/new", json=TIDES)
    client.put("/v1/articles/a000", json=TIDES)
    client.delete("/v1/articles/a001?reason=gone")
    told = client.get("/v1/status").get_json()
    assert (told["articles"], told["live"]) == (20, 2)
    assert "seealso_live_articles 2.0" in client.get("/metrics").text


def test_what_is_not_here_is_removed_all_the_same_once(client: FlaskClient) -> None:
    assert client.delete("/v1/articles/coming?reason=gone").status_code == 200
    assert client.delete("/v1/articles/coming?reason=gone").status_code == 404


def test_what_a_night_brought_back_is_removed_again(client: FlaskClient, index: Path) -> None:
    assert client.delete("/v1/articles/a001?reason=gone").status_code == 200
    index_of(index, [*articles(1), article("a001", updated="2999-01-01"), *articles(20)[2:]], live=Store(index))
    client.application.extensions["seealso"].current.refresh()
    assert client.get("/v1/articles/a001").status_code == 200
    assert client.delete("/v1/articles/a001?reason=gone").status_code == 200
    assert client.get("/v1/articles/a001").status_code == 404


def test_a_takedown_is_undone_although_the_article_was_put_since(client: FlaskClient, index: Path) -> None:
    key = create_key(Store(index), "Ann", "editor", "x")[1]
    editor = {"Authorization": f"Bearer {key}"}
    client.post("/v1/articles/a000/takedown", json={"reason": "x"}, headers=editor)
    number = Store(index).sequence()
    client.put("/v1/articles/a000", json=TIDES)
    assert client.post(f"/v1/changes/{number}/undo?reason=x", headers=editor).status_code == 200
    assert client.get("/v1/articles/a000").status_code == 200


def test_who_is_overtaken_on_another_machine_learns_of_it(
    client: FlaskClient, index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = publisher(make_app(index), index)
    client.put("/v1/articles/one", json=TIDES)
    other.get("/v1/articles/one")
    # Another machine has a counter of its own.
    monkeypatch.setattr("seealso.editorial.counter.Counter.tell", lambda _: None)
    monkeypatch.setattr("service.editorial.Editorial.moved", False)
    assert other.put("/v1/articles/two", json=TIDES).status_code == 200
    assert client.put("/v1/articles/three", json=TIDES).status_code == 200


def test_answers_that_are_no_blocks_are_kept_by_nobody(client: FlaskClient) -> None:
    for path in ("/v1/articles/a000", "/v1/status"):
        assert client.get(path).headers["Cache-Control"] == "no-store"
