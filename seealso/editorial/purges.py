"""Purges: what caches in front of the service have to drop, told to them until they have taken it.

A purge is written with the change that makes it necessary, in one transaction, so that none is forgotten whatever is
killed; it is sent afterwards, tried again with growing pauses, and given up after TRIES_MAX, for a person to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from seealso.editorial.schema import purges
from seealso.editorial.store import Store, Writing, as_moment, as_text

State = Literal["waiting", "done", "given-up"]
# The reason in a message that tells what has ended by itself.
ENDED = "ended"
TRIES_MAX = 12
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 2, 300
# A purge that was taken can be looked at for so long, and one that was given up.
DONE_DAYS, GIVEN_UP_DAYS = 7, 90
# Whoever sends one has so long, before another takes it for dead.
SENDING_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Purge:
    """A message for caches, a JSON object: how often it was sent, when it is tried next (None: not any more), when it
    was taken, and why it was not. `id` is the change that made it necessary.
    """

    id: int
    message: dict[str, Any]
    since: datetime
    tries: int
    next_try: datetime | None
    done: datetime | None
    failure: str | None

    @property
    def state(self) -> State:
        """Return whether it is still to be sent, was taken, or given up."""
        if self.done is not None:
            return "done"
        return "given-up" if self.next_try is None else "waiting"


def snapshot_key(snapshot_id: str, site: str | None) -> str:
    """Return the surrogate key of all that a snapshot answered; where the site has a name, it stands before it."""
    return f"{site}:snapshot:{snapshot_id}" if site else f"snapshot:{snapshot_id}"


def add_purge_in(writing: Writing, message: dict[str, Any], after_s: float = 0, site: str | None = None) -> None:
    """Have caches told of the change that was last recorded in what is written, after so long."""
    _add_in(writing, writing.sequence, message, after_s, site)


def told_ends(connection: sa.Connection, changes: Sequence[int]) -> set[int]:
    """Return of which of some changes caches are being told, or were, that what they did has ended by itself."""
    found = connection.execute(sa.select(purges.c.id, purges.c.message).where(purges.c.id.in_(changes)))
    return {row.id for row in found if row.message.get("reason") == ENDED}


def add_end_in(writing: Writing, change: int, message: dict[str, Any], after_s: float, site: str | None) -> None:
    """Have caches told, after so long, that what a change did has ended by itself; nothing if they have been.

    The message takes the place of the one that told of the change: it has what that had to drop, and more.
    """
    if told_ends(writing.connection, [change]):
        return
    writing.connection.execute(purges.delete().where(purges.c.id == change))
    _add_in(writing, change, message | {"reason": ENDED}, after_s, site)


def make_due(store: Store, purge_ids: Sequence[int], moment: datetime) -> None:
    """Have purges that were to be sent later be sent now, but those that were taken. Raises StoreUnavailable."""
    with store.writing() as writing:
        held = purges.c.id.in_(purge_ids) & (purges.c.tries == 0)
        writing.connection.execute(purges.update().where(held).values(next_try=as_text(moment)))


def take_due(store: Store, moment: datetime) -> Purge | None:
    """Return the purge that waits longest, None if none does; it is nobody else's for a while.

    Raises StoreUnavailable.
    """
    due = sa.select(purges).where(purges.c.next_try <= as_text(moment)).order_by(purges.c.next_try).limit(1)
    with store.reading() as connection:
        if connection.execute(due).first() is None:  # as a rule: who only looks keeps no writer waiting
            return None
    with store.writing() as writing:
        row = writing.connection.execute(due).first()
        if row is None:
            return None
        taken = {"tries": row.tries + 1, "next_try": as_text(moment + timedelta(seconds=SENDING_SECONDS_MAX))}
        writing.connection.execute(purges.update().where(purges.c.id == row.id).values(taken))
        return _purge(row)


def settle(store: Store, purge: Purge, failure: str | None, moment: datetime) -> Purge:
    """Note what came of a purge that was taken, and return it with that. Raises StoreUnavailable.

    Another that took its place meanwhile is left alone: see `add_end_in`; and so is one that was done by hand.
    """
    tries = purge.tries + 1
    pause_s = min(PAUSE_SECONDS**tries, PAUSE_SECONDS_MAX)
    again = failure is not None and tries < TRIES_MAX
    now = replace(
        purge,
        tries=tries,
        next_try=moment + timedelta(seconds=pause_s) if again else None,
        done=moment if failure is None else None,
        failure=failure,
    )
    settled = {
        "tries": tries,
        "next_try": now.next_try and as_text(now.next_try),
        "done": now.done and as_text(now.done),
        "failure": failure,
    }
    with store.writing() as writing:
        same = (purges.c.id == purge.id) & (purges.c.since == as_text(purge.since)) & purges.c.done.is_(None)
        writing.connection.execute(purges.update().where(same).values(settled))
    return now


def try_again(store: Store, purge_id: int, moment: datetime) -> Purge | None:
    """Have a purge sent again from the beginning; return it, None if there is none. Raises StoreUnavailable."""
    with store.writing() as writing:
        anew = {"tries": 0, "next_try": as_text(moment), "done": None, "failure": None}
        writing.connection.execute(purges.update().where(purges.c.id == purge_id).values(anew))
        row = writing.connection.execute(sa.select(purges).where(purges.c.id == purge_id)).first()
        return None if row is None else _purge(row)


def note_done(store: Store, purge_id: int, who: str, moment: datetime) -> Purge | None:
    """Note that somebody did by hand what a purge asks for, and return it, None if there is none.

    One that was taken stays as it is. Raises StoreUnavailable.
    """
    with store.writing() as writing:
        by_hand = {"next_try": None, "done": as_text(moment), "failure": f"done by hand, as {who} says"}
        open_still = (purges.c.id == purge_id) & purges.c.done.is_(None)
        writing.connection.execute(purges.update().where(open_still).values(by_hand))
        row = writing.connection.execute(sa.select(purges).where(purges.c.id == purge_id)).first()
        return None if row is None else _purge(row)


def forget_purges(store: Store, moment: datetime) -> int:
    """Remove what was taken or given up long ago, and return how many purges that were. Raises StoreUnavailable."""
    done, given_up = (as_text(moment - timedelta(days=days)) for days in (DONE_DAYS, GIVEN_UP_DAYS))
    old = (purges.c.done < done) | (_of("given-up") & (purges.c.since < given_up))
    with store.adding() as connection:
        return int(connection.execute(purges.delete().where(old)).rowcount)


def read_purges(connection: sa.Connection, state: State | None, most: int) -> list[Purge]:
    """Return purges of one state or all, the newest first."""
    asked = sa.select(purges).order_by(purges.c.since.desc(), purges.c.id.desc()).limit(most)
    if state is not None:
        asked = asked.where(_of(state))
    return [_purge(row) for row in connection.execute(asked)]


def count_purges(connection: sa.Connection, state: State) -> int:
    """Return how many purges are of one state."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(purges).where(_of(state))).scalar_one())


def _add_in(writing: Writing, purge_id: int, message: dict[str, Any], after_s: float, site: str | None) -> None:
    told = message if site is None else {"site": site, **message}
    since, first = as_text(writing.moment), as_text(writing.moment + timedelta(seconds=after_s))
    row = {"id": purge_id, "message": told, "since": since, "tries": 0, "next_try": first}
    writing.connection.execute(purges.insert().values(row))


def _of(state: State) -> sa.ColumnElement[bool]:
    match state:
        case "done":
            return purges.c.done.is_not(None)
        case "waiting":
            return purges.c.next_try.is_not(None)
        case "given-up":
            return purges.c.done.is_(None) & purges.c.next_try.is_(None)


def _purge(row: Any) -> Purge:
    since = datetime.fromisoformat(row.since)
    return Purge(row.id, row.message, since, row.tries, as_moment(row.next_try), as_moment(row.done), row.failure)
