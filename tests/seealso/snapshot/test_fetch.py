"""A snapshot fetched: whole, once, gone on with, and refused where a byte is not as it was written."""

import errno
import os
import shutil
import signal
import stat
import subprocess
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from seealso.errors import SnapshotMissing, SnapshotRefused, SnapshotStoreUnavailable
from seealso.snapshot import fetch as fetch_module
from seealso.snapshot import files, objects
from seealso.snapshot.fetch import fetch
from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.manifest import content_digest, encode_manifest
from seealso.snapshot.objects import Objects
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.store import SnapshotStore
from tests.makers import articles, forge, index_of
from tests.s3 import S3Server
from tests.servers import SEEALSO

pytestmark = pytest.mark.row("M2")

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def store(store_url: str) -> SnapshotStore:
    return SnapshotStore(store_url)


@pytest.fixture
def pushed(store: SnapshotStore, tmp_path: Path) -> str:
    """The id of a snapshot that is in the store, and current there."""
    snapshot_id = str(index_of(tmp_path / "night", articles(9)).snapshot)
    store.push(snapshot_folder(tmp_path / "night", snapshot_id))
    store.point(snapshot_id)
    return snapshot_id


def size_of(index: Path, snapshot_id: str) -> int:
    paths = snapshot_folder(index, snapshot_id).iterdir()
    return sum(path.stat().st_size for path in paths if path.name != "manifest.json")


def asides(index: Path) -> list[str]:
    return [path.name for path in (index / "snapshots").iterdir() if path.name.startswith(".")]


def test_what_is_fetched_is_what_was_pushed(store: SnapshotStore, pushed: str, tmp_path: Path) -> None:
    here, told = tmp_path / "here", []
    copied = fetch(store, here, pushed, lambda now, total: told.append((now, total)))
    assert copied == size_of(tmp_path / "night", pushed) == told[-1][0] == told[-1][1]
    for path in snapshot_folder(tmp_path / "night", pushed).iterdir():
        same = snapshot_folder(here, pushed) / path.name
        assert (same.read_bytes(), same.stat().st_mode & 0o777) == (path.read_bytes(), 0o444)
    assert len(open_snapshot(snapshot_folder(here, pushed))) == 9
    assert (asides(here), fetch(store, here, pushed)) == ([], 0)


def test_one_that_is_not_in_the_store_is_named(store: SnapshotStore, tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing, match="does not hold 20261128T000000Z-0123456789ab"):
        fetch(store, tmp_path, "20261128T000000Z-0123456789ab")


def changed(store_url: str, name: str, change: Callable[[bytes], bytes]) -> None:
    there = Objects(store_url)
    there.write(name, change(there.read(name) or b""))


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("cards.bin", lambda raw: raw[:9] + bytes([raw[9] ^ 1]) + raw[10:], "SHA-256"),
        ("cards.bin", lambda raw: raw[:-1], "bytes in the snapshot store"),
        ("scores.npy", lambda _: b"", "bytes in the snapshot store"),
        ("manifest.json", lambda raw: raw.replace(b'"articles": 9', b'"articles": 8'), "checksum"),
        ("manifest.json", lambda raw: raw[:100], "not JSON"),
    ],
)
def test_changed_byte_is_refused_and_mended_when_it_is_mended(
    store: SnapshotStore,
    store_url: str,
    pushed: str,
    tmp_path: Path,
    file: str,
    change: Callable[[bytes], bytes],
    says: str,
) -> None:
    name, good = f"snapshots/{pushed}/{file}", (snapshot_folder(tmp_path / "night", pushed) / file).read_bytes()
    changed(store_url, name, change)
    with pytest.raises(SnapshotRefused, match=says):
        fetch(store, tmp_path / "here", pushed)
    assert published_ids(tmp_path / "here") == []
    changed(store_url, name, lambda _: good)
    copied = fetch(store, tmp_path / "here", pushed)
    assert published_ids(tmp_path / "here") == [pushed]
    if says == "SHA-256":
        assert copied == len(good)  # nothing else was fetched again


def test_file_that_is_gone_is_refused(store: SnapshotStore, store_url: str, pushed: str, tmp_path: Path) -> None:
    Objects(store_url).remove([f"snapshots/{pushed}/terms.bin"])
    with pytest.raises(SnapshotRefused, match=r"terms\.bin"):
        fetch(store, tmp_path / "here", pushed)
    assert published_ids(tmp_path / "here") == []


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a\0b.bin", "Cards.bin", "cards.bin/x.bin", ""])
def test_manifest_leads_nowhere_else(
    store: SnapshotStore, store_url: str, pushed: str, tmp_path: Path, name: str
) -> None:
    """Whoever can write to the store can write a manifest that fits itself."""
    found = store.manifest(pushed)
    assert found is not None
    written = found[0]
    named = written.files | {name: written.files["cards.bin"]}
    digest = content_digest(written.model, written.recipe, written.counts, named)
    forged_id = f"{pushed.partition('-')[0]}-{digest[:12]}"
    forged = written.model_copy(update={"files": named, "content": digest, "id": forged_id})
    Objects(store_url).write(f"snapshots/{forged_id}/manifest.json", encode_manifest(forged))
    with pytest.raises(SnapshotRefused, match="no file of a snapshot"):
        fetch(store, tmp_path / "here", forged_id)
    assert not (tmp_path / "here/outside").exists()


def test_full_disk_is_told_before_it_is_full(
    store: SnapshotStore, pushed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_000))
    with pytest.raises(OSError, match="no room") as raised:
        fetch(store, tmp_path / "here", pushed)
    assert (raised.value.errno, asides(tmp_path / "here")) == (errno.ENOSPC, [])


