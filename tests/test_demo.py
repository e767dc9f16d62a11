"""`make demo`, the README's first screen: in a folder of its own, on another port, from the first index to Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.servers import Answer, free_port, request
from tests.written import SECONDS_MAX, install

RELATED = "/v1/articles/tides-explained/related"
# Of each address that it prints, what is in the answer.
SHOWN = {
    "/demo/": b"The Carrow Courier",
    "/desk/": b'name="key"',
    f"{RELATED}.html": b"Tidal turbines",
    RELATED: b'"related":[',
    "/docs": b"swagger",
}


@dataclass(frozen=True)
class Demo:
    """A running `make demo`, with all that it started as one group of processes, as a terminal has it."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def get(self, path: str, **headers: str) -> Answer:
        return request(urllib.request.Request(self.url + path, headers=headers), 60)

    def answers(self) -> bool:
        """Return whether it answers with a block."""
        try:
            return self.get(f"{RELATED}.html").status == 200
        except OSError:
            return False

    def runs(self) -> bool:
        """Return whether anything of it still runs."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


@contextmanager
def demo_in(folder: Path) -> Iterator[Demo]:
    """Run `make demo` in a folder until the block ends; wait until it answers."""
    install(folder)
    port, log = free_port(), folder / "said"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SEEALSO_", "MAKE"))}
    with log.open("w") as output:
        process = subprocess.Popen(
            ["env", "--default-signal=INT", "make", "demo"],  # whoever runs the tests may have Ctrl-C ignored
            cwd=folder,
            env=environment | {"DEMO_PORT": str(port)},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    demo = Demo(process, f"http://127.0.0.1:{port}", log)
    try:
        deadline = time.monotonic() + SECONDS_MAX
        while not demo.answers():
            assert process.poll() is None, demo.said()
            assert time.monotonic() < deadline, demo.said()
            time.sleep(0.1)
        yield demo
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def block_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cards of a block as JSON; numbers to two places, which is what another machine may round alike."""
    numbers = ("score", "probability")
    return [card | {name: round(card[name], 2) for name in numbers} for card in answer["related"]]


# One test, so that the newsroom is indexed once, whoever of those that run the tests gets it.
def test_demo_answers_at_all_addresses_that_it_prints_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    with demo_in(tmp_path) as demo:
        assert "Installing" not in demo.said()
        assert sorted(re.findall(rf"{re.escape(demo.url)}(/\S*)", demo.said())) == sorted(SHOWN)
        for path, text in SHOWN.items():
            answer = demo.get(path)
            assert answer.status == 200, path
            assert text in answer.body, path

        [key] = re.findall(r"where your key is\s+(\S+)", demo.said())
        assert demo.get("/v1/keys", Authorization=f"Bearer {key}").status == 200

        first_screen = (ROOT / "README.md").read_text().split("$ curl '127.0.0.1:8080")[1].split("```")[0]
        path, _, written = first_screen.partition("'\n")
        assert block_of(demo.get(path).json()) == block_of(json.loads(written))

        before = len(demo.said())
        os.killpg(demo.process.pid, signal.SIGINT)
        assert demo.process.wait(60) == -signal.SIGINT  # make's own answer to it, whatever its command made of it
        deadline = time.monotonic() + 60
        while demo.runs() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not demo.runs()
        stopped, made = demo.said()[before:].splitlines()
        assert '"service_stopped"' in stopped
        assert made.startswith("make: *** [")
        with pytest.raises(OSError, match="refused"):
            demo.get("/readyz")
