"""Which key opens what: every address with every kind of key (S5)."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import EnvironBuilder, run_wsgi_app

import service.editorial
from seealso.editorial.keys import SCOPES, Scope, create_key, revoke_key
from seealso.editorial.store import Store
from service.auth import NEEDED
from service.lanes import Lanes
from tests.makers import articles, index_of

pytestmark = pytest.mark.row("S5")

MakeApp = Callable[..., APIFlask]
OPEN = None
EDITORS = {"editor", "admin"}
LOOKING = {"read", "editor", "index", "admin"}
PUBLISHERS = {"index", "admin"}
ADMINS = {"admin"}
# Every address there is: which scopes open it; OPEN: nobody needs a key.
NEEDED_BY: dict[tuple[str, str], set[str] | None] = {
    ("GET", "/"): OPEN,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/version"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/openapi.json"): OPEN,
    ("GET", "/docs/"): OPEN,
    ("GET", "/desk/"): LOOKING,
    ("GET", "/desk/x"): OPEN,  # there is no such page
    ("GET", "/desk/articles/a000"): LOOKING,
    ("POST", "/desk/preview/a000"): LOOKING,
    ("POST", "/desk/save/a000"): EDITORS,
    ("POST", "/desk/undo/a000"): EDITORS,
    ("GET", "/desk/archive"): LOOKING,
    ("GET", "/desk/archive/map"): LOOKING,
    ("GET", "/desk/archive/titles"): LOOKING,
    ("GET", "/desk/archive/coverage"): LOOKING,
    ("GET", "/desk/archive/listed"): LOOKING,
    ("GET", "/desk/archive/stories"): LOOKING,
    ("GET", "/desk/archive/texts"): LOOKING,
    ("GET", "/desk/archive/clicks"): LOOKING,
    ("GET", "/desk/night"): LOOKING,
    ("GET", "/desk/night/report/7"): LOOKING,
    ("GET", "/desk/night/compare"): LOOKING,
    ("GET", "/desk/night/compare/a000"): LOOKING,
    ("GET", "/desk/rules"): LOOKING,
    ("GET", "/desk/rules/article"): LOOKING,
    ("GET", "/desk/log"): LOOKING,
    ("GET", "/desk/log.csv"): LOOKING,
    ("GET", "/desk/keys"): ADMINS,
    ("GET", "/desk/settings"): ADMINS,
    ("GET", "/desk/draft"): LOOKING,
    ("POST", "/desk/draft"): LOOKING,
    ("GET", "/desk/panel"): LOOKING,
    ("GET", "/desk/tools"): LOOKING,
    ("GET", "/desk/login"): OPEN,
    ("POST", "/desk/login"): OPEN,
    ("POST", "/desk/logout"): OPEN,
    ("GET", "/v1/status"): OPEN,
    ("GET", "/v1/articles/a000"): OPEN,
    ("GET", "/v1/articles/a000/related"): OPEN,
    ("GET", "/v1/articles/a000/related.html"): OPEN,
    ("PUT", "/v1/articles/a000"): PUBLISHERS,
    ("DELETE", "/v1/articles/a000"): PUBLISHERS,
    ("POST", "/v1/articles"): PUBLISHERS,
    ("POST", "/v1/webhooks/wordpress"): OPEN,  # signed
    ("POST", "/v1/webhooks/ghost"): OPEN,
    ("POST", "/v1/related"): OPEN,
    ("POST", "/v1/page"): OPEN,
    ("POST", "/v1/similar"): OPEN,
    ("POST", "/v1/articles/a000/takedown"): EDITORS,
    ("DELETE", "/v1/articles/a000/takedown"): EDITORS,
    ("GET", "/v1/articles/a000/proof"): EDITORS,
    ("GET", "/v1/takedowns"): EDITORS,
    ("GET", "/v1/purges"): EDITORS,
    ("POST", "/v1/purges/7/retry"): EDITORS,
    ("POST", "/v1/purges/7/done"): EDITORS,
    ("POST", "/v1/events"): OPEN,
    ("GET", "/v1/clicks"): EDITORS,
    ("GET", "/v1/trial"): EDITORS,
    ("GET", "/v1/rules"): EDITORS,
    ("POST", "/v1/rules"): EDITORS,
    ("DELETE", "/v1/rules/7"): EDITORS,
    ("GET", "/v1/changes"): EDITORS,
    ("POST", "/v1/changes/7/undo"): EDITORS,
    ("GET", "/v1/keys"): ADMINS,
    ("POST", "/v1/keys"): ADMINS,
    ("DELETE", "/v1/keys/7"): ADMINS,
    ("POST", "/v1/snapshots/7/rollback"): ADMINS,
}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/articles/a000": {"title": "Tried", "body": "tides"},
    "/v1/articles": {"articles": [{"id": "a000", "title": "Tried", "body": "tides"}]},
    "/v1/related": {"articles": ["a001"]},
    "/v1/page": {"article": "a001", "blocks": [{"name": "below"}]},
    "/v1/similar": {"text": "tides"},
    "/v1/articles/a000/takedown": {"reason": "tried"},
    "/v1/events": {"blocks": [{"article": "a001"}]},
    "/v1/rules": {"action": "sensitive", "about": {"article": "a001"}, "reason": "tried"},
    "/v1/keys": {"name": "tried", "scope": "read"},
    "/v1/snapshots/7/rollback": {"reason": "tried"},
}
REASONED = {
    ("DELETE", "/v1/articles/a000"),
    ("DELETE", "/v1/articles/a000/takedown"),
    ("DELETE", "/v1/rules/7"),
    ("POST", "/v1/changes/7/undo"),
    ("DELETE", "/v1/keys/7"),
}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(6))
    return tmp_path


@pytest.fixture
def client(index: Path, make_app: MakeApp) -> FlaskClient:
    return make_app(index, rate_limit="none").test_client()


def key_for(index: Path, scope: Scope, **given: Any) -> str:
    return create_key(Store(index), f"the {scope}", scope, "ann", **given)[1]


def status_of(client: FlaskClient, method: str, path: str, authorization: str | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    query = {"reason": "tried"} if (method, path) in REASONED else None
    body = BODIES.get(path) if method in ("POST", "PUT") else None
    answer = client.open(path, method=method, headers=headers, json=body, query_string=query)
    if answer.status_code in (401, 403) and not path.startswith("/desk/"):
        assert answer.content_type == "application/problem+json"
        assert ("WWW-Authenticate" in answer.headers) is (answer.status_code == 401)
        assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code


def example_of(rule: str) -> str:
    return re.sub(
        r"<(int:)?\w+>", "7", rule.replace("<article_id:article_id>", "a000").replace("<path:elsewhere>", "x")
    )


def test_no_address_is_left_out(index: Path, make_app: MakeApp) -> None:
    app = make_app(index)
    found = set()
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        path = example_of(rule.rule)
        found |= {(method, path) for method in methods if "<" not in path}
    assert found - {("GET", "/docs/")} == set(NEEDED_BY) - {("GET", "/docs/")}


def test_views_need_what_is_declared(index: Path, make_app: MakeApp) -> None:
    app = make_app(index)
    for rule in app.url_map.iter_rules():
        path = example_of(rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if (method, path) in NEEDED_BY:
                view = app.view_functions[rule.endpoint]
                needed = getattr(view, NEEDED, None)
                assert (set(needed) if needed else OPEN) == NEEDED_BY[method, path], path


def test_every_address_opens_to_the_keys_declared_and_to_no_other(index: Path, client: FlaskClient) -> None:
    texts: dict[str, str | None] = {"none": None, "nonsense": "Bearer seealso_nothing"}
    texts |= {scope: f"Bearer {key_for(index, scope)}" for scope in SCOPES}
    store = Store(index)
    revoked, text = create_key(store, "revoked", "admin", "ann")
    revoke_key(store, revoked.id, "ann")
    texts["revoked"] = f"Bearer {text}"
    texts["expired"] = f"Bearer {key_for(index, 'admin', expires=datetime.now(UTC) - timedelta(seconds=1))}"
    admin = (texts["admin"] or "").removeprefix("Bearer ")
    texts |= {"basic": f"Basic {admin}", "bare": admin, "cut": f"Bearer {admin[:-1]}"}
    for (method, path), needed in NEEDED_BY.items():
        if path.startswith("/desk/"):  # where keys are given in another way
            continue
        for name, authorization in texts.items():
            status = status_of(client, method, path, authorization)
            if needed is OPEN or name in needed:
                assert status not in (401, 403), (method, path, name)
            else:
                assert status == (403 if name in SCOPES else 401), (method, path, name)


class NeverSent(io.RawIOBase):
    """A body that is announced and does not come; it notes whether whoever waits for it holds a place."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__()
        self._lanes = lanes
        self.waited_in: list[bool] = []

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        self.waited_in.append(any(lane._free._value < lane._places for lane in self._lanes))
        return 0


