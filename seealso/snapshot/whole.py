"""Which snapshots were found whole on this machine, so that one process reads every byte, and not each of them.

A process remembers it for itself and for those forked from it. For the others it leaves a mark beside the snapshot,
INDEX/snapshots/.whole-ID, which counts since the machine was started, for who left it (or if root did), and while no
file has changed. That a disk gives other bytes than were written to it, though no file has changed, is seen by whoever
reads all of it anew: the first after each start of the machine, a rollback, `seealso verify`.
"""

import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

import orjson

from seealso.errors import SnapshotRefused
from seealso.machine import start_id
from seealso.snapshot.digests import FileStates, file_states
from seealso.snapshot.layout import WHOLE_PREFIX
from seealso.snapshot.manifest import Manifest, encode_manifest

# The times of a file move in steps, of two seconds at worst: a file may change twice within one and not show it.
STEP_NS = 2_000_000_000
# To read a smaller one again takes each process a tenth of a second at most.
MARKED_BYTES_MIN = 64 << 20
# A mark names some forty files.
MARK_BYTES_MAX = 1 << 20

# By the digest of the manifest, with the states of the files.
_whole: set[tuple[str, FileStates]] = set()


def manifest_digest(manifest: Manifest) -> str:
    """Return the SHA-256 of all that a snapshot says of itself."""
    return hashlib.sha256(encode_manifest(manifest)).hexdigest()


def known_whole(folder: Path, manifest: Manifest, states: FileStates) -> bool:
    """Return whether a snapshot was found whole, by this process or another, when its files had these states."""
    return (manifest_digest(manifest), states) in _whole or _is_marked(folder, manifest, states)


def remember_whole(digest: str, states: FileStates) -> None:
    """Remember that a snapshot, by the digest of its manifest, is whole while its files have these states."""
    _whole.add((digest, states))


def settled(states: FileStates, at_ns: int) -> bool:
    """Return whether all files had their times long enough before a moment: what changed them since shows."""
    return all(max(state.written_ns, state.changed_ns) < at_ns - STEP_NS for state in states)


def mark_whole(folder: Path, manifest: Manifest, states: FileStates, began_ns: int) -> None:
    """Leave a mark that a snapshot is whole, of which every byte was read from `began_ns` (since 1970) on.

    None is left of a small one, of one that was written a moment before or has changed meanwhile, nor where that cannot
    be: where the folder is not to be written to, each process looks for itself.
    """
    if sum(state.bytes for state in states) < MARKED_BYTES_MIN or start_id() is None or not settled(states, began_ns):
        return
    path = mark_of(folder)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        if file_states(folder, manifest) == states:
            with beside.open("wb") as file:
                file.write(_encoded(manifest, states))
                os.fchmod(file.fileno(), 0o444)
            os.replace(beside, path)
    except (OSError, SnapshotRefused):
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def unmark(folder: Path) -> None:
    """Remove the mark of a snapshot that is not whole."""
    with suppress(OSError):
        mark_of(folder).unlink(missing_ok=True)


def mark_of(folder: Path) -> Path:
    """Return where the mark of a snapshot stands."""
    return folder.with_name(f"{WHOLE_PREFIX}{folder.name}")


def wait_until_settled(states: FileStates) -> None:
    """Wait, for STEP_NS at most, until what is read now may be marked: a large snapshot that has just been written."""
    if sum(state.bytes for state in states) < MARKED_BYTES_MIN:
        return
    latest = max(max(state.written_ns, state.changed_ns) for state in states)
    wait_ns = latest + STEP_NS - time.time_ns() + 1
    if 0 < wait_ns <= STEP_NS + 1:  # else clocks differ
        time.sleep(wait_ns / 1e9)


def _is_marked(folder: Path, manifest: Manifest, states: FileStates) -> bool:
    try:
        handle = os.open(mark_of(folder), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        ours = found.st_uid in (0, os.geteuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not (ours and stat.S_ISREG(found.st_mode) and start_id() is not None):
            return False
        return file.read(MARK_BYTES_MAX) == _encoded(manifest, states)


def _encoded(manifest: Manifest, states: FileStates) -> bytes:
    files = dict(zip(manifest.files, (list(state) for state in states), strict=True))
    return orjson.dumps({"start": start_id(), "manifest": manifest_digest(manifest), "files": files}) + b"\n"
