"""node, and what tests/node/package.json names; where they are not, tests skip, but fail under CI."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

NODE_FOLDER = ROOT / "tests/node"
MODULES = NODE_FOLDER / "node_modules"


def node() -> str:
    """Return the program, with the packages that tests need in their place."""
    program = shutil.which("node")
    if program is None or not (MODULES / ".bin/tsc").exists():
        missing = "node, or what tests/node/package.json names, is not installed (npm ci --prefix tests/node)"
        assert "CI" not in os.environ, missing
        pytest.skip(missing)
    return program


def run_node(*arguments: str | Path, folder: Path = NODE_FOLDER, stdin: str = "") -> str:
    """Run a program in node, and return what it prints."""
    return run_program(node(), *arguments, folder=folder, stdin=stdin)


def run_program(*command: str | Path, folder: Path = NODE_FOLDER, stdin: str = "") -> str:
    """Run a program of those that tests/node/package.json names, and return what it prints."""
    node()
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=folder, timeout=300, input=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compile_typescript(*arguments: str | Path) -> None:
    """Run tsc."""
    run_node(MODULES / ".bin/tsc", *arguments)
