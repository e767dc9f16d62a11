"""Writer and reader together: what was written comes back, and what was changed since is refused."""

import gc
import io
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from seealso.errors import ModelMismatch, SnapshotMissing, SnapshotRefused
from seealso.snapshot import files
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from tests.makers import HashEncoder, article, articles, forge, index_of


@pytest.fixture
def index(tmp_path: Path) -> Path:
    fields = {
        "section": "News",
        "published": "2025-01-02",
        "language": "en",
        "author": "Ann Reed",
        "tags": ["Sea", "Air"],
    }
    index_of(
        tmp_path,
        [*articles(30, **fields), article("ümlaut/…", author="Reed, Otto", tags=["sea"], url="https://a.example/ü")],
    )
    return tmp_path


@pytest.fixture
def folder(index: Path) -> Path:
    """A copy that may be damaged."""
    copy = snapshot_folder(index, open_current(index).id)
    for path in copy.iterdir():
        path.chmod(0o644)
    return copy


def test_articles_are_found_by_id_in_the_order_of_ids(index: Path) -> None:
    snapshot = open_current(index)
    assert len(snapshot) == 31
    ids = [snapshot.article_id(row) for row in range(31)]
    assert ids == sorted(ids)
    for row, article_id in enumerate(ids):
        assert snapshot.row_of(article_id) == row
    assert snapshot.row_of("nobody") is None
    assert snapshot.row_of("\ud800") is None


def test_ids_with_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "hash_of", lambda article_id: 7)
    index_of(tmp_path, articles(5))
    snapshot = open_current(tmp_path)
    assert [snapshot.row_of(f"a{number:03}") for number in range(5)] == [0, 1, 2, 3, 4]
    assert snapshot.row_of("a005") is None


