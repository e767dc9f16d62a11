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
from tests.makers import article, articles, index_of

MakeApp = Callable[..., APIFlask]


pytestmark = pytest.mark.usefixtures("empty_redis")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(20, url=None))
    return tmp_path


@pytest.fixture
def client(index: Path, make_app: MakeApp) -> FlaskClient:
    client = make_app(index).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'editor', 'x')[1]}"
    return client


def take_down(client: FlaskClient, article_id: str = "a003", **body: Any) -> TestResponse:
    return client.post(f"/v1/articles/{article_id}/takedown", json={"reason": "court order"} | body)


def shown_under(client: FlaskClient, article_id: str) -> list[str]:
    return [card["id"] for card in client.get(f"/v1/articles/{article_id}/related").get_json()["related"]]


def test_acknowledgement_tells_what_is_in_force_and_what_to_purge(client: FlaskClient, index: Path) -> None:
    before = [f"a{number:03}" for number in range(20) if "a003" in shown_under(client, f"a{number:03}")]
    answer = take_down(client).get_json()
    taken, purge = answer["takedown"], answer["purge"]
    assert (taken["article"], taken["until"], taken["reason"]) == ("a003", None, "court order")
    assert taken["who"].startswith("Ann (")
    assert purge["keys"] == ["article:a003"]
    for other in before:
        assert f"/v1/articles/{other}/related" in purge["paths"]
        assert f"/v1/articles/{other}/related.html" in purge["paths"]
        assert "a003" not in shown_under(client, other)
    assert [each["article"] for each in client.get("/v1/takedowns").get_json()["takedowns"]] == ["a003"]
    assert [change.who for change in Store(index).changes(subject="a003")] == [taken["who"]]


def test_pages_to_purge_are_those_it_may_stand_on(tmp_path: Path, make_app: MakeApp) -> None:
    index = tmp_path / "other"
    given = [each.model_copy(update={"url": f"https://n.example/{each.id}"}) for each in articles(6)]
    index_of(index, given)
    client = make_app(index).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'editor', 'x')[1]}"
    pages = take_down(client).get_json()["purge"]["pages"]
    assert set(pages) == {f"https://n.example/{each.id}" for each in given}


def test_proof_that_takes_too_long_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.parts.BLOCKS_SECONDS_MAX", -1)
    late = client.get("/v1/articles/a003/proof")
    assert (late.status_code, late.get_json()["type"]) == (503, "urn:seealso:problem:blocks-late")


def test_proof_shows_where_it_stands_and_that_it_stands_nowhere(client: FlaskClient) -> None:
    before = client.get("/v1/articles/a003/proof").get_json()
    assert (before["taken_down"], before["indexed"]) == (False, True)
    assert before["shown_under"]
    assert before["blocks_made"] >= len(before["shown_under"])
    take_down(client)
    after = client.get("/v1/articles/a003/proof").get_json()
    assert (after["taken_down"], after["shown_under"]) == (True, [])
    assert after["blocks_made"] == before["blocks_made"]
    nowhere = client.get("/v1/articles/nobody/proof").get_json()
    assert (nowhere["indexed"], nowhere["blocks_made"], nowhere["shown_under"]) == (False, 0, [])


def test_article_that_is_not_indexed_yet_can_be_taken_down(client: FlaskClient, index: Path) -> None:
    assert take_down(client, "a020").status_code == 200
    index_of(index, articles(21))
    client.application.extensions["seealso"].current.refresh()
    assert client.get("/v1/articles/a020/related").status_code == 410
    assert "a020" not in shown_under(client, "a002")


def test_id_that_is_an_address_can_be_taken_down(client: FlaskClient) -> None:
    article_id = "https://news.example//x/y"
    assert take_down(client, article_id).get_json()["takedown"]["article"] == article_id
    assert client.get(f"/v1/articles/{article_id}/proof").get_json()["taken_down"] is True


