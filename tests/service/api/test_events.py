from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.makers import articles, index_of
from tests.service.test_clicks import FIREFOX

MakeApp = Callable[..., APIFlask]
EVENTS = {"article": "a000", "block": "below", "shown": ["a003", "a006"], "clicked": [{"item": "a006", "slot": 2}]}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(9))
    return tmp_path


@pytest.fixture
def app(index: Path, make_app: MakeApp) -> APIFlask:
    return make_app(index, rate_limit="none", events_limit="none")


def send(app: APIFlask, body: Any = None, agent: str = FIREFOX, **headers: str) -> TestResponse:
    return app.test_client().post(
        "/v1/events", json={"blocks": [body or EVENTS]}, headers={"User-Agent": agent} | headers
    )


def rates(app: APIFlask, index: Path, query: str = "") -> list[dict[str, Any]]:
    app.extensions["seealso"].clicks.put_away()
    client: FlaskClient = app.test_client()
    key = create_key(Store(index), "Ann", "editor", "x")[1]
    answer = client.get(f"/v1/clicks?{query}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.get_json()
    found: list[dict[str, Any]] = answer.get_json()["rates"]
    return found


def counted(app: APIFlask, fate: str) -> float:
    lines = app.test_client().get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f'seealso_events_total{{fate="{fate}"}}'))


def test_what_was_shown_and_clicked_is_counted(app: APIFlask, index: Path) -> None:
    for _ in range(4):
        assert send(app).status_code == 204
    send(app, {"article": "a000", "block": "below", "shown": ["a003", "a006"]})
    first, second = rates(app, index, "by=pair")
    assert (first["of"], first["shown"], first["clicked"]) == ({"article": "a000", "item": "a003"}, 5, 0)
    assert (second["of"], second["shown"], second["clicked"], second["share"]) == (
        {"article": "a000", "item": "a006"},
        5,
        4,
        0.8,
    )
    assert 0.3 < second["low"] < 0.8 < second["high"] < 1
    assert [rate["of"] for rate in rates(app, index, "by=slot")] == [{"slot": 1}, {"slot": 2}]
    assert rates(app, index, "by=block")[0]["of"] == {"block": "below"}
    assert rates(app, index, "item=a003&by=day&first=2020-01-01")[0]["shown"] == 5
    assert rates(app, index, "last=2020-01-01") == []
    assert counted(app, "counted") == 14


def test_blocks_of_a_page_are_counted_each(app: APIFlask, index: Path) -> None:
    blocks = [
        EVENTS,
        {"article": "nobody", "shown": ["a003"]},
        {"article": "a001", "block": "aside", "shown": ["a003"]},
    ]
    assert (
        app.test_client().post("/v1/events", json={"blocks": blocks}, headers={"User-Agent": FIREFOX}).status_code
        == 204
    )
    assert {rate["of"]["block"]: rate["shown"] for rate in rates(app, index, "by=block")} == {"below": 2, "aside": 1}
    assert counted(app, "unknown") == 1
    for wrong in ([], [EVENTS] * 21, EVENTS):
        assert (
            app.test_client().post("/v1/events", json={"blocks": wrong}, headers={"User-Agent": FIREFOX}).status_code
            == 400
        )


def test_beacon_of_a_page_is_taken_as_browsers_send_it(app: APIFlask, index: Path) -> None:
    body = '{"blocks": [{"article": "a000", "shown": ["a003"]}]}'
    headers = {"User-Agent": FIREFOX, "Content-Type": "text/plain;charset=UTF-8", "Origin": "https://a.example"}
    assert app.test_client().post("/v1/events", data=body, headers=headers).status_code == 204
    assert rates(app, index)[0]["shown"] == 1
    assert app.test_client().post("/v1/page", data=body, headers=headers).status_code == 415


