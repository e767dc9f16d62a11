"""Pairs that are clicked most."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from seealso.editorial.clicks import Count, Spot, add_counts
from seealso.errors import StoreUnavailable


def count(client: FlaskClient, host: str, item: str, shown: int, clicked: int, days_ago: int = 0) -> None:
    day = (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()
    store = client.application.extensions["seealso"].editorial.store()
    add_counts(store, {Spot(day, host, item, 1, ""): Count(shown, clicked)})


def test_without_counts_it_says_how_they_come(editor: FlaskClient) -> None:
    assert "No reader was counted" in editor.get("/desk/archive/clicks").text


def test_pairs_clicked_most_come_first_with_the_interval_of_their_share(editor: FlaskClient) -> None:
    count(editor, "a000", "a003", 1_000, 20)
    count(editor, "a000", "storm", 200, 50)
    count(editor, "a001", "a004", 9_000, 0)
    text = editor.get("/desk/archive/clicks").text
    assert re.findall(r"/desk/articles/(\w+)", text) == ["a000", "storm", "a000", "a003"]
    assert re.search(r"25\.0 % <span[^>]*>19\.5–31\.4</span>", text)


def test_pair_of_an_article_that_is_gone_is_named_by_its_id(editor: FlaskClient) -> None:
    count(editor, "<gone>", "storm", 10, 5)
    text = editor.get("/desk/archive/clicks").text
    assert "&lt;gone&gt;" in text
    assert "not here any more" in text


def test_clicks_without_views_have_no_share(editor: FlaskClient) -> None:
    count(editor, "a000", "storm", 0, 3)
    assert "not known" in editor.get("/desk/archive/clicks").text


def test_only_the_days_asked_for_count(editor: FlaskClient) -> None:
    count(editor, "a000", "storm", 100, 7, days_ago=20)
    assert "No reader was counted" in editor.get("/desk/archive/clicks?days=7").text
    assert "storm" in editor.get("/desk/archive/clicks?days=30").text
    assert editor.get("/desk/archive/clicks?days=8").status_code == 400


def test_views_alone_say_that_nobody_clicked(editor: FlaskClient) -> None:
    count(editor, "a000", "storm", 100, 0)
    assert "No reader has clicked" in editor.get("/desk/archive/clicks").text


def test_while_the_store_cannot_be_read_the_page_says_so(editor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("somewhere", "it is not there")

    monkeypatch.setattr("service.desk.archive_clicks.read_rates", gone)
    answer = editor.get("/desk/archive/clicks")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
