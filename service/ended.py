"""What ends by itself, at the `until` of a takedown or a rule, is told to caches in front as what somebody ends is."""

from datetime import timedelta
from typing import Any

from seealso.editorial.decisions import NOTHING, now
from seealso.editorial.purges import DONE_DAYS, add_end_in, told_ends
from seealso.editorial.rules import Rule, read_rules
from seealso.editorial.store import Writing
from seealso.editorial.takedowns import Takedown, find_takedown
from service.editorial import KNOWN_SECONDS, LOOK_SECONDS, Editorial
from service.to_drop import ToDrop, rule_message

# Each worker looks once in LOOK_SECONDS for what has ended: one that has not yet would fill caches with what was.
AFTER_SECONDS = 2 * LOOK_SECONDS


class Ended:
    """Tells it once, whichever worker is the first to see it. `site`: see Editorial."""

    def __init__(self, editorial: Editorial, to_drop: ToDrop, site: str | None) -> None:
        self._editorial = editorial
        self._to_drop = to_drop
        self._site = site
        self._era = ""
        # What was told longer ago is not remembered, and caches have nothing of it any more.
        self._since = now() - timedelta(days=DONE_DAYS)

    def tell(self) -> None:
        """Have caches told of what has ended since this was last called, or lately. Raises StoreUnavailable."""
        era, decisions, moment = self._editorial.era, self._editorial.decisions, now()
        if era == self._era or decisions is NOTHING or not self._to_drop.known:
            return
        # What another machine decided may be read a little later; and the clock may have been set back.
        late = moment - timedelta(seconds=KNOWN_SECONDS)
        if ended := {_change_of(each): each for each in decisions.ended_between(min(self._since, late), moment)}:
            store = self._editorial.store()
            after_s = KNOWN_SECONDS if store.shared else AFTER_SECONDS
            with store.reading() as connection:
                told = told_ends(connection, [*ended])
            for change in ended.keys() - told:
                message = self._message_of(ended[change])  # nobody who decides something waits for it
                with store.writing() as writing:
                    if _stands_in(writing, ended[change]):
                        add_end_in(writing, change, message, after_s, self._site)
        self._era, self._since = era, late

    def _message_of(self, ended: Takedown | Rule) -> dict[str, Any]:
        if isinstance(ended, Takedown):
            return {"article": ended.article, **self._to_drop.shown(ended.article)}
        return rule_message(ended.wish, self._to_drop.ruled(ended.wish, holds=False))


def _change_of(ended: Takedown | Rule) -> int:
    return ended.sequence if isinstance(ended, Takedown) else ended.id


def _stands_in(writing: Writing, ended: Takedown | Rule) -> bool:
    """Return whether nobody has decided otherwise meanwhile."""
    if isinstance(ended, Takedown):
        return find_takedown(writing.connection, ended.article) == ended
    return read_rules(writing.connection, [ended.id]) != []
