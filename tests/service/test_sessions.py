"""Sessions, proxies that name users, and requests that other sites' pages send."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from seealso.editorial.decisions import read_decisions
from seealso.editorial.keys import Scope, create_key, revoke_key
from seealso.editorial.store import Store
from seealso.errors import CrossSite
from service.sessions import COOKIE, SECRET_FILE, Caller, Sessions, check_same_site, secret_of_machine
from tests.conftest import ROOT
from tests.full_disk import with_room
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]
OURS = {"Sec-Fetch-Site": "same-origin"}
TAKEDOWN = ("/v1/articles/a000/takedown", {"reason": "tried"})


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(6))
    return tmp_path


class Browser:
    """A browser that has a session, of an editor's key if no other is wanted."""

    def __init__(self, index: Path, make_app: MakeApp, scope: Scope = "editor", **settings: Any) -> None:
        self.store = Store(index)
        self.key, self.text = create_key(self.store, "Ann", scope, "x")
        self.client = make_app(index, rate_limit="none", **settings).test_client(use_cookies=False)
        answer = self.client.post("/desk/login", data={"key": self.text}, headers=OURS)
        self.set_cookie = answer.headers["Set-Cookie"]
        self.cookie = self.set_cookie.partition(";")[0]

    def status(self, method: str, path: str, body: Any = None, cookie: str | None = None, **headers: str) -> int:
        given = {"Cookie": cookie or self.cookie, **headers}
        return self.client.open(path, method=method, json=body, headers=given).status_code

    def take_down(self, **headers: str) -> int:
        return self.status("POST", *TAKEDOWN, **headers)


@pytest.fixture
def browser(index: Path, make_app: MakeApp) -> Browser:
    return Browser(index, make_app)


def test_a_session_stands_for_its_key(browser: Browser) -> None:
    assert browser.status("GET", "/v1/takedowns") == 200
    assert browser.take_down(**OURS) == 200
    (change,) = [each for each in browser.store.changes() if each.action == "takedown"]
    assert change.who == f"Ann ({browser.key.id})"


