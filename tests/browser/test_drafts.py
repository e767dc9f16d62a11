"""Drafts, the panel beside the content system, and the bookmark, in a real browser."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from tests.browser.conftest import Desk
from tests.servers import serving
from tests.service.test_uploads import document_of

Check = Callable[[Page, str], None]
TIDES = "https://carrowcourier.example/science/tides-explained"
DRAFT = (
    "Carrow counts the cost\n\nThree months after the storm surge broke into Netherquay, the council will vote on a "
    "barrier at Cooper’s Slip. The temporary one gave way at the peak of the tide, and 212 homes were flooded.\n\n"
    "Dev Chaudhuri, the city’s flood officer, told councillors that the planks would stand on posts of steel. Nobody "
    "was killed on the night of Storm Ingunn.\n\nThe harbour master, Joost Verbeek, said that the dredger *Margarethe* "
    "would not go back to the wreck before the ferry crews’ strike is over."
)
READ_MS = 60_000


@pytest.fixture(scope="module")
def content_system() -> Iterator[int]:
    """A server whose pages frame whatever address follows '?': its port, on 127.0.0.1 and on localhost."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            framed = unquote(self.path.partition("?")[2])
            self.wfile.write(f'<title>CMS</title><iframe title="Seealso" src="{framed}"></iframe>'.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def served(
    newsroom: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser, content_system: int
) -> Iterator[Desk]:
    """A service whose panel two sites may frame: one is its own site, as browsers see it, and one another."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(newsroom, folder / "index")
    frames = f"http://localhost:{content_system} http://127.0.0.1:{content_system}"
    limits = {"SEEALSO_RATE_LIMIT": "none", "SEEALSO_LOGIN_LIMIT": "none"}
    with serving(folder / "index", folder / "serve.log", 1, True, SEEALSO_DESK_FRAMES=frames, **limits) as service:
        while service.post("/v1/similar", {"text": "tides"}).status != 200:
            pass  # the first texts have the model loaded, and are given up meanwhile
        yield Desk(service, folder / "index", chromium)


def read(page: Page, text: str = DRAFT) -> None:
    page.goto("/desk/draft")
    page.get_by_label("The text").fill(text)
    page.get_by_role("button", name="Read the draft").click()
    expect(page.get_by_role("heading", name="Links worth inserting")).to_be_visible(timeout=READ_MS)


@pytest.mark.parametrize("path", ["/desk/draft", "/desk/tools", f"/desk/panel?url={TIDES}", "/desk/panel?url=nothing"])
def test_pages_are_for_everybody(desk: Desk, check_for_everybody: Check, path: str) -> None:
    with desk.visit() as page:
        check_for_everybody(page, path)


def test_draft_that_is_read_is_for_everybody(desk: Desk, check_for_everybody: Check) -> None:
    with desk.visit() as page:
        read(page)
        check_for_everybody(page, "")


def test_draft_is_read_links_are_chosen_and_the_whole_is_copied(desk: Desk) -> None:
    with desk.visit(768) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        read(page)
        expect(page.locator("#answer")).to_be_focused()
        expect(page.get_by_text("Probably covered already")).to_be_visible()
        assert page.get_by_label("The text").input_value() == DRAFT
        boxes = page.locator("[data-link]")
        assert boxes.count() >= 3
        for box in boxes.all():
            box.uncheck()
        expect(page.locator("#chosen")).to_have_text(f"0 of {boxes.count()} chosen")
        page.get_by_role("button", name="Copy as Markdown").click()
        expect(page.locator("#told")).to_contain_text("Copied")
        plain = page.evaluate("navigator.clipboard.readText()")
        assert plain.startswith("# Carrow counts the cost\n\nThree months after the storm surge broke")
        assert "dredger \\*Margarethe\\* would" in plain
        assert "](" not in plain
        page.get_by_role("checkbox", name="Link “Joost Verbeek”").check()
        page.get_by_role("button", name="Copy the draft as HTML").click()
        expect(page.locator("#composed")).to_have_value(re.compile("Joost Verbeek</a>"))
        page.wait_for_function("navigator.clipboard.readText().then(text => text.includes('<a href='))")
        html = page.evaluate("navigator.clipboard.readText()")
        assert html.count("<a href=") == 1
        assert '<p>The harbour master, <a href="https://carrowcourier.example/' in html
        rich = page.evaluate(
            "navigator.clipboard.read().then(items => items[0].getType('text/html')).then(blob => blob.text())"
        )
        assert "Joost Verbeek</a>" in rich
        one = page.get_by_role("group", name="This link alone: Joost Verbeek")
        one.get_by_role("button", name="Copy Markdown").click()
        expect(page.locator("#composed")).to_have_value(re.compile(r"^\[Joost Verbeek\]\(https://carrow"))


def refuse(status: int, route: Route) -> None:
    route.fulfill(status=status, body="{}")


def test_block_of_each_mode_is_one_key_away(desk: Desk) -> None:
    with desk.visit() as page:
        read(page)
        expect(page.locator("[data-mode=background]")).to_be_visible()
        expect(page.locator("[data-mode=latest]")).to_be_hidden()
        page.get_by_role("radio", name="Background").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("[data-mode=latest]")).to_be_visible()
        expect(page.locator("[data-mode=background]")).to_be_hidden()


def test_nothing_that_was_written_is_lost_whatever_fails(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto("/desk/draft")
        box = page.get_by_label("The text")
        box.fill(DRAFT)
        press = page.get_by_role("button", name="Read the draft")
        page.route("**/desk/draft", lambda route: route.abort())
        press.click()
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        for status in (401, 502):
            page.unroute("**/desk/draft")
            page.route("**/desk/draft", partial(refuse, status))
            press.click()
            expect(page.get_by_role("alert")).to_contain_text("signed out" if status == 401 else "answered 502")
        assert box.input_value() == DRAFT
        page.unroute("**/desk/draft")
        page.get_by_label("Or a file").set_input_files({"name": "a.pdf", "mimeType": "x/y", "buffer": b"%PDF-1.7"})
        press.click()
        expect(page.get_by_role("alert")).to_contain_text("“a.pdf” is a PDF")
        assert box.input_value() == DRAFT
        document = document_of("Carrow counts the cost", "212 homes were flooded at Cooper’s Slip.")
        page.get_by_label("Or a file").set_input_files({"name": "b.docx", "mimeType": "x/y", "buffer": document})
        press.click()
        expect(page.get_by_text("Read from “b.docx”")).to_be_visible(timeout=READ_MS)
        assert page.get_by_label("The text").input_value().startswith("Carrow counts the cost\n\n212 homes")
    desk.complaints.clear()  # that requests failed, which was meant


def test_draft_that_is_pasted_into_the_find_box_is_read_as_one(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto("/desk/")
        page.locator("#q").focus()
        page.evaluate(
            """text => {
                const data = new DataTransfer();
                data.setData("text/plain", text);
                document.getElementById("q").dispatchEvent(
                    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
            }""",
            DRAFT * 2,
        )
        page.wait_for_url("**/desk/draft")
        expect(page.get_by_role("heading", name="Carrow counts the cost")).to_be_visible(timeout=READ_MS)


def test_panel_in_a_frame_works_in_its_own_site_and_says_what_does_in_another(desk: Desk, content_system: int) -> None:
    ours = desk.service.url.replace("127.0.0.1", "localhost")
    framed = quote(f"{ours}/desk/panel?url={quote(TIDES, safe='')}", safe="")
    with desk.visit(scope=None) as page:
        page.goto(f"http://localhost:{content_system}/?{framed}")
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("link", name="Sign in in a new tab")).to_be_visible()
        page.goto(f"{ours}/desk/login")
        page.get_by_label("Your key").fill(create_key(Store(desk.index), "Ann", "read", "a test")[1])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/desk/")
        page.goto(f"http://localhost:{content_system}/?{framed}")
        expect(frame.get_by_role("heading", name="Why the sea comes in twice a day")).to_be_visible()
        with page.context.expect_page() as opened:
            frame.locator(".slot + div .title a").first.click()
        expect(opened.value.get_by_role("heading", name="The block, as readers see it")).to_be_visible()
        page.goto(f"http://127.0.0.1:{content_system}/?{framed}")
        expect(frame.get_by_role("link", name="Open the panel in its own window")).to_be_visible()
    assert all("401" in said for said in desk.complaints)
    desk.complaints.clear()  # that frames were not signed in, which is so


def test_no_other_site_frames_the_panel(desk: Desk) -> None:
    with desk.visit() as page:
        page.route(
            "http://evil.example/",
            lambda route: route.fulfill(
                body=f'<iframe src="{desk.service.url}/desk/panel?url=storm"></iframe>', content_type="text/html"
            ),
        )
        page.goto("http://evil.example/")
        expect(page.locator("iframe")).to_be_visible()
        page.wait_for_load_state("load")
        assert page.frames[1].url.startswith("chrome-error://")
        desk.complaints.clear()  # that it was refused, which is so


def test_bookmark_opens_the_panel_of_the_page_it_is_pressed_on_and_explains_itself_here(desk: Desk) -> None:
    with desk.visit() as page:
        page.goto("/desk/tools")
        page.get_by_role("link", name="Seealso this").click()
        expect(page.locator("#told")).to_contain_text("Drag it to your bookmarks bar")
        bookmark = page.get_by_role("link", name="Seealso this").get_attribute("href") or ""
        canonical = f'<title>x</title><link rel="canonical" href="{TIDES}"><p>An article</p>'
        page.route("http://news.example/**", lambda route: route.fulfill(body=canonical, content_type="text/html"))
        page.goto("http://news.example/a?utm_source=x")
        with page.context.expect_page() as opened:
            page.evaluate(bookmark.removeprefix("javascript:"))
        expect(opened.value.get_by_role("heading", name="Why the sea comes in twice a day")).to_be_visible()


HOSTILE = "<img src=x onerror='window.ran = 1'></title></style></textarea><script>window.ran = 1</script>'\"&{{7*7}}"
HOSTILE_ID = "\"'><script>window.ran=1</script>"


def test_texts_that_were_made_to_be_run_run_nowhere_at_the_desk(desk: Desk) -> None:
    fields = dict.fromkeys(("title", "section", "summary", "author"), HOSTILE)
    body = f"{HOSTILE} Zymurgy, the dredger and the weir at Cooper’s Slip.\n\njavascript:window.ran=1"
    url = "https://news.example/?\"'><script>window.ran=1</script>"
    put = {"body": body, "url": url, "tags": [HOSTILE], "language": "en", "image": url, "cut_away": HOSTILE} | fields
    rule = {"action": "exclude", "about": {"word": HOSTILE}, "reason": HOSTILE}
    at = f"/v1/articles/{quote(HOSTILE_ID, safe='')}"
    key, admin = desk.key("index"), desk.key("admin")
    for method, path, sent, by in (
        ("PUT", at, put, key),
        ("POST", "/v1/rules", rule, admin),
        ("POST", "/v1/rules", rule | {"under": {"article": HOSTILE_ID}}, admin),
        ("POST", "/v1/keys", {"name": HOSTILE[:36], "scope": "read"}, admin),
    ):
        answer = desk.service.send(method, path, sent, by)
        assert answer.status == 200, answer.body
    article = f"/desk/articles/{quote(HOSTILE_ID, safe='')}"
    pages = (
        *("/desk/?q=zymurgy&by=words", f"/desk/?{urlencode({'q': HOSTILE, 'tag': HOSTILE})}", article),
        *("/desk/archive", f"/desk/archive?{urlencode({'section': HOSTILE})}", "/desk/archive/coverage"),
        *("/desk/rules", "/desk/log", "/desk/keys", f"/desk/panel?url={quote(HOSTILE_ID)}"),
    )
    with desk.visit(scope="admin") as page:
        for path in pages:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            runs_nothing(page)
            assert "window.ran" in page.content(), path
        read(page, f"{HOSTILE}\n\n{body}")
        expect(page.get_by_text("This text is in the archive already")).to_be_visible()
        runs_nothing(page)
        for button in ("Copy the draft as HTML", "Copy as Markdown"):
            page.get_by_role("button", name=button).click()
            runs_nothing(page)
    assert desk.service.send("DELETE", f"{at}?reason=x", key=key).status == 200


def runs_nothing(page: Page) -> None:
    assert page.evaluate("window.ran") is None
    links: list[str] = page.locator("a").evaluate_all("links => links.map((link) => link.protocol)")
    assert {*links} <= {"http:", "https:"}
    assert page.locator("main :is(script, iframe, img, style)").count() == 0
