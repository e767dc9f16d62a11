"""All that is decided, as a worker holds it in memory: read whole once, and then change after change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from seealso.editorial.keys import CREATED, REVOKED, Key, read_keys
from seealso.editorial.rules import MADE, UNDONE, Rule, read_rules
from seealso.editorial.store import Change, Head, Store, changes_on, head_of, last_of
from seealso.editorial.takedowns import RESTORED, TAKEN_DOWN, Takedown, read_takedowns


@dataclass(frozen=True, slots=True)
class Decisions:
    """What holds after so many changes: takedowns by article, keys and rules by id; those that have ended included.

    `head`: how many changes are known, and of which past.

    `remade`: the last change after which blocks may hold something else than before, and not only lack an article; 0 if
    there was none.
    """

    head: Head
    takedowns: Mapping[str, Takedown]
    keys: Mapping[str, Key]
    rules: Mapping[int, Rule]
    remade: int = 0

    @property
    def sequence(self) -> int:
        """Return how many changes are known."""
        return self.head.sequence

    def hidden_at(self, moment: datetime) -> frozenset[str]:
        """Return the articles that may not be shown at a moment."""
        return frozenset(article for article, takedown in self.takedowns.items() if takedown.holds_at(moment))

    def rules_at(self, moment: datetime) -> list[Rule]:
        """Return the rules that hold at a moment, the oldest first."""
        return [rule for rule in self.rules.values() if rule.holds_at(moment)]

    def era_at(self, moment: datetime) -> str:
        """Return a name for all that may have made blocks hold something else, until a moment.

        A block that was made in another era is out of date. The name is the same in all processes.
        """
        last = max((end for end in self._ends() if end <= moment), default=None)
        return f"{self.head.generation}.{self.remade}.{last.timestamp() if last else 0:.6f}"

    def next_end(self, moment: datetime) -> datetime | None:
        """Return when something next ends by itself after a moment, None if nothing does."""
        return min((end for end in self._ends() if end > moment), default=None)

    def ended_between(self, first: datetime, last: datetime) -> list[Takedown | Rule]:
        """Return what ended by itself after the first moment, and up to the last."""
        return [each for each in self._held() if each.until is not None and first < each.until <= last]

    def _ends(self) -> Iterator[datetime]:
        yield from (each.until for each in self._held() if each.until is not None)

    def _held(self) -> Iterator[Takedown | Rule]:
        yield from self.takedowns.values()
        yield from self.rules.values()


NOTHING = Decisions(Head(0, ""), {}, {}, {})
# What makes blocks hold something else, and not only lack one article.
_REMAKING = (RESTORED, MADE, UNDONE)


def read_decisions(store: Store, known: Decisions | None = None) -> tuple[Decisions, list[Change]]:
    """Return what is decided now, and the changes since what is known; all of it, and no changes, if nothing is.

    A store of another past, put back from a backup, is read whole. Raises StoreUnavailable.
    """
    with store.reading() as connection:
        head = head_of(connection)
        if known is None or head.generation != known.head.generation:
            return Decisions(
                head,
                {takedown.article: takedown for takedown in read_takedowns(connection)},
                {key.id: key for key in read_keys(connection)},
                {rule.id: rule for rule in read_rules(connection)},
                last_of(connection, _REMAKING),
            ), []
        if head == known.head:
            return known, []
        changes = changes_on(connection, known.sequence)
        takedowns, keys, rules = known.takedowns, known.keys, known.rules
        articles = {change.subject for change in changes if change.action in (TAKEN_DOWN, RESTORED)}
        if articles:
            left = {article: takedown for article, takedown in takedowns.items() if article not in articles}
            takedowns = left | {takedown.article: takedown for takedown in read_takedowns(connection, articles)}
        if any(change.action in (CREATED, REVOKED) for change in changes):
            keys = {key.id: key for key in read_keys(connection)}
        if any(change.action in (MADE, UNDONE) for change in changes):
            rules = {rule.id: rule for rule in read_rules(connection)}
        remade = max((change.sequence for change in changes if change.action in _REMAKING), default=known.remade)
        return Decisions(head, takedowns, keys, rules, remade), changes


def now() -> datetime:
    """Return the moment, in UTC."""
    return datetime.now(UTC)
