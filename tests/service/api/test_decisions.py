from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]
PIN = {"action": "pin", "under": {"article": "a000"}, "about": {"article": "a001"}, "number": 1, "reason": "news"}


pytestmark = pytest.mark.usefixtures("empty_redis")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(20, section="News"))
    return tmp_path


@pytest.fixture
def client(index: Path, make_app: MakeApp) -> FlaskClient:
    client = make_app(index, rate_limit="none").test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'editor', 'x')[1]}"
    return client


def make(client: FlaskClient, **given: Any) -> TestResponse:
    return client.post("/v1/rules", json=PIN | given)


def shown(client: FlaskClient, article_id: str = "a000") -> list[str]:
    return [card["id"] for card in client.get(f"/v1/articles/{article_id}/related").get_json()["related"]]


def test_rule_holds_from_the_next_request_on_in_every_worker_until_it_is_undone(
    index: Path, client: FlaskClient, make_app: MakeApp
) -> None:
    clients = [client, make_app(index).test_client(), make_app(index, copies_mb=0).test_client()]
    before = [shown(each) for each in clients for _ in range(2)]
    assert "a001" not in before[0][:1]
    rule = make(client).get_json()
    assert (rule["action"], rule["under"], rule["about"]) == ("pin", {"article": "a000"}, {"article": "a001"})
    assert (rule["number"], rule["until"], rule["reason"]) == (1, None, "news")
    assert rule["who"].startswith("Ann (")
    assert [shown(each)[0] for each in clients for _ in range(2)] == ["a001"] * 6
    assert client.get("/v1/articles/a000/related").get_json()["related"][0]["pinned"] is True
    assert "pinned" not in client.get("/v1/articles/a000/related").get_json()["related"][1]
    assert client.delete(f"/v1/rules/{rule['id']}?reason=old").get_json()["id"] == rule["id"]
    assert [shown(each) for each in clients for _ in range(2)] == before


def test_rules_reach_batches_pages_and_html(client: FlaskClient) -> None:
    make(client)
    batch = client.post("/v1/related", json={"articles": ["a000"]}).get_json()["blocks"][0]
    page = client.post("/v1/page", json={"article": "a000", "blocks": [{"name": "b"}]}).get_json()["blocks"][0]
    assert batch["related"] == page["related"]
    assert batch["related"][0]["id"] == "a001"
    html = client.get("/v1/articles/a000/related.html").text
    assert html.index(">Piece 1<") < html.index(">Piece 3<")


def test_rules_that_hold_are_listed(client: FlaskClient) -> None:
    first = make(client).get_json()
    second = make(client, action="exclude", under={"section": "News"}, number=None).get_json()
    third = make(client, action="bury", under=None, about={"section": "News"}, number=None).get_json()
    listed = client.get("/v1/rules").get_json()["rules"]
    assert listed == [first, second, third]
    assert [each["id"] for each in client.get("/v1/rules?article=a001").get_json()["rules"]] == [2 + 0, 3]
    assert client.get("/v1/rules?article=a000").get_json()["rules"] == [first]
    assert client.get("/v1/rules?section=News").get_json()["rules"] == [second, third]
    assert client.get("/v1/rules?section=%20news").get_json()["rules"] == [second, third]


def test_a_label_is_cleaned_as_articles_are(client: FlaskClient) -> None:
    word = make(client, action="exclude", under=None, about={"word": " Piece\t3 "}, number=None)
    assert word.get_json()["about"] == {"word": "Piece 3"}
    assert "a003" not in shown(client)
    for empty in ({"word": " "}, {"tag": "\0"}, {"section": ""}):
        assert make(client, action="exclude", under=None, about=empty, number=None).status_code == 400


def test_log_tells_the_newest_first_and_undoes(client: FlaskClient) -> None:
    before = shown(client)
    rule = make(client).get_json()
    client.post("/v1/articles/a003/takedown", json={"reason": "court order"})
    changes = client.get("/v1/changes").get_json()["changes"]
    assert [each["action"] for each in changes] == ["takedown", "rule-made", "key-created"]
    assert changes[0]["before"] is None
    assert changes[0]["after"]["reason"] == changes[0]["reason"] == "court order"
    assert client.get("/v1/changes?subject=a003").get_json()["changes"] == changes[:1]
    assert client.get("/v1/changes?limit=1").get_json()["changes"] == changes[:1]
    assert client.get(f"/v1/changes?after={rule['id']}").get_json()["changes"] == changes[:1]
    for change in changes[:2]:
        assert client.post(f"/v1/changes/{change['sequence']}/undo?reason=wrong").get_json() == change
    assert shown(client) == before
    assert client.get("/v1/rules").get_json()["rules"] == []
    again = client.post(f"/v1/changes/{rule['id']}/undo?reason=wrong")
    assert (again.status_code, again.get_json()["type"]) == (409, "urn:seealso:problem:not-undone")
    key = client.post("/v1/changes/1/undo?reason=wrong")
    assert key.status_code == 409


