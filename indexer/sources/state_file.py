"""The SQLite files in which sources keep what they know from one night to the next."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seealso.sqlite import write_ahead

# So long one night waits for another that reads a source of the same kind.
BUSY_SECONDS_MAX = 30.0


@contextmanager
def open_state(path: Path | None, autocommit: bool = True) -> Iterator[sqlite3.Connection]:
    """Open a file, making it (and the folder it is in) if need be; with no path, nothing is kept.

    Raises sqlite3.Error, OSError.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path or ":memory:", timeout=BUSY_SECONDS_MAX)) as database:
        if autocommit:
            database.isolation_level = None
        write_ahead(database, BUSY_SECONDS_MAX)
        database.execute("PRAGMA synchronous = NORMAL")
        yield database
