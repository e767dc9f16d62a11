"""Keys over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(6))
    return tmp_path


@pytest.fixture
def client(index: Path, make_app: MakeApp) -> FlaskClient:
    client = make_app(index, log_requests=True).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', 'admin', 'x')[1]}"
    return client


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": "editor"}, "name"),
        ({"name": " ", "scope": "editor"}, "name"),
        ({"name": "x" * 101, "scope": "editor"}, "name"),
        ({"name": "Bob"}, "scope"),
        ({"name": "Bob", "scope": "owner"}, "scope"),
        ({"name": "Bob", "scope": "editor", "expires": "2001-01-01"}, "expires"),
        ({"name": "Bob", "scope": "editor", "days": 3}, "days"),
    ],
)
def test_what_is_wrong_is_named_and_no_key_is_made(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    refused = client.post("/v1/keys", json=body)
    assert (refused.status_code, refused.get_json()["field"]) == (400, field)
    assert len(client.get("/v1/keys").get_json()["keys"]) == 1


def test_key_opens_in_every_worker_from_the_next_request_on_and_until_it_is_revoked(
    index: Path, client: FlaskClient, make_app: MakeApp
) -> None:
    other = make_app(index).test_client()
    made = client.post("/v1/keys", json={"name": "Night  desk", "scope": "editor"}).get_json()
    assert (made["key"]["name"], made["key"]["scope"], made["key"]["expires"]) == ("Night desk", "editor", None)
    assert other.get("/v1/takedowns", headers=bearer(made["text"])).status_code == 200
    gone = client.delete(f"/v1/keys/{made['key']['id']}?reason=left+us")
    assert gone.get_json()["id"] == made["key"]["id"]
    assert other.get("/v1/takedowns", headers=bearer(made["text"])).status_code == 401
    change = client.get("/v1/changes").get_json()["changes"][0]
    assert (change["action"], change["reason"]) == ("key-revoked", "left us")
    assert change["who"].startswith("Ann (")


def test_text_is_told_once_and_stands_in_no_list_and_no_log(client: FlaskClient) -> None:
    with capture_logs() as logs:
        made = client.post("/v1/keys", json={"name": "Bob", "scope": "index"})
        listed = client.get("/v1/keys")
    secret = made.get_json()["text"].split("_", 2)[2]
    assert made.headers["Cache-Control"] == "no-store"
    assert secret not in listed.text + client.get("/v1/changes").text + repr(logs)
    assert "digest" not in listed.text
    assert [key["name"] for key in listed.get_json()["keys"]] == ["Ann", "Bob"]


def test_key_ends_when_it_was_said_to(client: FlaskClient) -> None:
    soon = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    made = client.post("/v1/keys", json={"name": "Bob", "scope": "read", "expires": soon}).get_json()
    assert datetime.fromisoformat(made["key"]["expires"]).date() == datetime.fromisoformat(soon).date()


def test_one_that_is_not_there_cannot_be_revoked(client: FlaskClient) -> None:
    answer = client.delete("/v1/keys/0123456789ab?reason=x")
    assert (answer.status_code, answer.get_json()["type"]) == (404, "urn:seealso:problem:unknown-key")
    assert client.delete("/v1/keys/0123456789ab").status_code == 400


def test_own_key_can_be_revoked_and_then_opens_nothing(client: FlaskClient) -> None:
    own = client.get("/v1/keys").get_json()["keys"][0]["id"]
    assert client.delete(f"/v1/keys/{own}?reason=lost").status_code == 200
    assert client.get("/v1/keys").status_code == 401