def test_article_that_is_named_by_its_address_is_told_its_id(index: Path, client: FlaskClient) -> None:
    own = "https://n.example/own"
    index_of(index, [*articles(5), article("p1", url="https://n.example/p1"), article(own, url=own)])
    client.application.extensions["seealso"].current.refresh()
    refused = take_down(client, "https://n.example/p1")
    assert (refused.status_code, refused.get_json()["field"]) == (400, "article")
    assert "its id is p1" in refused.get_json()["detail"]
    assert client.get("/v1/takedowns").get_json()["takedowns"] == []
    for article_id in ("p1", own, "https://n.example/to-come"):
        assert take_down(client, article_id).status_code == 200
    assert client.get(f"/v1/articles/{own}").status_code == 410


def test_restored_article_is_shown_again(client: FlaskClient) -> None:
    before = shown_under(client, "a000")
    take_down(client, before[0])
    answer = client.delete(f"/v1/articles/{before[0]}/takedown?reason=settled")
    assert answer.get_json()["takedown"]["article"] == before[0]
    assert shown_under(client, "a000") == before
    again = client.delete(f"/v1/articles/{before[0]}/takedown?reason=settled")
    assert (again.status_code, again.get_json()["type"]) == (404, "urn:seealso:problem:not-taken-down")


@pytest.mark.parametrize("how", ["restore", "undo"])
def test_article_that_is_shown_again_has_the_blocks_dropped_that_were_made_without_it(
    index: Path, make_app: MakeApp, how: str
) -> None:
    app = make_app(index, purge_webhook="http://127.0.0.1:9/", rate_limit="none")
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'editor', 'x')[1]}"
    path = "/v1/articles/a000/related"
    first = shown_under(client, "a000")[0]
    take_down(client, first)
    kept = client.get(path).headers["Surrogate-Key"].split()
    if how == "restore":
        client.delete(f"/v1/articles/{first}/takedown?reason=settled")
    else:
        client.post(f"/v1/changes/{Store(index).sequence()}/undo?reason=wrong")
    assert shown_under(client, "a000")[0] == first
    again, down = client.get("/v1/purges").get_json()["purges"]
    assert "article:a000" in set(again["message"]["keys"]) & set(kept)
    assert f"article:{first}" in again["message"]["keys"]
    assert down["message"]["keys"] == [f"article:{first}"]
    client.post(f"/v1/changes/{Store(index).sequence()}/undo?reason=wrong")  # and it is down once more
    assert client.get("/v1/purges").get_json()["purges"][0]["message"]["keys"] == [f"article:{first}"]


def test_end_is_kept_and_may_not_be_over(client: FlaskClient) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    told = take_down(client, until=later.isoformat()).get_json()["takedown"]["until"]
    assert abs(datetime.fromisoformat(told) - later) < timedelta(milliseconds=1)
    refused = take_down(client, until="2020-01-01").get_json()
    assert (refused["status"], refused["field"]) == (400, "until")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": " \n\t"}, "reason"),
        ({"reason": "x" * 1_001}, "reason"),
        ({"reason": 7}, "reason"),
        ({"reason": "x", "until": "soon"}, "until"),
        ({"reason": "x", "who": "me"}, "who"),
    ],
)
def test_what_is_wrong_is_named(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    answer = client.post("/v1/articles/a003/takedown", json=body)
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)


@pytest.mark.parametrize("article_id", ["x" * 201, "a%00b"])
def test_id_that_no_article_has_is_refused(client: FlaskClient, article_id: str) -> None:
    assert take_down(client, article_id).status_code == 400
    assert client.delete(f"/v1/articles/{article_id}/takedown?reason=x").status_code == 400
    assert client.get(f"/v1/articles/{article_id}/proof").status_code == 400


def test_reason_is_kept_as_one_line(client: FlaskClient) -> None:
    told = take_down(client, reason="by\x00 court\n order").get_json()["takedown"]
    assert told["reason"] == "by court order"
