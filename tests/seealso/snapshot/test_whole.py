"""What was found whole is not read again by anybody, unless anything of it has changed; and then it is refused."""

import os
import shutil
import time
from pathlib import Path

import pytest

from seealso.errors import SnapshotRefused
from seealso.snapshot import files, reader, whole
from seealso.snapshot.digests import FileStates, file_states
from seealso.snapshot.fetch import fetch
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import Manifest, read_manifest
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.retention import remove_snapshot
from seealso.snapshot.rollback import open_named, rolling_back
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.store import SnapshotStore
from seealso.snapshot.whole import known_whole, manifest_digest, mark_of, mark_whole, remember_whole
from tests.makers import articles, forge, index_of

pytestmark = pytest.mark.row("M3")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = tmp_path_factory.mktemp("index")
    index_of(index, articles(30))
    return index


@pytest.fixture
def folder(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot whose files may be changed, as large as those that are marked, and written a while ago."""
    monkeypatch.setattr(whole, "MARKED_BYTES_MIN", 0)
    monkeypatch.setattr(whole, "STEP_NS", 0)
    shutil.copytree(built, tmp_path / "index")
    folder = snapshot_folder(tmp_path / "index", current_id(built))
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Those of which every byte was read, in order."""
    looked = list[Path]()
    look_through = reader.look_through

    def told(folder: Path, manifest: Manifest) -> Snapshot:
        looked.append(folder)
        return look_through(folder, manifest)

    monkeypatch.setattr(reader, "look_through", told)
    return looked


def states_of(folder: Path) -> tuple[Manifest, FileStates]:
    manifest = read_manifest(folder)
    return manifest, file_states(folder, manifest)


def damage(path: Path) -> None:
    """Change a byte, and put the time back at which it was written."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x20
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_snapshot_is_known_by_its_manifest_and_the_states_of_all_its_files(folder: Path) -> None:
    manifest, states = states_of(folder)
    assert not known_whole(folder, manifest, states)
    remember_whole(manifest_digest(manifest), states)
    assert known_whole(folder, *states_of(folder))
    assert not known_whole(folder, manifest.model_copy(update={"parent": "another"}), states)
    assert not known_whole(folder, manifest, states[1:] + states[:1])
    (folder / files.SCORES).touch()
    assert not known_whole(folder, *states_of(folder))


def test_first_who_opens_it_reads_all_and_the_others_nothing(folder: Path, looked: list[Path]) -> None:
    first = open_snapshot(folder)
    assert looked == [folder]
    again = open_snapshot(folder)
    assert looked == [folder]
    assert [again.card(row) for row in range(30)] == [first.card(row) for row in range(30)]
    assert mark_of(folder).stat().st_mode & 0o777 == 0o444


def test_who_is_to_read_every_byte_does_so(folder: Path, looked: list[Path]) -> None:
    """A night of what it has written, a rollback, and `seealso verify`."""
    open_snapshot(folder)
    open_snapshot(folder, anew=True)
    open_named(folder.parents[1], folder.name, anew=True)
    with rolling_back(folder.parents[1], folder.name):
        pass
    assert looked == [folder] * 4


@pytest.mark.parametrize("name", [files.NEIGHBOURS, files.VECTORS, f"{files.CARDS}.bin"])
def test_file_that_changed_is_refused_even_with_its_old_time(folder: Path, name: str) -> None:
    open_snapshot(folder)
    damage(folder / name)
    with pytest.raises(SnapshotRefused, match=rf"{name}: is not as it was written"):
        open_snapshot(folder)
    assert not mark_of(folder).exists()


def test_file_in_the_place_of_another_is_refused(folder: Path, tmp_path: Path) -> None:
    open_snapshot(folder)
    path = folder / files.SCORES
    shutil.copy2(path, tmp_path / "other")
    damage(tmp_path / "other")
    os.replace(tmp_path / "other", path)
    with pytest.raises(SnapshotRefused, match="is not as it was written"):
        open_snapshot(folder)


def test_what_turns_out_damaged_though_no_file_has_changed_is_not_known_as_whole_any_more(
    folder: Path, looked: list[Path]
) -> None:
    damage(folder / files.SCORES)
    manifest, states = states_of(folder)
    mark_whole(folder, manifest, states, time.time_ns())  # as a disk would have it that gives other bytes
    open_snapshot(folder)
    with pytest.raises(SnapshotRefused):
        open_snapshot(folder, anew=True)
    with pytest.raises(SnapshotRefused):
        open_snapshot(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 99, b"\xff" * (2 << 20)])
def test_mark_that_is_none_says_nothing(folder: Path, looked: list[Path], content: bytes) -> None:
    mark_of(folder).write_bytes(content)
    open_snapshot(folder)
    assert looked == [folder]


def test_mark_of_another_user_or_one_that_others_may_write_says_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_snapshot(folder)
    assert known_whole(folder, *states_of(folder))
    mark_of(folder).chmod(0o664)
    assert not known_whole(folder, *states_of(folder))
    mark_of(folder).chmod(0o444)
    mark_of(folder).rename(folder.with_name("elsewhere"))
    mark_of(folder).symlink_to(folder.with_name("elsewhere"))
    assert not known_whole(folder, *states_of(folder))
    os.replace(folder.with_name("elsewhere"), mark_of(folder))
    owner = mark_of(folder).stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert known_whole(folder, *states_of(folder)) == (owner == 0)


def test_mark_of_another_start_of_the_machine_says_nothing(
    folder: Path, looked: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_snapshot(folder)
    for start in ("another", None):
        monkeypatch.setattr(whole, "start_id", lambda start=start: start)
        assert not known_whole(folder, *states_of(folder))
    open_snapshot(folder)
    open_snapshot(folder)
    assert looked == [folder] * 3  # where no start can be told, each looks for itself


def test_mark_of_another_snapshot_says_nothing(folder: Path) -> None:
    open_snapshot(folder)
    mark = mark_of(folder).read_bytes()
    scores = bytearray((folder / files.SCORES).read_bytes())
    scores[-4:] = b"\xff\xff\xff\x7f"  # NaN
    forged = forge(folder, files.SCORES, bytes(scores))
    mark_of(forged).write_bytes(mark)
    with pytest.raises(SnapshotRefused, match="do not fit each other"):
        open_snapshot(forged)


def test_none_is_left_of_what_is_small_or_was_written_just_now(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(whole, "MARKED_BYTES_MIN", 64 << 20)
        open_snapshot(folder)
    assert not mark_of(folder).exists()
    monkeypatch.setattr(whole, "STEP_NS", 60 * 10**9)
    open_snapshot(folder)
    assert not mark_of(folder).exists()


def test_none_is_left_of_what_changed_while_it_was_read(folder: Path) -> None:
    manifest, states = states_of(folder)
    damage(folder / files.SCORES)
    mark_whole(folder, manifest, states, time.time_ns())
    (folder / files.COHORTS).unlink()
    mark_whole(folder, manifest, states, time.time_ns())
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_where_none_can_be_left_each_looks_for_itself(
    folder: Path, looked: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(os, "replace", refuse)
    open_snapshot(folder)
    open_snapshot(folder)
    assert looked == [folder] * 2
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_what_was_fetched_is_marked_by_who_fetched_it(folder: Path, looked: list[Path], tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = SnapshotStore(f"file://{tmp_path / 'store'}")
    store.push(folder)
    fetch(store, tmp_path / "here", folder.name)
    looked.clear()
    open_snapshot(snapshot_folder(tmp_path / "here", folder.name))
    assert looked == []


def test_mark_goes_with_its_snapshot(folder: Path) -> None:
    open_snapshot(folder)
    remove_snapshot(folder.parents[1], folder.name)
    assert list(folder.parent.iterdir()) == []
