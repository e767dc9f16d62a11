"""The store: a database, opened, migrated, and written to one change after the other.

A change is acknowledged when its transaction is on the disk (SQLite: WAL with synchronous=FULL; PostgreSQL: its
default). Whoever keeps what the store holds in memory reads the changes after the last one he knows.
"""

import getpass
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
import sqlalchemy as sa

from seealso.editorial.counter import Counter
from seealso.editorial.schema import REVISION, changes, head
from seealso.errors import SettingsInvalid, StoreUnavailable
from seealso.sqlite import write_ahead

DATABASE, COUNTER = "editorial.db", "editorial.count"
# How long somebody waits for another's change, for a connection, and for an answer. A change takes milliseconds.
WAIT_SECONDS_MAX = 5
# Whether a connection that was kept still works is known at once, or it does not.
PING_SECONDS_MAX = 2
# So many connections of one process stay open; its threads need one only while they change or read something.
CONNECTIONS = 2
# Any number that is ours: whoever migrates a PostgreSQL holds the lock of this name.
MIGRATION_LOCK = 0x5EEA150
# Alembic keeps what it works on in its modules: one of a process's stores at a time.
_UPGRADING = threading.Lock()
# SQLAlchemy's own choice for the first is an older driver; 'postgres' is how hosting services write it.
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log: what was done to what, by whom, when (UTC) and why; and how it was before and is after.

    `sequence`: its place in the log, from 1 on. `before` and `after` are JSON, None where there was or is nothing.
    """

    sequence: int
    moment: datetime
    who: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str


class Head(NamedTuple):
    """How many changes there are, the name of the past they belong to, and how many placings of articles."""

    sequence: int
    generation: str
    placed: int = 0


class Writing:
    """A transaction in which things are changed. `connection`: to read what is, and to write what shall be."""

    def __init__(self, connection: sa.Connection, sequence: int, placed: int, moment: datetime) -> None:
        self.connection = connection
        self.sequence = sequence
        self.placed = placed
        self.moment = moment

    def record(self, who: str, action: str, subject: str, before: Any, after: Any, reason: str = "") -> int:
        """Put a change into the log, and return its place there."""
        self.sequence += 1
        self.connection.execute(
            changes.insert().values(
                sequence=self.sequence,
                moment=as_text(self.moment),
                who=who,
                action=action,
                subject=subject,
                before=before,
                after=after,
                reason=reason,
            )
        )
        return self.sequence


class Store:
    """What editors decided. Safe from many threads, and to be opened after a fork.

    `address`: an SQLAlchemy URL; None: SQLite in the index folder. `folder`: where the counter is; None: beside the
    SQLite file, else in the index folder. `look_only`: its tables are not brought up to date; those of another version
    cannot be used then. Every method raises StoreUnavailable where the database cannot be used: gone, locked for longer
    than WAIT_SECONDS_MAX, full, damaged, or of a later version.
    """

    def __init__(
        self, index: Path, address: str | None = None, folder: Path | None = None, look_only: bool = False
    ) -> None:
        self._look_only = look_only
        self._url = url_of(index, address)
        self.name = self._url.set(query={}).render_as_string(hide_password=True)
        # In a folder that all processes of this machine share.
        self.counter = Counter((folder or (self.database.parent if self.database else index)) / COUNTER)
        self._told = -1  # after how many changes the counter was last moved by this process
        self._engine = self._made()
        self._migrated = False

    @property
    def shared(self) -> bool:
        """Return whether other machines may use it as well."""
        return self._url.get_backend_name() != "sqlite"

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Have a connection that sees one state of the store."""
        with self._named():
            self._migrate()
            with self._connected() as connection:
                if connection.dialect.name == "postgresql":
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Change things, all or none: it is kept for good when the block ends, and nothing is if it raises."""
        with self._named():
            self._migrate()
            with self._connected() as connection, self._begun(connection):
                # Whoever else writes waits here, and then sees what has been written.
                first = connection.execute(sa.select(head.c.sequence, head.c.placed).with_for_update()).one()
                writing = Writing(connection, first.sequence, first.placed, datetime.now(UTC))
                yield writing
                last = writing.sequence, writing.placed
                if last != tuple(first):
                    connection.execute(head.update().values(sequence=writing.sequence, placed=writing.placed))
            if last != tuple(first):
                self.counter.tell()
                self._told = writing.sequence

    def tell(self, sequence: int) -> None:
        """Have all processes of this machine look at the store, unless this one told them to at so many changes.

        The counter is moved by what this machine decides; what another does moves nothing here until it is read.
        """
        if sequence != self._told:  # there are fewer than before in a store that was put back from a backup
            self.counter.tell()
            self._told = sequence

    @contextmanager
    def adding(self) -> Iterator[sa.Connection]:
        """Write what is no decision, all or none: the log does not tell of it, and nobody hears of it."""
        with self._named():
            self._migrate()
            with self._connected() as connection, self._begun(connection):
                yield connection

    def sequence(self) -> int:
        """Return how many changes there are."""
        with self.reading() as connection:
            return head_of(connection).sequence

    def begin_anew(self) -> None:
        """Take the database for another one: its connections are opened anew, and its tables looked at again."""
        self._engine.dispose()
        self._migrated = False

    def changes(
        self, after: int = 0, subject: str | None = None, most: int | None = None, newest_first: bool = False
    ) -> list[Change]:
        """Return the changes after a place in the log, of one subject or of all."""
        with self.reading() as connection:
            return changes_on(connection, after, subject, most, newest_first)

    @property
    def database(self) -> Path | None:
        """Return the SQLite file; None where it is no SQLite."""
        found = self._url.database if not self.shared else None
        return Path(found).absolute() if found else None

    def _made(self) -> sa.Engine:
        options: dict[str, Any] = {
            "pool_size": CONNECTIONS,
            "max_overflow": -1,
            "json_serializer": lambda value: orjson.dumps(value).decode(),
            "json_deserializer": orjson.loads,
        }
        if self._url.get_backend_name() == "sqlite":
            # One connection is kept. Of those of a moment in which several read SQLite keeps the descriptors for
            # the next ones (to close one would give up the locks of all): as many as ever read at once, no more.
            options["pool_size"] = 1
            engine = sa.create_engine(self._url, connect_args={"timeout": WAIT_SECONDS_MAX}, **options)
            sa.event.listen(engine, "connect", _set_up_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
            return engine
        milliseconds = WAIT_SECONDS_MAX * 1_000
        arguments = {
            "connect_timeout": WAIT_SECONDS_MAX,
            "tcp_user_timeout": milliseconds,
            # A server that is gone is found out also while a migration waits for its answer.
            "keepalives_idle": WAIT_SECONDS_MAX,
            "keepalives_interval": WAIT_SECONDS_MAX,
            "application_name": "seealso",
        }
        engine = sa.create_engine(self._url, connect_args=arguments, **options)
        sa.event.listen(engine, "connect", _set_up_postgresql)
        return engine

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """Have a connection that works. A server that does not answer in time is no longer listened to."""
        if not self.shared:
            with self._engine.connect() as connection:
                yield connection
            return
        with self._working() as connection, _watched(connection, WAIT_SECONDS_MAX):
            yield connection

    def _working(self) -> sa.Connection:
        """Return a connection over which the server answers; one that was kept may be of before it was restarted."""
        connection = self._engine.connect()
        try:
            with _watched(connection, PING_SECONDS_MAX):
                connection.exec_driver_sql("SELECT 1")
                connection.rollback()
        except (sa.exc.DBAPIError, TimeoutError):
            connection.invalidate()
            connection.close()
            self._engine.dispose()  # the others are no better
            return self._engine.connect()
        return connection

    @contextmanager
    def _begun(self, connection: sa.Connection) -> Iterator[None]:
        with connection.execution_options(**{_WRITES: True}).begin():
            yield

    def _migrate(self) -> None:
        """Bring the tables up to what this version knows, once a process. Raises StoreUnavailable."""
        if self._migrated:
            return
        with self._connected() as connection:
            found = _revision(connection)
        if found != REVISION and self._look_only:
            raise StoreUnavailable(
                self.name,
                f"its tables are of version {found}, not {REVISION}, and a dry run leaves them so; a night, or the "
                "service of this version at its start, brings older ones up to date",
            )
        if found != REVISION:
            # A large table takes as long as it takes to be brought up to date: nothing breaks that off.
            with self._engine.connect() as connection, self._begun(connection):
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                with _UPGRADING:
                    self._upgrade(connection)
        self._migrated = True

    def _upgrade(self, connection: sa.Connection) -> None:
        from alembic import command, util
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, REVISION)
        except util.CommandError as error:
            raise StoreUnavailable(
                self.name, f"its tables cannot be brought up to date ({error}); if a later version made them, run that"
            ) from error

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Give what goes wrong with the database a name."""
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise StoreUnavailable(self.name, reason) from error