@pytest.mark.parametrize("path", ["/v1/rules/99?reason=x", "/v1/changes/99/undo?reason=x"])
def test_what_is_not_there_is_said_to_be_not_there(client: FlaskClient, path: str) -> None:
    answer = client.delete(path) if "rules" in path else client.post(path)
    assert (answer.status_code, answer.get_json()["type"]) == (404, "urn:seealso:problem:unknown-change")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"action": "promote"}, "action"),
        ({"number": None}, "number"),
        ({"number": 0}, "number"),
        ({"number": 51}, "number"),
        ({"under": None}, "under"),
        ({"under": {"article": "a000", "section": "News"}}, "under"),
        ({"under": {"tag": "x"}}, "under"),
        ({"about": {}}, "article"),
        ({"about": {"word": ""}}, "about"),
        ({"about": {"article": "a000"}}, "article"),
        ({"reason": " "}, "reason"),
        ({"until": "2020-01-01"}, "until"),
        ({"who": "me"}, "who"),
    ],
)
def test_what_is_wrong_is_named(client: FlaskClient, given: dict[str, Any], field: str) -> None:
    answer = make(client, **given)
    assert (answer.status_code, answer.get_json()["field"]) == (400, field), answer.get_json()


def test_end_is_kept(client: FlaskClient) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    told = make(client, until=later.isoformat()).get_json()["until"]
    assert abs(datetime.fromisoformat(told) - later) < timedelta(milliseconds=1)


def test_proof_counts_pins_too(client: FlaskClient) -> None:
    make(client)
    assert "a000" in client.get("/v1/articles/a001/proof").get_json()["shown_under"]
    client.post("/v1/articles/a001/takedown", json={"reason": "court order"})
    assert client.get("/v1/articles/a001/proof").get_json()["shown_under"] == []
    assert "a001" not in shown(client)


def test_what_was_done_is_not_told_to_be_undone_when_the_store_goes_away_right_after(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    editorial = client.application.extensions["seealso"].editorial

    def gone() -> None:
        raise StoreUnavailable("the store", "it does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(editorial, "unknowing", gone)
        answer = make(client)
    assert answer.status_code == 202
    assert "does not answer" in answer.headers["X-Seealso-Unconfirmed"]
    assert [rule["id"] for rule in client.get("/v1/rules").get_json()["rules"]] == [answer.get_json()["id"]]


BEYOND = 10**30  # more than any database's whole numbers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", f"/v1/rules/{BEYOND}?reason=x", None),
        ("DELETE", f"/v1/rules/{2**63}?reason=x", None),
        ("POST", f"/v1/changes/{BEYOND}/undo?reason=x", None),
        ("POST", f"/v1/changes/{2**63}/undo?reason=x", None),
        ("POST", f"/v1/purges/{BEYOND}/retry", None),
        ("POST", "/desk/save/a000", {"undo": [BEYOND]}),
        ("POST", "/desk/preview/a000", {"undo": [BEYOND]}),
        ("POST", "/desk/undo/a000", {"changes": [BEYOND]}),
        ("POST", "/desk/undo/a000", {"changes": [2**63 - 1]}),
    ],
)
def test_a_number_beyond_all_is_the_number_of_nothing(client: FlaskClient, method: str, path: str, body: Any) -> None:
    answer = client.open(path, method=method, json=body, headers={"Accept": "application/json"})
    assert answer.status_code in (400, 403, 404), answer.text


@pytest.mark.parametrize("about", [{"tag": "a\0b"}, {"section": "\0"}, {"article": "a\0"}])
def test_what_no_database_keeps_is_refused(client: FlaskClient, about: dict[str, str]) -> None:
    answer = make(client, action="exclude", about=about, number=None)
    assert (answer.status_code, answer.get_json()["field"]) == (400, "about")
    assert "NUL" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    "asked", ["changes?subject", "rules?article", "rules?section", "clicks?article", "clicks?item"]
)
def test_what_no_database_keeps_is_not_asked_for(client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/v1/{asked}=a%00b")
    assert (answer.status_code, answer.get_json()["field"]) == (400, asked.partition("?")[2])
