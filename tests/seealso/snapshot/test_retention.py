from pathlib import Path

from seealso.snapshot.layout import current_or_none, publish, published_ids
from seealso.snapshot.reader import open_current
from seealso.snapshot.retention import clear_remains, kept_of, prune
from tests.makers import articles, index_of


def index_many(folder: Path, count: int, keep: int = 10) -> list[str]:
    return [str(index_of(folder, articles(4 + number), keep=keep).snapshot) for number in range(count)]


def test_last_few_snapshots_are_kept(tmp_path: Path) -> None:
    ids = index_many(tmp_path, 5, keep=2)
    assert published_ids(tmp_path) == ids[-2:]
    assert current_or_none(tmp_path) == ids[-1]


def test_current_snapshot_is_kept_however_old(tmp_path: Path) -> None:
    ids = sorted(index_many(tmp_path, 4))
    publish(tmp_path, ids[0])
    assert prune(tmp_path, keep=2) == ids[1:3]
    assert published_ids(tmp_path) == [ids[0], ids[3]]
    assert open_current(tmp_path).id == ids[0]


def test_snapshot_served_before_is_kept_though_newer_ones_were_rolled_back(tmp_path: Path) -> None:
    ids = index_many(tmp_path, 3)
    publish(tmp_path, ids[0])
    report = index_of(tmp_path, articles(9), keep=3)
    assert report.removed_snapshots == [ids[1]]
    assert published_ids(tmp_path) == [ids[0], ids[2], report.snapshot]


def test_one_that_is_about_to_become_current_is_kept_as_well(tmp_path: Path) -> None:
    ids = index_many(tmp_path, 4)
    publish(tmp_path, ids[3])
    assert prune(tmp_path, keep=2, besides=ids[0]) == [ids[1]]


def test_what_is_kept_first_counts() -> None:
    ids = ["a", "b", "c", "d"]
    assert kept_of(ids, ("a", None, "gone"), 3) == ["a", "d", "c"]
    assert kept_of(ids, ("a", "b"), 1) == ["a"]


def test_remains_of_killed_runs_are_cleared(tmp_path: Path) -> None:
    whole = index_of(tmp_path, articles(4)).snapshot
    (tmp_path / "snapshots/.building-99").mkdir()
    (tmp_path / "snapshots/.building-99/cards.bin").write_bytes(b"half")
    (tmp_path / "snapshots/.whole-20200101T000000Z-000000000000").write_bytes(b"of one that is gone")
    (tmp_path / "snapshots/.whole-20200101T000000Z-000000000000.7.new").write_bytes(b"half")
    (tmp_path / ".CURRENT.new").write_bytes(b"2026")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/.20261128T000000Z-failed.json.new").write_bytes(b"{")
    clear_remains(tmp_path)
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == [whole]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "CURRENT",
        "lock",
        "reports",
        "snapshots",
        "vectors.sqlite",
    ]
    assert list((tmp_path / "reports").iterdir()) == []


def test_empty_folder_has_nothing_to_clear(tmp_path: Path) -> None:
    clear_remains(tmp_path)
    assert current_or_none(tmp_path) is None
