"""The README's pictures, of the demo and its desk: `python -m tests.browser.pictures`, the index in var/demo."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

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


if __name__ == "__main__":
    main()
