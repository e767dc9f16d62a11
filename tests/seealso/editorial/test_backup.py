"""Copies of the store: SQLite, as PostgreSQL has tools of its own."""

import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seealso.editorial import backup
from seealso.editorial.backup import RESTORING, back_up, put_back
from seealso.editorial.decisions import read_decisions
from seealso.editorial.rules import Wish
from seealso.editorial.store import DATABASE, Store
from seealso.errors import StoreUnavailable
from tests.deciding import make_rule, take_down
from tests.postgres import postgres_schema
from tests.seealso.editorial.test_migrations import brought_up


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def test_what_is_put_back_is_what_was_copied(store: Store, tmp_path: Path, copy: Path) -> None:
    take_down(store, ["a"], "ann", "x", None)
    make_rule(store, Wish("sensitive", article="b"), "ann", "x")
    before = read_decisions(store)[0]
    assert back_up(store, copy) == 2
    take_down(store, ["c"], "ann", "x", None)
    other = Store(tmp_path)  # another process, which has it open
    known, told = read_decisions(other)[0], other.counter.numbers[0]
    assert put_back(store, copy) == 2
    assert other.counter.numbers[0] > told
    after, changes = read_decisions(other, known)
    assert (after.takedowns, after.rules, after.sequence, changes) == (before.takedowns, before.rules, 2, [])
    assert after.head.generation != before.head.generation
    assert after.era_at(before.takedowns["a"].since) != before.era_at(before.takedowns["a"].since)
    assert [change.subject for change in store.changes()] == ["a", "rule:2"]
    other.close()


def test_copy_of_what_is_being_written_is_whole(store: Store, tmp_path: Path, copy: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            take_down(store, [f"a{number}", f"b{number}"], "ann", "x", None)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            changes = back_up(store, copy)
            (folder := tmp_path / str(number)).mkdir()
            copy.rename(folder / "editorial.db")
            found = Store(folder)
            assert found.sequence() == changes == len(found.changes())
            assert changes % 2 == 0
            found.close()
    finally:
        ended.set()
        thread.join()


def test_copy_is_one_file_and_replaces_the_one_before(store: Store, tmp_path: Path, copy: Path) -> None:
    store.sequence()
    before = {path.name for path in tmp_path.iterdir()}
    for number in range(2):
        take_down(store, [f"a{number}"], "ann", "x", None)
        assert back_up(store, copy) == number + 1
    assert {path.name for path in tmp_path.iterdir()} - before - {"editorial.db-wal", "editorial.db-shm"} == {copy.name}


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_what_is_no_copy_is_refused_and_changes_nothing(store: Store, copy: Path, content: bytes) -> None:
    take_down(store, ["a"], "ann", "x", None)
    copy.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=copy.name):
        put_back(store, copy)
    assert set(read_decisions(store)[0].takedowns) == {"a"}


@pytest.mark.parametrize(
    ("made_otherwise", "reason"),
    [
        ("UPDATE alembic_version SET version_num = '9999_later'", "if a later version made them, run that"),
        ("DELETE FROM alembic_version", "no copy of a store"),
        ("DROP TABLE alembic_version", "no such table: alembic_version"),
        ("DROP TABLE takedowns", "no table takedowns"),
    ],
)
def test_copy_that_this_version_cannot_use_changes_nothing(
    store: Store, copy: Path, tmp_path: Path, made_otherwise: str, reason: str
) -> None:
    take_down(store, ["a"], "ann", "x", None)
    back_up(store, copy)
    take_down(store, ["b"], "ann", "x", None)
    before = read_decisions(store)[0].head
    with sqlite3.connect(copy) as connection:
        connection.execute(made_otherwise)
    connection.close()
    with pytest.raises(StoreUnavailable, match=rf"{copy.name}.*{reason}"):
        put_back(store, copy)
    after = read_decisions(Store(tmp_path))[0]
    assert (set(after.takedowns), after.head) == ({"a", "b"}, before)
    assert not (tmp_path / RESTORING).exists()


def test_what_a_killed_restore_left_is_removed_by_the_next(store: Store, copy: Path, tmp_path: Path) -> None:
    take_down(store, ["a"], "ann", "x", None)
    back_up(store, copy)
    (tmp_path / RESTORING).mkdir()
    (tmp_path / RESTORING / DATABASE).write_bytes(b"half of it")
    put_back(store, copy)
    assert set(read_decisions(store)[0].takedowns) == {"a"}
    assert not (tmp_path / RESTORING).exists()


