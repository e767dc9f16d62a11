"""What ends by itself, at the `until` of a takedown or a rule, is told to caches in front as what somebody ends is."""

from datetime import timedelta
from typing import Any

from seealso.editorial.decisions import now
from seealso.editorial.purges import DONE_DAYS, add_end_in
from seealso.editorial.rules import Rule
from seealso.editorial.takedowns import Takedown
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
        if era == self._era:
            return
        if ended := decisions.ended_between(self._since, moment):
            store = self._editorial.store()
            with store.writing() as writing:
                for each in ended:
                    change = each.sequence if isinstance(each, Takedown) else each.id
                    after_s = KNOWN_SECONDS if store.shared else AFTER_SECONDS
                    add_end_in(writing, change, self._message_of(each), after_s, self._site)
        # What another machine decided may be read a little later.
        self._era, self._since = era, moment - timedelta(seconds=KNOWN_SECONDS)

    def _message_of(self, ended: Takedown | Rule) -> dict[str, Any]:
        if isinstance(ended, Takedown):
            return {"article": ended.article, **self._to_drop.shown(ended.article)}
        return rule_message(ended.wish, self._to_drop.ruled(ended.wish, holds=False))
