"""The machines that answer by one store: how much each knows of what was decided.

On one machine, what was decided is known to all workers once the counter has been moved. Where several share a
PostgreSQL, each says how far its workers know the log; who decides something waits for all that can be heard of.
"""

import time
from dataclasses import dataclass

import sqlalchemy as sa

from seealso.editorial.schema import machines
from seealso.editorial.store import Store

# Who is not heard of for so long may be cut off from the store and still answer readers; or is gone.
SILENT_SECONDS = 5.0
# After so long it is taken for gone.
GONE_SECONDS = 3_600.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, how many changes all of its workers know, and for how many seconds it has not been heard of."""

    name: str
    sequence: int
    silent_s: float


def report(store: Store, name: str, sequence: int) -> None:
    """Say that all workers of a machine know so many changes. Raises StoreUnavailable."""
    with store.writing() as writing:
        now = _clock(writing.connection)
        told = {"sequence": sequence, "heard": now}
        changed = machines.update().where(machines.c.name == name).values(told)
        if not writing.connection.execute(changed).rowcount:
            writing.connection.execute(machines.insert().values(name=name, **told))
        writing.connection.execute(machines.delete().where(machines.c.heard < now - GONE_SECONDS))


def announce(store: Store, name: str) -> None:
    """Say that a machine is about to answer, of which nothing is heard yet: it knows nothing. Raises StoreUnavailable.

    What is decided from then on is not taken for known to all before it has read it.
    """
    with store.writing() as writing:  # one after the other: a machine has several workers
        now = _clock(writing.connection)
        writing.connection.execute(machines.delete().where(machines.c.heard < now - GONE_SECONDS))
        if writing.connection.execute(sa.select(machines).where(machines.c.name == name)).first() is None:
            writing.connection.execute(machines.insert().values(name=name, sequence=0, heard=now))


def leave(store: Store, name: str) -> None:
    """Say that a machine answers no more. Raises StoreUnavailable."""
    with store.writing() as writing:
        writing.connection.execute(machines.delete().where(machines.c.name == name))


def read_machines(store: Store) -> list[Machine]:
    """Return all machines that are not taken for gone, by name. Raises StoreUnavailable."""
    with store.reading() as connection:
        now = _clock(connection)
        asked = sa.select(machines).where(machines.c.heard >= now - GONE_SECONDS).order_by(machines.c.name)
        return [Machine(row.name, row.sequence, max(0.0, now - row.heard)) for row in connection.execute(asked)]


def wait_until_known(store: Store, sequence: int, seconds_max: float) -> list[Machine]:
    """Wait until all machines know so many changes, as long as they are heard of; return those that do not.

    Raises StoreUnavailable.
    """
    end = time.monotonic() + seconds_max
    while True:
        behind = [machine for machine in read_machines(store) if machine.sequence < sequence]
        awaited = [machine for machine in behind if machine.silent_s < SILENT_SECONDS]
        if not awaited or time.monotonic() > end:
            return behind
        time.sleep(LOOK_SECONDS)


def _clock(connection: sa.Connection) -> float:
    """Return the seconds since 1970 by the clock that all machines share."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp()))).scalar_one())
    return time.time()
