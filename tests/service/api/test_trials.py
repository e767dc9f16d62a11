"""A trial from seealso.toml to its verdict."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.errors import SettingsInvalid
from seealso.project import read_trial
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]
BROWSER = {"User-Agent": "Mozilla/5.0 Firefox/130.0"}


def project(tmp_path: Path, method: str) -> Path:
    path = tmp_path / "seealso.toml"
    path.write_text(
        f'[trial]\nname = "tried"\nmethod = "{method}"\nrecipe = {{ terms_share = 1.0, titles_share = 0 }}\n'
    )
    return path


def started(tmp_path: Path, make_app: MakeApp, method: str) -> tuple[APIFlask, FlaskClient]:
    index_of(tmp_path / "index", articles(90, language="en"))
    app = make_app(tmp_path / "index", project=project(tmp_path, method), rate_limit="none", events_limit="none")
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = (
        f"Bearer {create_key(Store(tmp_path / 'index'), 'Ann', 'editor', 'x')[1]}"
    )
    return app, client


def view(client: FlaskClient, article_id: str, liked: str) -> None:
    """View a block, and click the first item of a team."""
    block: dict[str, Any] = client.get(f"/v1/articles/{article_id}/related?min_probability=0").get_json()
    cards = block["related"]
    clicks = [
        {"item": card["id"], "slot": slot, "team": card["team"]}
        for slot, card in enumerate(cards, 1)
        if card["team"] == liked
    ][:1]
    shown, teams = [card["id"] for card in cards], [card["team"] for card in cards]
    message = {"article": article_id, "shown": shown, "teams": teams, "clicked": clicks}
    assert client.post("/v1/events", json={"blocks": [message]}, headers=BROWSER).status_code == 204


@pytest.mark.parametrize("method", ["split", "interleaving"])
def test_what_readers_like_is_found_out(tmp_path: Path, make_app: MakeApp, method: str) -> None:
    app, client = started(tmp_path, make_app, method)
    for number in range(90):
        view(client, f"a{number:03}", "b")
    app.extensions["seealso"].clicks.put_away()
    told = client.get("/v1/trial").get_json()
    assert (told["trial"], told["method"], told["better"]) == ("tried", method, "b")
    assert told["b"]["clicked"] > told["a"]["clicked"] == 0
    assert client.get("/v1/trial?first=2020-01-01&last=2020-01-02").get_json()["better"] is None
    by_team = client.get("/v1/clicks?by=team").get_json()["rates"]
    assert {rate["of"]["team"] for rate in by_team} == {"tried:a", "tried:b"}


def test_without_a_trial_cards_have_no_team_and_there_is_no_verdict(tmp_path: Path, make_app: MakeApp) -> None:
    index_of(tmp_path, articles(9))
    client = make_app(tmp_path).test_client()
    headers = {"Authorization": f"Bearer {create_key(Store(tmp_path), 'Ann', 'editor', 'x')[1]}"}
    assert "team" not in client.get("/v1/articles/a000/related?min_probability=0").text
    answer = client.get("/v1/trial", headers=headers)
    assert (answer.status_code, "seealso.toml" in answer.text) == (400, True)


def test_a_block_that_editors_pinned_something_in_counts_for_no_team(tmp_path: Path, make_app: MakeApp) -> None:
    app, client = started(tmp_path, make_app, "split")
    pin = {"action": "pin", "under": {"article": "a000"}, "about": {"article": "a001"}, "number": 1, "reason": "x"}
    assert client.post("/v1/rules", json=pin).status_code == 200
    for article_id in ("a000", "a003"):
        message = {"article": article_id, "shown": ["a001"]}
        assert client.post("/v1/events", json={"blocks": [message]}, headers=BROWSER).status_code == 204
    app.extensions["seealso"].clicks.put_away()
    told = client.get("/v1/trial").get_json()
    assert told["a"]["shown"] + told["b"]["shown"] == 1


def test_teams_are_one_for_each_that_was_shown(tmp_path: Path, make_app: MakeApp) -> None:
    _, client = started(tmp_path, make_app, "interleaving")
    message = {"article": "a000", "shown": ["a001", "a002"], "teams": ["a"]}
    assert client.post("/v1/events", json={"blocks": [message]}, headers=BROWSER).status_code == 400
    assert (
        client.post("/v1/events", json={"blocks": [message | {"teams": ["a", "c"]}]}, headers=BROWSER).status_code
        == 400
    )


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('name = "Tried"', "name"),
        ('method = "coin"', "method"),
        ("recipe = {}", "recipe"),
        ("recipe = { title_share = 0.1 }", "title_share"),
        ("recipe = { titles_share = 2.0 }", "titles_share"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, line: str, named: str) -> None:
    lines = {"name": 'name = "tried"', "recipe": "recipe = { titles_share = 0.1 }"} | {line.split(" ")[0]: line}
    path = tmp_path / "seealso.toml"
    path.write_text("[trial]\n" + "\n".join(lines.values()) + "\n")
    with pytest.raises(SettingsInvalid, match=named):
        read_trial(path)
