"""A copy of the store in a file of its own, made while it is in use, and put back while it is in use. SQLite only:
PostgreSQL has pg_dump and pg_restore.
"""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from seealso.editorial.schema import head
from seealso.editorial.store import WAIT_SECONDS_MAX, Store
from seealso.errors import StoreUnavailable

ASIDE = ".part"


def back_up(store: Store, target: Path) -> int:
    """Write a copy of the store, and return how many changes it has. What is at `target` before is replaced.

    Raises StoreUnavailable, OSError.
    """
    database = _database_of(store)
    store.sequence()  # it is there, and up to date
    aside = target.with_name(target.name + ASIDE)
    aside.unlink(missing_ok=True)
    try:
        with closing(_opened(database)) as source, closing(_opened(aside)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            (sequence,) = copy.execute("SELECT sequence FROM head").fetchone()
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(target)
    except sqlite3.Error as error:
        raise StoreUnavailable(store.name, f"it cannot be copied ({error})") from error
    finally:
        aside.unlink(missing_ok=True)
    return int(sequence)


def put_back(store: Store, copy: Path) -> int:
    """Have the store be what a copy of it is, and return how many changes that has. All workers hear of it.

    Raises StoreUnavailable if the copy is none, or is damaged; the store is as before then.
    """
    database = _database_of(store)
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as source:
            (found,) = source.execute("PRAGMA integrity_check").fetchone()
            if found != "ok":
                raise StoreUnavailable(str(copy), f"it is damaged ({found})")
            (sequence,) = source.execute("SELECT sequence FROM head").fetchone()
            store.close()
            with closing(_opened(database)) as target:
                source.backup(target)
    except sqlite3.Error as error:
        raise StoreUnavailable(str(copy), f"it cannot be put back ({error})") from error
    store.begin_anew()
    with store.writing() as writing:
        # What comes now has the numbers of changes that have been: caches must not take the one for the other.
        writing.connection.execute(head.update().values(generation=secrets.token_hex(4)))
    store.counter.tell()
    return int(sequence)


def _database_of(store: Store) -> Path:
    if store.database is None:
        raise StoreUnavailable(store.name, "it is no SQLite; use its own pg_dump and pg_restore")
    return store.database


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=WAIT_SECONDS_MAX)
