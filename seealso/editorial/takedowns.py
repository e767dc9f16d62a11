"""Takedowns: articles that nobody may be shown, for a while or for good, whatever snapshots and sources hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from seealso.editorial.schema import takedowns
from seealso.editorial.store import Writing, as_moment, as_text

TAKEN_DOWN, RESTORED = "takedown", "restore"


@dataclass(frozen=True, slots=True)
class Takedown:
    """An article that may not be shown, since when and until when (UTC; None: for good), by whose word and why.

    `sequence`: the change by which it was taken down.
    """

    article: str
    since: datetime
    until: datetime | None
    who: str
    reason: str
    sequence: int

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it is in force at a moment."""
        return self.until is None or moment < self.until

    def as_json(self) -> dict[str, Any]:
        """Return it as the log and the API tell it."""
        moments = {"since": as_text(self.since), "until": self.until and as_text(self.until)}
        return {"article": self.article, **moments, "who": self.who, "reason": self.reason}


def take_down_in(writing: Writing, article: str, who: str, reason: str, until: datetime | None) -> Takedown:
    """Take an article down, as a part of what is written; one that is down already gets the new reason and end."""
    before = find_takedown(writing.connection, article)
    since = before.since if before else writing.moment
    now = Takedown(article, since, until, who, reason, writing.sequence + 1)
    writing.record(who, TAKEN_DOWN, article, before and before.as_json(), now.as_json(), reason)
    writing.connection.execute(takedowns.delete().where(takedowns.c.article == article))
    writing.connection.execute(takedowns.insert().values(now.as_json() | {"sequence": now.sequence}))
    return now


def restore_in(writing: Writing, article: str, who: str, reason: str) -> Takedown | None:
    """Let an article be shown again, as a part of what is written; return the takedown that there was, if any."""
    before = find_takedown(writing.connection, article)
    if before is not None:
        writing.connection.execute(takedowns.delete().where(takedowns.c.article == article))
        writing.record(who, RESTORED, article, before.as_json(), None, reason)
    return before


def find_takedown(connection: sa.Connection, article: str) -> Takedown | None:
    """Return the takedown of an article, ended ones included."""
    found = read_takedowns(connection, [article])
    return found[0] if found else None


def read_takedowns(connection: sa.Connection, articles: Iterable[str] | None = None) -> list[Takedown]:
    """Return the takedowns of some articles, or all, ended ones included."""
    asked = sa.select(takedowns).order_by(takedowns.c.article)
    if articles is not None:
        asked = asked.where(takedowns.c.article.in_(list(articles)))
    return [_takedown(row) for row in connection.execute(asked)]


def _takedown(row: Any) -> Takedown:
    since = datetime.fromisoformat(row.since)
    return Takedown(row.article, since, as_moment(row.until), row.who, row.reason, row.sequence)
