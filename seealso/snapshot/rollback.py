"""An earlier snapshot served again: which one that is, and whether it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seealso.errors import SnapshotMissing, SnapshotRefused
from seealso.snapshot.fetch import fetch
from seealso.snapshot.layout import current_id, current_or_none, is_snapshot_id, publish, published_ids, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.manifest import Manifest, read_manifest
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.store import SnapshotStore


@contextmanager
def rolling_back(
    index: Path,
    snapshot_id: str | None,
    model: str | None = None,
    store: SnapshotStore | None = None,
    may_fetch: bool = True,
) -> Iterator[tuple[str, str | None]]:
    """Give the id of the snapshot to be published again, and of the one that is served; no night runs meanwhile.

    It is `snapshot_id`, or the one before, and is whole; where this folder does not hold it so and the store does, it
    is fetched, if it may be. The pointer may be lost (then None is served), if an id is given. `model`: see
    `open_snapshot`. `store`: from which all machines take what is served. Raises SnapshotMissing, SnapshotRefused,
    ModelMismatch, IndexLocked, SnapshotStoreUnavailable, OSError (disk full).
    """
    if snapshot_id is None or not published_ids(index):  # a mistyped folder is not made
        current_id(index)
    with lock_index(index):
        current = served_by_all(index, store)
        wanted = snapshot_id or snapshot_before(index, current or current_id(index), store)
        try:
            open_named(index, wanted, model, anew=True)  # whole, or refused
        except (SnapshotMissing, SnapshotRefused):
            if not may_fetch or store is None or not is_snapshot_id(wanted) or not store.holds(wanted):
                raise
            fetch(store, index, wanted)
            open_named(index, wanted, model, anew=True)
        yield wanted, current


def served_by_all(index: Path, store: SnapshotStore | None) -> str | None:
    """Return the id of the snapshot that all machines serve: the store's word, or this folder's where that has none.

    Raises SnapshotStoreUnavailable.
    """
    return (store.current() if store is not None else None) or current_or_none(index)


def serve_again(index: Path, snapshot_id: str, store: SnapshotStore | None = None) -> str | None:
    """Have a snapshot of the index folder served: here, and on all machines that take theirs from the store.

    Return what is still to be done here, None if nothing is: what the store says is what is served. Raises
    SnapshotStoreUnavailable, or without a store OSError; nothing has changed then, unless the store was cut off just
    when it was told.
    """
    if store is None:
        publish(index, snapshot_id)
        return None
    store.push(snapshot_folder(index, snapshot_id), anew=store.is_refused(snapshot_id))
    store.turn_back(snapshot_id)
    try:
        publish(index, snapshot_id)
    except OSError as error:
        return f"all machines are told, but the pointer in {index} cannot be moved ({error.strerror or error})"
    return None


def open_named(index: Path, snapshot_id: str | None, model: str | None = None, anew: bool = False) -> Snapshot:
    """Open a snapshot by its id, the current one if none is given; see `open_snapshot`.

    Raises SnapshotMissing, SnapshotRefused, ModelMismatch.
    """
    chosen = snapshot_id or current_id(index)
    if not is_snapshot_id(chosen) or not snapshot_folder(index, chosen).is_dir():
        raise SnapshotMissing(index, f"none has the id {chosen!r}; `seealso snapshots` lists them")
    return open_snapshot(snapshot_folder(index, chosen), model, anew)


def snapshot_before(index: Path, current: str, store: SnapshotStore | None = None) -> str:
    """Return the snapshot that was served when the current one was made; the newest older one, if that is gone.

    It is in the index folder, or in the store. Raises SnapshotMissing if there is none, SnapshotStoreUnavailable.
    """
    known = set(published_ids(index)) | set(store.ids() if store is not None else ())
    older = sorted(each for each in known if each < current)
    manifest = manifest_or_reason(index, current)
    if isinstance(manifest, Manifest) and manifest.parent in older:
        return manifest.parent
    if not older:
        raise SnapshotMissing(index, f"none is older than {current}, which is served; `seealso snapshots` lists them")
    return older[-1]


def manifest_or_reason(index: Path, snapshot_id: str) -> Manifest | str:
    """Return what a snapshot says of itself, or why that cannot be read."""
    try:
        return read_manifest(snapshot_folder(index, snapshot_id))
    except SnapshotRefused as error:
        return error.reason