def test_no_stranger_has_a_body_waited_for_but_in_one_of_few_places(index: Path, make_app: MakeApp) -> None:
    """Or else as many as a worker has threads, who send nothing, would stop it."""
    app = make_app(index, rate_limit="none", events_limit="none", wordpress_secret="w" * 32, ghost_secret="g" * 32)
    waited = set()
    for (method, path), _ in NEEDED_BY.items():
        for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            body = NeverSent(app.extensions["seealso"].lanes)
            headers = [("Content-Type", kind), ("User-Agent", "Mozilla/5.0")]
            environ = EnvironBuilder(path=path, method=method, headers=headers).get_environ()
            run_wsgi_app(app, environ | {"wsgi.input": body, "CONTENT_LENGTH": "1000"})
            assert all(body.waited_in), (method, path)
            waited |= {path} if body.waited_in else set()
    assert waited >= {"/v1/events", "/v1/similar", "/v1/related", "/v1/page", "/desk/login"}


def test_key_that_is_revoked_opens_nothing_from_the_next_request_on(index: Path, client: FlaskClient) -> None:
    store = Store(index)
    key, text = create_key(store, "a", "editor", "ann")
    assert status_of(client, "GET", "/v1/takedowns", f"Bearer {text}") == 200
    assert status_of(client, "GET", "/v1/takedowns", f"bearer   {text} ") == 200
    revoke_key(store, key.id, "bob")
    assert status_of(client, "GET", "/v1/takedowns", f"Bearer {text}") == 401


