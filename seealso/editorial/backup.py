"""A copy of the store in a file of its own, made while it is in use, and put back while it is in use. SQLite only:
PostgreSQL has pg_dump and pg_restore.
"""

import fcntl
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seealso.editorial.schema import METADATA, head
from seealso.editorial.store import WAIT_SECONDS_MAX, Store, head_of, origin_of
from seealso.errors import StoreUnavailable
from seealso.snapshot.layout import sync_folder

ASIDE = ".part"
RESTORING = ".restoring"


def back_up(store: Store, target: Path) -> int:
    """Write a copy of the store, and return how many changes it has. What is at `target` before is replaced.

    Raises StoreUnavailable, OSError.
    """
    database = _database_of(store)
    _check_other(store, database, target)
    store.sequence()  # it is there, and up to date
    aside = target.with_name(target.name + ASIDE)
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    try:
        with closing(_opened(database)) as source, closing(_opened(aside)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            (sequence,) = copy.execute("SELECT sequence FROM head").fetchone()
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        shutil.copymode(database, aside)  # it holds as much as the store
        aside.replace(target)
        sync_folder(target.parent)
    except sqlite3.Error as error:
        raise StoreUnavailable(store.name, f"it cannot be copied ({error})") from error
    finally:
        aside.unlink(missing_ok=True)
    return int(sequence)


def put_back(store: Store, copy: Path) -> int:
    """Have the store be what a copy of it is, and return how many changes that has. All workers hear of it.

    Raises StoreUnavailable if the copy is none, is damaged, or is of a later version; the store is as before then.
    Raises OSError.
    """
    database = _database_of(store)
    _check_other(store, database, copy)
    folder = database.parent / RESTORING
    with _alone(store, database.parent):
        shutil.rmtree(folder, ignore_errors=True)  # of one that was killed
        folder.mkdir(mode=0o700)
        try:
            return _put_back(store, database, copy, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(store: Store, folder: Path) -> Iterator[None]:
    """Be the only one who puts something back until the block ends. Raises StoreUnavailable if another does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reason = "a copy is being put back by another command; wait for its end"
            raise StoreUnavailable(store.name, reason) from None
        yield
    finally:
        os.close(descriptor)


def _put_back(store: Store, database: Path, copy: Path, folder: Path) -> int:
    # Whatever is wrong with the copy shows here, before the store is touched.
    aside = Store(folder)
    try:
        sequence = _take(copy, aside)
    except StoreUnavailable as error:
        raise StoreUnavailable(str(copy), f"it cannot be put back ({error.reason})") from error
    finally:
        aside.close()
    store.close()
    try:
        with closing(_readable(_database_of(aside))) as source, closing(_opened(database)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise StoreUnavailable(store.name, f"nothing can be put back into it ({error})") from error
    store.begin_anew()
    store.counter.tell()
    return sequence


def _take(copy: Path, store: Store) -> int:
    """Have a new store be what a copy is, brought up to date, as a past of its own; return how many changes it has."""
    try:
        with closing(_readable(copy)) as source:
            (fault,) = source.execute("PRAGMA integrity_check").fetchone()
            if fault != "ok":
                raise StoreUnavailable(str(copy), f"it is damaged ({fault})")
            # An empty database would become a new store.
            if source.execute("SELECT sequence, version_num FROM head, alembic_version").fetchone() is None:
                raise StoreUnavailable(str(copy), "it is no copy of a store")
            with closing(_opened(_database_of(store))) as target:
                source.backup(target)
    except sqlite3.Error as error:
        raise StoreUnavailable(str(copy), str(error)) from error
    with store.writing() as writing:
        found = writing.connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars()
        missing = METADATA.tables.keys() - set(found)
        if missing:
            raise StoreUnavailable(str(copy), f"it has no table {min(missing)}")
        # What comes now has the numbers of changes that have been: caches must not take the one for the other.
        origin = origin_of(head_of(writing.connection).generation)
        writing.connection.execute(head.update().values(generation=f"{origin}.{secrets.token_hex(4)}"))
    return writing.sequence


def _database_of(store: Store) -> Path:
    if store.database is None:
        raise StoreUnavailable(store.name, "it is no SQLite; use its own pg_dump and pg_restore")
    return store.database


def _check_other(store: Store, database: Path, copy: Path) -> None:
    """Raise StoreUnavailable if a copy is the store's own file, or would be, by whatever name."""
    if copy.exists() and database.exists() and copy.samefile(database):
        raise StoreUnavailable(store.name, f"{copy} is its own file, and no copy of it; name another")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=WAIT_SECONDS_MAX)


def _readable(path: Path) -> sqlite3.Connection:
    """Open a database that is there: else an empty one would be made."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS_MAX)
