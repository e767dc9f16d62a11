"""Two snapshots compared at the desk."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from seealso.snapshot.layout import published_ids
from tests.makers import article, articles, index_of
from tests.service.desk.conftest import HOSTILE


@pytest.fixture
def pair(index: Path) -> tuple[str, str]:
    again = [
        *articles(30, section="News", language="en", published="2025-03-01")[2:],
        article("storm", title="A storm surge", body="bread yeast oven flour"),
        article("hostile", title=HOSTILE, body="tides moon sea"),
        article("fresh", title="A fresh one", body="tides moon sea harbour"),
    ]
    index_of(index, again)
    first, second = published_ids(index)
    return first, second


def differences(client: FlaskClient, pair: tuple[str, str], **query: object) -> str:
    answer = client.get("/desk/night/compare", query_string={"a": pair[0], "b": pair[1], "wait": 1, **query})
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"a": "x", "b": "y"}, 404),
        ({"a": "../../etc", "b": "20260101T000000Z-0123456789ab"}, 404),
        ({"a": "x", "b": "y", "wait": 2}, 400),
        ({"a": "x", "b": "y", "show": "all"}, 400),
    ],
)
def test_what_cannot_be_compared_is_told_in_words(editor: FlaskClient, query: dict[str, object], status: int) -> None:
    assert editor.get("/desk/night/compare", query_string=query).status_code == status


def test_page_comes_at_once_and_its_script_asks_for_what_takes_long(editor: FlaskClient, pair: tuple[str, str]) -> None:
    first = editor.get(f"/desk/night/compare?a={pair[0]}&b={pair[1]}&show=came").text
    assert "being opened" in first
    assert "compare.js" in first
    address = first.partition('data-load="')[2].partition('"')[0].replace("&amp;", "&")
    part = editor.get(address).text
    assert "<html" not in part
    assert "A fresh one" in part
    again = editor.get(f"/desk/night/compare?a={pair[0]}&b={pair[1]}&show=came").text
    assert "compare.js" not in again  # it is at hand
    assert "A fresh one" in again


def test_what_came_went_and_changed_is_listed(editor: FlaskClient, pair: tuple[str, str]) -> None:
    assert "A fresh one" in differences(editor, pair, show="came")
    went = differences(editor, pair, show="went")
    assert "An id with a slash" in went
    assert "A fresh one" not in went
    changed = differences(editor, pair, show="changed")
    assert "A storm surge" in changed
    assert "Piece 7" not in changed


def test_lists_that_changed_most_come_first_with_how_much_stayed(editor: FlaskClient, pair: tuple[str, str]) -> None:
    text = differences(editor, pair)
    assert "of 10</td>" in text
    assert "in 100 of the first 10 stayed" in text
    assert text.index("A storm surge") < text.index("Piece ")
    assert HOSTILE not in text + differences(editor, pair, page=2)


def test_lists_of_an_article_stand_side_by_side_with_words_for_what_moved(
    editor: FlaskClient, pair: tuple[str, str]
) -> None:
    query = {"a": pair[0], "b": pair[1], "wait": 1}
    text = editor.get("/desk/night/compare/a003", query_string=query).text
    assert "new: the article came" in text
    assert "gone: the article was removed" in text
    assert "same place" in text or "up " in text
    assert HOSTILE not in text


def test_article_that_only_one_has_says_so(editor: FlaskClient, pair: tuple[str, str]) -> None:
    query = {"a": pair[0], "b": pair[1], "wait": 1}
    assert "not in this snapshot" in editor.get("/desk/night/compare/fresh", query_string=query).text
    assert "not in this snapshot" in editor.get("/desk/night/compare/a%2Fb%20c", query_string=query).text
    assert editor.get("/desk/night/compare/nobody", query_string=query).status_code == 404


def test_live_articles_change_nothing(editor: FlaskClient, pair: tuple[str, str], index: Path) -> None:
    from seealso.editorial.keys import create_key
    from seealso.editorial.store import Store

    key = create_key(Store(index), "CMS", "index", "x")[1]
    put = editor.put(
        "/v1/articles/live", json={"title": "Live", "body": "tides moon"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert put.status_code == 200
    assert "Live" not in differences(editor, pair, show="came")
