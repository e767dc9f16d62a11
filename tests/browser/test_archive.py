"""The archive at a glance, in a real browser: the map by pointer and by keyboard, and every table beside it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Desk

MAP = "/desk/archive"
PAGES = [
    *(MAP, f"{MAP}?section=Culture&period=2025", f"{MAP}/coverage", f"{MAP}/coverage?year=2025", f"{MAP}/listed"),
    *(f"{MAP}/listed?show=never", f"{MAP}/stories", f"{MAP}/texts", f"{MAP}/texts?show=refused", f"{MAP}/clicks"),
]
# Keeps what is named when it is opened, which waits until the article that came last into the middle is.
KEEP_NAME = """
document.getElementById("named").addEventListener("click", (event) => { sessionStorage.name = event.target.innerText; })
"""
Check = Callable[[Page, str], None]


def open_map(page: Page) -> None:
    page.goto(MAP)
    expect(page.locator("#drawn")).to_have_text("All 130 articles of the night are drawn.")


def chosen(page: Page) -> int:
    said = page.locator("#chosen .count")
    return int(said.inner_text().split()[0]) if said.count() else 0


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_everybody(desk: Desk, check_for_everybody: Check, path: str) -> None:
    with desk.visit() as page:
        check_for_everybody(page, path)


def test_what_is_drawn_around_is_listed_and_has_an_address(desk: Desk) -> None:
    with desk.visit() as page:
        open_map(page)
        box = page.locator("#map").bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        reach = 0.25 * box["height"]
        page.get_by_role("button", name="Draw around").click()
        page.mouse.move(middle[0] - reach, middle[1] - reach)
        page.mouse.down()
        for x, y in ((1, -1), (1, 1), (-1, 1)):
            page.mouse.move(middle[0] + x * reach, middle[1] + y * reach, steps=5)
        page.mouse.up()
        expect(page.locator("#chosen .count")).to_contain_text("newest first")
        found = chosen(page)
        assert 0 < found < 130
        expect(page.get_by_role("button", name="Draw around")).to_have_attribute("aria-pressed", "false")
        page.wait_for_url("**?area=*")
        page.reload()
        assert chosen(page) == found
        page.get_by_role("link", name="Choose nothing").click()
        expect(page.locator("#chosen")).to_contain_text("Nothing is chosen")
        assert "area" not in page.url


def test_by_keyboard_the_map_is_moved_and_its_articles_are_named_and_opened(desk: Desk) -> None:
    with desk.visit() as page:
        open_map(page)
        page.locator("#map").focus()
        for key in ("+", "+", "ArrowRight", "ArrowUp"):
            page.keyboard.press(key)
        expect(page.locator("#named a")).to_be_visible()
        page.evaluate(KEEP_NAME)
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk/articles/*")
        expect(page.get_by_role("heading", level=1)).to_have_text(page.evaluate("sessionStorage.name"))


def test_section_time_and_words_are_chosen_without_a_pointer(desk: Desk) -> None:
    with desk.visit(768) as page:
        open_map(page)
        page.get_by_label("Section", exact=True).select_option("Culture")
        expect(page.locator("#chosen .count")).to_contain_text("13 articles")
        page.get_by_label("Published").select_option("2025")
        page.wait_for_url("**section=Culture&period=2025**")
        expect(page.locator("#chosen .count")).not_to_contain_text("13 articles")
        page.get_by_role("link", name="Choose nothing").click()
        page.get_by_label("Words").fill("storm surge")
        expect(page.locator("#chosen .count")).to_contain_text("those that have all the words first")
        page.get_by_role("radio", name="Time").check(force=True)
        expect(page.locator("#legend-time")).to_be_visible()
        expect(page.locator("#legend-section")).to_be_hidden()


def test_pointed_at_article_is_named(desk: Desk) -> None:
    with desk.visit() as page:
        open_map(page)
        row = 0
        told = desk_title(page, row)
        place = page.evaluate(
            """async (row) => {
                const { ArchiveMap, unpack } = await import('/desk/static/map.js');
                const map = new ArchiveMap(document.getElementById('map'));
                map.points = unpack(await (await fetch('/desk/archive/map')).arrayBuffer());
                const point = map.points.rows.indexOf(row);
                return map.toCanvas(map.points.across[point], map.points.down[point]);
            }""",
            row,
        )
        page.locator("#map").hover(position={"x": place[0], "y": place[1]})
        expect(page.locator("#named a")).to_have_text(told)


def desk_title(page: Page, row: int) -> str:
    """Return the title of the article in a row."""
    script = """async (row) => {
        const id = document.querySelector('[data-snapshot]').dataset.snapshot;
        const told = await (await fetch(`/desk/archive/titles?snapshot=${id}&rows=${row}`)).json();
        return told.articles[0].title;
    }"""
    return str(page.evaluate(script, row))


def test_a_number_of_the_heat_table_leads_to_its_articles(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto(f"{MAP}/coverage")
        cell = page.locator(".heat tbody td a").first
        number = int(cell.inner_text())
        cell.click()
        page.wait_for_url("**/desk/archive?*")
        assert chosen(page) == number
