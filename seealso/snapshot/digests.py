"""A snapshot's files -> whether each is as the manifest says: a regular file, of that length, of that SHA-256.

What the files hold is not its business.
"""

import hashlib
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from seealso.errors import SnapshotRefused
from seealso.machine import own_cpus
from seealso.snapshot.manifest import Manifest


class FileState(NamedTuple):
    """Which file it is, how long, and when it was written and changed (mtime, ctime), in nanoseconds since 1970.

    Nobody but the owner of the machine can set the last: of a file with the same state, the content is the same.
    """

    device: int
    inode: int
    bytes: int
    written_ns: int
    changed_ns: int


# To start threads takes longer than to read less than this.
PARTED_BYTES_MIN = 16 << 20

# The states of all files, in the order of the manifest.
FileStates = tuple[FileState, ...]


def file_states(folder: Path, manifest: Manifest) -> FileStates:
    """Return the states of a snapshot's files.

    Raises SnapshotRefused for one that is missing, no regular file, or not as long as it was written.
    """
    return tuple(_state_of(folder / name, entry.bytes) for name, entry in manifest.files.items())


def check_digests(folder: Path, manifest: Manifest) -> None:
    """Read all files, several at once. Raises SnapshotRefused, naming the first that is not as it was written."""
    digests = _digests_of(folder / name for name in manifest.files)
    for name, entry in manifest.files.items():
        if digests[folder / name] != entry.sha256:
            raise SnapshotRefused(folder / name, "is not as it was written (SHA-256)")


def _state_of(path: Path, length: int) -> FileState:
    try:
        found = path.lstat()
    except OSError as error:
        raise SnapshotRefused(path, f"cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise SnapshotRefused(path, "is not a regular file")
    if found.st_size != length:
        raise SnapshotRefused(path, f"has {found.st_size} bytes, not the {length} it was written with")
    return FileState(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _digests_of(paths: Iterable[Path]) -> dict[Path, str]:
    sizes = {path: path.lstat().st_size for path in paths}
    if sum(sizes.values()) < PARTED_BYTES_MIN:
        return {path: _digest_of(path) for path in sizes}
    longest_first = sorted(sizes, key=lambda path: -sizes[path])
    with ThreadPoolExecutor(own_cpus()) as pool:
        return dict(zip(longest_first, pool.map(_digest_of, longest_first), strict=True))


def _digest_of(path: Path) -> str:
    try:
        with path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SnapshotRefused(path, f"cannot be read ({error.strerror})") from error