def test_a_password_for_a_proxy_in_front_is_no_key(browser: Browser) -> None:
    for given in ("Basic dTpw", "Digest username=ann", ""):
        assert browser.status("GET", "/desk/", Authorization=given) == 200
        assert browser.take_down(Authorization=given, **OURS) == 200
        assert browser.take_down(Authorization=given, **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert browser.status("GET", "/v1/takedowns", cookie="none=1", Authorization=given) == 401
    assert browser.status("GET", "/v1/takedowns", Authorization="Bearer none") == 401  # a key that is sent counts


def test_it_may_what_its_key_may(index: Path, make_app: MakeApp) -> None:
    reader = Browser(index, make_app, "read")
    assert reader.status("GET", "/v1/takedowns") == 403
    keyed = Browser(index, make_app, "read", reading="keyed")
    assert keyed.status("GET", "/v1/articles/a000/related") == 200
    assert keyed.client.get("/v1/articles/a000/related").status_code == 401


def test_the_cookie_is_for_this_host_over_tls_and_out_of_reach_of_scripts(browser: Browser) -> None:
    assert browser.cookie.startswith("__Host-")
    attributes = {part.strip() for part in browser.set_cookie.split(";")[1:]}
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"} <= attributes
    assert not any(part.startswith("Domain") for part in attributes)
    assert browser.text not in browser.set_cookie


def test_it_ends_with_its_key(browser: Browser) -> None:
    revoke_key(browser.store, browser.key.id, "bob")
    assert browser.status("GET", "/v1/takedowns") == 401


def test_it_ends_with_its_time(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time() + 13 * 3_600
    monkeypatch.setattr("service.sessions.time.time", lambda: later)
    assert browser.status("GET", "/v1/takedowns") == 401


def test_what_is_not_signed_is_no_session(browser: Browser, index: Path) -> None:
    key_id, ends, signature = browser.cookie.partition("=")[2].split(".")
    other = create_key(browser.store, "Bob", "admin", "x")[0]
    later = str(int(ends) + 1)
    for forged in (
        *(f"{key_id}.{later}.{signature}", f"{other.id}.{ends}.{signature}", f"{key_id}.{ends}.", f"{key_id}.{ends}"),
        *("", ".", "..", f"{key_id}.x.{signature}", f"{key_id}.\u0664.{signature}", f"{key_id}.{ends}.{signature}0"),
        f"{key_id}.{ends}.ü",
    ):
        assert browser.status("GET", "/v1/takedowns", cookie=f"{COOKIE}={forged}".encode().decode("latin-1")) == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_only_pages_of_ours_change_something(browser: Browser, headers: dict[str, str], status: int) -> None:
    assert browser.take_down(**headers) == status
    assert browser.status("GET", "/v1/takedowns", **headers) == 200  # which changes nothing


def test_a_key_needs_no_page(browser: Browser) -> None:
    headers = {"Authorization": f"Bearer {browser.text}", "Sec-Fetch-Site": "cross-site"}
    path, body = TAKEDOWN
    assert browser.client.post(path, json=body, headers=headers).status_code == 200


def test_a_wrong_key_is_not_made_good_by_a_session(browser: Browser) -> None:
    assert browser.status("GET", "/v1/takedowns", Authorization="Bearer seealso_nothing") == 401


def test_a_trusted_proxy_names_who_asks(index: Path, make_app: MakeApp) -> None:
    settings = {"desk_user_header": "X-Forwarded-User", "desk_proxies": "10.0.0.0/8 127.0.0.1"}
    client = make_app(index, rate_limit="none", **settings).test_client()
    headers = {"X-Forwarded-User": "ann@news.example"}
    path, body = TAKEDOWN
    assert client.post(path, json=body, headers=headers | OURS).status_code == 200
    assert client.post(path, json=body, headers=headers).status_code == 403
    assert Store(index).changes()[-1].who == "ann@news.example (proxy)"
    assert client.get("/v1/takedowns", headers=headers | {"Authorization": "Basic dTpw"}).status_code == 200
    assert client.get("/v1/takedowns", headers={"X-Forwarded-User": " "}).status_code == 401
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/v1/takedowns", headers=headers, environ_base=elsewhere).status_code == 401


def test_who_is_behind_the_proxy_is_not_taken_for_it(index: Path, make_app: MakeApp) -> None:
    settings = {"desk_user_header": "X-Forwarded-User", "desk_proxies": "10.0.0.7", "proxies": 1}
    client = make_app(index, rate_limit="none", **settings).test_client()
    headers = {"X-Forwarded-User": "ann", "X-Forwarded-For": "10.0.0.7"}
    stranger, proxy = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "10.0.0.7"}
    assert client.get("/v1/takedowns", headers=headers, environ_base=stranger).status_code == 401
    through = headers | {"X-Forwarded-For": "192.0.2.7"}
    assert client.get("/v1/takedowns", headers=through, environ_base=proxy).status_code == 200


def test_without_the_setting_no_header_names_anybody(index: Path, make_app: MakeApp) -> None:
    client = make_app(index, rate_limit="none", desk_proxies="127.0.0.1").test_client()
    assert client.get("/v1/takedowns", headers={"X-Forwarded-User": "ann"}).status_code == 401


def test_what_is_said_of_a_caller() -> None:
    assert str(Caller("Ann", "1f0c22d9a7b4", "editor")) == "Ann (1f0c22d9a7b4)"
    with pytest.raises(CrossSite, match=r"send a key"):
        check_same_site({"HTTP_SEC_FETCH_SITE": "cross-site"})


def test_who_has_a_copy_of_the_store_can_make_no_session(browser: Browser, index: Path) -> None:
    copied = Sessions(b"").begin(read_decisions(browser.store)[0].keys[browser.key.id])
    assert browser.status("GET", "/v1/takedowns", cookie=f"{COOKIE}={copied}") == 401
    assert (index / SECRET_FILE).stat().st_mode & 0o777 == 0o600


def test_all_workers_of_a_machine_have_one_secret(tmp_path: Path) -> None:
    found = {secret_of_machine(tmp_path) for _ in range(5)}
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == [SECRET_FILE]
    assert len(secret_of_machine(tmp_path / "nowhere")) == 64


def test_several_machines_have_one_by_a_setting(index: Path, make_app: MakeApp, tmp_path: Path) -> None:
    browser = Browser(index, make_app, session_secret="s" * 32)
    other = make_app(index, rate_limit="none", session_secret="s" * 32).test_client(use_cookies=False)
    assert other.get("/v1/takedowns", headers={"Cookie": browser.cookie}).status_code == 200
    assert not (index / SECRET_FILE).exists()


def test_an_end_of_thousands_of_digits_is_the_end_of_no_session(browser: Browser) -> None:
    key_id, _, signature = browser.cookie.partition("=")[2].split(".")
    for ends in ("9" * 5_000, "9" * 13, "\u0663", ""):
        assert browser.status("GET", "/v1/takedowns", cookie=f"{COOKIE}={key_id}.{ends}.{signature}") == 401


def test_a_secret_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    program = f"from pathlib import Path; from service.sessions import *; secret_of_machine(Path({str(tmp_path)!r}))"
    fill = f"dd if=/dev/zero of={tmp_path}/fill bs=4k 2>/dev/null; "
    command = [
        *with_room(tmp_path, 64),
        "sh",
        "-c",
        f'{fill} "$0" -c "$1"; echo left; ls -A {tmp_path}',
        sys.executable,
        program,
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "secret_not_kept" in told.stdout
    assert told.stdout.splitlines()[-2:] == ["left", "fill"]
