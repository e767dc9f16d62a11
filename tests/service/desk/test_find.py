"""Finding articles at the desk."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.indexer.sources.web_server import Reply, Site
from tests.service.desk.conftest import HOSTILE


def found(client: FlaskClient, **query: object) -> list[str]:
    answer = client.get("/desk/", query_string=query)
    assert answer.status_code == 200, answer.text
    return re.findall(r'class="title"[^>]*><a href="/desk/articles/([^"]+)"', answer.text)


def test_without_words_the_newest_come_first(editor: FlaskClient) -> None:
    ids = found(editor)
    assert ids[0] == "storm"
    assert len(ids) == 20
    assert not set(found(editor, page=2)) & set(ids)
    assert "35 articles, newest first" in editor.get("/desk/").text


def test_words_find_what_has_all_of_them_first(editor: FlaskClient) -> None:
    assert found(editor, q="storm surge tides", by="words")[0] == "storm"
    assert found(editor, q="nothinghasthisword", by="words") == []
    assert "Nothing was found" in editor.get("/desk/?q=nothinghasthisword&by=words").text


def test_meaning_finds_by_the_measure_of_the_blocks_and_says_how_sure_it_is(editor: FlaskClient) -> None:
    answer = editor.get("/desk/?q=A+storm+surge+tides+moon+storm+surge").text
    assert re.search(r'class="chip (surely|probably|perhaps)"', answer)
    assert "<mark>storm</mark>" in answer


@pytest.mark.parametrize(
    "asked", ["storm", "https://news.example/storm", "http://www.news.example/storm/?utm_source=x"]
)
def test_article_is_found_by_its_id_and_by_its_address_as_people_copy_it(editor: FlaskClient, asked: str) -> None:
    assert found(editor, q=asked)[0] == "storm"
    assert len(found(editor, q=asked)) > 1


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({"section": "weather"}, {"storm"}),
        ({"tag": "sea"}, {"storm"}),
        ({"author": "ida"}, {"gezeiten"}),
        ({"language": "de"}, {"gezeiten"}),
        ({"after": "2025-05-01"}, {"storm"}),
        ({"after": "2025-05-02", "before": "2025-05-02"}, {"storm"}),
        ({"before": "2025-01-01"}, set()),
    ],
)
def test_filters_hold_however_one_searches(editor: FlaskClient, given: dict[str, str], ids: set[str]) -> None:
    assert set(found(editor, **given)) == ids
    assert set(found(editor, q="storm gezeiten slash", by="words", **given)) == ids
    assert set(found(editor, q="tides moon", **given)) <= ids


def test_editors_find_also_what_no_block_may_show(editor: FlaskClient) -> None:
    editor.post("/v1/articles/storm/takedown", json={"reason": "wrong"})
    text = editor.get("/desk/?q=storm+secret&by=words").text
    assert "taken down" in text
    assert "sensitive" in editor.get("/desk/?q=for+all&by=words").text


def test_script_gets_the_list_alone(editor: FlaskClient) -> None:
    part = editor.get("/desk/?q=surge&by=words&part=results").text
    assert "<html" not in part
    assert "storm" in part


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "by=magic", "after=yesterday", "q=a&q=b", "x=1", f"q={'x' * 2001}"]
)
def test_query_that_is_wrong_is_refused_in_words(editor: FlaskClient, query: str) -> None:
    answer = editor.get(f"/desk/?{query}")
    assert answer.status_code == 400
    assert "A part of the request is wrong" in answer.text


def test_texts_of_articles_are_texts_in_every_place(editor: FlaskClient) -> None:
    text = editor.get("/desk/", query_string={"q": HOSTILE, "by": "words"}).text
    assert "<img" not in text
    assert "&lt;" in text


def test_address_elsewhere_is_no_search_where_nothing_is_configured(editor: FlaskClient) -> None:
    text = editor.get("/desk/?q=https://elsewhere.example/page").text
    assert "SEEALSO_DESK_FETCH" in text
    assert "find it by words" not in text
    assert "SEEALSO_DESK_FETCH" in editor.get("/desk/?q=https://elsewhere.example/page&part=results").text


def test_page_elsewhere_is_read_when_it_is_asked_for_and_not_while_one_types(
    editor: FlaskClient, outside: Callable[[FlaskClient], Site]
) -> None:
    site = outside(editor)
    site["/page"] = Reply("A surge\ntides moon storm surge", headers={"Content-Type": "text/plain"})
    address = f"{site.address}/page"
    typed = editor.get("/desk/", query_string={"q": address, "part": "results"})
    assert "Press Enter" in typed.text
    assert site.asked == []
    assert "storm" in found(editor, q=address)
    assert "What is related to “A surge”, read from 127.0.0.1" in editor.get("/desk/", query_string={"q": address}).text
    assert found(editor, q=address, section="weather", part="results") == ["storm"]
    assert len(site.asked) == 1
    assert "answers 404" in editor.get("/desk/", query_string={"q": f"{site.address}/gone"}).text
