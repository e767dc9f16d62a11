"""An editor's whole errands at the desk, in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from seealso.snapshot.layout import REPORTS
from tests.browser.conftest import TWICE, Desk

pytestmark = pytest.mark.row("P3")

TIDES = "/desk/articles/tides-explained"
PAGES = ["/desk/", "/desk/?q=flood+barrier", "/desk/?q=tides&by=words&section=Science", TIDES, "/desk/nothing-here"]
Violations = Callable[[Page], list[str]]
Check = Callable[[Page, str], None]


def block(page: Page) -> list[str]:
    """Return the ids of the articles in the block that is shown."""
    found: list[str] = page.locator("#block > li").evaluate_all("items => items.map(item => item.dataset.article)")
    return found


def live(desk: Desk, article_id: str = "tides-explained") -> list[str]:
    """Return what readers are shown."""
    return [card["id"] for card in desk.service.get(f"/v1/articles/{article_id}/related").json()["related"]]


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_everybody(desk: Desk, check_for_everybody: Check, path: str) -> None:
    with desk.visit() as page:
        check_for_everybody(page, path)
    if path == "/desk/nothing-here":
        desk.complaints.clear()  # that it is not there, which is so


def test_asking_for_the_key_is_for_everybody(desk: Desk, violations: Violations) -> None:
    with desk.visit(360, "dark", scope=None) as page:
        page.goto("/desk/")
        assert "/desk/login" in page.url
        assert violations(page) == []


def test_whole_errand_find_see_why_pin_exclude_undo_take_down(desk: Desk, violations: Violations) -> None:
    with desk.visit(768) as page:
        page.goto("/desk/")
        page.get_by_role("searchbox").press_sequentially("why the tide comes in twice a day")
        first = page.locator("#results .title").first
        expect(first).to_contain_text("sea comes in twice a day", timeout=60_000)
        desk.complaints.clear()  # that the service was busy, for as long as the model was being loaded
        assert "q=why+the+tide" in page.url  # every state is an address
        page.locator("#results .title a").first.click()
        page.wait_for_url(f"**{TIDES}")
        before = block(page)
        assert before == live(desk)

        page.locator("#block > li").first.get_by_text("Why").click()
        expect(page.locator("#block > li").first.get_by_text("Both speak of")).to_be_visible()

        third = page.locator("#block > li").nth(2)
        third.get_by_role("button", name="Up").click()
        expect(page.locator("#planned")).to_contain_text("1 change")
        assert block(page) == [before[0], before[2], before[1], *before[3:]]
        assert live(desk) == before  # nothing is changed before it is saved
        page.locator("#block > li").first.get_by_role("button", name="Leave out").click()
        expect(page.locator("#planned")).to_contain_text("2 changes")
        planned = block(page)
        assert before[0] not in planned
        page.get_by_label("Why (goes into the log)").fill("the spring tide")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#told")).to_contain_text("Live since")
        assert block(page) == planned == live(desk)
        assert violations(page) == []  # what was told included, and the button beside it

        page.get_by_role("button", name="Undo", exact=True).click()
        expect(page.locator("#told")).to_contain_text("Undone")
        assert block(page) == before == live(desk)

        page.goto(f"/desk/articles/{before[1]}")
        page.get_by_role("button", name="Take down…").click()
        page.get_by_role("dialog").get_by_label("Why").fill("a wrong name")
        page.get_by_role("button", name="Take it down").click()
        expect(page.get_by_text("a wrong name").first).to_be_visible()
        assert before[1] not in live(desk)
        page.get_by_label("Why it may be shown again").fill("it was right")
        page.get_by_role("button", name="Show it again").click()
        expect(page.get_by_text("The block, as readers see it")).to_be_visible()
        assert live(desk) == before


def test_block_is_put_in_order_by_dragging(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto(TIDES)
        before = block(page)
        items = page.locator("#block > li")
        items.nth(4).drag_to(items.nth(0), target_position={"x": 60, "y": 12})
        expect(page.locator("#planned")).to_contain_text("1 change")
        assert block(page) == [before[4], *before[:4], *before[5:]]
        page.get_by_role("button", name="Discard").click()
        expect(page.locator("#saving")).to_be_hidden()
        assert block(page) == before


def test_all_of_it_can_be_done_with_the_keyboard_alone(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto(TIDES)
        before = block(page)
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the page")).to_be_focused()
        page.keyboard.press("Enter")
        up = page.locator("#block > li").nth(1).get_by_role("button", name="Up")
        for _ in range(40):
            if up.evaluate("button => button === document.activeElement"):
                break
            page.keyboard.press("Tab")
        else:
            raise AssertionError("the button is not reached by the keyboard")
        page.keyboard.press("Enter")
        expect(page.locator("#planned")).to_contain_text("1 change")
        assert block(page)[:2] == [before[1], before[0]]
        focused = page.evaluate("document.activeElement.closest('li').dataset.article")
        assert focused == before[1]  # who moves a piece stays with it
        page.get_by_role("button", name="Discard").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#saving")).to_be_hidden()


def test_focus_stays_where_a_change_was_made_and_changes_are_told(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto(TIDES)
        before = block(page)
        told, heading = page.get_by_role("status").filter(has_text="saved"), page.locator("#block-heading")

        def press(button: Locator) -> None:
            button.focus()
            page.keyboard.press("Enter")

        third = page.locator("#block > li").nth(2)
        press(third.get_by_role("button", name="Leave out"))
        expect(told).to_have_text("1 change is not saved yet.")
        assert before[2] not in block(page)
        expect(page.locator("#block > li").nth(2).get_by_role("button", name="Leave out")).to_be_focused()
        press(page.get_by_role("button", name="Discard"))
        expect(told).to_have_text("Nothing is left to be saved.")
        expect(heading).to_be_focused()

        press(page.locator("#block > li").nth(0).get_by_role("button", name="Down"))
        expect(told).to_have_text("1 change is not saved yet.")
        page.route("**/desk/save/**", lambda route: route.abort())
        press(page.get_by_role("button", name="Save"))
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        expect(page.get_by_role("button", name="Save")).to_be_focused()
        desk.complaints.clear()  # that it could not be reached
        page.unroute("**/desk/save/**")
        page.keyboard.press("Enter")
        expect(page.locator("#told")).to_contain_text("Live since")
        expect(heading).to_be_focused()

        rule = page.locator("#rules").get_by_role("button", name="Undo this rule")
        press(rule.first)
        expect(told).to_have_text("1 change is not saved yet.")
        assert page.evaluate("document.getElementById('seen').parentNode.contains(document.activeElement)")
        press(page.get_by_role("button", name="Discard"))
        expect(told).to_have_text("Nothing is left to be saved.")
        press(page.locator("#told").get_by_role("button", name="Undo"))
        expect(page.locator("#told")).to_contain_text("Undone")
        expect(heading).to_be_focused()
        assert block(page) == before == live(desk)


def test_how_many_were_found_is_told(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto("/desk/?by=words")
        page.get_by_role("searchbox").fill("tides")
        told = page.get_by_role("status").filter(has_text="found")
        expect(told).to_have_text(re.compile(r"^\d+ found$"))
        page.get_by_role("searchbox").fill("qwertzuiop")
        expect(told).to_contain_text("Nothing was found.")


def test_service_that_fails_in_the_middle_loses_nothing(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto(TIDES)
        before = live(desk)
        page.locator("#block > li").nth(1).get_by_role("button", name="Up").click()
        expect(page.locator("#planned")).to_contain_text("1 change")
        planned = block(page)
        page.get_by_label("Why (goes into the log)").fill("a reason that took long to write")
        for failing in (
            lambda route: route.abort(),
            lambda route: route.fulfill(status=502, body="<html>bad gateway</html>"),
            lambda route: route.fulfill(status=401, content_type="application/problem+json", body="{}"),
        ):
            page.route("**/desk/save/**", failing)
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_role("alert")).to_contain_text("lost")
            expect(page.get_by_role("button", name="Save")).to_be_enabled()
            assert block(page) == planned
            assert page.get_by_label("Why (goes into the log)").input_value() == "a reason that took long to write"
            page.unroute("**/desk/save/**")
        assert live(desk) == before
        page.route("**/desk/preview/**", _gone)
        page.locator("#block > li").nth(3).get_by_role("button", name="Up").click()
        expect(page.locator("#told")).to_contain_text("cannot be reached")
        assert block(page) == planned
        page.unroute("**/desk/preview/**")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#told")).to_contain_text("Live since")
        page.get_by_role("button", name="Undo", exact=True).click()
        expect(page.locator("#told")).to_contain_text("Undone")
    desk.complaints.clear()  # of the failures that were made


def test_what_is_pressed_quickly_is_planned_one_after_the_other_also_where_one_fails(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto(TIDES)
        before, asked = block(page), list[str]()

        def fail_once(route: Route) -> None:
            asked.append(route.request.post_data or "")
            if len(asked) == 1:
                route.fulfill(status=503, body="{}")
            else:
                route.continue_()

        page.route("**/desk/preview/**", fail_once)
        page.evaluate(
            """() => {
                const items = document.querySelectorAll("#block > li");
                for (const place of [2, 5]) items[place].querySelector("[data-act=up]").click();
            }"""
        )
        expect(page.locator("#planned")).to_contain_text("1 change is")
        assert block(page) == [*before[:4], before[5], before[4], *before[6:]]
        assert [before[2] in each for each in asked] == [True, False]
        page.unroute("**/desk/preview/**")
        page.evaluate(
            """() => {
                const up = document.querySelectorAll("#block > li")[4].querySelector("[data-act=up]");
                for (let times = 0; times < 3; times += 1) up.click();
            }"""
        )
        expect(page.locator("#block > li").nth(1)).to_have_attribute("data-article", before[5])
        page.evaluate(
            """() => {
                const boost = document.querySelector("#candidates [data-act=boost]");
                for (let times = 0; times < 2; times += 1) boost.click();
            }"""
        )
        expect(page.locator("#planned")).to_contain_text("2 changes are")
        page.get_by_role("button", name="Discard").click()
        expect(page.locator("#saving")).to_be_hidden()
        assert block(page) == before
    desk.complaints.clear()  # of the failure that was made


def test_find_page_says_that_it_waits_and_stops_in_the_end(desk: Desk) -> None:
    with desk.visit() as page:
        page.clock.install()
        page.goto("/desk/")
        busy = '{"title": "The service is busy", "detail": "no place came free"}'
        page.route("**part=results", lambda route: route.fulfill(status=503, body=busy))
        page.get_by_role("searchbox").fill("tides")
        page.clock.run_for(300)
        expect(page.get_by_text("Waiting for the model")).to_be_visible()
        for _ in range(30):
            page.clock.run_for(1_000)
            page.wait_for_timeout(20)
        expect(page.locator("#told")).to_contain_text("The service is busy")
        expect(page.get_by_text("Waiting for the model")).to_be_hidden()
    desk.complaints.clear()  # of the failures that were made


def _gone(route: Route) -> None:
    route.abort()


def test_page_is_usable_at_twice_its_size(desk: Desk) -> None:
    with desk.visit(TWICE) as page:
        page.goto(TIDES)
        expect(page.locator("#block > li").first.get_by_role("button", name="Pin here")).to_be_visible()


def test_first_visit_leads_to_a_pin_in_five_steps(desk: Desk) -> None:
    with desk.visit(scope=None) as page:
        page.goto("/desk/")  # 1. open the address
        desk.sign_in(page, "admin")  # 2. paste the key, and sign in
        page.locator("#results .title a").first.click()  # 3. choose an article
        page.locator("#block > li").nth(1).get_by_role("button", name="Pin here").click()  # 4. pin
        expect(page.locator("#saving")).to_be_visible()
        page.get_by_role("button", name="Save").click()  # 5. save
        expect(page.locator("#told")).to_contain_text("Live since")
        page.get_by_role("button", name="Undo", exact=True).click()
        expect(page.locator("#told")).to_contain_text("Undone")


def test_page_of_a_night_is_for_everybody(desk: Desk, check_for_everybody: Check) -> None:
    written = next((desk.index / REPORTS).glob("*.html"))
    with desk.visit(scope=None) as page:
        page.goto(written.as_uri())
        expect(page.get_by_role("heading", level=1)).to_have_text("The new index is in service")
        check_for_everybody(page, "")
