"""The block as HTML on a page, and the demo that shows it, in a real browser."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from service.block.fragment import render_block
from service.block.look import Look
from tests.browser.conftest import SCHEMES, WIDTHS, Desk
from tests.servers import serving

pytestmark = pytest.mark.row("P2")

LAYOUTS = ("list", "grid", "compact", "carousel")
PIECE = "/demo/articles/tides-explained"
PAGES = ("/demo/", "/demo/sections/world", f"{PIECE}?dress=harbour&theme=dark", "/demo/sections/x")
Violations = Callable[..., list[str]]
Check = Callable[[Page, str], None]
# What moved after it had been painted, added up as Chromium does for its score.
SHIFT = """() => new Promise((done) => {
  let moved = 0;
  new PerformanceObserver((list) => { for (const each of list.getEntries()) moved += each.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(moved), 300);
})"""
HOSTILE = "</script><script>document.title = 'ran'</script><img src=x onerror=\"document.title = 'ran'\">'\"&"


@pytest.fixture(scope="module")
def served(newsroom: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Desk]:
    """The demo over a copy of the newsroom, for the tests of this file."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(newsroom, folder / "index")
    with serving(folder / "index", folder / "serve.log", 1, SEEALSO_DEMO="1", SEEALSO_RATE_LIMIT="none") as service:
        yield Desk(service, folder / "index", chromium)


def visited(page: Page, path: str, width: int) -> None:
    """Open a page at a width, with all its pictures."""
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("[...document.images].every((each) => each.complete || each.loading == 'lazy')")


def overflow(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found


@pytest.mark.parametrize("lang", ["", "ar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_block_is_for_everybody_and_keeps_within_the_page_and_moves_nothing(
    desk: Desk, violations: Violations, layout: str, lang: str
) -> None:
    with desk.visit(scope=None) as page:
        for width in WIDTHS:
            visited(page, f"{PIECE}?layout={layout}&limit=12&lang={lang}", width)
            expect(page.locator(".seealso-card")).to_have_count(12)
            assert overflow(page) <= 0, width
            assert round(page.evaluate(SHIFT), 2) == 0.0
            if width == 360:
                assert violations(page) == []
                page.emulate_media(color_scheme="dark")
                assert violations(page, ["color-contrast"]) == []
        expect(page.locator(".seealso")).to_have_attribute("dir", "rtl" if lang else "ltr")


@pytest.mark.parametrize("path", PAGES)
def test_newspaper_is_for_everybody(desk: Desk, check_for_everybody: Check, path: str) -> None:
    with desk.visit(scope=None) as page:
        visited(page, path, WIDTHS[-1])
        check_for_everybody(page, "")
    if path.endswith("/x"):
        desk.complaints.clear()  # that it is not there, which is so


def test_switches_work_by_keyboard_and_without_scripts(desk: Desk) -> None:
    with desk.visit(scope=None) as page:
        page.goto(PIECE)
        page.get_by_text("Compact", exact=True).click()
        page.wait_for_url("**layout=compact**")
        page.get_by_role("radio", name="Compact").focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
        assert "layout=compact" in page.url  # who walks through them stays where they are
        assert page.evaluate("document.activeElement.checked && document.activeElement.value !== 'compact'")
        chosen = page.evaluate("document.activeElement.value")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**layout={chosen}**")
        expect(page.locator(".seealso")).to_have_class(re.compile(f"seealso-{chosen}"))
        page.get_by_label("Language").select_option("he")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".seealso-heading")).to_have_text("כתבות קשורות")
        page.locator(".seealso-title a").first.click()
        expect(page.locator("h1")).to_be_visible()
        assert "lang=he" in page.url  # what was chosen goes along
    context = desk.chromium.new_context(base_url=desk.service.url, java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(PIECE)
        page.get_by_text("Carousel", exact=True).click()
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".seealso-carousel .seealso-card")).to_have_count(6)
    finally:
        context.close()


def test_carousel_is_walked_through_by_keyboard(desk: Desk) -> None:
    with desk.visit(360, scope=None) as page:
        page.goto(f"{PIECE}?layout=carousel")
        page.locator(".seealso-title a").last.focus()
        page.wait_for_function("document.querySelector('.seealso-cards').scrollLeft > 300")
        expect(page.locator(".seealso-title a").last).to_be_in_viewport()


def test_light_and_dark_are_as_asked_whatever_the_device_prefers(desk: Desk) -> None:
    papers = {}
    for scheme in SCHEMES:
        with desk.visit(scheme=scheme, scope=None) as page:
            for theme in SCHEMES:
                page.goto(f"{PIECE}?theme={theme}")
                papers[scheme, theme] = page.locator(".seealso").evaluate("it => getComputedStyle(it).backgroundColor")
    assert papers["light", "dark"] == papers["dark", "dark"]
    assert papers["light", "light"] == papers["dark", "light"] != papers["dark", "dark"]


