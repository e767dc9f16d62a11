"""Thin articles, and what the night refused."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from seealso.snapshot.layout import REPORTS
from service.desk.archive_texts import Refusal, Refused, refused_by
from tests.service.desk.conftest import HOSTILE


def write_report(client: FlaskClient, index: Path, content: bytes) -> None:
    name = client.application.extensions["seealso"].current.snapshot().id
    (index / REPORTS).mkdir(exist_ok=True)
    (index / REPORTS / f"{name}.json").write_bytes(content)


def test_thin_articles_are_listed_with_their_words(editor: FlaskClient) -> None:
    text = editor.get("/desk/archive/texts").text
    assert "Thin (35)" in text
    assert 'href="/desk/articles/gezeiten"' in text
    assert '<td class="number">2</td><td class="number">10</td>' in text  # "tides moon"
    assert HOSTILE not in editor.get("/desk/archive/texts?page=2").text


def test_refused_are_listed_with_where_and_why(editor: FlaskClient, index: Path) -> None:
    listed = [{"where": f"feed.jsonl:{number}", "reason": f"title: {HOSTILE}"} for number in range(30)]
    write_report(editor, index, orjson.dumps({"quarantined": listed, "quarantined_count": 1_234}))
    text = editor.get("/desk/archive/texts?show=refused").text
    assert "Refused (1,234)" in text
    assert "feed.jsonl:19" in text
    assert "feed.jsonl:20" not in text
    assert "The report lists the first 30 of 1,234" in text
    assert "<img" not in text
    assert "feed.jsonl:29" in editor.get("/desk/archive/texts?show=refused&page=2").text


def test_a_report_without_refusals_says_that_all_is_well(editor: FlaskClient, index: Path) -> None:
    write_report(editor, index, b'{"quarantined": [], "quarantined_count": 0}')
    assert "Nothing was refused" in editor.get("/desk/archive/texts?show=refused").text


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b'{"quarantined": 7, "quarantined_count": 1}'])
def test_a_report_that_is_missing_or_damaged_is_said_to_be(
    editor: FlaskClient, index: Path, content: bytes | None
) -> None:
    if content is not None:
        write_report(editor, index, content)
    answer = editor.get("/desk/archive/texts?show=refused")
    assert answer.status_code == 200
    assert "is not known" in answer.text
    assert "Refused (?)" in answer.text


@pytest.mark.parametrize(
    ("report", "found"),
    [
        ({}, None),
        ({"quarantined": [{"where": "a"}], "quarantined_count": 1}, None),
        ({"quarantined": [], "quarantined_count": None}, None),
        ({"quarantined": [{"where": "a", "reason": "b"}], "quarantined_count": 0}, Refused(1, [Refusal("a", "b")])),
    ],
)
def test_only_what_a_night_wrote_is_told(report: dict[str, Any], found: Refused | None) -> None:
    assert refused_by(report) == found


def test_query_that_is_wrong_is_refused_in_words(editor: FlaskClient) -> None:
    assert editor.get("/desk/archive/texts?show=all").status_code == 400
