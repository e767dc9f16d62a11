import json
from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.errors import ModelUnavailable
from seealso.settings import ServiceSettings
from service.app import create_app


def post(client: FlaskClient, body: object, **options: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        "/v1/similar", data=data, content_type=options.pop("content_type", "application/json"), headers=options
    )


def test_text_finds_its_subject(client: FlaskClient) -> None:
    answer = post(client, {"text": "bread yeast oven flour", "limit": 6, "stories": "all"})
    assert answer.status_code == 200
    found = [card["id"] for card in answer.get_json()["related"]]
    assert len(found) == 6
    assert all(int(article_id[1:]) % 3 == 1 for article_id in found)
    assert answer.get_json()["snapshot"] == answer.headers["X-Seealso-Snapshot"]


def test_title_and_body_are_taken_apart(client: FlaskClient) -> None:
    whole = post(client, {"title": "Piece 1", "body": "bread yeast oven flour number1", "limit": 1}).get_json()
    assert whole["related"][0]["id"] == "a001"
    assert whole["related"][0]["probability"] > 0.9
    assert post(client, {"title": "bread yeast"}).status_code == 200
    assert post(client, {"body": "bread yeast"}).status_code == 200


def test_filters_and_reasons_are_as_for_an_article(client: FlaskClient) -> None:
    answer = post(client, {"text": "tides", "section": ["Science"], "explain": True, "min_probability": 0}).get_json()
    assert [card["id"] for card in answer["related"]] == ["de1"]
    why = answer["related"][0]["why"]
    assert sum(why["parts"].values()) == pytest.approx(answer["related"][0]["score"], abs=2e-4)
    assert "days_apart" not in why
    german = post(client, {"text": "tides", "language": ["de"], "min_probability": 0.0}).get_json()["related"]
    assert [card["id"] for card in german] == ["de1"]
    every = post(
        client, {"text": "tides moon sea harbour", "limit": 50, "min_probability": 0, "stories": "all"}
    ).get_json()["related"]
    assert len(every) == 25
    assert not {"secret", "paid"} & {card["id"] for card in every}


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "body", "either 'text', or 'title' and 'body'"),
        ({"text": "a", "title": "b"}, "body", "either 'text', or 'title' and 'body'"),
        ({"text": ""}, "text", "no words"),
        ({"text": 7}, "text", "string"),
        ({"text": None}, "body", "either"),
        ({"text": ["a"]}, "text", "string"),
        ({"text": "a", "limit": "5"}, "limit", "int"),
        ({"text": "a", "limit": 5.5}, "limit", "int"),
        ({"text": "a", "limit": True}, "limit", "int"),
        ({"text": "a", "limit": 51}, "limit", "50"),
        ({"text": "a", "explain": 1}, "explain", "bool"),
        ({"text": "a", "section": "News"}, "section", "list"),
        ({"text": "a", "published_after": 1_700_000_000}, "published_after", "ISO 8601"),
        ({"text": "a", "lmit": 5}, "lmit", "known are limit"),
        ({"text": "x" * 100_001}, "text", "at most 100000 characters"),
        (b"", "body", "not JSON"),
        (b"{", "body", "not JSON"),
        (b"[]", "body", "JSON object"),
        (b'"text"', "body", "JSON object"),
        (b"\xff", "body", "UTF-8"),
        ('{"text": "a"}'.encode("utf-16"), "body", "UTF-8"),
        (b'{"text": "a", "limit": NaN}', "body", "NaN is no JSON number"),
        (b'{"text": "a", "limit": Infinity}', "body", "Infinity"),
        (b'{"text": "a", "limit": 1e999}', "limit", "int"),
        (b'{"text": "a", "limit": ' + b"9" * 5_000 + b"}", "body", "not JSON"),
        (b'{"text": "a", "text": "b"}', "body", "more than once"),
        (b'{"text": "\\ud800"}', "text", "string"),
        (b'{"\\ud800": "a"}', "body", "string"),
        (b'{"text": "a", "exclude": ["\\udfff"]}', "exclude", "string"),
        (b"[" * 100_000, "body", "nested too deeply"),
        (b'{"a":' * 100_000, "body", "nested too deeply"),
    ],
)
def test_wrong_body_is_400_and_names_the_field(client: FlaskClient, body: object, field: str, said: str) -> None:
    answer = post(client, body)
    assert answer.status_code == 400, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["field"] == field
    assert said in answer.get_json()["detail"]
    assert len(answer.data) < 1_000


def test_other_media_types_and_encodings_are_415(client: FlaskClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "", "application/xml"):
        assert post(client, {"text": "a"}, content_type=content_type).status_code == 415
    answer = post(client, {"text": "a"}, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert answer.get_json()["type"] == "urn:seealso:problem:unsupported-media-type"


def test_body_over_the_limit_is_413(index: Path, make_app: Callable[..., APIFlask]) -> None:
    client = make_app(index, body_bytes_max=1_000).test_client()
    answer = post(client, {"text": "a" * 1_000})
    assert answer.status_code == 413
    assert "1,000 bytes" in answer.get_json()["detail"]
    assert post(client, {"text": "a" * 900}).status_code == 200


def test_get_is_not_a_way_to_ask(client: FlaskClient) -> None:
    answer = client.get("/v1/similar")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_absent_model_is_503_and_page_views_go_on(index: Path) -> None:
    def load(name: str) -> None:
        raise ModelUnavailable(name, "its files are gone")

    client = create_app(ServiceSettings(index=index), load).test_client()  # type: ignore[arg-type]
    answer = post(client, {"text": "tides"})
    assert answer.status_code == 503
    assert answer.get_json()["type"] == "urn:seealso:problem:model-unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/v1/articles/a000/related").status_code == 200
