"""Decisions on a block: planned, looked at, saved together or not at all, undone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.editorial.takedowns import take_down_in
from service.api.inputs import PlanBody
from service.deciding import deciding
from service.desk.plan import save

PIN = {"action": "pin", "under": {"article": "a000"}, "about": {"article": "storm"}, "number": 1}
OUT = {"action": "exclude", "under": {"article": "a000"}, "about": {"article": "a003"}}
NOWHERE = {"action": "exclude", "about": {"article": "a003"}}


def shown(client: FlaskClient) -> list[str]:
    return [card["id"] for card in client.get("/v1/articles/a000/related").get_json()["related"]]


def order(markup: str) -> list[str]:
    block = markup.partition('id="block"')[2].partition("</ol>")[0]
    return [part.partition('"')[0] for part in block.split('data-article="')[1:]]


def test_preview_is_what_readers_would_see_and_changes_nothing(editor: FlaskClient) -> None:
    before = shown(editor)
    assert "a003" in before
    markup = editor.post("/desk/preview/a000", json={"make": [PIN, OUT]}).text
    assert order(markup)[0] == "storm"
    assert "a003" not in order(markup)
    assert "not saved yet" in markup
    assert shown(editor) == before
    saved = editor.post("/desk/save/a000", json={"make": [PIN, OUT], "reason": "the day’s news"}).get_json()
    assert order(saved["block"]) == order(markup) == shown(editor)


def test_what_is_kept_out_of_all_blocks_can_be_planned_too(editor: FlaskClient) -> None:
    assert "a003" not in order(editor.post("/desk/preview/a000", json={"make": [NOWHERE]}).text)
    assert "a003" in shown(editor)


def test_saving_is_undone_as_a_whole(editor: FlaskClient) -> None:
    editor.post("/desk/save/a000", json={"make": [PIN | {"about": {"article": "a005"}}]})
    before = shown(editor)
    assert before[0] == "a005"
    saved = editor.post("/desk/save/a000", json={"make": [PIN, OUT]}).get_json()
    assert shown(editor)[0] == "storm"
    undone = editor.post("/desk/undo/a000", json={"changes": saved["changes"]})
    assert undone.status_code == 200
    assert shown(editor) == before


@pytest.mark.parametrize("wrong", [{"make": [PIN | {"number": None, "about": None}]}, {"undo": [99]}])
def test_one_that_cannot_be_made_keeps_all_from_being_made(editor: FlaskClient, wrong: dict[str, Any]) -> None:
    before = shown(editor)
    plan = {"make": [PIN, *wrong.get("make", [])], "undo": wrong.get("undo", [])}
    refused = editor.post("/desk/save/a000", json=plan, headers={"Accept": "application/json"})
    assert refused.status_code in (400, 404)
    assert refused.get_json()["detail"]
    assert shown(editor) == before
    assert editor.get("/v1/rules").get_json()["rules"] == []


def test_rule_that_was_undone_meanwhile_is_told_of(editor: FlaskClient) -> None:
    saved = editor.post("/desk/save/a000", json={"make": [PIN]}).get_json()
    rule = saved["changes"][-1]
    assert editor.post("/desk/save/a000", json={"undo": [rule]}).status_code == 200
    again = editor.post("/desk/save/a000", json={"undo": [rule]}, headers={"Accept": "application/json"})
    assert again.status_code == 404
    assert "load the page anew" in again.get_json()["detail"]


def test_nothing_is_saved_for_an_article_that_was_taken_down_meanwhile(editor: FlaskClient) -> None:
    editor.post("/v1/articles/a000/takedown", json={"reason": "x"})
    refused = editor.post("/desk/save/a000", json={"make": [PIN]}, headers={"Accept": "application/json"})
    assert refused.status_code == 410
    assert editor.get("/v1/rules").get_json()["rules"] == []


def test_what_was_saved_and_undone_is_told_so_if_the_article_is_taken_down_at_that_moment(
    editor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def saved(plan: PlanBody) -> list[int]:
        changes = save(plan)
        with deciding() as what:
            take_down_in(what.writing, "a000", "bob", "court order", None)
        return changes

    monkeypatch.setattr("service.desk.article.save", saved)
    answer = editor.post("/desk/save/a000", json={"make": [PIN]})
    assert answer.status_code == 200
    assert "was taken down" in answer.get_json()["block"]
    undone = editor.post("/desk/undo/a000", json={"changes": answer.get_json()["changes"]})
    assert undone.status_code == 200
    assert editor.get("/v1/rules").get_json()["rules"] == []


def test_rule_ends_when_it_was_said_to(editor: FlaskClient) -> None:
    editor.post("/desk/save/a000", json={"make": [PIN | {"until": "2031-01-01T00:00:00Z"}], "reason": "a week"})
    rule = editor.get("/v1/rules").get_json()["rules"][0]
    assert (rule["until"], rule["reason"]) == ("2031-01-01T00:00:00Z", "a week") or rule["until"].startswith("2031")
    over = {"make": [PIN | {"until": "2001-01-01T00:00:00Z"}]}
    assert editor.post("/desk/preview/a000", json=over).status_code == 400


def test_modes_are_those_of_the_block(editor: FlaskClient) -> None:
    for mode in ("background", "latest", "evergreen"):
        markup = editor.post("/desk/preview/a000", json={"mode": mode}).text
        told = editor.get(f"/v1/articles/a000/related?mode={mode}").get_json()["related"]
        assert order(markup) == [card["id"] for card in told]


@pytest.mark.parametrize("method", ["", "split", "interleaving"])
def test_block_is_that_of_readers_under_a_trial_and_at_each_placement(
    index: Path, make_app: Callable[..., APIFlask], method: str
) -> None:
    file = index / "seealso.toml"
    trial = f'[trial]\nname = "titles"\nmethod = "{method}"\nrecipe = {{ cosine_weight = -50.0 }}\n' if method else ""
    file.write_text(f'{trial}[placements.aside]\nlimit = 3\nmode = "latest"\n[placements.german]\nlanguages = ["de"]\n')
    client = make_app(index, project=file, rate_limit="none").test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'editor', 'x')[1]}"
    for article_id in ("a000", "a001", "storm"):
        for query in ("", "mode=latest", "placement=aside", "placement=german"):
            told = client.get(f"/v1/articles/{article_id}/related?{query}").get_json()["related"]
            page = client.get(f"/desk/articles/{article_id}?{query}").text
            name, _, value = query.partition("=")
            plan = {"make": [NOWHERE | {"about": {"article": "nobody"}}], **({name: value} if name else {})}
            planned = client.post(f"/desk/preview/{article_id}", json=plan).text
            ids = [card["id"] for card in told]
            assert order(page) == ids
            assert order(planned) == ids
    assert '<a href="?placement=aside" aria-current="true">aside</a>' in client.get(
        "/desk/articles/storm?placement=aside"
    ).text  # fmt: skip
    assert client.get("/desk/articles/storm?placement=nowhere").status_code == 400
    saved = client.post("/desk/save/a000", json={"make": [PIN], "placement": "aside"}).get_json()
    assert len(order(saved["block"])) == 3
    undone = client.post("/desk/undo/a000?placement=aside", json={"changes": saved["changes"]}).get_json()
    assert len(order(undone["block"])) == 3


def test_another_worker_shows_what_was_saved(
    editor: FlaskClient, index: Path, make_app: Callable[..., APIFlask]
) -> None:
    other = make_app(index).test_client()
    shown(other)
    editor.post("/desk/save/a000", json={"make": [PIN]})
    assert shown(other)[0] == "storm"
