"""Coverage, what is listed most and never, and stories, as pages."""

import re
from html import unescape

import numpy as np
import pytest
from flask.testing import FlaskClient

from service.desk.archive_tables import Step, steps_of
from tests.service.desk.conftest import HOSTILE

PATHS = ["coverage", "coverage?year=2025", "listed", "listed?show=never", "stories", "stories?order=latest"]


def page_of(client: FlaskClient, path: str) -> str:
    answer = client.get(f"/desk/archive/{path}")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("path", PATHS)
def test_pages_hold_texts_as_texts_and_no_styles(editor: FlaskClient, path: str) -> None:
    text = page_of(editor, path)
    assert HOSTILE not in text
    assert "<img" not in text
    assert " style=" not in text
    assert 'aria-current="page"' in text


def test_cells_count_and_lead_to_their_articles(editor: FlaskClient) -> None:
    text = page_of(editor, "coverage")
    assert 'href="/desk/archive?period=2025-03&amp;section=News">30</a>' in text
    assert 'href="/desk/archive?section=Wissen&amp;without=date">1</a>' in text
    assert "no section" in text
    for address in re.findall(r'<td class="number heat-\d"><a href="([^"]+)">(\d+)</a>', text):
        listed = editor.get(f"{unescape(address[0])}&part=list").text
        assert f">{address[1]} article" in listed, address


def test_a_year_without_articles_says_so(editor: FlaskClient) -> None:
    assert "Nothing was published in 1999" in page_of(editor, "coverage?year=1999")


@pytest.mark.parametrize("query", ["coverage?year=x", "coverage?year=99", "coverage?year=0000", "listed?show=all",
                                   "stories?order=x", "stories?page=0"])  # fmt: skip
def test_query_that_is_wrong_is_refused_in_words(editor: FlaskClient, query: str) -> None:
    answer = editor.get(f"/desk/archive/{query}")
    assert answer.status_code == 400
    assert "A part of the request is wrong" in answer.text


def test_listed_most_come_first_with_how_often(editor: FlaskClient) -> None:
    text = page_of(editor, "listed")
    times = [int(each) for each in re.findall(r"in the lists of (\d+) article", text)]
    assert len(times) == 20
    assert times == sorted(times, reverse=True)
    assert "Rules, takedowns, dates, languages and stories" in text


def test_never_listed_are_all_others(editor: FlaskClient) -> None:
    most, never = map(int, re.findall(r"(?:Most|Never) \((\d+)\)", page_of(editor, "listed?show=never")))
    assert most + never == 35


def test_steps_count_every_article_once() -> None:
    steps = steps_of(np.array([0, 0, 1, 5, 6, 96, 4_000]))
    assert [each.number for each in steps] == [2, 2, 1, 0, 0, 0, 2]
    assert steps[0] == Step(0, 0, 2, 1.0)
    assert (steps[-1].first, steps[-1].last) == (96, None)


def test_states_are_told_in_lists(editor: FlaskClient) -> None:
    editor.post("/v1/articles/a001/takedown", json={"reason": "wrong"})
    assert "taken down" in page_of(editor, "listed") + page_of(editor, "listed?page=2")
