"""The script on a publisher's page, at another address than ours: it fills the block, and never harms the page."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.browser.conftest import SCHEMES, WATCH, WIDTHS
from tests.browser.host_pages import HostPages, host_pages
from tests.load.vital import counted
from tests.servers import Running, free_port, serving

pytestmark = pytest.mark.row("P1")

TIDES = "tides-explained"
FALLBACK = "<ul><li><a href='/one'>The news of today</a></li><li><a href='/two'>Most read</a></li></ul>"
TEXT = "<p>The sea comes in twice a day, except where it does not. The moon pulls, and the harbour answers.</p>"
LONG, SHORT = TEXT * 40, TEXT
FOOT = "<footer><p>What stands below the block</p></footer>"
# A browser as readers have it: what calls itself headless is not counted.
READER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
# How far what a reader sees was moved, but for what the reader did, by the browser's own measure.
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifts.push(each.value);
}).observe({ type: "layout-shift", buffered: true });
window.refused = [];
addEventListener("unhandledrejection", (event) => window.refused.push(String(event.reason)));
"""
PATIENCE = """
const own = setTimeout;
window.setTimeout = (act, ms, ...given) => own(act, ms === 800 ? 20_000 : ms, ...given);
"""
# Keeps what the service answers until `release()`, and hands it over within that task.
HELD = """
const ask = window.fetch;
window.fetch = async (address, ...given) => {
  const answer = await ask(address, ...given);
  if (!String(address).includes("/v1/")) return answer;
  const told = await answer.json();
  return new Promise((done) => { window.release = () => done({ ok: answer.ok, json: async () => told }); });
};
"""
# The second after which a card that is in view was seen passes when a test says so. `begun()`: for how many cards it
# goes on; `pass()`: it is over for them.
SECOND = """
{
  const set = setTimeout, clear = clearTimeout, due = new Map();
  let number = 1e9;
  window.setTimeout = (act, ms, ...given) => (ms === 1000 ? (due.set(++number, act), number) : set(act, ms, ...given));
  window.clearTimeout = (timer) => due.delete(timer) || clear(timer);
  window.begun = () => due.size;
  window.pass = () => { for (const [timer, act] of [...due]) { due.delete(timer); act(); } };
}
"""
MESSAGE_SECONDS_MAX = 20.0
expect.set_options(timeout=20_000)
# The block of the script and a fragment, as markup that can be compared: with what is inherited left out.
BOTH = r"""
(fragment) => {
  const plain = (section) => {
    const all = [section, ...section.querySelectorAll("*")];
    for (const each of all) each.removeAttribute("part");
    for (const each of all.reverse()) {
      const around = each.parentElement?.closest("[dir]")?.dir;
      const said = [...each.attributes].map(({ name, value }) => [name, value]).sort();
      for (const [name] of said) each.removeAttribute(name);
      for (const [name, value] of said) if (name !== "dir" || value !== around) each.setAttribute(name, value);
    }
    return section.outerHTML.replace(/>\s+/g, ">").replace(/\s+</g, "<").replace(/\s+/g, " ");
  };
  const template = document.createElement("template");
  template.innerHTML = fragment;
  const ours = document.querySelector("seealso-block").shadowRoot.querySelector("section").cloneNode(true);
  return [plain(ours), plain(template.content.querySelector("section"))];
}
"""
LAYOUTS = ("list", "grid", "compact", "carousel")
Violations = Callable[..., list[str]]


