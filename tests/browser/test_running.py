"""What those do at the desk who run the service, in a real browser: nights, rules, the log, keys, settings."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from indexer.report import Report, write_report
from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from seealso.snapshot.layout import published_ids
from tests.browser.conftest import Desk
from tests.deciding import make_rule, take_down
from tests.makers import article, articles, index_of
from tests.servers import serving

pytestmark = pytest.mark.row("P3")

PAIR = "?a={a}&b={b}&wait=1"
PAGES = [
    *("/desk/night", f"/desk/night/compare{PAIR}", f"/desk/night/compare/a003{PAIR}", "/desk/log", "/desk/keys"),
    *("/desk/rules", "/desk/rules?show=takedowns", "/desk/settings"),
]
Check = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Desk]:
    """A service with two snapshots, a night that failed, a rule and a takedown."""
    folder = tmp_path_factory.mktemp("served")
    index = folder / "index"
    pieces = articles(30, section="News", language="en", published="2025-03-01")
    storm = article("storm", title="A storm surge", body="tides moon storm", url="https://news.example/storm")
    index_of(index, [*pieces, storm])
    index_of(index, [*pieces[2:], storm, article("fresh", title="A fresh one", body="tides moon sea harbour")])
    report = Report()
    report.close("failed", 4, "the feed is gone")
    write_report(index, "20261128T023000Z-failed", report.as_json(), "<p>What came of it</p>")
    store = Store(index)
    make_rule(store, Wish("boost", under_section="News", tag="Sea"), "Ann (1)", "the week of the sea")
    take_down(store, ["a009"], "Ann (1)", "a wrong name", None)
    with serving(index, folder / "serve.log", 1, SEEALSO_LOGIN_LIMIT="none", SEEALSO_RATE_LIMIT="none") as service:
        yield Desk(service, index, chromium)


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_everybody(desk: Desk, check_for_everybody: Check, path: str) -> None:
    first, second = published_ids(desk.index)
    with desk.visit(scope="admin") as page:
        check_for_everybody(page, path.format(a=first, b=second))


def asked(page: Page) -> None:
    """Say why, in the dialog that asks it."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("a reason")
    dialog.locator("button:not([type=button])").click()


def test_rule_is_made_by_an_address_and_undone(desk: Desk, check_for_everybody: Check) -> None:
    with desk.visit(768) as page:
        page.goto("/desk/rules")
        page.get_by_label("What to do").select_option("Prefer")
        page.get_by_label("Whose").select_option("All")
        expect(page.locator("#number-row")).to_be_hidden()
        named = page.get_by_label("Its id or address").first
        named.fill("https://news.example/nowhere")
        named.press("Tab")
        expect(page.locator("#about-found")).to_contain_text("No article here has this address")
        page.locator("#make-reason").fill("the spring tide")
        page.get_by_role("button", name="Make the rule").click()
        assert named.evaluate("field => field.validity.customError")
        named.fill("HTTPS://www.news.example/storm?utm_source=x")
        named.press("Tab")
        expect(page.locator("#about-found")).to_have_text("“A storm surge”")
        expect(named).to_have_value("storm")
        page.get_by_role("button", name="Make the rule").click()
        expect(page.locator("#told")).to_contain_text("The rule holds")
        rule = page.locator("li.card", has_text="“A storm surge” is preferred in all blocks")
        expect(rule).to_contain_text("the spring tide")
        rule.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("dialog")).to_contain_text("“A storm surge” is preferred in all blocks")
        asked(page)
        expect(page.locator("#told")).to_contain_text("Done.")
        expect(rule).to_have_count(0)
    desk.complaints[:] = [each for each in desk.complaints if "404" not in each]  # that no article is there


def test_rule_for_what_cannot_be_asked_now_says_so_and_not_that_there_is_none(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto("/desk/rules")
        page.route("**/desk/rules/article?*", lambda route: route.fulfill(status=503, body="{}"))
        named = page.get_by_label("Its id or address").first
        named.fill("storm")
        named.press("Tab")
        expect(page.locator("#about-found")).to_contain_text("answered 503")
        assert not named.evaluate("field => field.validity.customError")
    desk.complaints.clear()  # of the failure that was made


def test_key_is_made_shown_once_and_revoked(desk: Desk) -> None:
    with desk.visit(scope="admin") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto("/desk/keys")
        page.get_by_label("For whom").fill("The night desk")
        page.get_by_role("radio", name="read").check()
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("heading", name="The new key")).to_be_focused()
        text = page.locator("#made-text").input_value()
        assert text.startswith("seealso_")
        page.get_by_role("button", name="Copy").click()
        expect(page.locator("#told")).to_contain_text("Copied")
        page.get_by_role("button", name="I have kept it").click()
        row = page.locator("tr", has_text="The night desk")
        expect(row).to_contain_text("never")
        assert text not in page.content()
        own = page.locator("tr", has_text="yours")
        own.get_by_role("button", name="Revoke").click()
        expect(page.get_by_text("This is the key you are signed in with.")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        row.get_by_role("button", name="Revoke").click()
        expect(page.get_by_text("This is the key you are signed in with.")).to_be_hidden()
        asked(page)
        expect(page.locator("#told")).to_contain_text("Revoked")
        expect(row).to_contain_text("revoked")
        assert desk.service.send("GET", "/v1/rules", key=text).status == 401


def test_two_snapshots_are_compared_and_a_list_of_both(desk: Desk) -> None:
    with desk.visit(360) as page:
        page.goto("/desk/night")
        page.get_by_role("button", name="Compare").click()
        table = page.locator("#differences table, main table")
        expect(table).to_be_visible()
        page.get_by_role("link", name=re.compile("^Came")).click()
        expect(table).to_contain_text("A fresh one")
        page.get_by_role("link", name=re.compile("^Lists that changed most")).click()
        table.get_by_role("link").first.click()
        expect(page.get_by_role("heading", name="Before")).to_be_visible()
        expect(page.get_by_role("heading", name="Now")).to_be_visible()


def test_earlier_snapshot_is_served_again_and_the_log_says_so(desk: Desk) -> None:
    first, second = published_ids(desk.index)
    with desk.visit(scope="admin") as page:
        for now in (first, second):
            page.goto("/desk/night")
            page.get_by_role("button", name="Roll back").click()
            expect(page.get_by_role("dialog")).to_contain_text("until the next night publishes")
            asked(page)
            expect(page.locator("#told")).to_contain_text(now)
            expect(page.locator("tr", has_text="current")).to_contain_text(now)
            assert desk.service.get("/version").json()["snapshot"] == now
        page.goto("/desk/log?kind=snapshots")
        expect(page.locator("ol.log > li")).to_have_count(2)
        page.get_by_label("What").select_option("Rules")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("button", name="Undo").last.click()
        expect(page.get_by_role("dialog")).to_contain_text("The tag “Sea” is preferred")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
