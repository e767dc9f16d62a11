"""The tutorial's commands, run by bash as they are written, but for its two ports; its page, seen in a browser."""

import re
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from seealso.project import Project
from tests.conftest import ROOT
from tests.servers import free_port
from tests.written import Paused, code_blocks, install, running, with_ports

pytestmark = pytest.mark.row("P4")

TUTORIAL = (ROOT / "docs/tutorial.md").read_text()
BLOCKS = code_blocks(TUTORIAL)


@pytest.fixture(scope="module")
def ports() -> dict[int, int]:
    return {8000: free_port(), 8080: free_port()}


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory, ports: dict[int, int]) -> Iterator[Paused]:
    folder = tmp_path_factory.mktemp("tutorial")
    install(folder)
    commands = [with_ports(ports, text) for language, text in BLOCKS if language == "sh"]
    with running(folder, "".join(commands[:-1]), commands[-1]) as paused:
        yield paused


def without_numbers(text: str) -> list[str]:
    """Return lines as they are whatever the machine: scores may differ in their last digit."""
    return [" ".join(re.sub(r"\d+(\.\d+)?%?", "", line).split()) for line in text.splitlines()]


def test_commands_print_what_is_shown(tutorial: Paused) -> None:
    printed = without_numbers(tutorial.said)
    for language, text in BLOCKS:
        if language == "text":
            for line in without_numbers(text):
                assert line in printed, (line, tutorial.said)
    assert "10 usable articles; 0 unusable" in tutorial.said
    assert "0 embedded; 10 known from earlier nights" in tutorial.said
    assert '"id":"march-flood"' in tutorial.said


def test_page_shows_the_block(tutorial: Paused, ports: dict[int, int], chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{ports[8000]}/weir-gates.html")
    titles = page.locator("seealso-block .seealso-title")
    expect(titles).to_have_count(3)
    assert titles.all_inner_texts()[0] == "Eleven cellars under water in Mill Lane"
    page.close()


def test_last_block_stops_everything(tutorial: Paused, ports: dict[int, int]) -> None:
    assert tutorial.go_on() == 0
    for port in ports.values():
        wait_until_gone(f"http://127.0.0.1:{port}/")


def wait_until_gone(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError(f"{address} still answers")


def test_files_shown_are_projects() -> None:
    shown: list[dict[str, Any]] = [tomllib.loads(text) for language, text in BLOCKS if language == "toml"]
    assert shown
    assert all(Project.model_validate(each).source for each in shown)


def test_every_block_is_commands_or_something_that_is_held_here() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "text", "toml"}
