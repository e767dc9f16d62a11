"""A real Chromium, driven over the sample newsroom as it is served; what a page complains of fails its test.

Debian's chromium is used. Where none is installed: skip, but fail under CI.
"""

import fcntl
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from seealso.editorial.keys import Scope, create_key
from seealso.editorial.store import Store
from service.sessions import COOKIE
from tests.conftest import ROOT
from tests.servers import SEEALSO, Running, serving

NEWSROOM = ROOT / "examples/newsroom"
WIDTHS = (360, 768, 1440)
# The widest page at 200 %.
TWICE = 720
SCHEMES = ("light", "dark")
# Tells of what the policy of a page stopped, in a way that a test can read.
WATCH = "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective, e.blockedURI))"


# Two cores that do much else at once take their time; what is wrong stays wrong for longer.
expect.set_options(timeout=30_000)


# Of one file's tests: while it plays, no other test of the process has an event loop of its own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        assert "CI" not in os.environ, "chromium is not installed (Debian: apt-get install chromium)"
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample newsroom, indexed once for all processes of a run; tests serve copies of it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "newsroom-index"
    with (shared / "newsroom.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = shared / "newsroom-making"
            command = [str(SEEALSO), "index", str(NEWSROOM), "--index", str(made)]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            made.rename(folder)
    return folder


class _Stay(urllib.request.HTTPErrorProcessor):
    """Takes an answer as it is, and goes where no redirect leads."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


@dataclass
class Desk:
    """A served newsroom and people at its desk. `complaints`: what pages wrote to the console as errors."""

    service: Running
    index: Path
    chromium: Browser
    complaints: list[str] = field(default_factory=list)
    sessions: dict[Scope, str] = field(default_factory=dict)

    @contextmanager
    def visit(self, width: int = 1440, scheme: str = "light", scope: Scope | None = "editor") -> Iterator[Page]:
        """Have an empty page, signed in as somebody of a scope (None: as nobody)."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=self.service.url,
        )
        context.add_init_script(WATCH)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        try:
            if scope is not None:
                # For https, by the cookie's name; browsers send it to this machine over http, too.
                host = self.service.url.replace("http:", "https:")
                context.add_cookies([{"name": COOKIE, "value": self.session(scope), "url": host, "secure": True}])
            yield page
        finally:
            context.close()

    def key(self, scope: Scope) -> str:
        """Return a key that is made now."""
        return create_key(Store(self.index), f"the {scope}", scope, "a test")[1]

    def session(self, scope: Scope) -> str:
        """Return the cookie of somebody of a scope, who signs in once for all tests of a file."""
        if scope not in self.sessions:
            asked = urllib.request.Request(
                f"{self.service.url}/desk/login",
                urllib.parse.urlencode({"key": self.key(scope)}).encode(),
                {"Sec-Fetch-Site": "same-origin"},
            )
            told = urllib.request.build_opener(_Stay).open(asked).headers["Set-Cookie"]
            self.sessions[scope] = told.partition(";")[0].partition("=")[2]
        return self.sessions[scope]

    def sign_in(self, page: Page, scope: Scope) -> None:
        """Sign in as people do."""
        key = self.key(scope)
        page.goto("/desk/login")
        page.get_by_label("Your key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/desk/")


@pytest.fixture(scope="module")
def served(newsroom: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Desk]:
    """A service over a copy of the newsroom, for the tests of one file."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(newsroom, folder / "index")
    log = folder / "serve.log"
    # The first text loads the model, and there are machines that do much else.
    settings = {"SEEALSO_LOGIN_LIMIT": "none", "SEEALSO_RATE_LIMIT": "none", "SEEALSO_TEXT_DEADLINE_S": "300"}
    with serving(folder / "index", log, 1, True, **settings) as service:
        yield Desk(service, folder / "index", chromium)


@pytest.fixture
def desk(served: Desk) -> Iterator[Desk]:
    """The desk, where no page may complain of anything."""
    served.complaints.clear()
    yield served
    assert served.complaints == []


@pytest.fixture(scope="session")
def check_for_everybody(violations: Callable[..., list[str]]) -> Callable[[Page, str], None]:
    """Check that a page is wrong for nobody, wide and in the light, narrow and in the dark; and fits into any window.

    What can fail in one of these alone is looked at in both: colours by the scheme, all else by the width.
    """

    def check(page: Page, path: str) -> None:
        page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        page.emulate_media(color_scheme="light")
        if path:
            page.goto(path)
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        assert violations(page, ["color-contrast"]) == []
        for width in sorted({*WIDTHS, TWICE}, reverse=True):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)
        assert violations(page) == []

    return check


@pytest.fixture(scope="session")
def violations() -> Callable[..., list[str]]:
    """What axe finds wrong with a page, by WCAG 2.2 A and AA, or by some of its rules."""
    axe = Axe()
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

    def found(page: Page, rules: Sequence[str] = ()) -> list[str]:
        only = {"type": "rule", "values": [*rules]} if rules else {"type": "tag", "values": tags}
        result = axe.run(page, options={"runOnly": only})
        return [
            f"{each['id']}: {each['help']} - {[node['html'][:120] for node in each['nodes'][:3]]}"
            for each in result.response["violations"]
        ]

    return found
