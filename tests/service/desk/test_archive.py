"""The archive at the desk: its map, and what is chosen of it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import Scope, create_key
from seealso.editorial.store import Store
from seealso.snapshot.layout import POINTER, SNAPSHOTS
from service import finding
from tests.conftest import ROOT
from tests.service.desk.conftest import HOSTILE

FORMATS = ROOT / "tests/night/formats"
LINK = re.compile(r'class="title"><a href="/desk/articles/([^"]+)"')


def chosen(client: FlaskClient, **query: object) -> list[str]:
    answer = client.get("/desk/archive", query_string=query | {"part": "list"})
    assert answer.status_code == 200, answer.text
    assert "<html" not in answer.text
    return LINK.findall(answer.text)


def place_of(client: FlaskClient, article_id: str) -> tuple[float, float]:
    snapshot = client.application.extensions["seealso"].current.snapshot()
    across, down = snapshot.map[snapshot.row_of(article_id)]
    return float(across), float(down)


def test_page_says_what_there_is_and_lists_nothing_before_something_is_chosen(editor: FlaskClient) -> None:
    text = editor.get("/desk/archive").text
    assert "35 articles" in text
    assert 'data-points="/desk/archive/map"' in text
    assert "News (30)" in text
    assert "2025-05 (1)" in text
    assert "Nothing is chosen" in text
    assert LINK.findall(text) == []


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"section": "Weather"}, ["storm"]),
        ({"period": "2025-05"}, ["storm"]),
        ({"without": "section"}, ["a/b%20c", "secret"]),
        ({"q": "storm surge"}, ["storm"]),
        ({"q": "storm", "section": "News"}, []),
        ({"period": "1999"}, []),
    ],
)
def test_what_is_chosen_is_listed(editor: FlaskClient, query: dict[str, str], ids: list[str]) -> None:
    assert chosen(editor, **query) == ids


def test_a_year_and_pages_of_it(editor: FlaskClient) -> None:
    first, second = chosen(editor, period="2025"), chosen(editor, period="2025", page=2)
    assert (first[0], len(first), len(second)) == ("storm", 20, 11)
    assert not set(first) & set(second)
    assert chosen(editor, period="2025", page=99) == second  # there are not so many


def test_what_is_drawn_around_is_listed(editor: FlaskClient) -> None:
    across, down = place_of(editor, "storm")
    area = ",".join(
        f"{min(1, max(0, each)):.6f}"
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        for each in (across + x * 1e-4, down + y * 1e-4)
    )
    assert "storm" in chosen(editor, area=area)
    assert chosen(editor, area=area, section="News") == [
        each for each in chosen(editor, area=area) if each.startswith("a0")
    ]
    assert len(LINK.findall(editor.get("/desk/archive", query_string={"area": "0,0,1,0,1,1,0,1"}).text)) == 20


def test_words_are_looked_for_within_what_is_chosen(editor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "BY_WORDS_MAX", 1)
    asked = {"q": "storm slash number2"}
    assert len(chosen(editor, **asked)) == 1
    assert "The best 1 article" in editor.get("/desk/archive", query_string=asked).text
    assert chosen(editor, **asked, section="Weather") == ["storm"]
    assert chosen(editor, **asked, period="2025-03") == ["a002"]
    assert chosen(editor, **asked, without="section") == ["a/b%20c"]
    assert "The best 1 of what was found" in editor.get("/desk/", query_string=asked | {"by": "words"}).text


def test_of_words_the_list_tells_the_map_which_points_to_light(editor: FlaskClient) -> None:
    row = editor.application.extensions["seealso"].current.snapshot().row_of("storm")
    assert f'data-lit="{row}"' in editor.get("/desk/archive?q=storm+surge&part=list").text
    assert "data-lit" not in editor.get("/desk/archive?section=Weather&part=list").text


@pytest.mark.parametrize(
    "query",
    [
        *("period=25", "period=2025-13", "without=x", "page=0", "part=x", "x=1", "area=1,2,3", "area=0,0,1,1"),
        *(
            "area=0,0,1,0,1,1,0",
            "area=0,0,2,0,1,1",
            "area=nan,0,1,0,1,1",
            f"area={'0,0,' * 101}0,0",
            "section=a&section=b",
        ),
    ],
)
def test_query_that_is_wrong_is_refused_in_words(editor: FlaskClient, query: str) -> None:
    answer = editor.get(f"/desk/archive?{query}")
    assert answer.status_code == 400
    assert "A part of the request is wrong" in answer.text


def test_texts_of_articles_are_texts_in_every_place(editor: FlaskClient) -> None:
    for query in ({}, {"q": HOSTILE}, {"section": HOSTILE}):
        text = editor.get("/desk/archive", query_string=query).text
        assert "<img" not in text
        assert " style=" not in text
        assert "&lt;img" in text


def test_articles_that_came_since_are_listed_and_have_no_place_yet(sign_in: Callable[[Scope], FlaskClient]) -> None:
    admin = sign_in("admin")
    body = {"title": "A storm surge, again", "body": "tides moon storm surge", "section": "Weather"}
    assert admin.put("/v1/articles/storm", json=body).status_code in (200, 201, 202)
    assert admin.put("/v1/articles/new", json=body).status_code in (200, 201, 202)
    text = admin.get("/desk/archive?section=Weather").text
    assert sorted(LINK.findall(text)) == ["new", "storm"]
    assert "2 came since last night and have their place on the map after the next" in text
    assert np.frombuffer(admin.get("/desk/archive/map").data, "<u4", 2).tolist() == [35, 35]
    assert not {"new", "storm"} & set(chosen(admin, area="0,0,1,0,1,1,0,1"))
    snapshot = admin.application.extensions["seealso"].current.snapshot()
    before = next(row for row in range(35) if snapshot.article_id(row) == "storm")
    told = admin.get(f"/desk/archive/titles?snapshot={snapshot.id}&rows={before}").get_json()
    assert told["articles"][0]["states"] == ["changed since last night"]
    for path in ("coverage", "listed", "listed?show=never", "stories", "texts"):
        assert admin.get(f"/desk/archive/{path}").status_code == 200


def test_without_a_map_the_page_says_when_there_will_be_one(
    tmp_path: Path, redis_url: str, make_app: Callable[..., APIFlask]
) -> None:
    [kept] = (FORMATS / "format-4").iterdir()
    shutil.copytree(kept, tmp_path / SNAPSHOTS / kept.name)
    (tmp_path / POINTER).write_text(f"{kept.name}\n")
    redis.Redis.from_url(redis_url).flushall()
    client = make_app(tmp_path, rate_limit="none").test_client()
    key = create_key(Store(tmp_path), "Ann", "read", "x")[1]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    text = client.get("/desk/archive?section=News").text
    assert "The next night draws it" in text
    assert "<canvas" not in text
    assert len(LINK.findall(text)) == 6
    assert client.get("/desk/archive/map").status_code == 404