class Site:
    """A publisher's website with our script in its pages. `complaints`: what went wrong in pages, as they told it."""

    def __init__(self, service: Running, index: Path, host: HostPages, chromium: Browser) -> None:
        self.service, self.index, self.host, self.chromium = service, index, host, chromium
        self.complaints: list[str] = []
        self.networks: list[str] = []
        self.sent: list[list[dict[str, Any]]] = []

    @property
    def script(self) -> str:
        return f"<script async crossorigin referrerpolicy='no-referrer' src='{self.service.url}/related.js'></script>"

    def put(self, body: str, head: str = "", script: str | None = None, lang: str = "en", **headers: str) -> str:
        """Put a page with our script, and return its address."""
        script = self.script if script is None else script
        style = (
            "<style>body { margin: 0; font: 18px/1.5 serif }</style>"
            if "Content_Security_Policy" not in headers
            else ""
        )
        html = (
            f"<!doctype html><html lang='{lang}'><head><title>A page</title><meta name='viewport' "
            f"content='width=device-width'>{style}{head}{script}</head><body><main><h1>Tides</h1>{body}</main></body></html>"
        )
        return self.host.put(f"/page-{len(self.host.pages)}", html, **headers)

    @contextmanager
    def reader(self, width: int = 768, init: str = "", patient: bool = True, **options: Any) -> Iterator[Page]:
        """Have a reader's browser, that complains of nothing by the end.

        `patient`: the machine that runs the tests may be slower than a service is, and is waited for.
        """
        context = self.chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="light",
            user_agent=READER,
            **options,
        )
        context.set_default_timeout(20_000)
        context.add_init_script(WATCH + ";" + SHIFTS + (PATIENCE if patient else "") + init)
        page = context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        context.on("request", lambda asked: self._events(asked.url, asked.post_data))
        try:
            yield page
            if options.get("java_script_enabled", True):
                assert page.evaluate("window.refused") == []
        finally:
            context.close()

    def _console(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            # The browser's own line on what it could not load; no script can keep it back.
            network = said.text.startswith(
                ("Failed to load resource", "Access to fetch", "Connecting to", "CSP connect-src")
            )
            (self.networks if network else self.complaints).append(said.text)

    def _events(self, url: str, body: str | None) -> None:
        if url.endswith("/v1/events"):
            self.sent.append(json.loads(body or "")["blocks"])


@pytest.fixture(scope="module")
def website(newsroom: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("website")
    shutil.copytree(newsroom, folder / "index")
    index, log = folder / "index", folder / "serve.log"
    with (
        serving(
            index, log, 1, SEEALSO_CORS_ORIGINS="*", SEEALSO_RATE_LIMIT="none", SEEALSO_EVENTS_LIMIT="none"
        ) as service,
        host_pages() as host,
    ):
        yield Site(service, index, host, chromium)


@pytest.fixture
def site(website: Site) -> Iterator[Site]:
    """The website, where no page may complain of anything."""
    for told in (website.complaints, website.networks, website.sent, website.host.asked):
        told.clear()
    website.host.may_answer.clear()
    yield website
    website.host.may_answer.set()
    assert website.complaints == []


def block(attributes: str = "", fallback: str = "", article: str = TIDES) -> str:
    return f"<seealso-block article='{article}' {attributes}>{fallback}</seealso-block>"


def titles(page: Page, number: int = 0) -> list[str]:
    return page.locator("seealso-block").nth(number).locator(".seealso-title").all_inner_texts()


def live(site: Site, query: str = "") -> list[str]:
    cards = site.service.get(f"/v1/articles/{TIDES}/related{query}").json()["related"]
    return [card["title"] for card in cards]


def come_near(page: Page, number: int = 0) -> None:
    """Scroll as a reader does, until a block is near, but not yet in view."""
    top = page.locator("seealso-block").nth(number).evaluate("block => block.getBoundingClientRect().top + scrollY")
    page.evaluate("place => scrollTo(0, place)", top - 1_300)


def shift(page: Page) -> float:
    """Return how far what is seen was moved, after what is under way has been painted."""
    page.wait_for_timeout(300)
    return moved(page)


def moved(page: Page) -> float:
    """Return how far what is seen was moved until now."""
    total: float = page.evaluate("window.shifts.reduce((one, other) => one + other, 0)")
    return total


def settle(page: Page) -> None:
    """Let pass more than the time that a block waits for the service."""
    page.wait_for_timeout(1_000)


# The failures first.


FAULTS = ("down", "busy", "gone", "slow", "empty", "garbage", "odd", "wrong", "nobody")
# Each of them, as wide as a telephone, a tablet, a desk, light and dark, read from either side.
ALL_WAYS = [(width, scheme, direction) for width in WIDTHS for scheme in SCHEMES for direction in ("ltr", "rtl")]
COLLAPSED = """faults => faults.every((fault) =>
  document.querySelector(`[article=${fault}-bare]`).getClientRects().length === 0)"""


def test_whatever_fails_the_page_stays_as_it_was(site: Site) -> None:
    endpoint = {"down": f"http://127.0.0.1:{free_port()}/", "wrong": "javascript:alert(1)", "nobody": site.service.url}
    body = ""
    for fault in FAULTS:
        where = f"endpoint='{endpoint.get(fault, f'{site.host.url}/{fault}/')}'"
        body += block(where, article=f"{fault}-bare") + TEXT + block(f"{where} min-height='300'", FALLBACK, fault)
        body += TEXT + block(f"{where} min-height='9'", "", f"{fault}-low") + TEXT
    with ExitStack() as stack:
        pages = []
        for width, scheme, direction in ALL_WAYS:
            page = stack.enter_context(site.reader(width, patient=False))
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.set_viewport_size({"width": width, "height": 12_000})  # all of it is seen
            page.goto(site.put(body + FOOT, lang=f"en' dir='{direction}"))
            pages.append(page)
        settle(pages[-1])
        for page, way in zip(pages, ALL_WAYS, strict=True):
            page.wait_for_function(COLLAPSED, arg=FAULTS)
            assert page.locator("seealso-block .seealso-title").count() == 0, way
            assert page.locator("seealso-block a").filter(visible=True).count() == 2 * len(FAULTS), way
            assert moved(page) == 0, way
            assert page.evaluate("document.documentElement.scrollWidth") <= way[0], way


def test_space_that_was_kept_goes_once_it_is_not_seen(site: Site) -> None:
    where = f"endpoint='{site.host.url}/busy/' min-height='300' eager"
    with site.reader() as page:
        page.goto(site.put(LONG + block(where) + FOOT))
        expect(page.locator("seealso-block")).to_be_hidden()
        assert page.locator("seealso-block").bounding_box() is None
        page.goto(site.put(SHORT + block(where) + FOOT + LONG))
        settle(page)
        page.evaluate("scrollTo(0, 5000)")
        page.evaluate("scrollTo(0, 0)")
        assert shift(page) == 0


def test_space_that_was_kept_goes_from_the_links_that_stay_too(site: Site) -> None:
    where = f"endpoint='{site.host.url}/busy/' min-height='300' eager"
    with site.reader() as page:
        page.goto(site.put(LONG + block(where, FALLBACK) + FOOT))
        page.wait_for_function("document.querySelector('seealso-block').offsetHeight < 200")
        page.locator("seealso-block").scroll_into_view_if_needed()
        expect(page.get_by_text("Most read")).to_be_visible()
        assert shift(page) == 0


@pytest.mark.parametrize("fault", ["busy", "cards"])
def test_reader_at_the_end_of_the_page_stays_there(site: Site, fault: str) -> None:
    site.host.cards = [{"id": "one", "title": "One short card"}]
    style = "<style>html { overflow-anchor: none }</style>"  # as browsers are that do not anchor what is seen
    with site.reader(init=HELD) as page:
        where = f"endpoint='{site.host.url}/{fault}/' min-height='500'"
        page.goto(site.put(LONG + block(where), head=style))
        page.wait_for_function("document.querySelector('seealso-block').offsetHeight === 500")
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_function("!!window.release")
        place = page.evaluate("scrollY")
        page.evaluate("release()")
        assert shift(page) == 0
        assert page.evaluate("scrollY") == place
        assert titles(page) == (["One short card"] if fault == "cards" else [])
        assert page.locator("seealso-block").evaluate("block => block.offsetHeight") == 500


def test_answer_that_comes_too_late_is_not_waited_for(site: Site) -> None:
    address = site.put(SHORT + block(f"endpoint='{site.host.url}/slow/'", FALLBACK))
    with site.reader(patient=False) as page:
        with page.expect_event("requestfailed", lambda failed: "/slow/" in failed.url):
            page.goto(address)
        site.host.may_answer.set()
        assert titles(page) == []
        expect(page.get_by_text("Most read")).to_be_visible()


def test_script_that_is_blocked_leaves_the_links(site: Site) -> None:
    with site.reader() as page:
        page.route("**/related.js", lambda route: route.abort())
        page.goto(site.put(SHORT + block("min-height='300'", FALLBACK) + FOOT))
        settle(page)
        expect(page.get_by_text("Most read")).to_be_visible()
        assert shift(page) == 0


def test_page_without_scripts_has_the_links(site: Site) -> None:
    with site.reader(java_script_enabled=False) as page:
        page.goto(site.put(SHORT + block("", FALLBACK)))
        expect(page.get_by_text("Most read")).to_be_visible()


@pytest.mark.parametrize(
    "missing",
    [
        "Object.defineProperty(window, 'customElements', { value: undefined })",
        "delete Document.prototype.adoptedStyleSheets",
        "delete window.IntersectionObserver",
    ],
)
def test_browser_that_lacks_something_shows_the_links(site: Site, missing: str) -> None:
    with site.reader(init=missing) as page:
        page.goto(site.put(SHORT + block("", FALLBACK)))
        settle(page)
        expect(page.get_by_text("Most read")).to_be_visible()
        assert titles(page) == []


def test_site_that_may_not_ask_shows_the_links(site: Site, newsroom: Path, tmp_path: Path) -> None:
    shutil.copytree(newsroom, tmp_path / "index")
    with serving(tmp_path / "index", tmp_path / "log", 1, SEEALSO_CORS_ORIGINS="https://a.example") as other:
        attributes = f"endpoint='{other.url}'"
        with site.reader() as page:
            page.goto(site.put(SHORT + block(attributes, FALLBACK) + block(attributes, FALLBACK)))
            settle(page)
            assert page.get_by_text("Most read").filter(visible=True).count() == 2


HOSTILE = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "</style><svg onload='window.ran = 1'>",
    "javascript:window.ran=1",
    " JaVaScRiPt\t:window.ran=1",
    "java\nscript:window.ran=1",
    "data:text/html,<script>parent.ran=1</script>",
    "//evil.example/x",
    "vbscript:x",
    "blob:https://a.example/x",
    "file:///etc/passwd",
    "https://user\" onclick='window.ran = 1'@a.example/",
    "{{7*7}}${7*7}",
]


@pytest.mark.row("S3")
def test_hostile_texts_and_addresses_run_nothing(site: Site) -> None:
    names = ("url", "section", "summary", "author", "published", "language", "image", "image_alt", "image_srcset")
    site.host.cards = [
        {
            "id": f"h{number}",
            "title": text,
            "reading_minutes": text,
            "image_width": text,
            "image_height": text,
            "team": text,
        }
        | dict.fromkeys(names, text)
        for number, text in enumerate(HOSTILE)
    ]
    policy = (
        f"default-src 'none'; script-src {site.service.url}; connect-src 'self'; style-src 'nonce-x'; img-src 'self'"
    )
    address = site.put(SHORT + block(f"endpoint='{site.host.url}/cards/'", FALLBACK), Content_Security_Policy=policy)
    with site.reader() as page:
        page.goto(address)
        expect(page.locator(".seealso-title").first).to_be_visible()
        assert titles(page) == [" ".join(text.split()) for text in HOSTILE]
        links = page.locator("seealso-block .seealso-title a").evaluate_all("links => links.map((link) => link.href)")
        assert all(link.startswith(("http://", "https://")) for link in links), links
        for link in page.locator("seealso-block .seealso-title a").all():
            link.evaluate("link => link.addEventListener('click', (event) => event.preventDefault())")
            link.click()
        assert page.evaluate("window.ran") is None
        assert page.locator("seealso-block :is(script, svg, iframe, style)").count() == 0
    # The only picture with an address of the web is none of the page's policy.
    site.complaints[:] = [text for text in site.complaints if "img-src" not in text]


# How it is when all goes well.


def test_block_is_filled_with_what_the_service_answers(site: Site) -> None:
    asked: list[str] = []
    with site.reader() as page:
        page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        page.goto(site.put(LONG + block("limit='4' mode='evergreen'", FALLBACK) + FOOT))
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(300)
        assert [each for each in asked if "/v1/" in each] == []  # it is far from the view
        come_near(page)
        expect(page.locator(".seealso-title")).to_have_count(4)
        page.locator(".seealso-card").last.scroll_into_view_if_needed()
        assert titles(page) == live(site, "?limit=4&mode=evergreen")
        expect(page.get_by_role("heading", level=2, name="Related articles")).to_be_visible()
        assert page.get_by_role("heading", level=3).count() == 4
        first = page.locator(".seealso-card").first
        assert first.locator("time").get_attribute("datetime")
        assert first.locator("a").get_attribute("href", timeout=1_000).startswith("https://carrowcourier.example/")  # type: ignore[union-attr]
        assert not page.get_by_text("Most read").is_visible()
        assert page.context.cookies() == []
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
        assert page.evaluate("async () => (await indexedDB.databases()).length + (await caches.keys()).length") == 0
        assert shift(page) == 0
    own = [each for each in asked if site.host.url not in each]
    assert own == [
        f"GET {site.service.url}/related.js",
        f"GET {site.service.url}/v1/articles/{TIDES}/related?limit=4&mode=evergreen",
    ]
    assert site.networks == []


# Width, scheme and direction turn, so that each goes with each of the ways to keep space.
WAYS = [
    ("", 360, "light", "ltr"),
    ("", 768, "dark", "rtl"),
    ("", 1440, "dark", "ltr"),
    ("min-height='40rem'", 360, "dark", "rtl"),
    ("min-height='40rem'", 768, "light", "ltr"),
    ("min-height='40rem'", 1440, "light", "rtl"),
    ("eager", 360, "dark", "ltr"),
    ("eager", 768, "light", "rtl"),
    ("eager", 1440, "dark", "rtl"),
]


@pytest.mark.parametrize(("reserved", "width", "scheme", "direction"), WAYS)
def test_nothing_moves_whether_space_is_kept_or_not(
    site: Site, reserved: str, width: int, scheme: str, direction: str
) -> None:
    one, other = block(f"{reserved} limit='6'"), block(f"{reserved} limit='6'", FALLBACK, "walking-the-ellen-estuary")
    with site.reader(width) as page:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.goto(site.put(LONG + one + FOOT + LONG + other + FOOT + LONG, lang=f"en' dir='{direction}"))
        end = page.evaluate("document.documentElement.scrollHeight")
        for place in range(0, end, 400):
            page.evaluate("place => scrollTo(0, place)", place)
            page.wait_for_timeout(20)
        # A reader who is so fast that a block was never near comes back to it.
        for number in (1, 0):
            come_near(page, number)
            expect(page.locator("seealso-block").nth(number).locator(".seealso-title")).to_have_count(6)
        assert shift(page) == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("reserved", ["", "min-height='40rem'"])
def test_reader_who_scrolls_between_the_answer_and_its_paint_sees_nothing_move(site: Site, reserved: str) -> None:
    style = "<style>h1 { height: 50px; margin: 0 } #top { height: 100vh }</style>"
    with site.reader(1440, init=HELD) as page:
        page.goto(site.put("<div id='top'></div>" + block(f"limit='6' {reserved}") + FOOT + LONG * 3, head=style))
        page.wait_for_function("!!window.release")
        assert shift(page) == 0
        page.evaluate(
            """async () => {
              release();
              for (let turn = 0; turn < 50; turn++) await null;
              scrollBy(0, 800);
            }"""
        )
        assert shift(page) == 0
        page.evaluate("scrollTo(0, 6000)")
        expect(page.locator(".seealso-title")).to_have_count(6)
        assert shift(page) == 0


def test_block_in_view_shows_as_many_as_there_is_room_for_and_the_rest_later(site: Site) -> None:
    style = "<style>seealso-block { display: block; min-height: 400px }</style>"
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='12'", FALLBACK) + FOOT + LONG, head=style))
        expect(page.locator(".seealso-title").first).to_be_visible()
        few = titles(page)
        assert 0 < len(few) < 12
        assert few == live(site)[: len(few)]
        assert shift(page) == 0
        page.evaluate("scrollTo(0, 3000)")
        page.wait_for_timeout(300)
        page.evaluate("scrollTo(0, 0)")
        assert shift(page) == 0


def test_block_in_view_without_room_waits_until_it_is_not_seen(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(f"<div id='top'>{SHORT}</div>" + block("limit='6'") + FOOT + LONG))
        settle(page)
        assert titles(page) == []
        assert shift(page) == 0
        # A reader opens what stands above it, and so moves it out of the view.
        page.evaluate("top => document.getElementById('top').insertAdjacentHTML('beforeend', top)", LONG)
        expect(page.locator(".seealso-title")).to_have_count(6)


def test_block_that_is_last_on_the_page_needs_no_room(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='6'")))
        expect(page.locator(".seealso-title")).to_have_count(6)
        assert shift(page) == 0


@pytest.mark.parametrize("painted", [True, False])
def test_page_in_the_background_is_filled_at_once_only_if_nobody_has_seen_it(site: Site, painted: bool) -> None:
    never = "" if painted else "performance.getEntriesByType = () => [];"
    with site.reader(init=HELD + never) as page:
        page.goto(site.put(SHORT + block("limit='6'") + FOOT + LONG))
        page.wait_for_function("!!window.release")
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true }); release()")
        settle(page)
        assert len(titles(page)) == (0 if painted else 6)
        assert (moved(page) == 0) == painted


