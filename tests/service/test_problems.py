from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from seealso import errors
from service.problems import PROBLEMS, Problem


def test_every_error_a_request_can_meet_has_a_status() -> None:
    callers = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.CallerError)]
    assert all(kind in PROBLEMS for kind in callers if kind is not errors.CallerError)
    kinds = [kind for _, kind, _ in PROBLEMS.values()]
    assert len(set(kinds)) == len(kinds)


def test_problems_have_the_documented_form(client: FlaskClient) -> None:
    for path in ("/v1/articles/nobody/related", "/v1/articles/a000/related?limit=x", "/nowhere"):
        Problem.model_validate_json(client.get(path).data, strict=True, extra="forbid")


def test_unknown_address_is_a_problem_too(client: FlaskClient) -> None:
    body = client.get("/no/such/path").get_json()
    assert body["type"] == "urn:seealso:problem:not-found"
    assert "/no/such/path" in body["detail"]


def test_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.post("/v1/articles/a000")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("given", ["abc-123", "x" * 64])
def test_plain_request_id_of_the_caller_is_kept(client: FlaskClient, given: str) -> None:
    for path in ("/livez", "/nowhere"):
        assert client.get(path, headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a;b", "ü", "<b>"])
def test_other_request_ids_are_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == answer.get_json()["request_id"] != given
    assert len(answer.headers["X-Request-Id"]) == 16


def test_unexpected_error_is_500_without_its_text_and_is_logged(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret of the house")

    monkeypatch.setattr("service.blocks.related_to_article", broken)
    with capture_logs() as logged:
        answer = client.get("/v1/articles/a000/related?limit=13")
    assert answer.status_code == 500
    assert answer.get_json()["type"] == "urn:seealso:problem:internal"
    assert "secret" not in answer.text
    assert [(line["event"], str(line["exc_info"])) for line in logged] == [("request_failed", "a secret of the house")]
    assert logged[0]["request_id"] == answer.get_json()["request_id"]


def test_what_is_not_to_be_had_is_logged_and_too_much_at_once_is_not(
    tmp_path: Path, index: Path, make_app: Callable[..., APIFlask]
) -> None:
    client = make_app(tmp_path).test_client()
    with capture_logs() as logged:
        answer = client.get("/v1/articles/a000/related")
    assert answer.status_code == 503
    told = [line for line in logged if line["event"] == "request_unavailable"]
    assert [(line["request_id"], line["path"]) for line in told] == [
        (answer.headers["X-Request-Id"], "/v1/articles/a000/related")
    ]
    app = make_app(index)
    here = app.extensions["seealso"]
    with here.lanes.texts.place(), here.lanes.texts.place(), capture_logs() as logged:
        assert app.test_client().post("/v1/similar", json={"text": "tides"}).status_code == 503
    assert [line for line in logged if line["event"] == "request_unavailable"] == []