def test_terms_that_end_further_on_than_32_bits_say_come_back(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = open_current(index)
    monkeypatch.setattr("seealso.lexical.SHORT_END_MAX", 20)
    pieces = [*articles(30, section="News", published="2025-01-02", language="en"), article("ümlaut/…")]
    index_of(tmp_path / "long", pieces)
    long = open_current(tmp_path / "long")
    assert [each.terms.postings.ends.dtype.name for each in (short, long)] == ["int32", "int64"]
    np.testing.assert_array_equal(long.neighbours, short.neighbours)
    for row in range(31):
        found, wanted = (
            each.terms.search(each.terms.articles.row(row), each.terms.postings, 5) for each in (long, short)
        )
        np.testing.assert_array_equal(found, wanted)


def test_cards_and_articles_come_back(index: Path) -> None:
    snapshot = open_current(index)
    card = orjson.loads(snapshot.card(3))
    assert tuple(card) == files.CARD_FIELDS
    assert (card["id"], card["published"], card["url"]) == ("a003", "2025-01-02T00:00:00Z", None)
    whole = orjson.loads(snapshot.article(3))
    assert whole["body"] == "tides moon sea harbour number3"
    assert "url" not in whole


def test_facts_stand_for_labels(index: Path) -> None:
    snapshot = open_current(index)
    assert (snapshot.sections, snapshot.languages) == (("News",), ("en",))
    assert snapshot.facts["section"][:30].tolist() == [0] * 30
    assert snapshot.facts["section"][30] == -1
    assert snapshot.facts["published"][30] == files.NO_TIME


def test_articles_are_found_by_their_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ['https://a.example/"quoted"', "https://a.example/2", "https://a.example/2", None]
    pieces = [each.model_copy(update={"url": url}) for each, url in zip(articles(4), urls, strict=True)]
    for hashed in (files.hash_of, lambda _: 7):
        monkeypatch.setattr(files, "hash_of", hashed)
        index_of(tmp_path, pieces)
        snapshot = open_current(tmp_path)
        for each in (snapshot, replace(snapshot, _addresses=None)):  # as formats before 7 have none
            assert [each.row_at(url) for url in urls[:3] if url] == [0, 1, 1]
            assert each.row_at("https://a.example/3") is None
            assert each.row_at("https://a.example/\ud800") is None


def test_tags_and_authors_lead_to_their_articles(index: Path) -> None:
    snapshot = open_current(index)
    assert snapshot.tags is not None
    assert snapshot.authors is not None
    assert snapshot.tags.rows_of("sea").tolist() == [*range(31)]
    assert snapshot.tags.rows_of("AIR").tolist() == [*range(30)]
    assert snapshot.authors.rows_with("reed").tolist() == [*range(31)]
    assert snapshot.authors.rows_with("Otto").tolist() == [30]


def test_archive_without_tags_and_authors_has_none(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    snapshot = open_current(tmp_path)
    assert snapshot.tags is not None
    assert snapshot.authors is not None
    assert len(snapshot.tags.rows_of("sea")) == len(snapshot.authors.rows_with("")) == 0


def test_neighbours_are_of_one_subject_and_never_the_article_itself(index: Path) -> None:
    snapshot = open_current(index)
    for row in range(30):
        rows, scores = snapshot.neighbours_of(row)
        assert row not in rows
        assert len(rows) == 30
        assert (rows[:9] % 3 == row % 3).all()
        assert (np.diff(scores) <= 0).all()


def test_where_an_article_has_fewer_candidates_the_rest_is_none(folder: Path) -> None:
    neighbours = np.load(folder / files.NEIGHBOURS)
    neighbours[0, 7:] = -1
    written = io.BytesIO()
    np.save(written, neighbours)
    rows, scores = open_snapshot(forge(folder, files.NEIGHBOURS, written.getvalue())).neighbours_of(0)
    assert len(rows) == len(scores) == 7


def test_every_file_is_read_only(index: Path) -> None:
    for path in snapshot_folder(index, open_current(index).id).iterdir():
        assert path.stat().st_mode & 0o777 == 0o444


def test_snapshot_of_another_model_is_refused_by_name(index: Path) -> None:
    assert open_current(index, "hash")
    with pytest.raises(ModelMismatch, match=r"made by the model hash .* not by all-MiniLM-L6-v2"):
        open_current(index, "all-MiniLM-L6-v2")


def test_folder_without_a_snapshot_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing, match="seealso index"):
        open_current(tmp_path)


def test_renamed_folder_is_refused(folder: Path) -> None:
    other = folder.with_name("20000101T000000Z-000000000000")
    folder.rename(other)
    with pytest.raises(SnapshotRefused, match="holds the snapshot"):
        open_snapshot(other)


@pytest.mark.parametrize("name", sorted(files.ALL))
def test_damage_to_any_file_is_refused_with_its_name(folder: Path, name: str) -> None:
    path = folder / name
    whole = path.read_bytes()
    chance = random.Random(name)

    def damaged(content: bytes | None) -> None:
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        with pytest.raises(SnapshotRefused, match=name.replace(".", r"\.")):
            open_snapshot(folder)

    for _ in range(40):
        place = chance.randrange(len(whole))
        damaged(whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :])
    damaged(whole[: len(whole) // 2])
    damaged(whole + b"\0")
    damaged(b"")
    damaged(None)
    path.symlink_to("/dev/zero")
    with pytest.raises(SnapshotRefused, match="regular"):
        open_snapshot(folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(SnapshotRefused, match="regular"):
        open_snapshot(folder)


def test_file_swapped_between_generations_is_refused(index: Path) -> None:
    before = snapshot_folder(index, open_current(index).id)
    index_of(index, articles(31))
    after = snapshot_folder(index, open_current(index).id)
    (after / files.NEIGHBOURS).chmod(0o644)
    shutil.copy(before / files.NEIGHBOURS, after / files.NEIGHBOURS)
    with pytest.raises(SnapshotRefused, match=r"neighbours\.npy"):
        open_snapshot(after)


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


def test_passages_and_languages_come_back(tmp_path: Path) -> None:
    index_of(tmp_path, [*articles(6, language="en"), article("long", body="sea harbour " * 100, language="de")])
    snapshot = open_current(tmp_path)
    counts = [len(snapshot.passages_of(row)[0]) for row in range(len(snapshot))]
    assert counts[:6] == [1] * 6
    assert counts[6] > 1
    assert sum(counts) == snapshot.manifest.counts.passages
    assert snapshot.space.languages == ("de", "en")
    assert snapshot.space.offsets.shape == (2, snapshot.vectors.dimension)


def mapped_files(index: Path) -> list[str]:
    """Return the files of an index that this process has mapped, one for each mapping."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sorted(line.rpartition("/")[2] for line in lines if f" {index}/" in line)


def test_what_is_open_is_mapped_and_not_read_into_memory(index: Path) -> None:
    snapshot = open_current(index)
    assert set(mapped_files(index)) == set(snapshot.manifest.files) - {files.LABELS}


def test_snapshot_that_is_dropped_leaves_neither_descriptors_nor_mappings(index: Path) -> None:
    def opened() -> tuple[int, list[str]]:
        open_current(index)
        return len(os.listdir("/proc/self/fd")), mapped_files(index)

    gc.collect()  # what earlier tests of this process left open
    before = opened()
    assert before[1] == []
    assert [opened() for _ in range(50)] == [before] * 50


def test_content_digest_is_that_of_the_content_not_of_the_moment(tmp_path: Path) -> None:
    first = index_of(tmp_path / "one", articles(9))
    second = index_of(tmp_path / "two", reversed(articles(9)))
    other = index_of(tmp_path / "three", articles(9), HashEncoder("another"))
    assert first.content == second.content
    assert first.content != other.content
