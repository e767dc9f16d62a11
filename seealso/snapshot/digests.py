"""A snapshot's files -> whether each is as the manifest says: a regular file, of that length, of that SHA-256.

What the files hold is not its business.
"""

import hashlib
import multiprocessing
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import orjson

from seealso.errors import OperatorError, SnapshotRefused
from seealso.machine import own_cpus
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import Manifest, read_manifest

# The times of a file move in steps, of two seconds at worst: a file may change twice within one and not show it.
STEP_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class _State:
    """Which file it is, and when it last changed. Nobody but the machine's owner can set `changed_ns` (ctime)."""

    device: int
    inode: int
    length: int
    written_ns: int
    changed_ns: int


# Digests of files that have not changed since. Kept by this process, and by those forked from it: nobody else can put
# one here, and none outlives them.
_known: dict[_State, str] = {}


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise SnapshotRefused, naming the file and why, unless all are as they were written.

    A file whose digest is known from `reading_ahead`, and that has not changed since, is not read again.
    """
    paths = [folder / name for name in manifest.files]
    states = _states_of(paths, manifest)
    digests = _digests_of(paths, states)
    for path, state in zip(paths, states, strict=True):
        if digests[state] != manifest.files[path.name].sha256:
            raise SnapshotRefused(path, "is not as it was written (SHA-256)")


@contextmanager
def reading_ahead(index: Path) -> Iterator[None]:
    """Read the current snapshot in a process beside the block; then this one and those forked from it need not.

    A gigabyte takes most of a second of a CPU. It is no thread: one would wait for what the block imports, and what is
    forked while there are threads may hang; so enter it before there are any. Of a snapshot that is missing or damaged
    nothing is known afterwards: opening it says what is wrong.
    """
    fork = multiprocessing.get_context("fork")
    told, tell = fork.Pipe(duplex=False)
    reader = fork.Process(target=_tell_digests, args=(tell, index), name="read-ahead", daemon=True)
    reader.start()
    tell.close()
    try:
        yield
        with suppress(EOFError):  # there is nothing to tell, or it was killed
            for *state, digest in orjson.loads(told.recv_bytes()):
                _known[_State(*state)] = digest
    finally:
        told.close()
        reader.join()


def _tell_digests(tell: Connection, index: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # on Ctrl-C it ends without a word
    with suppress(OperatorError, BrokenPipeError):
        folder = snapshot_folder(index, current_id(index))
        tell.send_bytes(orjson.dumps([[*astuple(state), digest] for state, digest in _settled(folder).items()]))


def _settled(folder: Path) -> dict[_State, str]:
    """Return the digests of a snapshot's files, but for those that changed while they were read, or just before."""
    manifest = read_manifest(folder)
    paths = [folder / name for name in manifest.files]
    settled_ns = time.time_ns() - STEP_NS
    states = _states_of(paths, manifest)
    digests = _digests_of(paths, states)
    unchanged = set(states) & set(_states_of(paths, manifest))
    return {state: digests[state] for state in unchanged if max(state.written_ns, state.changed_ns) < settled_ns}


def _states_of(paths: Sequence[Path], manifest: Manifest) -> list[_State]:
    return [_state_of(path, manifest.files[path.name].bytes) for path in paths]


def _state_of(path: Path, length: int) -> _State:
    try:
        found = path.lstat()
    except OSError as error:
        raise SnapshotRefused(path, f"cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise SnapshotRefused(path, "is not a regular file")
    if found.st_size != length:
        raise SnapshotRefused(path, f"has {found.st_size} bytes, not the {length} it was written with")
    return _State(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _digests_of(paths: Sequence[Path], states: Sequence[_State]) -> dict[_State, str]:
    """Return the SHA-256 of each file; several are read at once, the longest first."""
    unread = {state: path for path, state in zip(paths, states, strict=True) if state not in _known}
    order = sorted(unread, key=lambda state: -state.length)
    with ThreadPoolExecutor(own_cpus()) as pool:
        read = dict(zip(order, pool.map(lambda state: _digest_of(unread[state]), order), strict=True))
    return {state: read.get(state) or _known[state] for state in states}


def _digest_of(path: Path) -> str:
    try:
        with path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SnapshotRefused(path, f"cannot be read ({error.strerror})") from error
