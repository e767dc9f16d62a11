"""What stands in a snapshot store, in a shared folder and in a bucket of a real server."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seealso.errors import SnapshotRefused, SnapshotStoreOfAnotherSite, SnapshotStoreUnavailable
from seealso.snapshot import store as store_module
from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.objects import Objects
from seealso.snapshot.store import SnapshotStore
from tests.makers import articles, index_of
from tests.s3 import S3Server


@pytest.fixture
def store(store_url: str) -> SnapshotStore:
    return SnapshotStore(store_url)


def index_many(folder: Path, count: int) -> list[str]:
    return [str(index_of(folder, articles(4 + number), keep=10).snapshot) for number in range(count)]


def test_empty_store_has_nothing(store: SnapshotStore) -> None:
    assert (store.current(), store.next(), store.ids(), store.machines()) == (None, None, [], [])
    assert not store.holds("20261128T000000Z-0123456789ab")
    assert store.manifest("20261128T000000Z-0123456789ab") is None


def test_pushed_snapshot_is_there_and_only_once(store: SnapshotStore, tmp_path: Path) -> None:
    (first,) = index_many(tmp_path, 1)
    sent: list[int] = []
    copied = store.push(snapshot_folder(tmp_path, first), sent.append)
    assert copied == sum(sent) > 0
    assert (store.ids(), store.holds(first), store.current()) == ([first], True, None)
    found = store.manifest(first)
    assert found is not None
    assert found[1] == (snapshot_folder(tmp_path, first) / "manifest.json").read_bytes()
    assert store.push(snapshot_folder(tmp_path, first)) == 0


def test_store_is_one_sites_from_its_first_snapshot_on(store_url: str, tmp_path: Path) -> None:
    (first,) = index_many(tmp_path, 1)
    folder = snapshot_folder(tmp_path, first)
    coast, city, nameless = (SnapshotStore(store_url, site) for site in ("coast", "city", None))
    assert (coast.current(), city.current(), nameless.current()) == (None, None, None)
    coast.push(folder)
    coast.point(first)
    assert (coast.current(), SnapshotStore(store_url, "coast").current()) == (first, first)
    for other in (city, nameless):
        for ask in (other.point, other.hand_round):
            with pytest.raises(SnapshotStoreOfAnotherSite, match="of the site coast"):
                ask(first)
        with pytest.raises(SnapshotStoreOfAnotherSite, match="of the site coast"):
            other.push(folder)
        with pytest.raises(SnapshotStoreOfAnotherSite, match="of the site coast"):
            other.current()


def test_store_that_no_site_has_marked_is_anybodys(store: SnapshotStore, store_url: str, tmp_path: Path) -> None:
    (first,) = index_many(tmp_path, 1)
    store.push(snapshot_folder(tmp_path, first))
    store.point(first)
    assert (SnapshotStore(store_url, "coast").current(), store.current()) == (first, first)


def test_half_pushed_one_is_not_there_and_is_gone_on_with(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = index_many(tmp_path, 1)
    folder = snapshot_folder(tmp_path, first)
    written: list[str] = []
    really = Objects.write

    def failing(objects: Objects, name: str, content: bytes | Path) -> None:
        if len(written) == 7:
            raise SnapshotStoreUnavailable(objects.url, "cut")
        written.append(name)
        really(objects, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(Objects, "write", failing)
        with pytest.raises(SnapshotStoreUnavailable, match="cut"):
            store.push(folder)
    assert (store.ids(), store.holds(first)) == ([], False)
    assert 0 < store.push(folder) < sum(path.stat().st_size for path in folder.iterdir())
    assert store.ids() == [first]


PUSH = """
import sys
from pathlib import Path
from seealso.snapshot.store import SnapshotStore
SnapshotStore(sys.argv[1]).push(Path(sys.argv[2]))
"""


def test_killed_push_is_not_there_and_is_gone_on_with(s3: S3Server, tmp_path: Path) -> None:
    (first,) = index_many(tmp_path, 1)
    folder, url = snapshot_folder(tmp_path, first), f"s3://{s3.bucket()}"
    store = SnapshotStore(url)
    s3.wire.pause_s = 0.05
    process = subprocess.Popen([sys.executable, "-c", PUSH, url, str(folder)])
    end = time.monotonic() + 60
    while len(store.lengths(first)) < 5:
        assert time.monotonic() < end
        assert process.poll() is None
    process.kill()
    process.wait()
    s3.wire.pause_s = 0.0
    assert (store.ids(), store.holds(first)) == ([], False)
    assert 0 < store.push(folder) < sum(path.stat().st_size for path in folder.iterdir())
    assert (store.ids(), store.push(folder)) == ([first], 0)


def test_pointers_say_what_they_were_told(store: SnapshotStore, tmp_path: Path) -> None:
    first, second = index_many(tmp_path, 2)
    store.hand_round(second)
    store.point(first)
    assert (store.current(), store.next()) == (first, second)
    store.hand_round(None)
    assert store.next() is None


def test_pointer_with_something_else_in_it_is_an_error(store: SnapshotStore, store_url: str) -> None:
    Objects(store_url).write("CURRENT", b"../../etc/passwd")
    with pytest.raises(SnapshotStoreUnavailable, match="no snapshot's id"):
        store.current()


def test_manifest_of_another_snapshot_is_refused(store: SnapshotStore, store_url: str, tmp_path: Path) -> None:
    first, second = index_many(tmp_path, 2)
    raw = (snapshot_folder(tmp_path, first) / "manifest.json").read_bytes()
    Objects(store_url).write(f"snapshots/{second}/manifest.json", raw)
    with pytest.raises(SnapshotRefused, match=first):
        store.manifest(second)


def test_machines_say_what_they_hold_until_they_leave(store: SnapshotStore) -> None:
    store.beat("news-1:/srv/index", ["b", "a"], "a")
    store.beat("news-2:/srv/index", [], None)
    one, two = store.machines()
    assert (one.name, one.holds, one.serves) == ("news-1:/srv/index", frozenset({"a", "b"}), "a")
    assert (two.name, two.holds, two.serves) == ("news-2:/srv/index", frozenset(), None)
    store.leave("news-1:/srv/index")
    assert [machine.name for machine in store.machines()] == ["news-2:/srv/index"]


def test_garbage_among_the_machines_is_passed_over(store: SnapshotStore, store_url: str) -> None:
    Objects(store_url).write("machines/x", b"[1]")
    assert store.machines() == []


def test_machine_that_fell_silent_is_none(store: SnapshotStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "HEARD_SECONDS", 1.0)
    store.beat("dead", [], None)
    time.sleep(2.1)  # a bucket tells seconds
    assert [machine.name for machine in store.machines()] == ["dead"]  # nobody has been heard of since
    store.beat("alive", [], None)
    assert [machine.name for machine in store.machines()] == ["alive"]


def test_removed_snapshot_is_gone(store: SnapshotStore, store_url: str, tmp_path: Path) -> None:
    first, second = index_many(tmp_path, 2)
    for each in (first, second):
        store.push(snapshot_folder(tmp_path, each))
    store.remove(first)
    assert store.ids() == [second]
    assert not any(first in name for name in Objects(store_url).below("snapshots/"))


def test_remains_are_cleared_once_they_are_old(tmp_path: Path) -> None:
    folder, store = tmp_path / "store", SnapshotStore(f"file://{tmp_path}/store")
    folder.mkdir()
    (whole,) = index_many(tmp_path / "index", 1)
    store.push(snapshot_folder(tmp_path / "index", whole))
    for name in ("20260101T000000Z-0123456789ab", "20261128T000000Z-0123456789ab"):
        (folder / "snapshots" / name).mkdir()
        (folder / "snapshots" / name / "cards.bin").write_bytes(b"half")
    store.beat("gone", [], None)
    two_days_ago = time.time() - 2 * 86_400
    for path in (
        *folder.glob("machines/*"),
        *folder.glob("snapshots/20260101*/*"),
        *folder.glob(f"snapshots/{whole}/*"),
    ):
        os.utime(path, (two_days_ago, two_days_ago))
    store.clear_remains()  # nothing is current yet: nothing is known
    assert list(folder.glob("snapshots/20260101*/*")) != []
    store.point(whole)
    store.clear_remains()
    assert (list(folder.glob("snapshots/20260101*/*")), list(folder.glob("machines/*"))) == ([], [])
    assert list(folder.glob("snapshots/20261128T000000Z*/*")) != []
    assert (store.ids(), published_ids(tmp_path / "index")) == ([whole], [whole])
