"""Files that do not fit each other are refused, though their digests fit."""

import io
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seealso.snapshot.reader
from seealso.errors import SnapshotRefused
from seealso.order import ORDER_RECIPE
from seealso.snapshot import files
from seealso.snapshot.reader import open_snapshot
from tests.makers import forge


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (files.NEIGHBOURS, npy(np.full((31, 30), 31, np.int32))),
        (files.NEIGHBOURS, npy(np.full((31, 30), -2, np.int32))),
        (files.NEIGHBOURS, npy(np.zeros((31, 30), np.int64))),
        (files.NEIGHBOURS, npy(np.zeros((30, 31), np.int32))),
        (files.NEIGHBOURS, npy(np.zeros((31, 30), np.int32, order="F"))),
        (files.NEIGHBOURS, npy(np.array([{"an": "object"}], object))),
        (files.NEIGHBOURS, b"\x93NUMPY\x01\x00\xff\xff"),
        (files.NEIGHBOURS, b"\x93NUMPY\x01\x00v\x00{'descr': (('<i4'" + b" " * 103 + b"\n"),  # an opened bracket
        (files.NEIGHBOURS, b""),
        (files.SCORES, npy(np.full((31, 30), np.nan, np.float32))),
        (files.MAP, npy(np.full((31, 2), np.nan, np.float32))),
        (files.MAP, npy(np.full((31, 2), 1.01, np.float32))),
        (files.MAP, npy(np.full((31, 2), -0.01, np.float32))),
        (files.MAP, npy(np.zeros((30, 2), np.float32))),
        (files.IDS, npy(np.array([(number, 99) for number in range(31)], files.ID_ROW))),
        (files.IDS, npy(np.array([(31 - number, 0) for number in range(31)], files.ID_ROW))),
        (files.COHORTS, npy(np.zeros((31, 3, 2), np.float32))),
        (files.ADDRESSES, npy(np.array([(1, 31)], files.ID_ROW))),
        (files.ADDRESSES, npy(np.array([(2, 0), (1, 1)], files.ID_ROW))),
        (files.ADDRESSES, npy(np.zeros(1, np.uint64))),
        ("cards.npy", npy(np.arange(32, dtype=np.uint64) * 2**40)),
        ("cards.npy", npy(np.arange(32, dtype=np.uint64)[::-1].copy())),
        ("tags_rows.npy", npy(np.full(61, 31, np.int32))),
        ("tags_rows.npy", npy(np.full(61, -1, np.int32))),
        ("tags_rows.npy", npy(np.zeros(61, np.int32))),
        ("tags_rows.npy", npy(np.int32(0))),
        ("tags_rows.npy", npy(np.arange(31, dtype=np.int32))),
        ("tags_ends.npy", npy(np.array([0, 30], np.int64))),
        ("tags_ends.npy", npy(np.array([0, 62, 61], np.int64))),
        ("tags_ends.npy", npy(np.array([[0, 30, 61]], np.int64))),
        ("tags_ends.npy", npy(np.empty(0, np.int64))),
        ("tags_ends.npy", npy(np.int64(0))),
        ("tags.npy", npy(np.array([0, 3, 99], np.uint64))),
        ("tags.bin", b""),
        ("authors_rows.npy", npy(np.full(31, 31, np.int32))),
        ("authors.bin", b"x"),
        ("cards.bin", b""),
        ("cards.bin", b"x"),
        (files.LABELS, b"{}"),
        (files.LABELS, b"[]"),
        (files.LABELS, b'{"sections":[],"languages":[]}'),
        (files.LABELS, b"\xff"),
        (files.VECTORS, b"IxFI" + bytes(41)),
        (files.VECTORS, b""),
    ],
)  # fmt: skip
def test_forged_files_with_fitting_digests_are_refused_not_obeyed(folder: Path, name: str, content: bytes) -> None:
    with pytest.raises(SnapshotRefused):
        open_snapshot(forge(folder, name, content))


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        *product(files.TERM_ROWS, ["first below", "last beyond"]),
        *product([files.ARTICLE_TERMS, files.TITLES], ["two of a row turned"]),
    ],
)
def test_forged_terms_are_refused_not_obeyed(folder: Path, rows: str, wrong: str) -> None:
    ends, numbers = (np.load(folder / f"{rows}_{part}.npy") for part in ("ends", "terms"))
    if wrong == "first below":
        numbers[0] = -1
    elif wrong == "last beyond":
        columns = 31 if rows in (files.POSTINGS, files.TITLE_POSTINGS) else open_snapshot(folder).manifest.counts.terms
        numbers[-1] = columns
    else:
        place = int(ends[:-1][np.diff(ends) > 1][0])
        numbers[[place, place + 1]] = numbers[[place + 1, place]]
    with pytest.raises(SnapshotRefused):
        open_snapshot(forge(folder, f"{rows}_terms.npy", npy(numbers)))


@pytest.mark.parametrize(
    ("line", "places"),
    [
        (0, [30]),
        (1, [30]),
        (0, [2, 2]),
        (0, [0, files.NO_PLACE, 1]),
        (0, [0, files.NO_PLACE]),
        (1, [0, files.NO_PLACE]),
    ],
    ids=["no candidate", "told for none", "twice", "goes on", "ends before", "ends after"],
)
def test_forged_plain_blocks_are_refused_not_obeyed(folder: Path, line: int, places: list[int]) -> None:
    plain = np.load(folder / files.PLAIN_BLOCKS)
    plain[0, line, : len(places)] = places
    with pytest.raises(SnapshotRefused, match="a plain block holds what it cannot hold"):
        open_snapshot(forge(folder, files.PLAIN_BLOCKS, npy(plain)))


@pytest.mark.parametrize("far", [31, 10_000, -2, -10_000])
def test_a_forged_candidate_that_a_plain_block_shows_is_refused(folder: Path, far: int) -> None:
    neighbours = np.load(folder / files.NEIGHBOURS)
    neighbours[0, 0] = far
    with pytest.raises(SnapshotRefused):
        open_snapshot(forge(folder, files.NEIGHBOURS, npy(neighbours)))


@pytest.mark.parametrize("plain", [np.zeros((31, 16), np.uint8), np.zeros((31, 2, 16), np.int8)])
def test_plain_blocks_of_another_shape_are_refused(folder: Path, plain: Any) -> None:
    with pytest.raises(SnapshotRefused):
        open_snapshot(forge(folder, files.PLAIN_BLOCKS, npy(plain)))


@pytest.mark.parametrize(("kind", "is_shown"), [("sensitive", False), ("sensitive", True), ("sponsored", True)])
def test_plain_blocks_that_show_what_no_block_shows_are_refused(folder: Path, kind: str, is_shown: bool) -> None:
    facts, neighbours, plain = (np.load(folder / name) for name in (files.FACTS, files.NEIGHBOURS, files.PLAIN_BLOCKS))
    facts[kind][neighbours[0, plain[0, 0, 0]] if is_shown else 0] = True
    with pytest.raises(SnapshotRefused, match="a plain block holds what it cannot hold"):
        open_snapshot(forge(folder, files.FACTS, npy(facts)))


def test_plain_blocks_that_were_chosen_in_another_way_are_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_snapshot(folder).plain_blocks is not None
    monkeypatch.setattr(seealso.snapshot.reader, "ORDER_RECIPE", ORDER_RECIPE | {"alike_cost": 0.2})
    assert open_snapshot(folder).plain_blocks is None
