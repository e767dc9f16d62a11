"""Commands of a text, run by bash as they are written: a folder as `make setup` leaves it, and a run in it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

# A machine on which much else runs takes its time. It is less than what pytest gives a test.
SECONDS_MAX = 540
_PAUSE = "--- paused ---"


@dataclass
class Paused:
    """A script that waits before its last part. `said`: what was printed until then, standard error included."""

    process: subprocess.Popen[str]
    said: str

    def go_on(self) -> int:
        """Have the last part run; return how all ended."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.close()
        return self.process.wait(60)


def install(folder: Path) -> None:
    """Make a folder the project's, with an environment that is up to date: that of these tests."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "examples"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != ".ready":
            (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv/.ready").touch()


@contextmanager
def running(folder: Path, script: str, last: str, **settings: str) -> Iterator[Paused]:
    """Run a script in a folder, each command of which has to succeed, and pause before its last part."""
    log = folder / "said"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEEALSO_")}
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", f"{script}\necho '{_PAUSE}'\nread -r _\n{last}"],
            cwd=folder,
            env=environment | settings,
            text=True,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + SECONDS_MAX
            while _PAUSE not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield Paused(process, log.read_text())
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


def with_ports(ports: Mapping[int, int], text: str) -> str:
    """Return a text with other ports than are written in it."""
    return re.sub(r"\b\d{4}\b", lambda found: str(ports.get(int(found[0]), found[0])), text)


def code_blocks(markdown: str) -> list[tuple[str, str]]:
    """Return (language, text) of all code of a text; '' is the language of what is only indented."""
    fenced = re.compile(r"^```([\w-]*)[^\n]*\n(.*?)^```$", re.M | re.S)
    blocks = [(found.start(), found[1], found[2]) for found in fenced.finditer(markdown)]
    plain = fenced.sub(lambda found: re.sub(r"[^\n]", "x", found[0]), markdown)
    for found in re.finditer(r"(?:(?<=\n\n)|\A)((?: {4}[^\n]*\n|\n(?= {4}))+)", plain):
        blocks.append((found.start(), "", re.sub(r"^ {4}", "", found[1], flags=re.M)))
    return [(language, text) for _, language, text in sorted(blocks)]
