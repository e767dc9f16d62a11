"""A killed indexer, at each point at which it touches the disk, leaves the served snapshot whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from tests.indexer.killed_runs import AFTER, BEFORE
from tests.makers import articles, index_of


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of all killed runs, in the order of their points."""
    work = tmp_path_factory.mktemp("killed")
    index_of(work / "base", articles(BEFORE))
    subprocess.run([sys.executable, "-m", "tests.indexer.killed_runs", str(work)], check=True)
    folders = sorted((path for path in work.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    return folders[:-1]  # the last run went through


def test_the_points_cover_each_write_fsync_rename_pointer_move_and_removal(killed: list[Path]) -> None:
    points = [(folder / "point").read_text() for folder in killed]
    for part in (
        "open /snapshots/.building-",
        "os.mkdir /snapshots/.building-",
        "vectors.faiss",
        "neighbours.npy",
        "manifest.json",
        "os.chmod",
        "os.rename /snapshots/.building-",
        "before fsync",
        "after fsync",
        "os.rename /.CURRENT.new",
        "os.rmdir",
    ):
        assert any(part in point for point in points), f"{part} in {points}"
    assert len(points) > 60


def test_current_is_one_complete_snapshot_the_old_or_the_new(killed: list[Path]) -> None:
    seen = set()
    for folder in killed:
        snapshot = open_current(folder / "index")
        assert len(snapshot) in (BEFORE, AFTER), (folder / "point").read_text()
        seen.add(len(snapshot))
    assert seen == {BEFORE, AFTER}  # points before and after the pointer moved were tried


def test_whatever_has_a_snapshots_name_is_a_whole_snapshot(killed: list[Path]) -> None:
    for folder in killed:
        for snapshot_id in published_ids(folder / "index"):
            open_snapshot(snapshot_folder(folder / "index", snapshot_id))


def test_next_run_succeeds_by_itself_and_clears_the_remains(killed: list[Path]) -> None:
    for folder in killed:
        index = folder / "index"
        report = index_of(index, articles(AFTER + 2), keep=1)
        assert open_current(index).id == report.snapshot
        assert [path.name for path in (index / "snapshots").iterdir()] == [report.snapshot]
        assert sorted(path.name for path in index.iterdir()) == ["CURRENT", "lock", "snapshots", "vectors.sqlite"]
