"""An earlier snapshot, by its id or as the one before."""

import errno
from pathlib import Path

import pytest

from seealso.errors import IndexLocked, ModelMismatch, SnapshotMissing, SnapshotRefused
from seealso.snapshot import reader, rollback
from seealso.snapshot.fetch import fetch
from seealso.snapshot.layout import current_id, publish, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.manifest import Manifest
from seealso.snapshot.rollback import manifest_or_reason, open_named, rolling_back, serve_again, snapshot_before
from seealso.snapshot.store import SnapshotStore
from tests.makers import articles, index_of


def test_one_before_is_the_one_that_was_served_when_the_current_was_made(tmp_path: Path) -> None:
    good, bad = (str(index_of(tmp_path, articles(count)).snapshot) for count in (3, 4))
    assert snapshot_before(tmp_path, bad) == good
    publish(tmp_path, good)
    third = str(index_of(tmp_path, articles(5)).snapshot)
    assert snapshot_before(tmp_path, third) == good
    with pytest.raises(SnapshotMissing, match="none is older"):
        snapshot_before(tmp_path, good)


def test_where_that_one_is_gone_it_is_the_newest_older_one(tmp_path: Path) -> None:
    made = [str(index_of(tmp_path, articles(count), keep=9).snapshot) for count in (3, 4, 5, 6, 7)]
    (tmp_path / "snapshots" / made[3]).rename(tmp_path / "gone")
    assert snapshot_before(tmp_path, made[4]) == made[2]


def test_it_is_held_while_no_night_runs(tmp_path: Path) -> None:
    first, second, third = (str(index_of(tmp_path, articles(count)).snapshot) for count in (3, 4, 5))
    with rolling_back(tmp_path, None) as (wanted, current):
        assert (wanted, current) == (second, third)
        with pytest.raises(IndexLocked), lock_index(tmp_path):
            pass
    with rolling_back(tmp_path, first) as (wanted, current):
        assert (wanted, current) == (first, third)
    with pytest.raises(ModelMismatch), rolling_back(tmp_path, first, model="another"):
        pass


def test_lost_pointer_is_made_good_by_an_id_alone(tmp_path: Path) -> None:
    first, _ = (str(index_of(tmp_path, articles(count)).snapshot) for count in (3, 4))
    (tmp_path / "CURRENT").unlink()
    with pytest.raises(SnapshotMissing), rolling_back(tmp_path, None):
        pass
    with rolling_back(tmp_path, first) as (wanted, current):
        assert (wanted, current) == (first, None)


def test_mistyped_folder_is_not_made(tmp_path: Path) -> None:
    for snapshot_id in (None, "20260101T000000Z-0123456789ab"):
        with pytest.raises(SnapshotMissing), rolling_back(tmp_path / "nowhere", snapshot_id):
            pass
    assert list(tmp_path.iterdir()) == []


def test_damaged_one_is_not_given_though_a_mark_says_that_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = (str(index_of(tmp_path, articles(count)).snapshot) for count in (3, 4))
    monkeypatch.setattr(reader, "known_whole", lambda *_: True)
    cards = snapshot_folder(tmp_path, first) / "cards.bin"
    cards.chmod(0o644)
    cards.write_bytes(cards.read_bytes()[:-1] + b"?")
    with pytest.raises(SnapshotRefused), rolling_back(tmp_path, first):
        pass


def test_what_all_machines_are_told_is_done_though_this_one_cannot_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (str(index_of(tmp_path / "index", articles(count)).snapshot) for count in (3, 4))
    (tmp_path / "store").mkdir()
    store = SnapshotStore(f"file://{tmp_path}/store")

    def failing(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(rollback, "publish", failing)
    told = serve_again(tmp_path / "index", first, store)
    assert told is not None
    assert "Read-only file system" in told
    assert (store.current(), current_id(tmp_path / "index")) == (first, second)
    with pytest.raises(OSError, match="Read-only"):  # without a store, it is all there is
        serve_again(tmp_path / "index", first)


def test_what_the_store_alone_holds_is_fetched(tmp_path: Path) -> None:
    """As on a machine that was started after the last night."""
    first, second = (str(index_of(tmp_path / "night", articles(count)).snapshot) for count in (3, 4))
    (tmp_path / "share").mkdir()
    store, here = SnapshotStore(f"file://{tmp_path}/share"), tmp_path / "here"
    for snapshot_id in (first, second):
        store.push(snapshot_folder(tmp_path / "night", snapshot_id))
        store.point(snapshot_id)
    fetch(store, here, second)
    publish(here, second)
    for wanted in (None, first):
        with rolling_back(here, wanted, store=store) as (found, current):
            assert (found, current) == (first, second)
            assert len(open_named(here, first)) == 3
    with pytest.raises(SnapshotMissing, match="none has the id"), rolling_back(here, f"2{first[1:-1]}x", store=store):
        pass


def test_one_that_rotted_here_unseen_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a mark says: who rolls back reads every byte."""
    first, second = (str(index_of(tmp_path / "index", articles(count)).snapshot) for count in (3, 4))
    (tmp_path / "share").mkdir()
    store = SnapshotStore(f"file://{tmp_path}/share")
    for snapshot_id in (first, second):
        store.push(snapshot_folder(tmp_path / "index", snapshot_id))
        store.point(snapshot_id)
    cards = snapshot_folder(tmp_path / "index", first) / "cards.bin"
    good = cards.read_bytes()
    cards.chmod(0o644)
    cards.write_bytes(good[:-1] + b"?")
    with pytest.raises(SnapshotRefused), rolling_back(tmp_path / "index", first, store=store, may_fetch=False):
        pass
    with rolling_back(tmp_path / "index", first, store=store) as (found, _):
        assert found == first
    assert cards.read_bytes() == good


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
