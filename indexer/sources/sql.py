"""A query to any SQL database -> an article for each row, as a field map reads it.

The rows come through a cursor on the server's side, a batch at a time, in one transaction that can only read.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.sources.record import FieldMap
from indexer.sources.rows import needed_columns, read_row
from indexer.sources.source import Item
from seealso.errors import SourceUnreadable

if TYPE_CHECKING:
    import sqlalchemy

CONNECT_SECONDS_MAX = 30
_READ_ONLY = {
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET TRANSACTION READ ONLY",
    "mariadb": "SET TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
    "sqlite": "PRAGMA query_only = ON",
}
# Where a driver's package is not called as its module.
_PACKAGES = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
_SELECT = re.compile(r"(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/|\()*(?:select|with|values|table)\b", re.IGNORECASE)


class Query:
    """The rows of one SELECT. `address` is an SQLAlchemy URL; its password stands in no message and no name."""

    complete = True

    def __init__(self, address: str, sql: str, fields: FieldMap, batch_rows: int = 1_000) -> None:
        self._url = _read_address(address)
        self._sql = sql.strip().rstrip(";")
        self._fields = fields
        self._batch_rows = batch_rows
        # Two queries of one database are two sources.
        digest = hashlib.blake2b(self._sql.encode("utf-8", "replace"), digest_size=3).hexdigest()
        # Without what follows '?', where drivers take passwords as well.
        self.name = f"{self._url.set(query={}).render_as_string(hide_password=True)} query {digest}"

    def read(self) -> Iterator[Item]:
        """Yield an article for each row of the answer.

        Raises SourceUnreadable if the database cannot be reached or breaks off, the query is wrong, or its answer
        lacks a column.
        """
        import sqlalchemy

        if not _SELECT.match(self._sql):
            raise SourceUnreadable(self.name, "the query must be one SELECT")
        count = 0
        try:
            with self._connected() as connection, connection.exec_driver_sql(self._sql) as answer:
                columns = list(answer.keys())
                needed_columns(self.name, columns, self._fields)
                key = self._fields.column_of("id")
                for values in answer:
                    count += 1
                    row = dict(zip(columns, values, strict=True))
                    yield read_row(self._fields, row, f"{self.name} row {count} (id {row.get(key)})")
        except (sqlalchemy.exc.SQLAlchemyError, UnicodeDecodeError) as error:  # of names in a damaged file
            after = f"it breaks off after row {count:,}: " if count else ""
            raise SourceUnreadable(self.name, after + self._without_password(error)) from None

    @contextmanager
    def _connected(self) -> Iterator["sqlalchemy.Connection"]:
        """Open one connection, in a transaction that only reads, and close it."""
        engine = self._engine()
        dialect = engine.dialect.name
        with engine.connect() as connection:
            if dialect in _READ_ONLY:
                connection.exec_driver_sql(_READ_ONLY[dialect])
            # The query goes to the driver as it is: a '%' or ':' in it is no parameter.
            yield connection.execution_options(stream_results=True, yield_per=self._batch_rows, no_parameters=True)

    def _engine(self) -> "sqlalchemy.Engine":
        import sqlalchemy

        timeout: Mapping[str, Any] = {}
        if self._url.get_backend_name() == "sqlite":
            self._check_file()
        elif self._url.drivername.endswith(("+psycopg", "+psycopg2", "+pymysql")):
            timeout = {"connect_timeout": CONNECT_SECONDS_MAX}
        try:
            engine = sqlalchemy.create_engine(self._url, poolclass=sqlalchemy.NullPool, connect_args=dict(timeout))
        except ModuleNotFoundError as error:
            module = (error.name or "").split(".")[0]
            package = _PACKAGES.get(module, module)
            raise SourceUnreadable(self.name, f"its driver is not here; pip install '{package}'") from None
        if engine.dialect.name == "sqlite":
            sqlalchemy.event.listen(engine, "connect", _keep_undecodable)
        return engine

    def _check_file(self) -> None:
        """Raise SourceUnreadable if an SQLite file is not there, or cut inside a page.

        SQLite itself would make an empty one, and read zeros where the rest of the page was.
        """
        path = self._url.database
        if not path or path == ":memory:" or path.startswith("file:"):
            return
        try:
            with Path(path).open("rb") as file:
                header = file.read(100)
                page_bytes = int.from_bytes(header[16:18], "big")  # https://www.sqlite.org/fileformat.html#page_size
                size = file.seek(0, 2)
        except OSError as error:
            raise SourceUnreadable(self.name, error.strerror or str(error)) from error
        if size % (1 << 16 if page_bytes == 1 else max(page_bytes, 1)):
            raise SourceUnreadable(self.name, f"it is cut: {size:,} bytes are no whole number of pages")

    def _without_password(self, error: Exception) -> str:
        """Return what the database itself says, in one line: not the query, which SQLAlchemy adds to it."""
        lines = str(getattr(error, "orig", None) or error).strip().splitlines()
        message = " ".join(line.strip() for line in lines) or type(error).__name__
        for secret in (self._url.password, *self._url.query.values()):
            if isinstance(secret, str) and len(secret) > 3:
                message = message.replace(secret, "***")
        return message


def _read_address(address: str) -> "sqlalchemy.URL":
    import sqlalchemy

    from seealso.editorial.store import DRIVERS

    try:
        url = sqlalchemy.make_url(address)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # Not shown: it may hold a password in the wrong place.
        raise SourceUnreadable(
            "a database", "its address is none; it looks like postgresql://user:password@host:5432/database"
        ) from None
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def _keep_undecodable(connection: Any, _: object) -> None:
    """Have SQLite give text that is not UTF-8 with lone surrogates, for its row alone to be refused."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