def test_pictures_keep_their_place_before_they_come_and_if_they_never_do(desk: Desk) -> None:
    held: list[Route] = []
    with desk.visit(scope=None) as page:
        page.route("**/demo/pictures/**", lambda route: held.append(route))
        page.goto(f"{PIECE}?layout=grid#block", wait_until="domcontentloaded")
        page.locator(".seealso-card").first.scroll_into_view_if_needed()
        page.wait_for_timeout(200)
        before = page.locator(".seealso-card").evaluate_all("them => them.map((it) => it.offsetTop)")
        for number, route in enumerate(held):
            if number % 2:
                route.abort()
            else:
                route.continue_()
        page.wait_for_timeout(500)
        assert page.locator(".seealso-card").evaluate_all("them => them.map((it) => it.offsetTop)") == before
        assert round(page.evaluate(SHIFT), 2) == 0.0
    desk.complaints.clear()  # of the pictures that were kept away


def test_print_shows_all_cards_and_no_pictures(desk: Desk) -> None:
    with desk.visit(scope=None) as page:
        page.goto(f"{PIECE}?layout=carousel&limit=12")
        page.emulate_media(media="print")
        expect(page.locator(".seealso-picture").first).to_be_hidden()
        expect(page.locator(".switches")).to_be_hidden()
        box = page.locator(".seealso-cards").evaluate("it => [it.scrollWidth - it.clientWidth, it.clientWidth]")
        assert box[0] <= 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.row("S3")
def test_nothing_of_a_hostile_article_runs_under_the_strictest_policy(desk: Desk, layout: Any) -> None:
    texts = dict.fromkeys(("title", "section", "summary", "author", "image_alt"), HOSTILE)
    card = {"id": "x", "published": "2026-11-01T00:00:00Z", "updated": None, "language": "en", "access": None}
    urls = ["https://x.example/\"onclick=\"document.title='ran'", "javascript:document.title='ran'", "data:text/html,x"]
    cards = [card | texts | {"url": url, "image": url} for url in urls]
    block = render_block(cards, "en", Look(layout=layout, images=True))
    policy = "default-src 'none'; style-src 'self'; img-src 'none'; script-src 'self'"
    head = '<!doctype html><html lang="en"><title>calm</title><link rel="stylesheet" href="/related.css">'

    def fulfil(route: Route) -> None:
        route.fulfill(
            body=f"{head}<main>{block}</main>",
            headers={"Content-Security-Policy": policy, "Content-Type": "text/html; charset=utf-8"},
        )

    with desk.visit(360, scope=None) as page:
        page.route("**/hostile", fulfil)
        page.goto("/hostile")
        assert page.title() == "calm"
        assert overflow(page) <= 0
        assert page.locator("script:not([type='application/ld+json'])").count() == 0
        hrefs = page.locator("a").evaluate_all("them => them.map((it) => it.protocol)")
        assert hrefs == ["https:"]
    # Pictures are forbidden here; of scripts nothing was said.
    assert [said for said in desk.complaints if "img-src" not in said] == []
    desk.complaints.clear()


def test_fragment_as_it_is_served_keeps_the_strictest_policy(desk: Desk) -> None:
    fragment = desk.service.get("/v1/articles/tides-explained/related.html?images=1").body.decode()
    policy = "default-src 'none'; style-src 'self'; img-src 'self'"
    head = '<!doctype html><html lang="en"><title>A page</title><link rel="stylesheet" href="/related.css">'
    headers = {"Content-Security-Policy": policy, "Content-Type": "text/html; charset=utf-8"}
    with desk.visit(360, scope=None) as page:
        page.route("**/strict", lambda route: route.fulfill(body=f"{head}<main>{fragment}</main>", headers=headers))
        page.goto("/strict")
        expect(page.locator(".seealso-card")).to_have_count(12)
        assert page.locator(".seealso-cards").evaluate("list => getComputedStyle(list).listStyleType") == "none"
        assert overflow(page) <= 0


def test_script_puts_in_the_same_cards_that_the_server_does(desk: Desk) -> None:
    with desk.visit(scope=None) as page:
        page.goto(f"{PIECE}?layout=list")
        wanted = page.locator(".seealso-title").all_inner_texts()
        page.goto(f"{PIECE}?layout=list&way=script#block")
        expect(page.locator(".seealso-title")).to_have_text(wanted)
        assert page.locator(".seealso-title a").first.evaluate("it => it.href").startswith(f"{desk.service.url}/demo/")
        assert round(page.evaluate(SHIFT), 2) == 0.0
