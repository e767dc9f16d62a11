"""An article at the desk."""

import pytest
from flask.testing import FlaskClient

from tests.service.desk.conftest import HOSTILE


def test_article_is_shown_as_indexed_with_its_block_and_where_it_is_shown(editor: FlaskClient) -> None:
    text = editor.get("/desk/articles/storm").text
    block = editor.get("/v1/articles/storm/related").get_json()["related"]
    for card in block:
        assert f'data-article="{card["id"]}"' in text
    assert "tides moon storm surge" in text
    assert "https://news.example/storm" in text
    assert "Shown under" in text
    assert "Nothing was ever decided" in text


@pytest.mark.parametrize("article_id", ["a/b c", "hostile"])
def test_any_id_has_its_page(editor: FlaskClient, article_id: str) -> None:
    text = editor.get(f"/desk/articles/{article_id}").text
    assert HOSTILE not in text
    assert "The block, as readers see it" in text


def test_taken_down_article_has_a_page_where_it_can_be_shown_again(editor: FlaskClient) -> None:
    editor.post("/v1/articles/storm/takedown", json={"reason": "a wrong name"})
    text = editor.get("/desk/articles/storm").text
    assert "a wrong name" in text
    assert "Show it again" in text
    assert "was taken down" in text  # its history
    assert 'id="block"' not in text


def test_what_was_cut_away_from_its_page_is_shown(editor: FlaskClient) -> None:
    assert "Buy a boat" in editor.get("/desk/articles/a/b c").text
    assert "cut away" not in editor.get("/desk/articles/storm").text


def test_history_tells_who_decided_what_of_the_article_and_of_its_block(editor: FlaskClient) -> None:
    pin = {"action": "pin", "under": {"article": "a000"}, "about": {"article": "storm"}, "number": 2}
    editor.post("/desk/save/a000", json={"make": [pin], "reason": "the day’s news"})
    for path in ("/desk/articles/storm", "/desk/articles/a000"):
        text = editor.get(path).text
        assert "“A storm surge” stands at place 2 of the block of" in text
        assert "Ann (" in text
        assert "the day’s news" in text


def test_sensitive_article_says_that_it_has_no_block(editor: FlaskClient) -> None:
    assert "marked sensitive" in editor.get("/desk/articles/secret").text


def test_clicks_are_told_if_there_are_any(editor: FlaskClient) -> None:
    assert "In blocks" not in editor.get("/desk/articles/storm").text
    from seealso.editorial.clicks import Count, Spot, add_counts

    here = editor.application.extensions["seealso"]
    add_counts(here.editorial.store(), {Spot("2026-11-01", "a000", "storm", 1, ""): Count(200, 10)})
    assert "shown 200 times, clicked 10: 5.0 %" in editor.get("/desk/articles/storm").text