_WRITES = "seealso_writes"


@contextmanager
def _watched(connection: sa.Connection, seconds_max: float) -> Iterator[None]:
    """Break the connection to a server off if what is done with it takes too long: libpq would wait for ever.

    Raises TimeoutError then.
    """
    descriptor = cast(Any, connection.connection.dbapi_connection).fileno()
    late = threading.Event()
    with socket.socket(fileno=os.dup(descriptor)) as same:

        def break_off() -> None:
            late.set()
            with suppress(OSError):
                same.shutdown(socket.SHUT_RDWR)

        watch = threading.Timer(seconds_max, break_off)
        watch.daemon = True
        watch.start()
        try:
            yield
        except sa.exc.DBAPIError as error:
            if late.is_set():
                raise TimeoutError(f"it did not answer within {seconds_max:g} s") from error
            raise
        finally:
            watch.cancel()
            watch.join()


def url_of(index: Path, address: str | None) -> sa.URL:
    """Return where the store of an index folder is. Raises SettingsInvalid for an address that is none of its kinds."""
    if address is None:
        return sa.URL.create("sqlite", database=str(index.absolute() / DATABASE))
    try:
        url = sa.make_url(address)
        url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    except sa.exc.ArgumentError:
        raise SettingsInvalid(
            "SEEALSO_EDITORIAL must be an address such as 'postgresql://user@host/name', or unset"
        ) from None
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise SettingsInvalid(f"SEEALSO_EDITORIAL names a {url.drivername!r}; it may be a 'postgresql' or a 'sqlite'")
    return url


