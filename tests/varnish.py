"""A real Varnish for tests, with examples/varnish/seealso.vcl in front of a website and a service that run.

None is installed: skip, but fail under CI.
"""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.servers import START_SECONDS_MAX, Running, wait_until

EXAMPLE = ROOT / "examples/varnish/seealso.vcl"
INSTALL = "Varnish is not installed (Debian: apt-get install varnish varnish-modules)"


@dataclass(frozen=True)
class Website:
    """Pages in a folder, and the port at which they are."""

    folder: Path
    port: int

    def page(self, *includes: str) -> str:
        """Put a page that includes blocks on the website, and return its path."""
        name = f"{len(list(self.folder.iterdir()))}.html"
        blocks = "".join(f'<esi:include src="{each}"/>' for each in includes)
        (self.folder / name).write_text(f"<p>before</p>{blocks}<p>after</p>")
        return f"/{name}"


class _Pages(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")  # the block is what is cached here
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def website(folder: Path) -> Iterator[Website]:
    """Serve a folder, empty but for its first page."""
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<p>a page</p>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Website(folder, server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def varnish(folder: Path, port: int, site: Website, service: str, changes: Mapping[str, str]) -> Iterator[Running]:
    """Run Varnish at a port; `service`: its address; `changes`: what of the example is to be otherwise, and how."""
    program = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin")
    if program is None or not list(Path("/usr/lib").glob("*/varnish/vmods/libvmod_xkey.so")):
        assert "CI" not in os.environ, INSTALL
        pytest.skip(INSTALL)
    folder.mkdir(parents=True)
    (folder / "seealso.vcl").write_text(example(site, service, changes))
    command = [program, "-F", "-n", str(folder / "run"), "-f", str(folder / "seealso.vcl"), "-j", "none"]
    command += ["-a", f"127.0.0.1:{port}", "-s", "malloc,32m", "-p", "thread_pool_min=20"]
    log = folder / "output"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        began = time.monotonic()
        wait_until(f"{url}/", process, began, log)
        yield Running(process, url, time.monotonic() - began, log)
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)


def example(site: Website, service: str, changes: Mapping[str, str]) -> str:
    """Return the example with the places of this test in it."""
    text = EXAMPLE.read_text()
    places = {'.port = "8000";': f'.port = "{site.port}";', '.port = "8080";': f'.port = "{service.split(":")[2]}";'}
    for here, there in (places | dict(changes)).items():
        assert text.count(here) == 1, here
        text = text.replace(here, there)
    return text
