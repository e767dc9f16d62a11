"""Which snapshots are kept, how the others are removed, and what was left halfway."""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from seealso.errors import SnapshotRefused
from seealso.snapshot.layout import (
    BUILDING_PREFIX,
    POINTER,
    RECIPE,
    REPORTS,
    SNAPSHOTS,
    WHOLE_PREFIX,
    current_id,
    published_ids,
    snapshot_folder,
    sync_folder,
)
from seealso.snapshot.manifest import read_manifest


def clear_remains(index: Path) -> None:
    """Remove what was half written, or half removed, when it was killed. The caller holds the lock."""
    for path in (index / SNAPSHOTS).glob(f"{BUILDING_PREFIX}*"):
        shutil.rmtree(path)
    for path in (index / SNAPSHOTS).glob(f"{WHOLE_PREFIX}*"):
        if not path.with_name(path.name.removeprefix(WHOLE_PREFIX)).is_dir():  # its snapshot's, or half written
            path.unlink(missing_ok=True)
    for name in (POINTER, RECIPE):
        (index / f".{name}.new").unlink(missing_ok=True)
    for path in (index / REPORTS).glob(".*.new"):
        path.unlink(missing_ok=True)


def kept_of(ids: Sequence[str], first: Iterable[str | None], keep: int) -> list[str]:
    """Return which of some ids, oldest first, are kept: those in `first`, then the newest, `keep` in all."""
    wanted = [each for each in first if each is not None and each in ids]
    return list(dict.fromkeys([*wanted, *reversed(ids)]))[:keep]


def prune(index: Path, keep: int, besides: str | None = None) -> list[str]:
    """Remove all but `keep` snapshots: the current, the one served before it, the newest; return the ids removed.

    `besides`: one that is about to become current, and is kept as well. Raises SnapshotMissing if none is current.
    """
    current = current_id(index)
    ids = published_ids(index)
    kept = {*kept_of(ids, (current, parent_of(index, current)), keep), besides}
    removed = [each for each in ids if each not in kept]
    for snapshot_id in removed:
        remove_snapshot(index, snapshot_id)
    return removed


def remove_snapshot(index: Path, snapshot_id: str) -> None:
    """Remove a snapshot that is not the current one."""
    folder = snapshot_folder(index, snapshot_id)
    # Out of the list of snapshots first, in one step: a run killed halfway leaves no half snapshot with a good name.
    aside = folder.with_name(f"{BUILDING_PREFIX}removed-{folder.name}")
    folder.with_name(f"{WHOLE_PREFIX}{folder.name}").unlink(missing_ok=True)
    os.rename(folder, aside)
    sync_folder(folder.parent)
    shutil.rmtree(aside)


def parent_of(index: Path, snapshot_id: str) -> str | None:
    """Return the snapshot that was current when one was made, as far as that can be read."""
    try:
        return read_manifest(snapshot_folder(index, snapshot_id)).parent
    except SnapshotRefused:
        return None
