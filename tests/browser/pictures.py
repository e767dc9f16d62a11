"""The README's pictures, taken of the demo: `python -m tests.browser.pictures`, with the demo's index in var/demo."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

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
        browser.close()


if __name__ == "__main__":
    main()
