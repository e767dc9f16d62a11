"""The panel beside an article."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.indexer.sources.web_server import Reply, Site
from tests.service.desk.conftest import HOSTILE

FRAMED = {"Sec-Fetch-Dest": "iframe", "Accept": "text/html"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "Url: is missing"),
        ("nonsense", "neither the address of an article nor the id"),
        ("javascript:alert(1)", "neither the address"),
        ("https://a.example/x", "no article in the index, and pages of other sites are not read here"),
        ("https://a.example/<script>", "SEEALSO_DESK_FETCH"),
    ],
)
def test_what_is_no_article_is_told_in_words(editor: FlaskClient, url: str, says: str) -> None:
    answer = editor.get("/desk/panel", query_string={"url": url})
    assert answer.status_code == 200
    assert says in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("url", ["storm", "https://news.example/storm", "http://www.news.example/storm/?utm_source=x"])
def test_article_is_shown_with_its_block_and_the_way_into_the_desk(editor: FlaskClient, url: str) -> None:
    text = editor.get("/desk/panel", query_string={"url": url}).text
    assert "A storm surge" in text
    for card in editor.get("/v1/articles/storm/related").get_json()["related"]:
        assert f'href="/desk/articles/{quote(card["id"])}"' in text
    assert 'href="/desk/articles/storm" target="_blank"' in text
    assert "<nav" not in text
    links = text.split("<a ")[2:]  # after the link to the page's own part
    assert all('target="_blank" rel="noopener"' in link.split(">")[0] for link in links)


def test_article_that_is_shown_nowhere_says_so(editor: FlaskClient) -> None:
    assert "marked sensitive" in editor.get("/desk/panel?url=secret").text
    editor.post("/v1/articles/storm/takedown", json={"reason": "wrong"})
    assert "It is taken down" in editor.get("/desk/panel?url=storm").text


def test_page_elsewhere_shows_what_is_related(editor: FlaskClient, outside: Callable[[FlaskClient], Site]) -> None:
    site = outside(editor)
    site["/x"] = Reply("A surge\ntides moon storm surge", headers={"Content-Type": "text/plain"})
    text = editor.get("/desk/panel", query_string={"url": f"{site.address}/x"}).text
    assert "Not in the index" in text
    assert 'class="slot"' in text


def test_panel_is_text_in_every_place(editor: FlaskClient) -> None:
    text = editor.get("/desk/panel?url=hostile").text
    assert HOSTILE not in text
    assert "<img" not in text
    assert " style=" not in text


def test_nobody_frames_it_but_who_is_named(index: Path, make_app: Callable[..., APIFlask], editor: FlaskClient) -> None:
    assert "frame-ancestors 'none'" in editor.get("/desk/panel?url=storm").headers["Content-Security-Policy"]
    client = make_app(index, desk_frames="https://cms.example https://*.b.example").test_client()
    key = create_key(Store(index), "Ann", "read", "x")[1]
    for headers in ({}, {"Authorization": f"Bearer {key}"}):
        for path in ("/desk/panel?url=storm", "/desk/panel?nonsense=1"):
            said = client.get(path, headers=headers | FRAMED).headers["Content-Security-Policy"]
            assert "frame-ancestors https://cms.example https://*.b.example" in said
            assert "script-src 'self'" in said
    assert "frame-ancestors 'none'" in client.get("/desk/login").headers["Content-Security-Policy"]


def test_who_is_not_signed_in_is_told_what_works_where_he_is(editor: FlaskClient) -> None:
    del editor.environ_base["HTTP_AUTHORIZATION"]
    path = "/desk/panel?url=https://news.example/storm"
    within = editor.get(path, headers=FRAMED | {"Sec-Fetch-Site": "same-site"})
    assert within.status_code == 401
    assert "Sign in in a new tab" in within.text
    assert "then=/desk/panel?url%3Dhttps" in within.text
    assert 'target="_blank"' in within.text
    barred = editor.get(path, headers=FRAMED | {"Sec-Fetch-Site": "cross-site"})
    assert "Open the panel in its own window" in barred.text
    assert "/desk/login" not in barred.text
    window = editor.get(path, headers={"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"})
    assert ">Sign in</a>" in window.text
    assert editor.get(path, headers={"Accept": "application/json"}).mimetype == "application/problem+json"
