"""What the README states is so."""

import json
import re

import pytest

from seealso.cli import COMMANDS, EXIT_CODES, INTERRUPTED
from seealso.settings import PREFIX, IndexerSettings, ServiceSettings, Settings
from tests.conftest import ROOT
from tests.test_house import INDEXER_WAY, SERVICE_WAY, WAY

README = (ROOT / "README.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Return the cells of all tables between a heading and the next, their heads left out."""
    part = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in part.splitlines() if line.startswith("|")]
    stripped = [[cell.strip().strip("`") for cell in row] for row in cells]
    heads = {number - 1 for number, row in enumerate(stripped) if set("".join(row)) <= {"-"}}
    return [row for number, row in enumerate(stripped) if number not in heads and number - 1 not in heads]


def test_settings_are_listed_with_their_defaults_and_meanings() -> None:
    listed = [tuple(row) for row in rows("Settings")]
    wanted = []
    for kind in (Settings, IndexerSettings, ServiceSettings):
        for name, field in kind.model_fields.items():
            if kind is Settings or name not in Settings.model_fields:
                default = "unset" if field.default is None else str(field.default)
                wanted.append((PREFIX + name.upper(), default, field.description or ""))
    assert listed == wanted


def test_exit_codes_are_listed() -> None:
    listed = {int(row[0]): row[1] for row in rows("Commands") if row[0].isdigit()}
    assert set(listed) == {0, 1, 2, INTERRUPTED, *EXIT_CODES.values()}
    for kind, code in EXIT_CODES.items():
        assert listed[code].startswith(f"{kind.__name__}: ")


def test_commands_are_listed_with_what_they_do() -> None:
    listed = {row[0].split()[1]: row[1] for row in rows("Commands") if row[0].startswith("seealso ")}
    assert listed == {name: entry.does for name, entry in COMMANDS.items()}


def test_walk_passes_every_room() -> None:
    listed = {row[0] for row in rows("The walk through the house")}
    for path in (path for line in WAY + INDEXER_WAY + SERVICE_WAY for path in line):
        assert path in listed or any(path.startswith(room) for room in listed if room.endswith("/")), path
    assert all((ROOT / room).exists() for room in listed)


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([\w-]+)", README)) - {"it"}:
        assert f"\n{target}:" in makefile, target


def test_answer_on_the_first_screen_is_a_real_one() -> None:
    block = README.split("```console\n")[1].split("```")[0]
    answer = json.loads(block.split("\n", 1)[1])
    pieces: dict[str, dict[str, object]] = {}
    for path in (ROOT / "examples/newsroom").glob("*.jsonl"):
        pieces |= {piece["id"]: piece for piece in map(json.loads, path.read_text().splitlines())}
    for card in answer["related"]:
        for name in ("title", "url", "section", "summary", "author", "language", "access"):
            assert card[name] == pieces[card["id"]][name]


@pytest.mark.parametrize("word", ["chunk", "Manager", "TODO"])
def test_words_we_do_not_use_are_not_there(word: str) -> None:
    for package in ("seealso", "indexer", "service"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text().replace("sent in chunks", "")
            assert word not in text, path