def test_fetch_goes_on_where_it_was_cut(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module, "PART_BYTES", 2_000)
    monkeypatch.setattr(objects, "TRIES_MAX", 1)
    store, here = SnapshotStore(f"s3://{s3.bucket()}"), tmp_path / "here"
    snapshot_id = str(index_of(tmp_path / "night", articles(60)).snapshot)
    store.push(snapshot_folder(tmp_path / "night", snapshot_id))
    size = size_of(tmp_path / "night", snapshot_id)
    s3.wire.sent, s3.wire.cut_after = 0, size  # headers, lists and the manifest count as well
    with pytest.raises(SnapshotStoreUnavailable):
        fetch(store, here, snapshot_id)
    assert published_ids(here) == []
    s3.wire.cut_after = None
    left = fetch(store, here, snapshot_id)
    assert 0 < left < size * 0.8
    assert len(open_snapshot(snapshot_folder(here, snapshot_id))) == 60


def test_killed_fetch_is_gone_on_with_and_what_is_left_of_others_removed(s3: S3Server, tmp_path: Path) -> None:
    url, here = f"s3://{s3.bucket()}", tmp_path / "here"
    store = SnapshotStore(url)
    snapshot_id = str(index_of(tmp_path / "night", articles(9)).snapshot)
    store.push(snapshot_folder(tmp_path / "night", snapshot_id))
    store.point(snapshot_id)
    (here / "snapshots/.fetching-20260101T000000Z-0123456789ab").mkdir(parents=True)
    s3.wire.pause_s = 0.05
    aside = here / f"snapshots/.fetching-{snapshot_id}"
    process = subprocess.Popen([SEEALSO, "fetch", "--index", here], env=os.environ | {"SEEALSO_SNAPSHOT_STORE": url})
    end = time.monotonic() + 60
    while not aside.is_dir() or len(list(aside.iterdir())) < 9:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (published_ids(here), asides(here)) == ([], [aside.name])
    s3.wire.pause_s = 0.0
    assert 0 < fetch(store, here, snapshot_id) < size_of(tmp_path / "night", snapshot_id)
    assert (published_ids(here), asides(here)) == ([snapshot_id], [])


def test_of_two_processes_one_fetches_and_the_other_waits(s3: S3Server, tmp_path: Path) -> None:
    url, here = f"s3://{s3.bucket()}", tmp_path / "here"
    store = SnapshotStore(url)
    snapshot_id = str(index_of(tmp_path / "night", articles(9)).snapshot)
    store.push(snapshot_folder(tmp_path / "night", snapshot_id))
    store.point(snapshot_id)
    s3.wire.pause_s = 0.01
    both = [
        subprocess.Popen(
            [SEEALSO, "fetch", "--json", "--index", here],
            env=os.environ | {"SEEALSO_SNAPSHOT_STORE": url},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    size = size_of(tmp_path / "night", snapshot_id)
    assert sorted(said) == [f'{{"current":"{snapshot_id}","bytes":{bytes_}}}\n' for bytes_ in (0, size)]


def test_files_that_are_what_the_manifest_says_and_do_not_fit_each_other_are_refused(
    store: SnapshotStore, pushed: str, tmp_path: Path
) -> None:
    folder = snapshot_folder(tmp_path / "night", pushed)
    for path in folder.iterdir():
        path.chmod(0o644)
    content = (folder / files.SCORES).read_bytes()
    forged = forge(folder, files.SCORES, content[:-4] + b"\xff\xff\xff\x7f")
    store.push(forged)
    with pytest.raises(SnapshotRefused, match="do not fit each other"):
        fetch(store, tmp_path / "here", forged.name)
    assert published_ids(tmp_path / "here") == []


def test_try_that_ended_between_seal_and_name_is_gone_on_with(
    store: SnapshotStore, pushed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def as_no_root(path: Path, content: bytes) -> int:
        if path.exists() and not path.stat().st_mode & stat.S_IWUSR:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, content)

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "not now")

    with monkeypatch.context() as failing:
        failing.setattr("seealso.snapshot.fetch.os.rename", refuse)
        with pytest.raises(OSError, match="not now"):
            fetch(store, tmp_path, pushed)
    assert asides(tmp_path) == [f".fetching-{pushed}"]
    monkeypatch.setattr(Path, "write_bytes", as_no_root)
    assert fetch(store, tmp_path, pushed) == 0  # all was there
    assert len(open_snapshot(snapshot_folder(tmp_path, pushed))) == 9


def spoil(index: Path, snapshot_id: str, file: str, content: Callable[[bytes], bytes]) -> None:
    path = snapshot_folder(index, snapshot_id) / file
    path.chmod(0o644)
    path.write_bytes(content(path.read_bytes()))


def test_one_that_is_damaged_here_gives_way_to_what_the_store_holds(
    store: SnapshotStore, pushed: str, tmp_path: Path
) -> None:
    fetch(store, tmp_path, pushed)
    spoil(tmp_path, pushed, "cards.bin", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]))
    assert fetch(store, tmp_path, pushed) == size_of(tmp_path, pushed)
    assert len(open_snapshot(snapshot_folder(tmp_path, pushed), anew=True)) == 9
    assert (asides(tmp_path), fetch(store, tmp_path, pushed)) == ([], 0)


def test_one_that_is_damaged_here_stays_where_the_store_does_not_hold_it(
    store: SnapshotStore, pushed: str, tmp_path: Path
) -> None:
    fetch(store, tmp_path, pushed)
    spoil(tmp_path, pushed, "cards.bin", lambda raw: raw[:-1])
    store.remove(pushed)
    with pytest.raises(SnapshotMissing, match="does not hold"):
        fetch(store, tmp_path, pushed)
    assert published_ids(tmp_path) == [pushed]
