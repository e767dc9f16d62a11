"""N7: one poisoned article among many is left out with a reason, alone; too many of them stop publishing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import articles
from tests.night.run import Night, Nights, write_lines

pytestmark = pytest.mark.row("N7")

MANY = 150  # one of so many is below 1 %
LINE = {"id": "poisoned", "title": "A poisoned one", "body": "tides moon sea harbour"}
DEEP = 10_000
TOO_MANY = 5
STOPPED = 14  # the exit code of GateFailed

# What is left out, and what its reason says.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a body of 5 MB": ({"body": "tides and " * 500_000}, "body: "),
    "no title": ({"title": " \n"}, "title: is empty"),
    "no id": ({"id": ""}, "id: "),
    "a number for a body": ({"body": 7}, "body: "),
    "a date of nowhere": ({"published": "2025-13-41"}, "published: "),
}
# What is odd, and is indexed as it is.
TAKEN: dict[str, dict[str, Any]] = {
    "a word of 10,000 letters": {"body": "tides " + "w" * 10_000 + " moon"},
    "only such a word": {"title": "w" * 900, "body": "w" * 10_000},
    "no body": {"body": ""},
    "markup 10,000 deep as text": {"body": "<div>" * DEEP + "tides" + "</div>" * DEEP},
    "nothing but marks": {"title": "!?", "body": "... --- ..."},
    "a NUL and an escape": {"body": "tides\x00moon\x1b[31m"},
    "a thousand combining marks": {"body": "tides a" + "\u0301" * 1_000},
}


def night_with(nights: Nights, folder: Path, line: bytes, model: str = "hash") -> tuple[Night, Snapshot]:
    """Return a night over many good articles and one line, and what it published."""
    source = write_lines(folder / "source.jsonl", articles(MANY))
    source.write_bytes(source.read_bytes() + line + b"\n")
    night = nights.run(folder / "index", source, model=model)
    assert night.code == 0, night.said
    return night, open_current(folder / "index")


def check_alone(night: Night, snapshot: Snapshot, where: str, reason: str) -> None:
    """Fail unless one article was left out, for this reason, and all others are in the snapshot."""
    assert len(snapshot) == MANY
    [item] = night.report["quarantined"]
    assert where in item["where"]
    assert reason in item["reason"]
    assert len(item["reason"]) < 500  # of a person's screen, not 5 MB


@pytest.mark.parametrize("name", REFUSED)
def test_it_alone_is_left_out(name: str, nights: Nights, tmp_path: Path) -> None:
    fields, reason = REFUSED[name]
    night, snapshot = night_with(nights, tmp_path, orjson.dumps(LINE | fields))
    check_alone(night, snapshot, f"source.jsonl:{MANY + 1}", reason)


@pytest.mark.parametrize(
    "line",
    [
        rb'{"id": "poisoned", "title": "A lone \ud800 surrogate", "body": "tides"}',
        rb'{"id": "poi\udfffsoned", "title": "In the id", "body": "tides"}',
        b'{"id": "poisoned", "title": "No UTF-8: \xff\xfe", "body": "tides"}',
        b'{"id": "poisoned", "title": "Not ended',
        b'{"id": "poisoned", "title": "A number", "body": NaN}',
        b"[" * 100_000,
        b'["id", "poisoned"]',
    ],
)
def test_a_line_that_is_no_article_alone_is_left_out(line: bytes, nights: Nights, tmp_path: Path) -> None:
    night, snapshot = night_with(nights, tmp_path, line)
    check_alone(night, snapshot, f"source.jsonl:{MANY + 1}", "")


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_only_odd_is_indexed(name: str, nights: Nights, tmp_path: Path) -> None:
    night, snapshot = night_with(nights, tmp_path, orjson.dumps(LINE | TAKEN[name]))
    assert night.report["quarantined"] == []
    assert len(snapshot) == MANY + 1
    row = snapshot.row_of("poisoned")
    assert row is not None
    rows, _ = snapshot.neighbours_of(row)
    assert len(rows)


def test_an_article_without_a_vector_alone_is_left_out(nights: Nights, tmp_path: Path) -> None:
    line = orjson.dumps(LINE | {"body": f"{LINE['body']} cyanide"})
    night, snapshot = night_with(nights, tmp_path, line, model="nan-cyanide")
    check_alone(night, snapshot, f"source.jsonl:{MANY + 1}", "'poisoned': the model hash")
    assert snapshot.row_of("poisoned") is None


def test_an_article_without_a_vector_is_tried_again_the_next_night(nights: Nights, tmp_path: Path) -> None:
    line = orjson.dumps(LINE | {"body": f"{LINE['body']} cyanide"})
    night_with(nights, tmp_path, line, model="nan-cyanide")
    night, snapshot = night_with(nights, tmp_path, line, model="hash")
    assert night.report["quarantined"] == []
    assert len(snapshot) == MANY + 1


def test_a_page_of_markup_10_000_deep_harms_no_other(nights: Nights, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "source.jsonl", articles(MANY))
    page = tmp_path / "deep.html"
    words = "<p>The harbour was quiet at low tide, and nobody had come to see the boats go out that day.</p>" * 8
    head = "<html lang='en'><head><title>Deep</title></head><body><article><h1>Deep</h1>"
    page.write_text(f"{head}{'<div>' * DEEP}{words}{'</div>' * DEEP}</article></body></html>")
    night = nights.run(tmp_path / "index", source, page)
    assert night.code == 0, night.said
    snapshot = open_current(tmp_path / "index")
    left_out: list[Mapping[str, Any]] = night.report["quarantined"]
    assert len(snapshot) + len(left_out) == MANY + 1
    assert all("deep.html" in item["where"] and item["reason"] for item in left_out)


@pytest.mark.parametrize("kind", ["line", "vector"])
def test_too_many_of_them_stop_publishing(kind: str, nights: Nights, tmp_path: Path) -> None:
    _, before = night_with(nights, tmp_path, orjson.dumps(LINE), model="nan-cyanide")
    good = articles(MANY)
    bad = [LINE | {"id": f"bad{number}"} for number in range(TOO_MANY)]
    bad = [line | ({"title": ""} if kind == "line" else {"body": "cyanide"}) for line in bad]
    source = write_lines(tmp_path / "source.jsonl", [*good, *bad])
    night = nights.run(tmp_path / "index", source, model="nan-cyanide")
    assert night.code == STOPPED, night.said
    assert night.line.startswith("seealso: ")
    assert f"{TOO_MANY}" in night.line
    assert open_current(tmp_path / "index").id == before.id