def test_places_of_what_was_shown_are_those_it_says(app: APIFlask, index: Path) -> None:
    for slots in ([1], [1, 0], [1, 51], "12"):
        body = {"article": "a000", "shown": ["a003", "a006"], "slots": slots}
        assert send(app, body).status_code == 400
    assert send(app, {"article": "a000", "shown": ["a003", "a006"], "slots": [2, 5]}).status_code == 204
    assert {rate["of"]["slot"] for rate in rates(app, index, "by=slot")} == {2, 5}


@pytest.mark.parametrize(
    ("agent", "headers"), [("Googlebot/2.1", {}), ("", {}), (FIREFOX, {"Sec-Purpose": "prefetch;prerender"})]
)
def test_bots_and_unseen_pages_are_left_out(app: APIFlask, index: Path, agent: str, headers: dict[str, str]) -> None:
    assert send(app, agent=agent, **headers).status_code == 204
    assert rates(app, index) == []
    assert counted(app, "bot") == 3


def test_reader_who_wants_no_count_is_not_counted(app: APIFlask, index: Path) -> None:
    assert send(app, **{"Sec-GPC": "1"}).status_code == 204
    assert rates(app, index) == []
    assert send(app, **{"Sec-GPC": "0"}).status_code == 204
    assert rates(app, index) != []


def test_articles_that_are_not_indexed_are_left_out(app: APIFlask, index: Path) -> None:
    send(app, {"article": "nobody", "shown": ["a003"]})
    send(app, {"article": "a000", "shown": ["nobody", "a003"]})
    assert [(rate["of"], rate["shown"]) for rate in rates(app, index)] == [({"item": "a003"}, 1)]
    assert rates(app, index, "by=slot")[0]["of"] == {"slot": 2}
    assert counted(app, "unknown") == 2


def test_nothing_of_the_reader_is_kept(app: APIFlask, index: Path) -> None:
    answer = send(app, **{"X-Forwarded-For": "203.0.113.77", "Cookie": "id=77aa77"})
    assert "Set-Cookie" not in answer.headers
    app.extensions["seealso"].clicks.put_away()
    app.extensions["seealso"].editorial.store().close()
    for path in index.glob("editorial.db*"):
        content = path.read_bytes()
        assert b"203.0.113.77" not in content
        assert b"77aa77" not in content
        assert b"Firefox" not in content


def test_one_address_may_not_send_without_end(index: Path, make_app: MakeApp) -> None:
    app = make_app(index, events_limit="3/minute")
    assert [send(app).status_code for _ in range(4)] == [204, 204, 204, 429]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"shown": ["a003"]}, "article"),
        ({"article": "a000", "shown": "a003"}, "shown"),
        ({"article": "a000", "shown": ["x"] * 51}, "shown"),
        ({"article": "a000", "clicked": [{"item": "a003"}]}, "clicked"),
        ({"article": "a000", "clicked": [{"item": "a003", "slot": 0}]}, "clicked"),
        ({"article": "a000", "block": "x" * 65}, "block"),
        ({"article": "a000", "user": "me"}, "user"),
    ],
)
def test_what_is_wrong_is_named(app: APIFlask, body: dict[str, Any], field: str) -> None:
    problem = send(app, body).get_json()
    assert (problem["status"], problem["field"]) == (400, "blocks")
    assert f"item 1 {field}" in problem["detail"]


@pytest.mark.parametrize("query", ["by=reader", "first=soon", "limit=0", "who=me"])
def test_wrong_question_is_refused(app: APIFlask, index: Path, query: str) -> None:
    key = create_key(Store(index), "Ann", "editor", "x")[1]
    answer = app.test_client().get(f"/v1/clicks?{query}", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.get_json()["field"]) == (400, query.partition("=")[0])


def test_what_no_database_keeps_is_no_name_of_a_block(app: APIFlask, index: Path) -> None:
    assert send(app, EVENTS | {"block": "be\x00low\n"}).status_code == 204
    assert {rate["of"]["block"] for rate in rates(app, index, "by=block")} == {"be low"}