def is_there(index: Path, address: str | None) -> bool:
    """Return whether an index folder has a store; one on a server is there for all. Raises SettingsInvalid."""
    url = url_of(index, address)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def find_store(index: Path, address: str | None, look_only: bool = False) -> Store | None:
    """Return the store of an index folder; None where there is none yet. Raises StoreUnavailable, SettingsInvalid."""
    return Store(index, address, look_only=look_only) if is_there(index, address) else None


def needs_folder(index: Path, address: str | None) -> bool:
    """Return whether a store's counter must be elsewhere: machines share the store, and this one only reads the index.

    Raises SettingsInvalid.
    """
    if url_of(index, address).get_backend_name() == "sqlite" or not index.exists():
        return False
    counter = index / COUNTER
    return not os.access(counter if counter.exists() else index, os.W_OK)


def head_of(connection: sa.Connection) -> Head:
    """Return how many changes there are, of which past."""
    row = connection.execute(sa.select(head.c.sequence, head.c.generation, head.c.placed)).one()
    return Head(int(row.sequence), str(row.generation), int(row.placed))


def origin_of(generation: str) -> str:
    """Return which store a past is of, by its first past: the name of each that was put back begins with that."""
    return generation.partition(".")[0]


def last_of(connection: sa.Connection, actions: Iterable[str]) -> int:
    """Return the last change of some kinds, 0 if there was none."""
    asked = sa.select(sa.func.max(changes.c.sequence)).where(changes.c.action.in_(list(actions)))
    return int(connection.execute(asked).scalar() or 0)


def changes_on(
    connection: sa.Connection,
    after: int = 0,
    subject: str | None = None,
    most: int | None = None,
    newest_first: bool = False,
) -> list[Change]:
    """Return the changes after a place in the log, of one subject or of all."""
    order = changes.c.sequence.desc() if newest_first else changes.c.sequence
    asked = sa.select(changes).where(changes.c.sequence > after).order_by(order).limit(most)
    if subject is not None:
        asked = asked.where(changes.c.subject == subject)
    return [change_in(row) for row in connection.execute(asked).mappings()]


def change_in(row: Any) -> Change:
    """Return the change that a row of the log tells of."""
    return Change(**{**row, "moment": datetime.fromisoformat(row["moment"])})


def by_command() -> str:
    """Return who runs a command, as the log of changes names him."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = f"user {os.getuid()}"
    return f"{name}, by command"


def as_text(moment: datetime) -> str:
    """Return a moment as the store keeps it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def as_moment(text: str | None) -> datetime | None:
    """Return the moment that the store keeps."""
    return None if text is None else datetime.fromisoformat(text)


def _revision(connection: sa.Connection) -> str | None:
    """Return the version of the tables; None if there are none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # a transaction begins where we say so, also around DDL
    connection.create_function("lower", 1, str.lower, deterministic=True)  # its own knows ASCII alone
    write_ahead(connection, WAIT_SECONDS_MAX)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # Who means to write says so at once: a reader that becomes a writer may find that another was first, and fail.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_up_postgresql(connection: Any, _: object) -> None:
    milliseconds = WAIT_SECONDS_MAX * 1_000
    connection.execute(f"SET statement_timeout = {milliseconds}")
    connection.execute("SET synchronous_commit = on")
    connection.commit()