def test_copy_is_read_by_nobody_who_may_not_read_the_store(
    store: Store, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_down(store, ["a"], "ann", "x", None)
    (tmp_path / DATABASE).chmod(0o600)
    modes, sync = list[int](), os.fsync

    def synced(descriptor: int) -> None:
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        sync(descriptor)

    with monkeypatch.context() as watched:  # nor while it is written
        watched.setattr(os, "fsync", synced)
        back_up(store, copy)
    assert copy.stat().st_mode & 0o777 == modes[0] == 0o600


def test_only_one_copy_is_put_back_at_a_time(
    store: Store, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_down(store, ["a"], "ann", "x", None)
    back_up(store, copy)
    take_down(store, ["b"], "ann", "x", None)
    take, refused = backup._take, []

    def meanwhile(given: Path, aside: Store) -> int:
        taken = take(given, aside)
        with pytest.raises(StoreUnavailable, match="by another command"):
            put_back(store, copy)
        refused.append(given)
        return taken

    monkeypatch.setattr(backup, "_take", meanwhile)
    put_back(store, copy)
    assert refused == [copy]
    assert set(read_decisions(store)[0].takedowns) == {"a"}


def test_what_was_to_be_put_back_and_is_gone_empties_no_store(
    store: Store, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_down(store, ["a"], "ann", "x", None)
    back_up(store, copy)
    take = backup._take

    def removed(given: Path, aside: Store) -> int:
        taken = take(given, aside)
        for path in (tmp_path / RESTORING).iterdir():
            path.unlink()
        return taken

    monkeypatch.setattr(backup, "_take", removed)
    with pytest.raises(StoreUnavailable, match="nothing can be put back"):
        put_back(store, copy)
    assert set(read_decisions(Store(tmp_path))[0].takedowns) == {"a"}


def test_copy_that_an_earlier_version_made_is_brought_up_to_date(tmp_path: Path, store: Store) -> None:
    (earlier := tmp_path / "earlier").mkdir()
    sequence = brought_up(earlier, None, "0001")
    take_down(store, ["b"], "ann", "x", None)
    assert put_back(store, earlier / DATABASE) == sequence
    assert set(read_decisions(store)[0].takedowns) == {"a"}


def test_damaged_copy_is_refused(store: Store, copy: Path) -> None:
    for number in range(200):
        take_down(store, [f"a{number}"], "ann", "x" * 500, None)
    back_up(store, copy)
    damaged = bytearray(copy.read_bytes())
    damaged[8_192:40_960] = b"\xff" * (40_960 - 8_192)
    copy.write_bytes(damaged)
    with pytest.raises(StoreUnavailable, match=copy.name):
        put_back(store, copy)
    assert store.sequence() == 200


@pytest.mark.parametrize("to_copy", [back_up, put_back])
def test_the_store_is_no_copy_of_itself_by_whatever_name(
    store: Store, tmp_path: Path, to_copy: Callable[[Store, Path], int]
) -> None:
    take_down(store, ["a"], "ann", "x", None)
    database = tmp_path / DATABASE
    (tmp_path / "symbolic").symlink_to(database)
    (tmp_path / "hard").hardlink_to(database)
    before = database.stat().st_ino
    for own in (database, tmp_path / "symbolic", tmp_path / "hard"):
        with pytest.raises(StoreUnavailable, match="its own file"):
            to_copy(store, own)
    assert (database.stat().st_ino, store.sequence()) == (before, 1)


def test_other_databases_have_tools_of_their_own(tmp_path: Path, copy: Path) -> None:
    elsewhere = Store(tmp_path, "postgresql://nobody@127.0.0.1:1/x")
    with pytest.raises(StoreUnavailable, match="pg_dump"):
        back_up(elsewhere, copy)
    with pytest.raises(StoreUnavailable, match="pg_restore"):
        put_back(elsewhere, copy)


def test_a_store_in_postgresql_is_copied_and_put_back_by_its_own_tools(tmp_path: Path) -> None:
    if shutil.which("pg_dump") is None:
        assert "CI" not in os.environ, "pg_dump is not installed"
        pytest.skip("pg_dump is not installed")
    with postgres_schema() as address:
        store = Store(tmp_path, address)
        take_down(store, ["a"], "ann", "x", None)
        make_rule(store, Wish("sensitive", article="b"), "ann", "x")
        before = read_decisions(store)[0]
        schema, server = address.partition("search_path%3D")[2], address.partition("options=")[0].rstrip("?&")
        copy = tmp_path / "copy.dump"
        subprocess.run(["pg_dump", "--format=custom", f"--schema={schema}", f"--file={copy}", server], check=True)
        take_down(store, ["c"], "ann", "x", None)
        store.close()
        restoring = ["pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={server}", str(copy)]
        subprocess.run(restoring, check=True)
        again = Store(tmp_path, address)
        after = read_decisions(again)[0]
        assert (after.takedowns, after.rules, after.head) == (before.takedowns, before.rules, before.head)
        take_down(again, ["d"], "ann", "x", None)
        assert again.sequence() == 3
        again.close()