def test_no_log_line_holds_a_key(index: Path, make_app: MakeApp) -> None:
    text = key_for(index, "editor")
    with capture_logs() as logs:
        client = make_app(index, log_requests=True).test_client()
        status_of(client, "GET", "/v1/takedowns", f"Bearer {text}")
        status_of(client, "GET", "/v1/takedowns", f"Bearer {text}x")
    assert len([line for line in logs if line["event"] == "request_answered"]) == 2
    assert text.split("_", 2)[2] not in repr(logs)


def test_last_use_is_noted_now_and_then(index: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.editorial, "NOTE_SECONDS", 0.0)
    text = key_for(index, "editor")
    app = make_app(index)
    status_of(app.test_client(), "GET", "/v1/takedowns", f"Bearer {text}")
    editorial = app.extensions["seealso"].editorial
    editorial.look()
    store = Store(index)
    from seealso.editorial.decisions import read_decisions

    (key,) = read_decisions(store)[0].keys.values()
    assert key.last_used is not None
    assert abs((key.last_used - datetime.now(UTC)).total_seconds()) < 60


def test_refusal_says_what_would_open(index: Path, client: FlaskClient) -> None:
    refused = client.get("/v1/takedowns", headers={"Authorization": f"Bearer {key_for(index, 'read')}"}).get_json()
    assert refused["type"] == "urn:seealso:problem:key-refused"
    assert "'editor' or 'admin'" in refused["detail"]
    missing = client.get("/v1/takedowns").get_json()
    assert missing["type"] == "urn:seealso:problem:key-missing"
    assert "seealso key create" in missing["detail"]
    basic = client.get("/v1/takedowns", headers={"Authorization": "Basic dTpw"}).get_json()
    assert "no key in Authorization; send a key as 'Authorization: Bearer KEY'" in basic["detail"]


def test_who_reads_needs_a_key_of_any_scope_where_that_is_set(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="none", reading="keyed").test_client()
    for (method, path), needed in NEEDED_BY.items():
        guarded = path.startswith("/v1/") and path not in ("/v1/status", "/v1/events") and "/webhooks/" not in path
        assert path.startswith("/desk/") or (status_of(client, method, path, None) == 401) is guarded, path
        if guarded and needed is OPEN:
            assert status_of(client, method, path, f"Bearer {key_for(index, 'read')}") == 200
    authorized = {"Authorization": f"Bearer {key_for(index, 'read')}"}
    for _ in range(2):  # made, and from the copy
        kept = client.get("/v1/articles/a000/related", headers=authorized)
        assert kept.headers["Cache-Control"].startswith("private, max-age=")
        assert client.get("/v1/articles/a000/related").status_code == 401
    assert kept.headers["X-Seealso-Cache"] == "copy"


def test_demo_is_for_who_has_a_key_where_readers_need_one(index: Path, make_app: MakeApp) -> None:
    authorized = {"Authorization": f"Bearer {key_for(index, 'read')}"}
    for reading, status in (("public", 200), ("keyed", 401)):
        client = make_app(index, demo=True, reading=reading).test_client()
        for path in ("/demo/", "/demo/articles/a000", "/demo/v1/articles/a000/related"):
            assert client.get(path).status_code == status, path
            assert client.get(path, headers=authorized).status_code == 200, path


def test_script_of_another_site_may_send_a_key(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, reading="keyed", cors_origins="https://a.example").test_client()
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = client.options("/v1/articles/a000/related", headers=asked)
    assert answer.status_code == 204
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
