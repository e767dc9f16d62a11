import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from indexer.sources.state_file import open_state
from seealso.editorial.store import DATABASE, Store
from seealso.sqlite import write_ahead


def mode_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def held(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    """Have somebody write to a new database: who would change how it writes is refused at once meanwhile."""
    another = sqlite3.connect(path, check_same_thread=False)
    another.execute("BEGIN IMMEDIATE")
    return closing(another)


def read_store(path: Path) -> None:
    with closing(Store(path.parent)) as store:
        assert store.sequence() == 0


def read_state(path: Path) -> None:
    with open_state(path) as state:
        state.execute("CREATE TABLE seen (address TEXT)")


@pytest.mark.parametrize("read", [read_store, read_state])
def test_who_opens_a_new_database_waits_for_who_is_about_to_make_it(
    tmp_path: Path, read: Callable[[Path], None]
) -> None:
    with held(tmp_path / DATABASE) as another:
        ending = threading.Timer(0.3, another.rollback)
        ending.start()
        read(tmp_path / DATABASE)
        ending.join()
    assert mode_of(tmp_path / DATABASE) == "wal"


def test_who_is_in_the_way_for_too_long_is_no_longer_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new"
    with (
        held(path),
        closing(sqlite3.connect(path, timeout=0)) as database,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        write_ahead(database, seconds_max=0.05)
    assert mode_of(tmp_path / "new") == "delete"


def test_what_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"something else altogether" * 100)
    with closing(sqlite3.connect(tmp_path / "text")) as database, pytest.raises(sqlite3.DatabaseError, match="not a"):
        write_ahead(database, seconds_max=3600)
