"""The current snapshot looked through in a process of its own, while this one imports what it will serve with.

A snapshot of a gigabyte takes a second of a CPU; each worker would spend it again.
"""

import multiprocessing
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import orjson

from seealso.errors import OperatorError
from seealso.snapshot.digests import FileState, file_states
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import read_manifest
from seealso.snapshot.whole import manifest_digest, remember_whole, settled


@contextmanager
def reading_ahead(index: Path) -> Iterator[None]:
    """Look through the current snapshot beside the block; then this process, and those forked from it, need not.

    Of a snapshot that is missing or damaged, or was written a moment ago, nothing is known afterwards: opening it looks
    at all of it, and says what is wrong. It is a process and no thread, which would take turns with the block; and what
    is forked while there are threads may hang, so enter it before there are any.
    """
    fork = multiprocessing.get_context("fork")
    told, tell = fork.Pipe(duplex=False)
    reader = fork.Process(target=_look_through, args=(index, tell), name="reading-ahead", daemon=True)
    reader.start()
    tell.close()
    try:
        yield
        with suppress(EOFError):  # there is nothing to tell, or it was killed
            digest, states = orjson.loads(told.recv_bytes())
            remember_whole(digest, tuple(FileState(*state) for state in states))
    finally:
        told.close()
        reader.join()


def _look_through(index: Path, tell: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # on Ctrl-C it ends without a word
    from seealso.snapshot.reader import open_snapshot  # imports FAISS, which the process beside has to do as well

    with suppress(OperatorError, BrokenPipeError):
        began_ns = time.time_ns()
        folder = snapshot_folder(index, current_id(index))
        manifest = read_manifest(folder)
        states = file_states(folder, manifest)
        open_snapshot(folder)
        if settled(states, began_ns) and file_states(folder, manifest) == states:
            tell.send_bytes(orjson.dumps([manifest_digest(manifest), [list(state) for state in states]]))
