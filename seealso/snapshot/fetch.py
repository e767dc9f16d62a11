"""A snapshot of the snapshot store -> the same in an index folder, whole, or not there at all.

Files are copied in parts into a folder aside, which the next try goes on with, whatever ended the one before; then
their lengths and SHA-256 are held against the manifest, and only then does the folder get a snapshot's name.
"""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from seealso.errors import SnapshotMissing, SnapshotRefused
from seealso.snapshot.digests import FileStates, check_digests, file_states
from seealso.snapshot.layout import FETCHING_PREFIX, MANIFEST, SNAPSHOTS, seal, snapshot_folder, sync_folder
from seealso.snapshot.lock import one_fetch
from seealso.snapshot.manifest import FileEntry, Manifest, read_manifest
from seealso.snapshot.objects import PART_BYTES
from seealso.snapshot.retention import remove_snapshot
from seealso.snapshot.store import SnapshotStore
from seealso.snapshot.whole import known_whole, mark_whole, wait_until_settled

# What else writes to the disk, the editorial store above all, is left so much of it.
ROOM_BYTES = 64 << 20

# Called with how many bytes are here, and of how many.
Progress = Callable[[int, int], None]


def fetch(store: SnapshotStore, index: Path, snapshot_id: str, progress: Progress = lambda _, __: None) -> int:
    """Have a snapshot in an index folder; return how many bytes were copied for it, 0 if it was there.

    One that is there and not as it was written gives way to it. One process of a machine does so at a time; others wait
    for it. Raises SnapshotMissing if the store does not hold it, SnapshotRefused if it is not as it was written there,
    SnapshotStoreUnavailable, OSError (disk full).
    """
    folder = snapshot_folder(index, snapshot_id)
    if _is_whole(folder):
        return 0
    (index / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
    with one_fetch(index):
        if _is_whole(folder):
            return 0
        found = store.manifest(snapshot_id)
        if found is None:
            raise SnapshotMissing(index, f"the snapshot store {store.url} does not hold {snapshot_id}")
        manifest, raw = found
        aside = _folder_aside(index, snapshot_id)
        try:
            copied = _copy_files(store, manifest, aside, progress)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                shutil.rmtree(aside, ignore_errors=True)  # it may be what filled the disk
            raise
        states, began_ns = _check(aside, manifest)
        (aside / MANIFEST).unlink(missing_ok=True)  # the try before may have ended just here, with it sealed
        (aside / MANIFEST).write_bytes(raw)
        seal(aside / MANIFEST)
        sync_folder(aside)
        if folder.is_dir():
            remove_snapshot(index, snapshot_id)
        os.rename(aside, folder)
        sync_folder(folder.parent)
        mark_whole(folder, manifest, states, began_ns)
        return copied


def _is_whole(folder: Path) -> bool:
    """Return whether a snapshot is there, and its files are as they were written."""
    try:
        manifest = read_manifest(folder)
        if not known_whole(folder, manifest, file_states(folder, manifest)):
            check_digests(folder, manifest)
    except SnapshotRefused:
        return False
    return True


def clear_asides(index: Path) -> None:
    """Remove what was fetched halfway and is not wanted any more: where nothing is left to be fetched."""
    asides = [*(index / SNAPSHOTS).glob(f"{FETCHING_PREFIX}*")]
    if asides:
        with one_fetch(index):
            for path in asides:
                shutil.rmtree(path, ignore_errors=True)


def _folder_aside(index: Path, snapshot_id: str) -> Path:
    """Return the folder in which a snapshot is put together; what is left of others is removed."""
    aside = index / SNAPSHOTS / f"{FETCHING_PREFIX}{snapshot_id}"
    for path in aside.parent.glob(f"{FETCHING_PREFIX}*"):
        if path != aside:
            shutil.rmtree(path)
    aside.mkdir(exist_ok=True)
    return aside


def _copy_files(store: SnapshotStore, manifest: Manifest, aside: Path, progress: Progress) -> int:
    there = store.lengths(manifest.id)
    for file, entry in manifest.files.items():
        if there.get(file) != entry.bytes:
            found = f"has {there[file]} bytes in" if file in there else "is not in"
            raise SnapshotRefused(aside / file, f"{found} the snapshot store, not the {entry.bytes} of its manifest")
    here = {file: _length_of(aside / file, entry.bytes) for file, entry in manifest.files.items()}
    total, had = sum(entry.bytes for entry in manifest.files.values()), sum(here.values())
    if shutil.disk_usage(aside).free < total - had + ROOM_BYTES:
        raise OSError(errno.ENOSPC, f"no room for the {total - had:,} bytes of {manifest.id}", str(aside))
    done = had
    progress(done, total)
    for file, entry in manifest.files.items():
        with (aside / file).open("ab") as into:
            while into.tell() < entry.bytes:
                done += into.write(_part(store, manifest, file, entry, into.tell(), aside))
                progress(done, total)
        seal(aside / file)
    return done - had


def _part(store: SnapshotStore, manifest: Manifest, file: str, entry: FileEntry, start: int, aside: Path) -> bytes:
    """Return the next bytes of a file. Raises SnapshotRefused if they are not there any more."""
    wanted = min(PART_BYTES, entry.bytes - start)
    part = store.read_part(manifest.id, file, start, wanted)
    if part is None or len(part) != wanted:
        raise SnapshotRefused(aside / file, "was removed from the snapshot store, or changed, while it was copied")
    return part


def _length_of(path: Path, most: int) -> int:
    """Return how much of a file is here already; more than there can be is begun anew."""
    try:
        length = path.stat().st_size
    except FileNotFoundError:
        return 0
    if length > most:
        path.unlink()
        return 0
    path.chmod(0o644)  # it may have been finished
    return length


def _check(aside: Path, manifest: Manifest) -> tuple[FileStates, int]:
    """Look at every byte, for all workers; return the states of the files, and since when they were read.

    Raises SnapshotRefused, and leaves nothing of the file that is not as it was written.
    """
    from seealso.snapshot.reader import look_through  # imports FAISS, which who has nothing to fetch does without

    try:
        states = file_states(aside, manifest)
        wait_until_settled(states)
        began_ns = time.time_ns()
        look_through(aside, manifest)
    except SnapshotRefused as error:
        if error.path != aside:  # else its files are as they were written, and do not fit each other
            error.path.unlink(missing_ok=True)
        raise
    return states, began_ns