def test_space_is_kept_from_before_the_first_paint(site: Site) -> None:
    script = site.script.replace("async", "")
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='2' min-height='500px'") + FOOT + LONG, script=script))
        expect(page.locator(".seealso-title")).to_have_count(2)
        box = page.locator("seealso-block").bounding_box()
        assert box is not None
        assert box["height"] == 500
        assert shift(page) == 0


def test_strict_policy_of_the_page_is_kept(site: Site) -> None:
    policy = (
        f"default-src 'none'; script-src {site.service.url}; connect-src {site.service.url}; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='6'", FALLBACK), Content_Security_Policy=policy))
        expect(page.locator(".seealso-title")).to_have_count(6)
        assert page.locator(".seealso-cards").evaluate("list => getComputedStyle(list).listStyleType") == "none"
        assert page.locator("seealso-block [style]").count() == 0
    assert site.networks == []


def test_page_that_is_isolated_may_load_it(site: Site) -> None:
    headers = {"Cross_Origin_Embedder_Policy": "require-corp", "Cross_Origin_Opener_Policy": "same-origin"}
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='6'"), **headers))
        expect(page.locator(".seealso-title")).to_have_count(6)


def test_blocks_of_one_page_are_asked_for_together_and_repeat_nothing(site: Site) -> None:
    asked: list[str] = []
    body = LONG + block("limit='4'", FALLBACK) + TEXT + block("limit='3' name='side'") + LONG + block("limit='4'")
    with site.reader() as page:
        page.on(
            "request",
            lambda request: asked.append(f"{request.method} {request.url}") if "/v1/" in request.url else None,
        )
        page.goto(site.put(body))
        come_near(page)
        expect(page.locator(".seealso-title")).to_have_count(11)
        shown = titles(page, 0) + titles(page, 1) + titles(page, 2)
        assert len(set(shown)) == 11
        # One that comes later repeats nothing either.
        page.evaluate("document.querySelector('main').append(document.createElement('seealso-block'))")
        page.evaluate(
            "article => document.querySelectorAll('seealso-block')[3].setAttribute('article', article)", TIDES
        )
        page.locator("seealso-block").nth(3).scroll_into_view_if_needed()
        expect(page.locator("seealso-block").nth(3).locator(".seealso-title").first).to_be_visible()
        assert not set(titles(page, 3)) & set(shown)
    assert [each for each in asked if not each.startswith("OPTIONS")] == [f"POST {site.service.url}/v1/page"] * 2


