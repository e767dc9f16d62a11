"""The log of changes, as people look through it: of a subject or an article, of a person, of a kind, of some days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

import sqlalchemy as sa

from seealso.editorial.articles import PUT, REMOVED
from seealso.editorial.keys import CREATED, REVOKED
from seealso.editorial.rollbacks import ROLLED_BACK
from seealso.editorial.rules import MADE, UNDONE
from seealso.editorial.schema import changes
from seealso.editorial.store import Change, change_in
from seealso.editorial.takedowns import RESTORED, TAKEN_DOWN

Kind = Literal["rules", "takedowns", "articles", "keys", "snapshots"]
KINDS: dict[Kind, tuple[str, ...]] = {
    "rules": (MADE, UNDONE),
    "takedowns": (TAKEN_DOWN, RESTORED),
    "articles": (PUT, REMOVED),
    "keys": (CREATED, REVOKED),
    "snapshots": (ROLLED_BACK,),
}
UNDOABLE = (MADE, UNDONE, TAKEN_DOWN, RESTORED)


@dataclass(frozen=True, slots=True)
class Looked:
    """Which changes are looked for; '' and None admit all.

    `subject`: an article's id, as the subject or named by a rule; or 'rule:7', 'key:...', 'snapshot:...'. `who`: a part
    of the name. `first` and `last`: days in UTC, both included.
    """

    subject: str = ""
    who: str = ""
    kind: Kind | None = None
    first: date | None = None
    last: date | None = None


def look_through(connection: sa.Connection, looked: Looked, most: int, before: int | None = None) -> list[Change]:
    """Return changes, the newest first: those before a place in the log, or all."""
    asked = sa.select(changes).where(*_conditions(looked)).order_by(changes.c.sequence.desc()).limit(most)
    if before is not None:
        asked = asked.where(changes.c.sequence < before)
    return [change_in(row) for row in connection.execute(asked).mappings()]


def last_decided(connection: sa.Connection, subjects: Iterable[str]) -> dict[str, int]:
    """Return for each of some subjects the last change that was decided on it: only that can be undone.

    What an article is, and whether it may be shown, are two things; see `undo`.
    """
    asked = (
        sa.select(changes.c.subject, sa.func.max(changes.c.sequence).label("last"))
        .where(changes.c.subject.in_(list(subjects)), changes.c.action.not_in([PUT, REMOVED]))
        .group_by(changes.c.subject)
    )
    return {row.subject: int(row.last) for row in connection.execute(asked)}


def _conditions(looked: Looked) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if looked.subject:
        # A rule's subject is its own name: which articles it is about stands in what it was or is.
        named = [
            column[name].as_string() == looked.subject
            for column in (changes.c.before, changes.c.after)
            for name in ("article", "under_article")
        ]
        own = sa.select(changes.c.sequence).where(changes.c.subject == looked.subject)
        of_rules = sa.select(changes.c.sequence).where(changes.c.action.in_([MADE, UNDONE]), sa.or_(*named))
        # Each by an index of its own: of a long log most is of neither.
        found.append(changes.c.sequence.in_(sa.union(own, of_rules)))
    if looked.who:
        found.append(sa.func.lower(changes.c.who).contains(looked.who.lower(), autoescape=True))
    if looked.kind is not None:
        found.append(changes.c.action.in_(KINDS[looked.kind]))
    # A moment is kept as '2026-11-28T...'.
    if looked.first is not None:
        found.append(changes.c.moment >= looked.first.isoformat())
    if looked.last is not None:
        found.append(changes.c.moment < f"{looked.last.isoformat()}U")
    return found
