"""Signing in and out at the desk."""

from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]
OURS = {"Sec-Fetch-Site": "same-origin"}
TLS = "https://localhost"


@pytest.fixture
def index(tmp_path: Path, redis_url: str) -> Path:
    redis.Redis.from_url(redis_url).flushall()
    index_of(tmp_path, articles(6))
    return tmp_path


@pytest.fixture
def client(index: Path, make_app: MakeApp) -> FlaskClient:
    return make_app(index).test_client()


def login(client: FlaskClient, key: str, **headers: str) -> TestResponse:
    return client.post("/desk/login", data={"key": key}, headers=headers or OURS, base_url=TLS)


def test_who_is_not_signed_in_is_asked_for_a_key(client: FlaskClient) -> None:
    answer = client.get("/desk/", base_url=TLS, follow_redirects=True)
    assert answer.request.path == "/desk/login"
    assert 'type="password"' in answer.text
    assert "seealso key create" in answer.text


def test_who_has_a_key_signs_in_and_out(client: FlaskClient, index: Path) -> None:
    _, key = create_key(Store(index), "Ann <b>", "editor", "x")
    answer = login(client, f" {key} ")
    assert answer.status_code == 303
    page = client.get("/desk/", base_url=TLS)
    assert "Ann &lt;b&gt;" in page.text
    assert client.get("/v1/takedowns", base_url=TLS).status_code == 200
    assert client.post("/desk/logout", headers=OURS, base_url=TLS).status_code == 303
    assert client.get("/v1/takedowns", base_url=TLS).status_code == 401
    assert client.get("/desk/", base_url=TLS).status_code == 302


@pytest.mark.parametrize("key", ["", "seealso_nothing", "x" * 5_000, "\0"])
def test_what_is_no_key_is_refused_in_words(client: FlaskClient, key: str) -> None:
    answer = login(client, key)
    assert answer.status_code == 401
    assert "opens nothing" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert len(answer.text) < 5_000


def test_another_sites_page_signs_nobody_in_or_out(client: FlaskClient, index: Path) -> None:
    _, key = create_key(Store(index), "Ann", "editor", "x")
    refused = login(client, key, **{"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (403, False)
    assert client.post("/desk/logout", headers={"Origin": "https://evil.example"}, base_url=TLS).status_code == 403


def test_one_address_may_fail_so_often_and_not_more(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, login_limit="3/minute").test_client()
    _, key = create_key(Store(index), "Ann", "editor", "x")
    for _ in range(5):
        assert login(client, key).status_code == 303  # which counts for nothing
    assert [login(client, "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
    limited = login(client, key)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "60")
    elsewhere = client.post(
        "/desk/login", data={"key": key}, headers=OURS, base_url=TLS, environ_base={"REMOTE_ADDR": "192.0.2.7"}
    )
    assert elsewhere.status_code == 303


def test_no_page_is_kept_framed_or_runs_anything(client: FlaskClient) -> None:
    for answer in (client.get("/desk/login"), login(client, "wrong")):
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self'" in policy
        assert all('src="/desk/static/' in script for script in answer.text.split("<script")[1:])
    with client.get("/desk/static/desk.css") as styles:
        assert styles.status_code == 200
