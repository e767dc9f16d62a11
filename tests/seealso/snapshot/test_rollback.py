"""An earlier snapshot, by its id or as the one before."""

from pathlib import Path

import pytest

from seealso.errors import SnapshotMissing
from seealso.snapshot.layout import current_id, publish, snapshot_folder
from seealso.snapshot.manifest import Manifest
from seealso.snapshot.rollback import manifest_or_reason, open_named, snapshot_before
from tests.makers import articles, index_of


def test_one_before_is_the_one_that_was_served_when_the_current_was_made(tmp_path: Path) -> None:
    good, bad = (str(index_of(tmp_path, articles(count)).snapshot) for count in (3, 4))
    assert snapshot_before(tmp_path, bad) == good
    publish(tmp_path, good)
    third = str(index_of(tmp_path, articles(5)).snapshot)
    assert snapshot_before(tmp_path, third) == good
    with pytest.raises(SnapshotMissing, match="none is older"):
        snapshot_before(tmp_path, good)


@pytest.mark.parametrize("name", ["20260101T000000Z-0123456789ab", "../../etc", ""])
def test_one_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    index_of(tmp_path, articles(3))
    if name:
        with pytest.raises(SnapshotMissing, match="seealso snapshots"):
            open_named(tmp_path, name)
    else:
        assert open_named(tmp_path, None).id == current_id(tmp_path)


def test_damaged_one_says_why_it_cannot_be_read(tmp_path: Path) -> None:
    snapshot_id = str(index_of(tmp_path, articles(3)).snapshot)
    assert isinstance(manifest_or_reason(tmp_path, snapshot_id), Manifest)
    manifest = snapshot_folder(tmp_path, snapshot_id) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{}")
    assert "format None" in str(manifest_or_reason(tmp_path, snapshot_id))
