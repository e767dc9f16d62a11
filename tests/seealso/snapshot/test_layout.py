from pathlib import Path

import pytest

from seealso.errors import SnapshotMissing
from seealso.snapshot.layout import (
    current_id,
    current_or_none,
    is_snapshot_id,
    publish,
    published_ids,
    replace_file,
    seal,
)

ID = "20261124T061500Z-0123456789ab"


def test_pointer_names_the_current_snapshot(tmp_path: Path) -> None:
    replace_file(tmp_path / "CURRENT", f"{ID}\n".encode())
    assert current_id(tmp_path) == ID


def test_what_is_published_is_current_and_before_the_first_nothing_is(tmp_path: Path) -> None:
    assert current_or_none(tmp_path) is None
    publish(tmp_path, ID)
    assert current_or_none(tmp_path) == ID


@pytest.mark.parametrize("content", [b"", b"../../etc\n", b"\xff\xfe", b"x" * 10_000, f"{ID}/..".encode()])
def test_pointer_with_anything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(SnapshotMissing, match="CURRENT"):
        current_id(tmp_path)


def test_pointer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "CURRENT").mkdir()
    with pytest.raises(SnapshotMissing, match="CURRENT cannot be read"):
        current_id(tmp_path)


def test_only_snapshots_are_listed_oldest_first(tmp_path: Path) -> None:
    later = "20261125T061500Z-0123456789ab"
    for name in (later, ID, ".building-7", "lost+found"):
        (tmp_path / "snapshots" / name).mkdir(parents=True)
    assert published_ids(tmp_path) == [ID, later]
    assert published_ids(tmp_path / "nowhere") == []


def test_ids_can_be_no_paths() -> None:
    assert is_snapshot_id(ID)
    assert not any(map(is_snapshot_id, (f"{ID}/", f"../{ID}", ID.upper() + "\n", "")))


def test_replaced_file_is_the_new_one_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    replace_file(tmp_path / "f", b"old")
    replace_file(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_sealed_file_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    seal(tmp_path / "f")
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o444
