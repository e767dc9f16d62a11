"""Make a finished snapshot the current one, keep the last few, and clear what killed runs left."""

import os
import shutil
from pathlib import Path

from seealso.errors import SnapshotMissing
from seealso.snapshot.layout import (
    BUILDING_PREFIX,
    POINTER,
    SNAPSHOTS,
    current_id,
    published_ids,
    replace_file,
    snapshot_folder,
    sync_folder,
)


def publish(index: Path, snapshot_id: str) -> None:
    """Point CURRENT at a snapshot; readers see the old one or this one, nothing between."""
    replace_file(index / POINTER, f"{snapshot_id}\n".encode())


def prune(index: Path, keep: int) -> list[str]:
    """Remove all but the `keep` newest snapshots and the current one; return the ids of those removed."""
    current = current_id(index)
    ids = published_ids(index)
    removed = [each for each in ids[: max(0, len(ids) - keep)] if each != current]
    for snapshot_id in removed:
        _remove_folder(snapshot_folder(index, snapshot_id))
    return removed


def clear_remains(index: Path) -> None:
    """Remove what runs that were killed left half written. The caller holds the lock."""
    for path in (index / SNAPSHOTS).glob(f"{BUILDING_PREFIX}*"):
        shutil.rmtree(path)
    for path in index.glob(f".{POINTER}.new"):
        path.unlink()


def current_or_none(index: Path) -> str | None:
    """Return the id of the current snapshot, None before the first."""
    try:
        return current_id(index)
    except SnapshotMissing:
        return None


def _remove_folder(folder: Path) -> None:
    # Out of the list of snapshots first, in one step: a run killed halfway leaves no half snapshot with a good name.
    aside = folder.with_name(f"{BUILDING_PREFIX}removed-{folder.name}")
    os.rename(folder, aside)
    sync_folder(folder.parent)
    shutil.rmtree(aside)
