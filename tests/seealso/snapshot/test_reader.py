"""Writer and reader together: what was written is opened, and what was changed since is refused."""

import gc
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from seealso.errors import ModelMismatch, SnapshotMissing, SnapshotRefused
from seealso.snapshot import files
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from tests.makers import HashEncoder, article, articles, index_of, with_cells


def test_terms_that_end_further_on_than_32_bits_say_come_back(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = open_current(index)
    monkeypatch.setattr("seealso.term_rows.SHORT_END_MAX", 20)
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


def test_cells_come_back(folder: Path) -> None:
    whole = open_snapshot(folder).vectors
    vectors = open_snapshot(with_cells(folder)).vectors
    assert vectors.cells is not None
    assert (len(vectors.cells), vectors.probed, vectors.filtered_probed) == (15, 1, 1)
    every = vectors.by_cells(vectors.cells, 15)  # looked through to the last, they find what there is
    asked = whole.vectors(np.arange(31))
    (found, near), (wanted, nearest) = every.search(asked, 5), whole.search(asked, 5)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(near, nearest, atol=1e-6)


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


def mapped_files(index: Path) -> list[str]:
    """Return the files of an index that this process has mapped, one for each mapping."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sorted(line.rpartition("/")[2] for line in lines if f" {index}/" in line)


def test_what_is_open_is_mapped_and_not_read_into_memory(index: Path) -> None:
    snapshot = open_current(index)
    assert set(mapped_files(index)) == set(snapshot.manifest.files) - {files.LABELS}


def test_snapshot_that_is_dropped_leaves_neither_descriptors_nor_mappings(index: Path) -> None:
    def opened() -> tuple[list[str], list[str]]:
        open_current(index)
        return open_files(index), mapped_files(index)

    gc.collect()  # what earlier tests of this process left open
    assert [opened() for _ in range(50)] == [([], [])] * 50


def open_files(folder: Path) -> list[str]:
    """Return the files of a folder that this process has open; of others, threads of earlier tests may open some."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [file for file in found if file.startswith(str(folder))]


def test_content_digest_is_that_of_the_content_not_of_the_moment(tmp_path: Path) -> None:
    first = index_of(tmp_path / "one", articles(9))
    second = index_of(tmp_path / "two", reversed(articles(9)))
    other = index_of(tmp_path / "three", articles(9), HashEncoder("another"))
    assert first.content == second.content
    assert first.content != other.content
