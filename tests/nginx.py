"""A real nginx for tests, with examples/nginx/seealso.conf in front of services that run. None is installed: skip."""

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.servers import START_SECONDS_MAX, Answer, Running, free_port, request, wait_until

EXAMPLE = ROOT / "examples/nginx/seealso.conf"
# What a distribution's nginx.conf has around it; all that is written lies in the folder it is run in.
AROUND = """
daemon off;
worker_processes 2;
{user}
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    default_type text/html;
    include seealso.conf;
}}
"""


# A machine that is busy with other tests is no slow service.
PATIENT = {
    "proxy_connect_timeout 200ms;": "proxy_connect_timeout 30s;",
    "proxy_read_timeout 500ms;": "proxy_read_timeout 30s;",
    "proxy_cache_lock_timeout 300ms;": "proxy_cache_lock_timeout 30s;",
}


@dataclass(frozen=True)
class Proxy:
    """A running nginx: `www` is the folder of the website."""

    front: Running
    www: Path

    @property
    def port(self) -> int:
        return int(self.front.url.rpartition(":")[2])

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("GET", path, headers)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        return request(urllib.request.Request(self.front.url + path, headers=headers or {}, method=method), 60)


@contextmanager
def proxy(folder: Path, services: Sequence[str], patient: bool = True) -> Iterator[Proxy]:
    """Run nginx with the example in front of two services, by their addresses. No nginx: skip, but fail under CI.

    `patient`: the machine that runs the tests may be slower than a service is, and is waited for.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        assert "CI" not in os.environ, "nginx is not installed (Debian: apt-get install nginx-light)"
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    port, www, log = free_port(), folder / "www", folder / "error.log"
    www.mkdir(parents=True)
    (www / "index.html").write_text("a page")
    (folder / "nginx.conf").write_text(AROUND.format(user="user root;" if os.geteuid() == 0 else ""))
    (folder / "seealso.conf").write_text(example(port, www, folder / "cache", services, patient))
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        began = time.monotonic()
        wait_until(url + "/", process, began, log)
        yield Proxy(Running(process, url, time.monotonic() - began, log), www)
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)


def example(port: int, www: Path, cache: Path, services: Sequence[str], patient: bool) -> str:
    """Return the example with the places of this test in it."""
    text = EXAMPLE.read_text()
    first, second = (service.removeprefix("http://") for service in services)
    places = {
        "listen 80;": f"listen 127.0.0.1:{port};",
        "/srv/www": str(www),
        "/var/cache/nginx/seealso": str(cache),
        "server 127.0.0.1:8080 ": f"server {first} ",
        "server 127.0.0.1:8081 ": f"server {second} ",
        # A machine that is busy with other tests is no slow client.
        "client_header_timeout 10s;": "client_header_timeout 60s;",
        "client_body_timeout 10s;": "client_body_timeout 60s;",
    }
    for here, there in (places | (PATIENT if patient else {})).items():
        assert text.count(here) == 1, here
        text = text.replace(here, there)
    return text
