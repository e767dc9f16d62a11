"""What the block costs the page that bears it, in a real Chromium: without it, with the fragment, by the script.

    python -m bench.block --index DIR [--rounds N] [--slower TIMES]

Needs chromium. Each round loads the page each way, in turn, in a browser that has nothing of it: neither a cache nor a
connection. The block stands in view and is asked for at once, which is where it costs most. `--slower` slows the
browser's processor down: by four is a telephone of the middle price.
"""

import shutil
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from urllib.parse import quote

import click
from playwright.sync_api import Browser, sync_playwright

from bench.servers import service
from seealso.snapshot.reader import open_current

PORT = 8113
SERVICE = f"http://127.0.0.1:{PORT}"
SETTLED_MS = 1_000
WAYS = ("without", "fragment", "script")
PARAGRAPH = f"<p>{'Words that stand for an article, as long as its first paragraph is. ' * 5}</p>"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>An article</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">{head}
<main><h1>An article</h1>{paragraph}{block}</main></html>"""
# What is looked at while the page comes: by how much what was seen has moved, and when the script's cards stood there.
WATCH = """
window.seen = { shift: 0, largest: 0, cards: 0 };
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) seen.shift += each.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => { seen.largest = list.getEntries().at(-1).startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  const root = attach.call(this, options);
  const watching = new MutationObserver(() => {
    if (!root.querySelector("li")) return;
    watching.disconnect();
    requestAnimationFrame(() => { seen.cards = performance.now(); });
  });
  watching.observe(root, { childList: true, subtree: true });
  return root;
};
"""
TOLD = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const first = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  const answer = performance.getEntriesByType("resource").find((each) => each.name.includes("/v1/"));
  return {
    read: page.domContentLoadedEventEnd, first, largest: seen.largest, shift: seen.shift,
    cards: document.querySelector("main li") ? first : seen.cards,
    drawn: answer ? seen.cards - answer.responseEnd : 0,
  };
}"""
ROWS = {
    "read": "page read (DOMContentLoaded), ms",
    "first": "first paint, ms",
    "largest": "largest paint, ms",
    "busy": "main thread busy, ms",
    "cards": "first card on the page, ms",
    "drawn": "from the service's answer to the card, ms",
    "shift": "layout shift",
}


@contextmanager
def site(article: str) -> Iterator[str]:
    """Serve the page, at an address for each way, until the block ends."""
    address = quote(article, safe="")

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            head, block = "", ""
            if self.path == "/script":
                head = f'<script async src="{SERVICE}/related.js"></script>'
                block = f'<seealso-block article="{article}" eager></seealso-block>'
            elif self.path == "/fragment":
                head = f'<link rel="stylesheet" href="{SERVICE}/related.css">'
                with urllib.request.urlopen(f"{SERVICE}/v1/articles/{address}/related.html") as answer:
                    block = answer.read().decode()
            body = PAGE.format(head=head, block=block, paragraph=PARAGRAPH).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def visit(browser: Browser, address: str, slower: float) -> dict[str, float]:
    """Return what one visit of a reader who has never been there took."""
    context = browser.new_context(viewport={"width": 412, "height": 915})
    try:
        page = context.new_page()
        wire = context.new_cdp_session(page)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        wire.send("Performance.enable")
        page.add_init_script(WATCH)
        page.goto(address, wait_until="load")
        page.wait_for_timeout(SETTLED_MS)
        told: dict[str, float] = page.evaluate(TOLD)
        metrics = {each["name"]: each["value"] for each in wire.send("Performance.getMetrics")["metrics"]}
        return told | {"busy": metrics["TaskDuration"] * 1_000}
    finally:
        context.close()


@click.command()
@click.option("--index", type=click.Path(path_type=Path), required=True, help="Any index folder.")
@click.option("--rounds", default=21, show_default=True)
@click.option("--slower", default=4.0, show_default=True)
def main(index: Path, rounds: int, slower: float) -> None:
    """Print the medians of each way, and how many times the page without a block that is."""
    program = shutil.which("chromium")
    if program is None:
        raise click.ClickException("chromium is not installed")
    snapshot = open_current(index)
    article = snapshot.article_id(len(snapshot) // 2)
    visits: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with (
        site(article) as address,
        service(index, PORT, rate_limit="none", cors_origins=address),
        sync_playwright() as player,
    ):
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for number in range(rounds + 1):
            for way in WAYS:
                seen = visit(browser, f"{address}/{way}", slower)
                if number:  # the first one warms the service
                    visits[way].append(seen)
        browser.close()
    print(f"{rounds} visits each way, in turn, a processor slowed down {slower:g} times; medians")
    print(f"{'':44}" + "".join(f"{way:>18}" for way in WAYS))
    for row, said in ROWS.items():
        values = {way: median(seen[row] for seen in visits[way]) for way in WAYS}
        print(f"{said:44}" + "".join(_cell(row, values[way], values["without"]) for way in WAYS))


def _cell(row: str, value: float, without: float) -> str:
    if row == "shift":
        return f"{value:>18.3f}"
    if not value:
        return f"{'-':>18}"
    return f"{value:>18.1f}" if not without else f"{value:>11.1f} ({value / without:.2f})"


if __name__ == "__main__":
    main()
