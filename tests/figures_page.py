"""The table of figures in docs/reliability.md, between two markers: read, and written anew with other lines.

What a figure is, and who tells it, it does not know (tests/figures.py).
"""

import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

HEAD = ["row", "what it came to", "held", "command", "date", "commit", "machine"]
BEGIN, END = "<!-- figures of full forms: begin -->", "<!-- figures of full forms: end -->"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table; row and command say which."""

    row: str
    figure: str
    held: str
    command: str
    date: str
    commit: str
    machine: str

    def __str__(self) -> str:
        return written([re.sub(r"\s*\n\s*", " ", cell).strip().replace("|", r"\|") for cell in astuple(self)])


def written(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def read_lines(page: str) -> list[Line]:
    """Return the lines between the two markers of a page."""
    lines = _parts(page)[1].strip().splitlines()[2:]
    cells = [[cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    for line, found in zip(lines, cells, strict=True):
        if len(found) != len(HEAD):
            raise pytest.UsageError(f"a line of figures has {len(found)} cells, not {len(HEAD)}: {line}")
    return [Line(*found) for found in cells]


def merged(page: str, new: Iterable[Line]) -> str:
    """Return a page with new lines, each in place of the one with its row and command, in the order of the rows.

    The rows are those that the page's other tables begin with.
    """
    before, _, after = _parts(page)
    rows = re.findall(r"^\| ([A-Z]\d+) \|", before + after, re.M)
    lines = {(line.row, line.command): line for line in [*read_lines(page), *new]}.values()
    if unknown := {line.row for line in lines} - {*rows}:
        raise pytest.UsageError(f"no table of the page has a row {', '.join(sorted(unknown))}")
    told = sorted(lines, key=lambda line: rows.index(line.row))
    table = [written(HEAD), written("---" for _ in HEAD), *map(str, told)]
    return "\n".join([f"{before}{BEGIN}", "", *table, "", f"{END}{after}"])


def _parts(page: str) -> tuple[str, str, str]:
    """Return a page before, between and after the markers."""
    found = re.fullmatch(rf"(.*){re.escape(BEGIN)}\n(.*){re.escape(END)}(.*)", page, re.S)
    if not found:
        raise pytest.UsageError(f"figures have no place on the page: it needs the lines '{BEGIN}' and '{END}'")
    return found[1], found[2], found[3]


def write(path: Path, lines: Iterable[Line]) -> None:
    """Put lines into the table of a page, in one step."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(merged(path.read_text(), lines))
    new.replace(path)
