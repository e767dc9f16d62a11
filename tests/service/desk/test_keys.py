"""Keys at the desk."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import Scope, create_key, revoke_key
from seealso.editorial.store import Store
from service.desk import keys as room
from tests.service.desk.conftest import HOSTILE

SignIn = Callable[[Scope], FlaskClient]


@pytest.fixture
def admin(sign_in: SignIn) -> FlaskClient:
    return sign_in("admin")


@pytest.mark.parametrize("scope", ["read", "editor", "index"])
def test_who_does_not_run_the_service_sees_none(sign_in: SignIn, scope: Scope) -> None:
    client = sign_in(scope)
    answer = client.get("/desk/keys")
    assert answer.status_code == 403
    assert "This key is not for this" in answer.text
    assert "/desk/keys" not in client.get("/desk/").text  # nor is led there


def test_keys_are_listed_valid_ones_first_and_never_with_their_text(admin: FlaskClient, index: Path) -> None:
    store = Store(index)
    texts = [create_key(store, HOSTILE, "editor", "x", datetime.now(UTC) + timedelta(days=3))[1]]
    ended = create_key(store, "Ended", "read", "x", datetime.now(UTC) - timedelta(days=1))
    gone = create_key(store, "Gone", "read", "x")
    revoke_key(store, gone[0].id, "x")
    text = admin.get("/desk/keys").text
    assert not any(each.split("_", 2)[2] in text for each in (*texts, ended[1], gone[1]))
    assert HOSTILE not in text
    assert "ends in 3 days" in text
    assert text.index("&lt;img") < text.index("Gone")
    assert ">expired</span>" in text
    assert ">revoked</span>" in text
    assert f"DELETE /v1/keys/{gone[0].id}" not in text


def test_own_key_is_marked_and_asked_for_twice(admin: FlaskClient) -> None:
    text = admin.get("/desk/keys").text
    assert text.count("data-own") == 1
    assert ">yours</span>" in text
    assert "I know that it signs me out" in text


def test_people_whom_a_proxy_names_are_explained(index: Path, make_app: Callable[..., APIFlask]) -> None:
    key = create_key(Store(index), "Ann", "admin", "x")[1]
    headers = {"Authorization": f"Bearer {key}"}
    assert "everybody signs in with a key" in make_app(index).test_client().get("/desk/keys", headers=headers).text
    named = make_app(index, desk_user_header="X-Forwarded-User", desk_proxies="10.0.0.7", desk_scope="read")
    text = named.test_client().get("/desk/keys", headers=headers).text
    assert "X-Forwarded-User" in text
    assert "10.0.0.7" in text


def test_many_keys_stand_on_several_pages(admin: FlaskClient, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PAGE", 2)
    for number in range(3):
        create_key(Store(index), f"Key {number}", "read", "x")
    assert "Page 1 of 2" in admin.get("/desk/keys").text
