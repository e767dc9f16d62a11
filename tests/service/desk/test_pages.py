"""What all pages of the desk have."""

import threading
import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.editorial.keys import Scope
from service.desk.pages import policy
from service.lanes import Lane
from tests.indexer.sources.web_server import Asked, Reply, Site

SignIn = Callable[[Scope], FlaskClient]


def test_who_is_not_signed_in_is_led_to_the_page_that_asks_and_back(sign_in: SignIn) -> None:
    client = sign_in("editor")
    del client.environ_base["HTTP_AUTHORIZATION"]
    answer = client.get("/desk/articles/storm?mode=latest")
    assert answer.status_code == 302
    assert answer.location == "/desk/login?then=/desk/articles/storm?mode%3Dlatest"
    assert 'value="/desk/articles/storm?mode=latest"' in client.get(answer.location).text


@pytest.mark.parametrize(
    "then",
    ["https://evil.example/desk/", "//evil.example/desk/", "/\\evil.example", "/v1/changes", "/desk/\n", "x", "//["],
)
def test_nobody_is_led_elsewhere(editor: FlaskClient, then: str) -> None:
    assert 'name="then" value=""' in editor.get("/desk/login", query_string={"then": then}).text


def test_what_is_wrong_is_told_as_a_page_to_a_browser_and_as_a_problem_to_a_script(editor: FlaskClient) -> None:
    page = editor.get("/desk/articles/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is no such article" in page.text
    assert page.headers["X-Request-Id"] in page.text
    problem = editor.get("/desk/articles/nothing", headers={"Accept": "application/json"})
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")


def test_address_that_is_none_is_told_in_the_desks_words(editor: FlaskClient) -> None:
    page = editor.get("/desk/nothing/at/all")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is nothing at this address" in page.text


def test_who_was_signed_out_meanwhile_is_told_how_to_send_it_again(editor: FlaskClient) -> None:
    del editor.environ_base["HTTP_AUTHORIZATION"]
    page = editor.post("/desk/draft", data={"text": "a long draft"}, headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (401, "text/html")
    assert '<a href="/desk/login" target="_blank" rel="noopener">Sign in in another tab</a>' in page.text
    assert "go back to the page before" in page.text


def test_who_may_only_read_is_told_so(sign_in: SignIn) -> None:
    reader = sign_in("read")
    assert "data-act" not in reader.get("/desk/articles/storm").text
    refused = reader.post("/desk/save/storm", json={})
    assert refused.status_code == 403


def test_policy_lets_nothing_in_from_elsewhere() -> None:
    assert "script-src 'self'" in policy()
    assert "unsafe" not in policy()
    assert "frame-ancestors https://cms.example" in policy(frame_ancestors="https://cms.example")


def test_no_page_has_a_script_or_a_style_in_it(editor: FlaskClient) -> None:
    for path in (
        "/desk/",
        "/desk/?q=tides",
        "/desk/articles/hostile",
        "/desk/articles/storm",
        "/desk/night",
        "/desk/rules",
        "/desk/log",
    ):
        text = editor.get(path).text
        assert " style=" not in text
        assert "<style" not in text
        assert "<img" not in text
        assert all('src="/desk/static/' in script for script in text.split("<script")[1:])


def fill(lane: Lane) -> int:
    """Take all places of a lane; return how many there were."""
    places = 0
    while lane._free.acquire(blocking=False):
        places += 1
    return places


@pytest.mark.parametrize("path", ["/desk/articles/storm", "/desk/archive/coverage", "/desk/?q=a+storm+surge"])
def test_who_finds_all_places_taken_waits_for_one(editor: FlaskClient, path: str) -> None:
    here = editor.application.extensions["seealso"]
    lane = here.lanes.texts if "q=" in path else here.lanes.batches
    lane._wait_s = 60.0  # longer than three take to come, on a busy machine
    places, answers = fill(lane), list[int]()
    headers = {"Authorization": editor.environ_base["HTTP_AUTHORIZATION"]}

    def look() -> None:
        answers.append(editor.application.test_client().get(path, headers=headers).status_code)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    while lane._waiting < 3:
        assert answers == []
        time.sleep(0.001)
    for _ in range(places):
        lane.leave()
    for thread in threads:
        thread.join()
    assert answers == [200, 200, 200]


def test_what_embeds_no_text_needs_no_place_among_texts(editor: FlaskClient) -> None:
    fill(editor.application.extensions["seealso"].lanes.texts)
    for path in ("/desk/", "/desk/?q=storm+surge&by=words", "/desk/?tag=sea", "/desk/panel?url=storm", "/desk/draft"):
        assert editor.get(path).status_code == 200


@pytest.mark.parametrize("room", ["find", "draft", "panel"])
def test_page_elsewhere_is_waited_for_without_a_place(
    editor: FlaskClient, outside: Callable[[FlaskClient], Site], room: str
) -> None:
    site, lane = outside(editor), editor.application.extensions["seealso"].lanes.texts
    places, free = fill(lane), list[int]()
    for _ in range(places):
        lane.leave()

    def reply(asked: Asked) -> Reply:
        free.append(fill(lane))
        for _ in range(free[-1]):
            lane.leave()
        return Reply("A surge\ntides moon storm surge", headers={"Content-Type": "text/plain"})

    site["/page"] = reply
    address = f"{site.address}/page"
    ways: dict[str, Callable[[], TestResponse]] = {
        "find": lambda: editor.get("/desk/", query_string={"q": address}),
        "draft": lambda: editor.post("/desk/draft", data={"text": "", "address": address}),
        "panel": lambda: editor.get("/desk/panel", query_string={"url": address}),
    }
    answer = ways[room]()
    assert answer.status_code == 200
    assert "A surge" in answer.text
    assert free == [places]


def test_titles_and_texts_say_in_which_language_they_are(editor: FlaskClient) -> None:
    told = 'lang="de" dir="auto"'
    assert f'<h2 class="title" {told}><a href="/desk/articles/gezeiten">' in editor.get("/desk/?author=ida").text
    assert f"<h1 {told}>Gezeiten</h1>" in editor.get("/desk/articles/gezeiten").text
    listed = editor.get("/desk/archive?section=Wissen&part=list").text
    assert f'<a href="/desk/articles/gezeiten" {told}>Gezeiten</a>' in listed
    assert f"<h1 {told}>Gezeiten</h1>" in editor.get("/desk/panel?url=gezeiten").text
