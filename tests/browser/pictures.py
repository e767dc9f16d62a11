"""The pictures of README and docs: `python -m tests.browser.pictures`, with the index in var/demo (`make demo`).

Of the demo and its desk; of the page of a night, for which a newsroom of the same articles has two; and of the page
that `seealso evaluate` draws.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from seealso.editorial.keys import create_key, revoke_key
from seealso.editorial.store import Store
from tests.conftest import ROOT
from tests.servers import serving

MARGIN = 20
FOLDER = ROOT / "docs/images"
PIECE = "/demo/articles/tides-explained"
# name: address, width and height of the window, and what is taken of the page; '' takes the window
PICTURES = {
    "block": (f"{PIECE}?limit=6", 1200, 1200, ".live"),
    "demo": ("/demo/", 1280, 900, ""),
    "layouts": (f"{PIECE}?layout=list&lang=ar&theme=dark&dress=plain&limit=4", 760, 1000, ".live"),
}


# What an editor sees; the last is taken of a plan that is not saved yet.
DESK = {"desk-find": "/desk/?q=flood+barrier", "desk-map": "/desk/archive", "desk": "/desk/articles/tides-explained"}

# The page of a night in three: up to and with these sections.
NIGHT = {"night": "Articles", "night-texts": "The best candidates", "night-lists": "Time and memory"}
# So many of the articles, the last ones, are new in the second night; these have changed.
NEW, CHANGED = 3, slice(4, 6)
WIDTH = 1280


def main() -> None:
    """Write docs/images/*.png."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(ROOT / "var/demo", Path(folder) / "serve.log", 1, SEEALSO_DEMO="1") as service,
        sync_playwright() as player,
    ):
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (path, width, height, part) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            page.goto(service.url + path)
            page.evaluate("for (const each of document.images) each.loading = 'eager'")
            page.wait_for_function("[...document.images].every((each) => each.complete)")
            box = page.locator(part).bounding_box() if part else None
            clip = box and {
                "x": box["x"] - MARGIN,
                "y": box["y"] - MARGIN,
                "width": box["width"] + 2 * MARGIN,
                "height": box["height"] + 2 * MARGIN,
            }
            page.screenshot(path=FOLDER / f"{name}.png", full_page=bool(clip), clip=clip)
            page.close()
        take_desk(browser.new_page(viewport={"width": 1280, "height": 860}, base_url=service.url))
        take_night(browser, Path(folder))
        take_evaluation(browser, Path(folder))
        browser.close()


def take_desk(page: Page) -> None:
    """Take the desk's pictures. The key that is made for it opens nothing afterwards."""
    store = Store(ROOT / "var/demo")
    key, text = create_key(store, "Ruth Okafor", "editor", "pictures")
    page.goto("/desk/login")
    page.get_by_label("Your key").fill(text)
    page.get_by_role("button", name="Sign in").click()
    for name, path in DESK.items():
        page.goto(path)
        if name == "desk":
            page.locator("#block > li").nth(2).get_by_role("button", name="Up").click()
            page.locator("#saving").wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}.png")
    revoke_key(store, key.id, "pictures")


def take_night(browser: Browser, folder: Path) -> None:
    """Take the page of a night after another: some articles are new, some changed, one gone, one of no use."""
    lines = [line for path in sorted((ROOT / "examples/newsroom").glob("*.jsonl")) for line in path.open("rb")]
    pieces = [orjson.loads(line) for line in lines]
    gone = pieces[0] | {"id": "gone", "title": "Notes from the garden"}
    changed = [piece | {"body": f"{piece['body']}\n\nThis piece was corrected."} for piece in pieces[CHANGED]]
    short = pieces[1] | {"id": "short", "title": "A notice", "summary": None, "body": "Closed today."}
    useless = pieces[2] | {"id": "untitled", "title": ""}
    nights = [
        [gone, *pieces[:-NEW]],
        [*pieces[: CHANGED.start], *changed, *pieces[CHANGED.stop :], short, useless],
    ]
    for night in nights:
        (folder / "articles.jsonl").write_bytes(b"\n".join(map(orjson.dumps, night)))
        seealso("index", "articles.jsonl", "--index", "index", folder=folder)
    report = max((folder / "index/reports").glob("*.html"))
    page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    top = 0.0
    for name, last in NIGHT.items():
        box = page.locator("section", has=page.get_by_role("heading", name=last, exact=True)).bounding_box()
        assert box
        bottom = box["y"] + box["height"] + MARGIN
        clip = FloatRect(x=0, y=top, width=WIDTH, height=bottom - top)
        page.screenshot(path=FOLDER / f"{name}.png", full_page=True, clip=clip)
        top = bottom
    page.close()


def take_evaluation(browser: Browser, folder: Path) -> None:
    """Take the head of the page that shows how good the sample newsroom's lists are."""
    drawn = folder / "evaluation.html"
    seealso("evaluate", "--index", str(ROOT / "var/demo"), "--against", "all", "--html", str(drawn), folder=folder)
    page = browser.new_page(viewport={"width": WIDTH, "height": 1240}, color_scheme="light")
    page.goto(drawn.as_uri())
    page.screenshot(path=FOLDER / "evaluation.png")
    page.close()


def seealso(*words: str, folder: Path) -> None:
    """Run a command in a folder; what it says is shown if it fails."""
    program = Path(sys.executable).with_name("seealso")
    done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


if __name__ == "__main__":
    main()
