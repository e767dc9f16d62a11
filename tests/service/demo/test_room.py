"""The demo's newspaper."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import html5lib
import pytest
from flask.testing import FlaskClient

from seealso.editorial.store import Store
from tests.deciding import take_down

HOSTILE = "<script>alert('\"&')</script>"
HTML = {"Accept": "text/html"}


@pytest.fixture
def demo(index: Path, make_app: Callable[..., Any]) -> FlaskClient:
    client: FlaskClient = make_app(index, demo=True).test_client()
    return client


def test_there_is_no_demo_where_nobody_asked_for_one(client: FlaskClient) -> None:
    assert client.get("/demo/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/demo/",
        "/demo/sections/news",
        "/demo/articles/a000",
        "/demo/articles/a000?layout=carousel&theme=dark&lang=ar&dress=harbour&limit=12",
        "/demo/articles/a000?way=script&mode=latest",
        "/demo/articles/hostile",
        "/demo/articles/%2Fnews/leading/",
    ],
)
def test_pages_are_valid_html_under_a_strict_policy(demo: FlaskClient, path: str) -> None:
    answer = demo.get(path, headers=HTML)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert HOSTILE not in answer.text
    assert " style=" not in answer.text
    assert len(answer.data) < 150_000
    html5lib.HTMLParser(strict=True).parse(answer.text)


def test_article_ends_in_the_live_block_which_leads_into_the_demo(demo: FlaskClient) -> None:
    text = demo.get("/demo/articles/a000?layout=list&limit=3", headers=HTML).text
    assert '<section class="seealso seealso-list" lang="en-GB" dir="ltr">' in text
    assert text.count('<li class="seealso-card"') == 3
    assert 'href="http://localhost/demo/articles/a003?layout=list&amp;limit=3"' in text  # the choices go along


def test_script_is_given_the_same_block_with_the_same_pictures(demo: FlaskClient) -> None:
    text = demo.get("/demo/articles/a000?way=script&limit=3", headers=HTML).text
    assert '<script src="/related.js" async></script>' in text
    assert '<seealso-block article="a000" endpoint="/demo/"' in text
    answer = demo.get("/demo/v1/articles/a000/related?limit=3").get_json()
    alone = demo.get("/v1/articles/a000/related?limit=3").get_json()
    assert [card["id"] for card in answer["related"]] == [card["id"] for card in alone["related"]]
    for card in answer["related"]:
        assert card["url"] == f"http://localhost/demo/articles/{card['id']}?way=script"
        assert demo.get(card["image"]).content_type == "image/svg+xml; charset=utf-8"


def test_what_was_taken_down_is_shown_nowhere(index: Path, make_app: Callable[..., Any], tmp_path: Path) -> None:
    shutil.copytree(index, tmp_path / "index")
    demo = make_app(tmp_path / "index", demo=True).test_client()
    assert "About linked" in demo.get("/demo/articles/linked", headers=HTML).text
    take_down(Store(tmp_path / "index"), ["linked"], "a test", "wrong", None)
    answer = demo.get("/demo/articles/linked", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (410, "text/html")
    assert "About linked" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/demo/articles/nobody", 404),
        ("/demo/sections/nothing", 404),
        ("/demo/?layout=table", 400),
        ("/demo/v1/articles/a000/related?limt=1", 400),
    ],
)
def test_problems_are_told_to_people_as_a_page_and_to_scripts_as_data(
    demo: FlaskClient, path: str, status: int
) -> None:
    page = demo.get(path, headers=HTML)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert "To the front page" in page.text
    data = demo.get(path, headers={"Accept": "application/json"})
    assert (data.status_code, data.mimetype) == (status, "application/problem+json")


def test_its_blocks_wait_for_a_place_beside_page_views(index: Path, make_app: Callable[..., Any]) -> None:
    app = make_app(index, demo=True, threads=1)
    client = app.test_client()
    with app.extensions["seealso"].lanes.batches.place():
        for path in ("/demo/articles/a000", "/demo/v1/articles/a000/related"):
            assert client.get(path).status_code == 503
        assert client.get("/v1/articles/a000/related").status_code == 200
    assert client.get("/demo/articles/a000").status_code == 200
