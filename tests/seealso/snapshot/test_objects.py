"""Objects in a shared folder and in a bucket of a real server: the same contract, the same faults."""

import shutil
from pathlib import Path

import pytest

from seealso.errors import SettingsInvalid, SnapshotStoreUnavailable
from seealso.snapshot import objects
from seealso.snapshot.objects import OBJECT_BYTES_MAX, Objects
from tests.s3 import S3Server


def test_what_is_written_is_read_listed_and_removed(store_url: str, tmp_path: Path) -> None:
    store = Objects(store_url)
    assert store.read("CURRENT") is None
    assert store.written("CURRENT") is None
    assert store.below("snapshots/") == {}
    store.write("CURRENT", b"one\n")
    store.write("CURRENT", b"two\n")
    assert store.read("CURRENT") == b"two\n"
    (tmp_path / "file").write_bytes(bytes(range(256)) * 40_000)  # more than one part of a copy in parts
    store.write("snapshots/a/b.npy", tmp_path / "file")
    (found,) = store.below("snapshots/").items()
    assert (found[0], found[1].bytes) == ("snapshots/a/b.npy", 256 * 40_000)
    assert store.read_part("snapshots/a/b.npy", 255, 3) == bytes([255, 0, 1])
    assert store.read_part("snapshots/a/b.npy", 256 * 40_000 - 1, 9) == bytes([255])
    assert store.read_part("snapshots/a/c.npy", 0, 1) is None
    written = store.written("CURRENT")
    assert written is not None
    assert abs((written - found[1].written).total_seconds()) < 60
    store.remove(["snapshots/a/b.npy", "snapshots/a/b.npy", "never"])
    assert store.below("snapshots/") == {}


def test_names_with_anything_in_them_come_back_as_they_are(store_url: str) -> None:
    store = Objects(store_url)
    name = "machines/news-1%3A%2Fsrv%2Fa%20b%25"
    store.write(name, b"x")
    assert list(store.below("machines/")) == [name]
    assert store.read(name) == b"x"


def test_part_beyond_the_end_is_an_error_with_the_address(store_url: str) -> None:
    store = Objects(store_url)
    store.write("a", b"1234")
    with pytest.raises(SnapshotStoreUnavailable, match=store_url):
        store.read_part("a", 4, 1)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "find_spec", lambda _: None)
    with pytest.raises(SettingsInvalid, match=r"seealso\[store\]"):
        Objects("s3://news")


def test_pointer_of_gigabytes_is_not_read(store_url: str) -> None:
    store = Objects(store_url)
    store.write("CURRENT", b"x" * (OBJECT_BYTES_MAX + 1))
    with pytest.raises(SnapshotStoreUnavailable, match="none of ours"):
        store.read("CURRENT")


def test_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    store = Objects(f"file://{tmp_path}/share")
    for mounted_before in (False, True):
        with pytest.raises(SnapshotStoreUnavailable, match="is the share mounted"):
            store.read("CURRENT")
        with pytest.raises(SnapshotStoreUnavailable, match="is the share mounted"):
            store.write("CURRENT", b"x")
        assert not (tmp_path / "share").exists()
        if not mounted_before:
            (tmp_path / "share").mkdir()
            store.write("CURRENT", b"x")
            shutil.rmtree(tmp_path / "share")


def test_bucket_that_is_not_there_is_an_error(s3: S3Server) -> None:
    with pytest.raises(SnapshotStoreUnavailable, match="s3://no-such-bucket"):
        Objects("s3://no-such-bucket/a").write("CURRENT", b"x")


def test_server_that_is_gone_comes_back(s3: S3Server) -> None:
    store = Objects(f"s3://{s3.bucket()}")
    store.write("CURRENT", b"x")
    s3.wire.gone = True
    s3.wire.cut()
    with pytest.raises(SnapshotStoreUnavailable):
        store.read("CURRENT")
    s3.wire.gone = False
    assert store.read("CURRENT") == b"x"


def test_server_that_is_slow_is_not_waited_for_without_end(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"s3://{s3.bucket()}"
    Objects(url).write("CURRENT", b"x")
    monkeypatch.setattr(objects, "SECONDS_MAX", 0.5)
    monkeypatch.setattr(objects, "TRIES_MAX", 1)
    store = Objects(url)
    s3.wire.pause_s = 2.0
    with pytest.raises(SnapshotStoreUnavailable, match="CURRENT"):
        store.read("CURRENT")
