"""What all pages of the desk have."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from seealso.editorial.keys import Scope
from service.desk.pages import policy

SignIn = Callable[[Scope], FlaskClient]


def test_who_is_not_signed_in_is_led_to_the_page_that_asks_and_back(sign_in: SignIn) -> None:
    client = sign_in("editor")
    del client.environ_base["HTTP_AUTHORIZATION"]
    answer = client.get("/desk/articles/storm?mode=latest")
    assert answer.status_code == 302
    assert answer.location == "/desk/login?then=/desk/articles/storm?mode%3Dlatest"
    assert 'value="/desk/articles/storm?mode=latest"' in client.get(answer.location).text


@pytest.mark.parametrize(
    "then", ["https://evil.example/desk/", "//evil.example/desk/", "/\\evil.example", "/v1/changes", "/desk/\n", "x"]
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
