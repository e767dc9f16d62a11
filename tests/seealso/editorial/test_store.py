import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import seealso.editorial.store
from seealso.editorial.schema import METADATA, REVISION, changes
from seealso.editorial.store import DATABASE, Store, as_moment, as_text, find_store, url_of
from seealso.errors import SettingsInvalid, StoreUnavailable
from tests.conftest import ROOT
from tests.postgres import postgres_schema
from tests.servers import free_port


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores in which whoever waits for several others has time for that."""
    monkeypatch.setattr(seealso.editorial.store, "WAIT_SECONDS_MAX", 60)


def record(store: Store, subject: str, action: str = "tried") -> int:
    with store.writing() as writing:
        return writing.record("ann", action, subject, None, {"n": 1, "text": "ä\u2028"}, "because")


def test_what_was_done_stands_in_the_log_in_its_order(store: Store) -> None:
    assert (store.sequence(), store.changes()) == (0, [])
    began = datetime.now(UTC)
    assert [record(store, subject) for subject in ("a", "b", "a")] == [1, 2, 3]
    first, second, third = store.changes()
    assert (first.sequence, first.who, first.action, first.subject, first.reason) == (1, "ann", "tried", "a", "because")
    assert (first.before, first.after) == (None, {"n": 1, "text": "ä\u2028"})
    assert began <= first.moment <= second.moment <= third.moment <= datetime.now(UTC)
    assert [change.sequence for change in store.changes(after=1)] == [2, 3]
    assert [change.sequence for change in store.changes(subject="a", newest_first=True)] == [3, 1]
    assert [change.sequence for change in store.changes(most=2)] == [1, 2]
    assert store.sequence() == 3


def test_what_was_done_is_there_for_others_and_after_a_restart(store: Store, other: Store) -> None:
    record(store, "a")
    assert [change.subject for change in other.changes()] == ["a"]
    other.close()
    assert [change.subject for change in other.changes()] == ["a"]


def test_either_all_of_a_transaction_is_kept_or_nothing(store: Store) -> None:
    record(store, "a")
    told = store.counter.numbers[0]

    def fail() -> None:
        with store.writing() as writing:
            writing.record("ann", "tried", "b", None, None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (store.sequence(), [change.subject for change in store.changes()]) == (1, ["a"])
    assert store.counter.numbers[0] == told
    assert record(store, "c") == 2


def test_others_are_told_of_changes_and_of_nothing_else(store: Store, other: Store) -> None:
    before = other.counter.numbers[0]
    with store.writing() as writing:
        writing.connection.execute(sa.select(changes)).all()
    store.sequence()
    assert other.counter.numbers[0] == before
    record(store, "a")
    assert other.counter.numbers[0] == before + 1


@pytest.mark.usefixtures("patient")
def test_those_who_write_at_once_write_one_after_the_other(store: Store, other: Store) -> None:
    threads = [
        threading.Thread(target=lambda where: [record(where, "x") for _ in range(20)], args=(where,))
        for where in (store, other, store, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [change.sequence for change in store.changes()] == list(range(1, 81))
    assert store.counter.numbers[0] == 80


def test_who_reads_sees_one_state(store: Store, other: Store) -> None:
    record(store, "a")
    with store.reading() as connection:
        seen = sa.select(sa.func.count()).select_from(changes)
        assert connection.execute(seen).scalar() == 1
        record(other, "b")
        assert connection.execute(seen).scalar() == 1
    with store.reading() as connection:
        assert connection.execute(seen).scalar() == 2


def test_tables_are_those_that_the_code_expects(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == REVISION


def test_last_migration_is_the_one_that_is_expected() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "seealso" / "editorial" / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


@pytest.mark.usefixtures("patient")
def test_store_is_made_once_however_many_open_it_first(tmp_path: Path, address: str | None) -> None:
    stores = [Store(tmp_path, address) for _ in range(4)]
    found: list[int] = []
    threads = [threading.Thread(target=lambda each: found.append(each.sequence()), args=(each,)) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 4
    for each in stores:
        each.close()


def test_store_of_a_later_version_is_refused_by_name(store: Store, other: Store) -> None:
    with store.writing() as writing:
        writing.connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match=r"9999.*if a later version made them, run that"):
        other.sequence()


def test_moments_are_kept_to_the_microsecond_and_in_order() -> None:
    moment = datetime(2026, 11, 28, 1, 2, 3, 40, timezone(timedelta(hours=2)))
    assert as_text(moment) == "2026-11-27T23:02:03.000040Z"
    assert as_moment(as_text(moment)) == moment
    assert as_text(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"
    assert as_moment(None) is None


def test_address_that_is_no_store_is_refused_without_its_password() -> None:
    for address in ("mysql://joe:secret@host/x", "nonsense secret"):
        with pytest.raises(SettingsInvalid, match="SEEALSO_EDITORIAL") as caught:
            url_of(Path(), address)
        assert "secret" not in str(caught.value)
    assert url_of(Path(), "postgres://host/x").drivername == "postgresql+psycopg"


# what only one of both can meet


def test_a_store_that_is_not_there_yet_is_none_and_is_not_made(tmp_path: Path) -> None:
    for address in (None, f"sqlite:///{tmp_path}/elsewhere/editorial.db"):
        assert find_store(tmp_path, address) is None
    assert list(tmp_path.iterdir()) == []
    Store(tmp_path).sequence()
    assert find_store(tmp_path, None) is not None


def test_no_server_is_a_store_that_is_unavailable(tmp_path: Path) -> None:
    store = Store(tmp_path, f"postgresql://joe:secret@127.0.0.1:{free_port()}/x")
    with pytest.raises(StoreUnavailable) as caught:
        store.sequence()
    assert "secret" not in str(caught.value)
    assert "joe" in str(caught.value)


def test_sqlite_that_another_holds_is_waited_for_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seealso.editorial.store, "WAIT_SECONDS_MAX", 0.2)
    store = Store(tmp_path)
    record(store, "a")
    with sqlite3.connect(tmp_path / DATABASE) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            record(store, "b")
        assert store.sequence() == 1  # who reads does not wait
    assert record(store, "b") == 2
    store.close()


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"something else altogether" * 100)
    store = Store(tmp_path)
    with pytest.raises(StoreUnavailable, match=rf"{DATABASE}.*not a database"):
        store.sequence()


def test_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    if os.getuid() == 0:
        target = tmp_path / "file"
        target.write_text("")
        with pytest.raises(StoreUnavailable, match=r"editorial\.count"):
            Store(target)
        return
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StoreUnavailable, match=r"editorial\.count"):
        Store(tmp_path)


def test_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """The file may grow no further, as on a disk that is full."""
    store = Store(tmp_path)
    record(store, "a")
    with store.reading() as connection:
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar()
    store.close()
    with store._engine.connect() as connection:
        connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))

    def fill() -> None:
        with store.writing() as writing:
            writing.record("ann", "tried", "large", None, "x" * 1_000_000)

    with pytest.raises(StoreUnavailable, match="full"):
        fill()
    assert [change.subject for change in store.changes()] == ["a"]
    store.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from seealso.editorial.store import Store
store = Store(Path(sys.argv[1]))
with store.writing() as writing:
    writing.record("ann", "tried", "kept", None, None)
os.kill(os.getpid(), signal.SIGKILL)
"""
WHILE_WRITING = KILLED.replace("None, None)\nos.kill", "None, None)\n    os.kill")


@pytest.mark.parametrize(("program", "kept"), [(KILLED, ["kept"]), (WHILE_WRITING, [])])
def test_who_is_killed_has_written_all_or_nothing(tmp_path: Path, program: str, kept: list[str]) -> None:
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=False)
    store = Store(tmp_path)
    assert [change.subject for change in store.changes()] == kept
    assert record(store, "next") == len(kept) + 1
    store.close()


def test_server_that_takes_too_long_is_named_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with postgres_schema() as address, closing(Store(tmp_path, address)) as store:
        store.sequence()
        with monkeypatch.context() as patched:
            patched.setattr(seealso.editorial.store, "WAIT_SECONDS_MAX", 1)
            with pytest.raises(StoreUnavailable, match="it did not answer within 1 s"), store.reading() as connection:
                connection.exec_driver_sql("SET statement_timeout = 0; SELECT pg_sleep(30)")
        assert store.sequence() == 0
