"""Where things stand in an index folder, and the few ways in which they are written so that a crash leaves them whole.

INDEX/CURRENT                          one line: the id of the snapshot being served
INDEX/lock                             held by the run that is writing
INDEX/snapshots/<utc time>-<digest>/   a published snapshot: read-only files and their manifest.json
INDEX/snapshots/.building-*            a snapshot being written; what a killed run leaves is cleared by the next
INDEX/snapshots/.fetching-*            a snapshot being fetched from the snapshot store; the next try goes on with it
INDEX/snapshots/.whole-<id>            which files of a snapshot were found whole since the machine was started
INDEX/fetching                         held by the process that fetches
INDEX/distributing                     held by `seealso distribute`
INDEX/store.json                       what this machine knows of the snapshot store
INDEX/reports/                         what each run did
INDEX/sources/                         what feeds have listed, and what pages and feeds answered last
INDEX/vectors.sqlite                   what was embedded, by digest of text and model, for the next run
INDEX/recipe.json                      the recipe of the next run, if `seealso tune` made one
INDEX/editorial.db                     what editors decided (seealso/editorial/), where it is not in PostgreSQL
INDEX/editorial.count                  how often something was decided, shared by all processes of the machine; with
                                       PostgreSQL and a folder that is only read, it and the next two are elsewhere
INDEX/editorial.secret                 what sessions of the desk are signed with, where no setting says it
INDEX/editorial.placing                held by the worker that finds the places of live articles in a new snapshot
"""

import os
import re
from pathlib import Path

from seealso.errors import SnapshotMissing

POINTER = "CURRENT"
LOCK = "lock"
FETCHING, DISTRIBUTING = "fetching", "distributing"
STORE_STATE = "store.json"
SNAPSHOTS = "snapshots"
REPORTS = "reports"
BUILDING_PREFIX = ".building-"
FETCHING_PREFIX = ".fetching-"
WHOLE_PREFIX = ".whole-"
MANIFEST = "manifest.json"
RECIPE = "recipe.json"
VECTORS = "vectors.sqlite"

ID_TIME = "%Y%m%dT%H%M%SZ"
_SNAPSHOT_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")


def is_snapshot_id(text: str) -> bool:
    """Return whether a text has the form of a snapshot's id, and so can be no path elsewhere."""
    return _SNAPSHOT_ID.fullmatch(text) is not None


def snapshot_folder(index: Path, snapshot_id: str) -> Path:
    """Return the folder of a snapshot."""
    return index / SNAPSHOTS / snapshot_id


def published_ids(index: Path) -> list[str]:
    """Return the ids of all snapshots in an index folder, oldest first."""
    folder = index / SNAPSHOTS
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if is_snapshot_id(path.name))


def current_id(index: Path) -> str:
    """Return the id of the snapshot being served.

    Raises SnapshotMissing if there is none, or the pointer holds something else.
    """
    try:
        # An id has 29 characters; the bound keeps a pointer that is no pointer from being read whole.
        with (index / POINTER).open("rb") as file:
            pointer = file.read(100).decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise SnapshotMissing(index, "make one with `seealso index SOURCE --index DIR`") from None
    except OSError as error:
        raise SnapshotMissing(index, f"{POINTER} cannot be read ({error.strerror})") from error
    if not is_snapshot_id(pointer):
        raise SnapshotMissing(index, f"{POINTER} holds {pointer[:40]!r}, which is no snapshot's id; index anew")
    return pointer


def current_or_none(index: Path) -> str | None:
    """Return the id of the current snapshot, None before the first."""
    try:
        return current_id(index)
    except SnapshotMissing:
        return None


def publish(index: Path, snapshot_id: str) -> None:
    """Point CURRENT at a snapshot; readers see the old one or this one, nothing between."""
    replace_file(index / POINTER, f"{snapshot_id}\n".encode())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def seal(path: Path) -> None:
    """Make a finished file durable and read-only."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.chmod(0o444)


def replace_file(path: Path, content: bytes) -> None:
    """Give a small file new content at once: a reader sees the old or the new, whenever the power fails."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)  # before the new name stands: what fails here has changed nothing
    try:
        os.replace(beside, path)
        os.fsync(folder)
    finally:
        os.close(folder)
