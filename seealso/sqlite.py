"""A database in a file, as several processes open it for the first time."""

import sqlite3
import time

# What another does to a new database takes milliseconds.
_PAUSE_SECONDS = 0.01


def write_ahead(connection: sqlite3.Connection, seconds_max: float) -> None:
    """Have a database write ahead (WAL), as it does for good once it has been told.

    Who tells a new one while another writes to it or tells it as well is refused by SQLite without a wait, whatever
    its timeout: this waits. Raises sqlite3.Error, also if another is in the way for longer than `seconds_max`.
    """
    until = time.monotonic() + seconds_max
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