def test_block_that_is_added_while_another_is_asked_for_repeats_nothing(site: Site) -> None:
    with site.reader(init=HELD) as page:
        page.goto(site.put(SHORT + block("limit='3'")))
        page.wait_for_function("!!window.release")
        page.evaluate(
            """(article) => {
              const other = document.createElement("seealso-block");
              other.setAttribute("article", article);
              other.setAttribute("limit", "3");
              document.querySelector("main").append(other);
            }""",
            TIDES,
        )
        settle(page)
        page.evaluate("[release, window.release = null][0]()")
        expect(page.locator(".seealso-title")).to_have_count(3)
        page.wait_for_function("!!window.release")
        page.evaluate("release()")
        expect(page.locator(".seealso-title")).to_have_count(6)
        assert len({*titles(page, 0), *titles(page, 1)}) == 6


def test_blocks_of_two_articles_are_asked_for_apart(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='2'") + block("limit='2'", article="walking-the-ellen-estuary")))
        expect(page.locator(".seealso-title")).to_have_count(4)


def test_element_follows_its_attributes_and_its_place(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='6'", FALLBACK) + "<div id='other'></div>"))
        expect(page.locator(".seealso-title")).to_have_count(6)
        page.evaluate("block = document.querySelector('seealso-block')")
        page.evaluate("block.setAttribute('heading', '4')")
        expect(page.get_by_role("heading", level=4)).to_have_count(1)
        page.evaluate("block.setAttribute('lang', 'de')")
        expect(page.get_by_role("heading", name="Mehr zum Thema")).to_be_visible()
        page.evaluate("block.setAttribute('limit', '2')")
        expect(page.locator(".seealso-title")).to_have_count(2)
        page.evaluate("block.setAttribute('article', 'walking-the-ellen-estuary')")
        expect(page.locator(".seealso-title").first).not_to_have_text(live(site)[0])
        page.evaluate("block.remove()")
        page.evaluate("document.getElementById('other').append(block)")
        expect(page.locator("#other .seealso-title")).to_have_count(2)
        page.evaluate("block.setAttribute('article', 'nobody')")
        expect(page.get_by_text("Most read")).to_be_visible()
        page.evaluate("block.removeAttribute('article')")
        settle(page)
        expect(page.get_by_text("Most read")).to_be_visible()


def test_blocks_have_names_of_their_own_whatever_they_are_called(site: Site) -> None:
    long = "x" * 63
    names = ("block-2", "", "block-2", f"{long}\N{GRINNING FACE}y", f"{long}\N{WINKING FACE}")
    with site.reader() as page:
        page.goto(site.put("".join(block(f"limit='1' eager name='{name}'") for name in names)))
        expect(page.locator(".seealso-title")).to_have_count(5)
        called = page.evaluate("[...document.querySelectorAll('seealso-block')].map((block) => block.named)")
    assert called == ["block-2", "block-3", "block-4", f"{long}\N{GRINNING FACE}", f"{long}\N{WINKING FACE}"]
    assert site.networks == []


def test_placement_that_nobody_knows_is_left_out(site: Site) -> None:
    body = block("limit='2' placement='belwo'") + block("limit='2' heading='2.5'")
    with site.reader() as page:
        page.goto(site.put(SHORT + body))
        expect(page.locator(".seealso-title")).to_have_count(4)
        assert page.get_by_role("heading", level=4).count() == 2  # half a level is none
    assert site.networks == []


def test_script_that_is_loaded_twice_is_one(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='6'"), script=site.script * 2))
        expect(page.locator(".seealso-title")).to_have_count(6)
        page.add_script_tag(url=f"{site.service.url}/related.js")
        expect(page.locator(".seealso-title")).to_have_count(6)


def test_link_that_has_the_focus_is_not_taken_away(site: Site) -> None:
    site.host.cards = [{"id": "late", "title": "What came late"}]
    with site.reader() as page:
        page.goto(
            site.put("<p><a href='/before'>Before</a></p>" + block(f"endpoint='{site.host.url}/slow/'", FALLBACK))
        )
        page.get_by_text("Most read").focus()
        with page.expect_response("**/slow/**"):
            site.host.may_answer.set()
        page.wait_for_timeout(300)
        assert page.evaluate("document.activeElement.textContent") == "Most read"
        page.keyboard.press("Shift+Tab")  # to the other link of the block
        assert titles(page) == []
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.textContent") == "Before"
        expect(page.get_by_text("What came late")).to_be_visible()


@pytest.mark.parametrize("fallback", ["", FALLBACK])
def test_page_that_is_shown_again_asks_anew_where_nothing_came(site: Site, fallback: str) -> None:
    with site.reader() as page:
        page.route("**/v1/articles/**", lambda route: route.abort(), times=1)
        page.goto(site.put(SHORT + block("limit='3'", fallback)))
        settle(page)
        assert titles(page) == []
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        expect(page.locator(".seealso-title")).to_have_count(3)


def test_page_that_was_left_while_it_asked_asks_anew(site: Site) -> None:
    held: list[Route] = []
    with site.reader() as page:
        page.route("**/v1/articles/**", lambda route: held.append(route), times=1)
        with page.expect_request("**/v1/articles/**"):
            page.goto(site.put(SHORT + block("limit='3'", FALLBACK)))
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        settle(page)
        held[0].abort()
        expect(page.locator(".seealso-title")).to_have_count(3)


def test_paper_has_the_block_or_the_links(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(LONG + block("limit='3'", FALLBACK)))
        page.emulate_media(media="print")
        expect(page.get_by_text("Most read")).to_be_visible()
        page.emulate_media(media="screen")
        page.locator("seealso-block").scroll_into_view_if_needed()
        expect(page.locator(".seealso-title")).to_have_count(3)
        page.emulate_media(media="print")
        assert page.locator(".seealso-card").first.is_visible()


def test_block_is_for_everybody(site: Site, violations: Violations) -> None:
    style = (
        "<style>:root { color-scheme: light dark } body { margin: 0; background: Canvas } "
        "main { max-width: 70rem; margin: auto; padding: 0 16px } "
        "seealso-block { display: block; min-height: 1000px }</style>"
    )
    body = SHORT.join(block(f"limit='4' eager layout='{layout}' name='{layout}'") for layout in LAYOUTS)
    with site.reader() as page:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 6_000})
            page.goto(site.put(SHORT + body, head=style))
            expect(page.locator("seealso-block").last.locator(".seealso-title")).to_have_count(4)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if width != 768:
                assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        assert violations(page, ["color-contrast"]) == []


# It is drawn anew in the next frame.
SPEAK = """(lang) => {
  document.querySelector("seealso-block").setAttribute("lang", lang);
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_carousel_is_no_wider_than_a_page_without_margins(site: Site, direction: str) -> None:
    with site.reader(360) as page:
        page.goto(site.put(SHORT + block("limit='6' layout='carousel'"), lang=f"en' dir='{direction}"))
        expect(page.locator(".seealso-title")).to_have_count(6)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.evaluate("scrollTo(direction === 'rtl' ? -99 : 99, 0)".replace("direction", repr(direction)))
        assert page.evaluate("scrollX") == 0


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_block_is_walked_through_by_keyboard_at_twice_the_size(site: Site, direction: str) -> None:
    # What a browser makes of a window of 1280 pixels at 200 %.
    body = "<p><a href='/b' id='before'>Before</a></p>" + block("limit='4'") + "<p><a href='/after'>After</a></p>"
    with site.reader(640, device_scale_factor=2, reduced_motion="reduce") as page:
        style = "<style>seealso-block { display: block; min-height: 900px }</style>"
        page.goto(site.put(body, head=style, lang=f"en' dir='{direction}"))
        expect(page.locator(".seealso-title")).to_have_count(4)
        assert page.evaluate("document.documentElement.scrollWidth") <= 640
        page.locator("#before").focus()
        walked = []
        for title in titles(page):
            page.keyboard.press("Tab")
            link = page.locator("seealso-block a:focus")
            walked.append(link.inner_text() == title)
            expect(link).to_be_in_viewport()
            assert link.evaluate("link => getComputedStyle(link, '::after').outlineStyle") == "solid"
        assert walked == [True] * 4
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "After"
        page.keyboard.press("Shift+Tab")
        expect(page.locator("seealso-block a:focus")).to_have_text(titles(page)[-1])


LANGUAGES = ["en", "en-GB", "de", "fr", "ar", "fa", "he", "ja", "pt-BR", "zh-TW", "xx"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_script_shows_what_the_fragment_shows(site: Site, layout: str) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block(f"limit='3' layout='{layout}' heading='3' images='1'")))
        expect(page.locator(".seealso-title")).to_have_count(3)
        for language in LANGUAGES:
            query = f"limit=3&layout={layout}&heading=3&images=1&lang={language}&json_ld=0"
            fragment = site.service.get(f"/v1/articles/{TIDES}/related.html?{query}").body.decode()
            page.evaluate(SPEAK, language)
            ours, theirs = page.evaluate(BOTH, fragment)
            assert ours == theirs


def test_block_of_a_page_from_right_to_left_reads_so(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='3'"), lang="ar"))
        section = page.locator(".seealso")
        expect(section).to_have_attribute("dir", "rtl")
        expect(section.locator("h2")).to_have_text("مقالات ذات صلة")
        assert section.locator("li").first.get_attribute("dir") == "ltr"  # an English article


def test_block_in_a_component_has_the_language_of_the_page(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put("<div id='outer'></div>", lang="ar"))
        page.evaluate(
            """(block) => {
              const within = (host) => host.attachShadow({ mode: "open" });
              const outer = within(document.getElementById("outer"));
              outer.append(document.createElement("div"));
              within(outer.firstChild).innerHTML = block;
            }""",
            block("limit='3' eager"),
        )
        section = page.locator(".seealso")
        expect(section).to_have_attribute("dir", "rtl")
        expect(section).to_have_attribute("lang", "ar")
        page.evaluate("document.getElementById('outer').lang = 'de'")
        page.locator("seealso-block").evaluate("block => block.setAttribute('layout', 'grid')")
        expect(section.locator("h2")).to_have_text("Mehr zum Thema")


@pytest.mark.parametrize(
    ("timezone", "day"), [("UTC", ["March 2, 2026"]), ("America/New_York", ["March 1, 2026"]), ("Mars/Olympus", [])]
)
def test_days_are_those_of_the_website(site: Site, timezone: str, day: list[str]) -> None:
    site.host.cards = [{"id": "late", "title": "At half past eight", "published": "2026-03-02T01:30:00Z"}]

    def told(route: Route) -> None:
        script = route.fetch()
        route.fulfill(response=script, body=script.text().replace('"timezone":"UTC"', f'"timezone":"{timezone}"'))

    with site.reader() as page:
        page.route("**/related.js", told)
        page.goto(site.put(SHORT + block(f"endpoint='{site.host.url}/cards/' eager")))
        expect(page.locator(".seealso-title")).to_have_count(1)
        assert page.locator(".seealso-date").all_inner_texts() == day


# Counting.


def rates(site: Site, query: str) -> list[dict[str, Any]]:
    key = create_key(Store(site.index), f"reads {time.time_ns()}", "editor", "a test")[1]
    found: list[dict[str, Any]] = site.service.get(f"/v1/clicks?{query}", Authorization=f"Bearer {key}").json()["rates"]
    return found


def be_seen(page: Page, cards: int) -> None:
    """Have so many cards, which are in view and were not seen before, be seen."""
    page.wait_for_function("cards => begun() === cards", arg=cards)
    page.evaluate("pass()")


def wait_for_messages(page: Page, site: Site, count: int = 1) -> None:
    """Wait until the browser has told of so many messages."""
    end = time.monotonic() + MESSAGE_SECONDS_MAX
    while len(site.sent) < count and time.monotonic() < end:
        page.wait_for_timeout(50)


def leave(page: Page) -> None:
    """Leave the page, and let its last message go out."""
    page.goto("about:blank")
    page.wait_for_timeout(300)


def test_what_was_seen_and_clicked_is_counted_exactly_once(site: Site) -> None:
    article = "walking-the-ellen-estuary"
    with site.reader(1440, init=SECOND) as page:
        page.route("https://carrowcourier.example/**", lambda route: route.fulfill(body="an article"))
        page.goto(site.put(LONG + block("limit='6' layout='list' name='below'", article=article) + LONG))
        come_near(page)
        expect(page.locator(".seealso-title")).to_have_count(6)
        cards = page.locator(".seealso-card")
        cards.first.scroll_into_view_if_needed()
        page.wait_for_function("begun() > 0")
        few = page.evaluate("begun()")
        page.evaluate("pass()")
        cards.nth(5).scroll_into_view_if_needed()
        be_seen(page, 6 - few)
        page.mouse.wheel(0, 3_000)
        expect(cards.nth(5)).not_to_be_in_viewport()
        cards.nth(5).scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        assert page.evaluate("begun()") == 0
        assert site.sent == []
        link = page.locator(".seealso-title a").nth(4)
        link.click(modifiers=["Control"])
        link.click(button="middle")
        link.click(button="right")
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("https://carrowcourier.example/**")
        wait_for_messages(page, site)
        leave(page)
    ((told,),) = site.sent
    seen = list(zip(told["shown"], told["slots"], strict=True))
    ids = [card["id"] for card in site.service.get(f"/v1/articles/{article}/related?limit=6").json()["related"]]
    assert sorted(seen, key=lambda each: each[1]) == list(zip(ids, range(1, 7), strict=True))
    assert told["clicked"] == [{"item": ids[4], "slot": 5, "team": ""}]
    assert set(told) == {"article", "block", "shown", "slots", "teams", "clicked"}
    end = time.monotonic() + 30
    while not (found := rates(site, f"by=slot&article={article}")) and time.monotonic() < end:
        time.sleep(0.5)
    counted = {rate["of"]["slot"]: (rate["shown"], rate["clicked"]) for rate in found}
    assert counted == {slot: (1, int(slot == 5)) for slot in range(1, 7)}
    assert [rate["of"] for rate in rates(site, f"by=block&article={article}")] == [{"block": "below"}]


def test_what_was_in_view_for_less_than_a_second_or_by_less_than_half_was_not_seen(site: Site) -> None:
    with site.reader(init=SECOND) as page:
        page.goto(site.put(LONG + block("limit='6' eager") + LONG))
        expect(page.locator(".seealso-title")).to_have_count(6)
        page.locator("seealso-block").scroll_into_view_if_needed()
        page.wait_for_function("begun() > 0")
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_function("begun() === 0")
        top = page.locator(".seealso-card").first.evaluate("card => card.getBoundingClientRect().top + scrollY")
        page.evaluate("top => scrollTo(0, top - innerHeight + 20)", top)
        page.wait_for_timeout(300)
        assert page.evaluate("begun()") == 0
        leave(page)
    assert site.sent == []


def test_all_blocks_of_a_page_are_told_of_in_one_message(site: Site) -> None:
    with site.reader(1440, init=SECOND) as page:
        page.goto(site.put(SHORT + block("limit='2' name='one'") + block("limit='2' name='two'")))
        expect(page.locator(".seealso-title")).to_have_count(4)
        be_seen(page, 4)
        page.evaluate("document.querySelector('seealso-block').remove()")
        hide = "Object.defineProperty(document, 'hidden', { configurable: true, value: true });"
        page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange'))")
        wait_for_messages(page, site)
        leave(page)
    assert [[(block["block"], block["slots"]) for block in told] for told in site.sent] == [
        [("one", [1, 2]), ("two", [1, 2])]
    ]


def test_message_arrives_when_the_page_is_left(site: Site) -> None:
    """Looked for at the service: what is sent while a page goes is not told to who drives the browser."""

    def arrived() -> float:  # as a bot's too: it bears the name that the browser has without a window
        return counted(site.service, "seealso_events_total")

    before = arrived()
    with site.reader(init=SECOND) as page:
        page.goto(site.put(SHORT + block("limit='2'")))
        expect(page.locator(".seealso-title")).to_have_count(2)
        be_seen(page, 2)
        assert arrived() == before
        leave(page)
        end = time.monotonic() + 20
        while arrived() == before and time.monotonic() < end:
            page.wait_for_timeout(100)
    assert arrived() == before + 2


def test_message_goes_out_when_the_page_is_put_aside(site: Site) -> None:
    with site.reader(init=SECOND) as page:
        page.goto(site.put(SHORT + block("limit='2'")))
        expect(page.locator(".seealso-title")).to_have_count(2)
        be_seen(page, 2)
        hide = "Object.defineProperty(document, 'hidden', { configurable: true, value: %s });"
        event = "document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(hide % "true" + event)
        wait_for_messages(page, site)
        assert [[block["slots"] for block in told] for told in site.sent] == [[[1, 2]]]
        page.evaluate(hide % "false" + event)
        page.wait_for_timeout(300)
        assert page.evaluate("begun()") == 0
        leave(page)
    assert len(site.sent) == 1


def test_message_that_the_browser_does_not_take_is_sent_again(site: Site) -> None:
    refused = """
    const send = navigator.sendBeacon.bind(navigator);
    let calls = 0;
    navigator.sendBeacon = (...told) => calls++ > 0 && send(...told);
    """
    with site.reader(init=refused + SECOND) as page:
        page.goto(site.put(SHORT + block("limit='2'")))
        expect(page.locator(".seealso-title")).to_have_count(2)
        be_seen(page, 2)
        hide = "Object.defineProperty(document, 'hidden', { configurable: true, value: true });"
        event = "document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(hide + event)
        assert site.sent == []
        page.evaluate(event)
        wait_for_messages(page, site)
        leave(page)
    assert [[block["slots"] for block in told] for told in site.sent] == [[[1, 2]]]


@pytest.mark.parametrize(
    ("attributes", "init"),
    [("no-count", ""), ("", "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })")],
)
def test_nothing_is_counted_where_it_is_not_wanted(site: Site, attributes: str, init: str) -> None:
    with site.reader(init=init) as page:
        page.route("https://carrowcourier.example/**", lambda route: route.fulfill(body="an article"))
        page.goto(site.put(SHORT + block(f"limit='2' {attributes}")))
        expect(page.locator(".seealso-title")).to_have_count(2)
        page.wait_for_timeout(1_500)
        page.locator(".seealso-title a").first.click()
        page.wait_for_url("https://carrowcourier.example/**")
        leave(page)
    assert site.sent == []


def test_reader_who_consents_later_is_counted_from_then_on(site: Site) -> None:
    with site.reader(init=SECOND) as page:
        page.route("https://carrowcourier.example/**", lambda route: route.fulfill(body="an article"))
        page.goto(site.put(SHORT + block("limit='2' no-count")))
        expect(page.locator(".seealso-title")).to_have_count(2)
        page.evaluate("drawn = document.querySelector('seealso-block').shadowRoot.querySelector('section')")
        page.wait_for_timeout(300)
        assert page.evaluate("begun()") == 0
        page.evaluate("document.querySelector('seealso-block').removeAttribute('no-count')")
        be_seen(page, 2)
        assert page.evaluate("drawn.isConnected")  # nothing is drawn anew for it
        page.locator(".seealso-title a").nth(1).click()
        page.wait_for_url("https://carrowcourier.example/**")
        wait_for_messages(page, site)
        leave(page)
    ((told,),) = site.sent
    assert (told["slots"], [each["slot"] for each in told["clicked"]]) == ([1, 2], [2])


def test_reader_who_wants_none_of_it_any_more_is_not_counted(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='2'")))
        expect(page.locator(".seealso-title")).to_have_count(2)
        page.wait_for_timeout(1_500)
        page.evaluate("document.querySelector('seealso-block').setAttribute('no-count', '')")
        page.wait_for_timeout(1_500)
        leave(page)
    assert site.sent == []


def test_links_within_the_element_are_no_cards(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='6'", FALLBACK.replace("/one", "#one")) + FOOT + LONG))
        settle(page)
        assert titles(page) == []  # there is no room for any
        page.get_by_text("The news of today").click()
        page.wait_for_timeout(1_500)
        leave(page)
    assert site.sent == []


def test_cards_of_before_are_not_counted_as_the_ones_that_wait(site: Site) -> None:
    site.host.cards = [{"id": "old", "title": "Before", "url": "https://carrowcourier.example/old"}]
    with site.reader() as page:
        page.route("https://carrowcourier.example/**", lambda route: route.fulfill(body="an article"))
        page.goto(site.put(SHORT + block(f"endpoint='{site.host.url}/cards/' no-count") + "<p id='below'></p>"))
        expect(page.locator(".seealso-title")).to_have_count(1)
        site.host.cards = [{"id": "new", "title": "Now", "summary": "There is no room for it. " * 9}]
        with page.expect_response("**/v1/articles/other/related"):
            page.evaluate(
                """() => {
                  document.getElementById("below").textContent = "What stands below it now";
                  const block = document.querySelector("seealso-block");
                  block.setAttribute("article", "other");
                  block.removeAttribute("no-count");
                }"""
            )
        page.wait_for_timeout(1_500)
        assert titles(page) == ["Before"]
        page.locator(".seealso-title a").first.click()
        page.wait_for_url("https://carrowcourier.example/**")
        leave(page)
    assert site.sent == []


def test_clicks_that_a_script_made_are_not_counted(site: Site) -> None:
    with site.reader() as page:
        page.goto(site.put(SHORT + block("limit='2'")))
        expect(page.locator(".seealso-title")).to_have_count(2)
        link = page.locator("seealso-block .seealso-title a").first
        link.evaluate("link => link.addEventListener('click', (event) => event.preventDefault())")
        link.dispatch_event("click")
        leave(page)
    assert [block["clicked"] for told in site.sent for block in told if block["clicked"]] == []
