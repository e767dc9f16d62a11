"""The day in docs/day.md, run by bash as it is written, but for its port."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from seealso.editorial.store import Store
from seealso.editorial.takedowns import read_takedowns
from tests.conftest import ROOT
from tests.servers import free_port
from tests.written import Paused, code_blocks, install, running, with_ports

BLOCKS = code_blocks((ROOT / "docs/day.md").read_text())
PORT = free_port()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day")
    install(folder)
    return folder


@pytest.fixture(scope="module")
def day(folder: Path) -> Iterator[Paused]:
    commands = [with_ports({8080: PORT}, text) for language, text in BLOCKS if language == "sh"]
    # The first text loads the model, and there are machines that do much else.
    with running(folder, "".join(commands[:-1]), commands[-1], SEEALSO_TEXT_DEADLINE_S="300") as paused:
        yield paused


def test_commands_print_what_is_shown_in_this_order(day: Paused) -> None:
    rest = day.said
    for language, text in BLOCKS:
        if language == "text":
            for line in text.splitlines():
                assert f"\n{line}\n" in rest, (line, day.said)
                rest = rest[rest.index(f"\n{line}\n") + len(line) + 1 :]
    assert {language for language, _ in BLOCKS} == {"sh", "text"}


def test_what_was_taken_down_still_is_on_the_restored_disk(day: Paused, folder: Path) -> None:
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/v1/articles/tidal-power-turbines/related", timeout=30)
    with told.value as answer:
        assert (answer.code, json.load(answer)["status"]) == (410, 410)
    store = Store(folder / "var/day/index")
    with store.reading() as connection:
        assert [each.article for each in read_takedowns(connection)] == ["tidal-power-turbines"]
    store.close()


def test_its_last_commands_end_the_service(day: Paused) -> None:
    assert day.go_on() == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=30)
