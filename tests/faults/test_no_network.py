"""F7: with no network at all, it indexes, starts and serves, and tries to connect to nothing but this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.figures import figure

# All ways to name whom something is sent to.
CALLS = "connect,sendto,sendmsg,sendmmsg"
# A network of its own, in which there is nothing but a loopback; -r: for whoever is not root, too.
NO_NETWORK = ["unshare", "-rn"]
ALONE = [sys.executable, "-m", "tests.faults.alone"]
# An address that is kept for examples (RFC 5737).
OUTWARD = "192.0.2.1"


def works(command: Sequence[str]) -> bool:
    """Return whether a command is here, and permitted."""
    return (
        shutil.which(command[0]) is not None
        and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.fixture(scope="module")
def no_network() -> list[str]:
    """The beginning of a command for one that has no network."""
    if not works(NO_NETWORK):
        assert "CI" not in os.environ, "a network namespace cannot be made here (unshare -rn)"
        pytest.skip("a network namespace cannot be made here (unshare -rn)")
    return NO_NETWORK


@pytest.fixture
def watch(tmp_path: Path) -> list[str]:
    """The beginning of a command for one whose connections are written to a file."""
    # Stopped at these calls alone: at each of any kind, to load the model would take longer than a text may.
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={CALLS}", "-e", "signal=none", "-s", "0"]
    if not works([*command, "-o", "/dev/null"]):
        assert "CI" not in os.environ, "no program can be watched here (Debian: apt-get install strace)"
        pytest.skip("no program can be watched here (Debian: apt-get install strace)")
    return [*command, "-o", str(tmp_path / "trace")]


def outward(trace: Path) -> Iterator[str]:
    """Yield each call that names somebody who is not on this machine."""
    for line in trace.read_text().splitlines():
        for family in re.findall(r"sa_family=(\w+)", line):
            near = family in ("AF_UNIX", "AF_NETLINK", "AF_UNSPEC")
            if not near and not re.search(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"', line):
                yield line


def run(command: list[str], folder: Path, *how: str) -> dict[str, Any]:
    done = subprocess.run([*command, *ALONE, str(folder), *how], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def check(told: dict[str, Any]) -> None:
    assert {path: status for path, status in told["answered"].items() if status != 200} == {}
    assert len(told["answered"]) > 15


def test_what_watches_sees_a_connection_outward(watch: list[str], tmp_path: Path) -> None:
    ways = (
        "import socket\n"
        "for family, kind, address in [(2, 1, ('{0}', 9)), (2, 2, ('{0}', 53)), (10, 2, ('2001:db8::1', 53))]:\n"
        "    try:\n"
        "        s = socket.socket(family, kind); s.setblocking(False); s.connect(address)\n"
        "    except OSError: pass\n"
        "try: socket.socket(2, 2).sendto(b'x', ('{0}', 53))\n"
        "except OSError: pass\n"
        "near = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(near.getsockname())\n"
    )
    subprocess.run([*watch, sys.executable, "-c", ways.format(OUTWARD)], check=True)
    assert len(list(outward(tmp_path / "trace"))) == 4
    assert "127.0.0.1" in (tmp_path / "trace").read_text()


def test_service_with_no_network_starts_and_answers(no_network: list[str], tmp_path: Path) -> None:
    told = run(no_network, tmp_path)
    assert told["interfaces"] == ["lo"]
    check(told)


def test_service_never_tries_to_connect_outward(watch: list[str], tmp_path: Path) -> None:
    check(run(watch, tmp_path))
    assert list(outward(tmp_path / "trace")) == []
    assert "sa_family=AF_UNIX" in (tmp_path / "trace").read_text()  # its Redis: it was watched


@pytest.mark.torture
@pytest.mark.row("F7")
def test_night_and_texts_need_no_network(no_network: list[str], watch: list[str], tmp_path: Path) -> None:
    told = run([*no_network, *watch], tmp_path, "texts")
    connections = list(outward(tmp_path / "trace"))
    asked = f"{len(told['answered'])} addresses answered, a night and a text among them"
    figure(f"{asked}; {len(connections)} connections outward")
    assert told["interfaces"] == ["lo"]
    assert told["answered"]["/v1/similar"] == 200
    check(told)
    assert connections == []
