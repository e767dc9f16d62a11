"""An article at the desk."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from seealso.editorial.keys import Scope
from seealso.editorial.store import Store
from service.desk import article as room
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


def shown_under(client: FlaskClient, article_id: str) -> str:
    return (
        client.get(f"/desk/articles/{article_id}").text.partition("<h2>Shown under</h2>")[2].partition("</section>")[0]
    )


def test_pins_are_told_where_an_article_is_shown(editor: FlaskClient) -> None:
    assert "Piece 1<" not in shown_under(editor, "storm")
    pin = {"action": "pin", "about": {"article": "storm"}, "number": 1, "reason": "x"}
    editor.post("/v1/rules", json=pin | {"under": {"article": "a001"}})  # of bread, which has nothing to do with it
    assert "Piece 1<" in shown_under(editor, "storm")
    editor.post("/v1/rules", json=pin | {"under": {"section": "News"}})
    assert "All blocks in the section “News”" in shown_under(editor, "storm")


def test_of_very_many_lists_it_says_how_many_were_looked_at(
    editor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = editor.application.extensions["seealso"].current.snapshot()
    lists = len(snapshot.hosts_of(snapshot.row_of("a000")))
    assert "were looked at" not in shown_under(editor, "a000")
    monkeypatch.setattr(room, "HOSTS_LOOKED_AT", 20)
    monkeypatch.setattr(room, "HOSTS_SHOWN", 1)
    text = shown_under(editor, "a000")
    assert f"Of {lists} lists that name it, the 20 in which it stands highest were looked at" in text
    assert re.search(r"and \d+ more", text)


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


def test_history_goes_as_far_back_as_the_log(editor: FlaskClient, index: Path) -> None:
    editor.post("/v1/articles/storm/takedown", json={"reason": "a wrong name"})
    editor.delete("/v1/articles/storm/takedown?reason=mended")
    with Store(index).writing() as writing:
        for number in range(2_100):
            writing.record("x", "rolled-back", f"snapshot:{number}", None, {"snapshot": str(number)})
    text = editor.get("/desk/articles/storm").text
    assert "a wrong name" in text
    assert 'href="/desk/log?subject=storm"' in text


def test_sensitive_article_says_that_it_has_no_block(editor: FlaskClient) -> None:
    assert "marked sensitive" in editor.get("/desk/articles/secret").text


def test_what_keeps_an_article_out_of_blocks_is_told_by_its_name(sign_in: Callable[[Scope], FlaskClient]) -> None:
    admin = sign_in("admin")

    def states(article_id: str) -> list[str]:
        head = admin.get(f"/desk/articles/{article_id}").text.partition("<h1>")[0]
        return re.findall(r'<span class="chip warn">([^<]*)<', head)

    assert states("storm") == []
    admin.put("/v1/articles/paid", json={"title": "An advert", "body": "bread yeast oven", "sponsored": True})
    assert states("paid") == ["sponsored", "since last night"]
    for about in ({"article": "storm"}, {"section": "News"}):
        admin.post("/v1/rules", json={"action": "exclude", "about": about, "reason": "x"})
    admin.post("/v1/rules", json={"action": "sponsored", "about": {"article": "a001"}, "reason": "x"})
    assert states("storm") == states("a000") == ["kept out of all blocks"]
    assert states("a001") == ["sponsored"]


def test_clicks_are_told_if_there_are_any(editor: FlaskClient) -> None:
    assert "In blocks" not in editor.get("/desk/articles/storm").text
    from seealso.editorial.clicks import Count, Spot, add_counts

    here = editor.application.extensions["seealso"]
    add_counts(here.editorial.store(), {Spot("2026-11-01", "a000", "storm", 1, ""): Count(200, 10)})
    assert "shown 200 times, clicked 10: 5.0 %" in editor.get("/desk/articles/storm").text
