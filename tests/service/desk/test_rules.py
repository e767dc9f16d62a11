"""Rules and takedowns at the desk."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

import seealso.editorial.rules
from seealso.editorial.keys import Scope
from seealso.editorial.rules import ACTIONS, FORMS
from service.desk import rules as room
from tests.service.desk.conftest import HOSTILE

SignIn = Callable[[Scope], FlaskClient]


def make(client: FlaskClient, **rule: Any) -> int:
    answer = client.post("/v1/rules", json={"reason": "news", **rule})
    assert answer.status_code == 200, answer.text
    return int(answer.get_json()["id"])


def soon(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


def test_without_rules_it_says_so(editor: FlaskClient) -> None:
    text = editor.get("/desk/rules").text
    assert "No rule holds" in text
    assert "Nothing is taken down" in editor.get("/desk/rules?show=takedowns").text


def test_rules_are_grouped_by_whose_blocks_they_are_for(editor: FlaskClient) -> None:
    make(editor, action="pin", under={"article": "a000"}, about={"article": "storm"}, number=2)
    make(editor, action="boost", under={"section": "News"}, about={"tag": "Sea"})
    make(editor, action="exclude", about={"word": HOSTILE})
    text = editor.get("/desk/rules").text
    order = [text.index(heading) for heading in ("In all blocks", "For sections", "For single articles")]
    assert order == sorted(order)
    assert "“A storm surge” stands at place 2 of the block of “Piece 0”" in text
    assert HOSTILE not in text
    sections = editor.get("/desk/rules?show=sections").text
    assert "The tag “Sea” is preferred in the blocks of the section “News”" in sections
    assert "stands at place 2" not in sections.partition("<aside")[0]


def test_rule_is_undone_by_the_address_that_its_button_names(editor: FlaskClient) -> None:
    rule = make(editor, action="boost", about={"section": "News"})
    assert f'data-to="DELETE /v1/rules/{rule}"' in editor.get("/desk/rules").text
    assert editor.delete(f"/v1/rules/{rule}?reason=old").status_code == 200
    assert "No rule holds" in editor.get("/desk/rules").text


def test_what_ends_soon_and_what_ended_is_told(editor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    make(editor, action="boost", about={"tag": "soon"}, until=soon(days=3))
    make(editor, action="boost", about={"tag": "later"}, until=soon(days=40))
    text = editor.get("/desk/rules").text
    assert "ends in 3 days" in text
    assert "ends in 40 days" in text
    assert "later" not in text.partition("Ends within a week")[2].partition("</section>")[0]
    monkeypatch.setattr(room, "now", lambda: datetime.now(UTC) + timedelta(days=10))
    after = editor.get("/desk/rules").text
    assert "Ended by themselves" in after
    assert "Ends within a week" not in after


def test_takedowns_can_be_ended_there(editor: FlaskClient) -> None:
    for name in ("storm", "a/b c", "not-indexed"):
        editor.post(f"/v1/articles/{name}/takedown", json={"reason": "a wrong name"})
    text = editor.get("/desk/rules?show=takedowns").text
    assert "“A storm surge” is shown nowhere" in text
    assert 'data-to="DELETE /v1/articles/a/b%20c/takedown"' in text
    assert "not-indexed" in text
    assert "(3)" in text


def test_who_may_only_read_sees_rules_and_changes_none(sign_in: SignIn) -> None:
    make(sign_in("editor"), action="boost", about={"tag": "Sea"})
    text = sign_in("read").get("/desk/rules").text
    assert "The tag “Sea”" in text
    assert "data-ask" not in text
    assert 'id="make"' not in text


def test_form_explains_every_action_and_knows_what_fits_it(editor: FlaskClient) -> None:
    text = editor.get("/desk/rules").text
    assert set(room.ACTIONS) == set(ACTIONS) == set(FORMS)
    for label, says in room.ACTIONS.values():
        assert label in text
        assert says in text
    assert "&#34;about&#34;: [&#34;article&#34;]" in text
    assert str(seealso.editorial.rules.NUMBER_MAX) in text


@pytest.mark.parametrize("asked", ["storm", "https://news.example/storm", "HTTPS://www.news.example/storm/?utm=1"])
def test_article_is_named_by_its_id_or_its_address(editor: FlaskClient, asked: str) -> None:
    told = editor.get("/desk/rules/article", query_string={"q": asked}).get_json()
    assert told == {"id": "storm", "title": "A storm surge"}


def test_article_that_is_named_by_its_address_is_told_its_id(editor: FlaskClient) -> None:
    address = "HTTPS://www.news.example/storm/?utm=1"
    for named in ({"about": {"article": address}}, {"about": {"article": "a000"}, "under": {"article": address}}):
        answer = editor.post("/v1/rules", json={"action": "boost", "reason": "x", **named})
        assert answer.status_code == 400
        assert "its id is storm" in answer.get_json()["detail"]
    make(editor, action="boost", about={"article": "https://news.example/to-come"})  # may be an id, too


def test_article_that_is_not_here_is_told(editor: FlaskClient) -> None:
    headers = {"Accept": "application/json"}
    assert editor.get("/desk/rules/article?q=nobody", headers=headers).status_code == 404
    assert editor.get("/desk/rules/article", headers=headers).status_code == 400


def test_many_rules_stand_on_several_pages(editor: FlaskClient) -> None:
    for number in range(room.PAGE + 1):
        make(editor, action="boost", about={"tag": f"tag {number}"})
    assert "Page 1 of 2" in editor.get("/desk/rules").text
    assert editor.get("/desk/rules?page=2").text.partition("<aside")[0].count("data-ask=") == 1
