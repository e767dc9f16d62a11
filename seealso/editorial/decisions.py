"""All that is decided, as a worker holds it in memory: read whole once, and then change after change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from seealso.editorial.keys import CREATED, REVOKED, Key, read_keys
from seealso.editorial.store import Change, Store, changes_on, last_of, sequence_of
from seealso.editorial.takedowns import RESTORED, TAKEN_DOWN, Takedown, read_takedowns


@dataclass(frozen=True, slots=True)
class Decisions:
    """What holds after so many changes: takedowns by article, keys by id; those that have ended included.

    `restored`: the last change after which an article might be shown that might not before; 0 if there was none.
    """

    sequence: int
    takedowns: Mapping[str, Takedown]
    keys: Mapping[str, Key]
    restored: int = 0

    def hidden_at(self, moment: datetime) -> frozenset[str]:
        """Return the articles that may not be shown at a moment."""
        return frozenset(article for article, takedown in self.takedowns.items() if takedown.holds_at(moment))

    def era_at(self, moment: datetime) -> str:
        """Return a name for all that was shown again until a moment: what was made in another era is out of date.

        It is the same in all processes.
        """
        ends = (each.until for each in self.takedowns.values() if each.until is not None and each.until <= moment)
        last = max(ends, default=None)
        return f"{self.restored}.{last.timestamp() if last else 0:.6f}"

    def next_end(self, moment: datetime) -> datetime | None:
        """Return when the next takedown ends by itself after a moment, None if none does."""
        ends = (each.until for each in self.takedowns.values() if each.until is not None and each.until > moment)
        return min(ends, default=None)


NOTHING = Decisions(0, {}, {})


def read_decisions(store: Store, known: Decisions | None = None) -> tuple[Decisions, list[Change]]:
    """Return what is decided now, and the changes since what is known; all of it, and no changes, if nothing is.

    A store that has fewer changes than are known is another one, put back from a backup: it is read whole. Raises
    StoreUnavailable.
    """
    with store.reading() as connection:
        sequence = sequence_of(connection)
        if known is None or sequence < known.sequence:
            return Decisions(
                sequence,
                {takedown.article: takedown for takedown in read_takedowns(connection)},
                {key.id: key for key in read_keys(connection)},
                last_of(connection, RESTORED),
            ), []
        if sequence == known.sequence:
            return known, []
        changes = changes_on(connection, known.sequence)
        takedowns, keys = known.takedowns, known.keys
        articles = {change.subject for change in changes if change.action in (TAKEN_DOWN, RESTORED)}
        if articles:
            left = {article: takedown for article, takedown in takedowns.items() if article not in articles}
            takedowns = left | {takedown.article: takedown for takedown in read_takedowns(connection, articles)}
        if any(change.action in (CREATED, REVOKED) for change in changes):
            keys = {key.id: key for key in read_keys(connection)}
        restored = max((change.sequence for change in changes if change.action == RESTORED), default=known.restored)
        return Decisions(sequence, takedowns, keys, restored), changes


def now() -> datetime:
    """Return the moment, in UTC."""
    return datetime.now(UTC)
