"""One decision: written with whom it is told to, known to all workers, and to other machines, before it is answered."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from flask import g

from seealso.editorial.decisions import now
from seealso.editorial.purges import add_purge_in, make_due
from seealso.editorial.rules import Wish
from seealso.editorial.store import Writing
from seealso.errors import StoreUnavailable
from service.editorial import KNOWN_SECONDS
from service.parts import parts
from service.purging import Purging
from service.to_drop import rule_message


@contextmanager
def deciding() -> Iterator["Deciding"]:
    """Decide something. When the block ends it is on the disk, all workers know it, and caches are being told.

    Where other machines share the store and one does not know it in time, the answer says so: see `answer`. Caches are
    told a little later then, for that machine would fill them with what they dropped. Raises StoreUnavailable.
    """
    here = parts()
    store = here.editorial.store()
    with store.writing() as writing:
        what = Deciding(writing, here.purging, here.settings.site, KNOWN_SECONDS if store.shared else 0.0, [])
        yield what
    try:  # it has been done, whatever can be told of it
        here.editorial.catch_up()
        behind = here.editorial.unknowing()
        unknowing = [f"{machine.name} (silent for {machine.silent_s:.0f} s)" for machine in behind]
    except StoreUnavailable as error:
        unknowing = [f"this worker, which answers nobody until it does ({error.reason})"]
    if here.purging is not None:
        if what.purge_after_s and what.purges and not unknowing:
            with suppress(StoreUnavailable):  # then they are sent when they are due
                make_due(store, what.purges, now())
        here.purging.wake()
    g.seealso_unknowing = [*g.get("seealso_unknowing", []), *unknowing]


class Deciding(NamedTuple):
    """What is decided in one transaction, and who tells caches of it.

    `purge_after_s`: how long they are not told if other machines may not know it; `purges`: the ids of what they are.
    """

    writing: Writing
    purging: Purging | None
    site: str | None
    purge_after_s: float
    purges: list[int]

    def purge(self, message: dict[str, Any]) -> None:
        """Have caches told of what was last decided, if there is an address to tell it to."""
        if self.purging is not None:
            add_purge_in(self.writing, message, self.purge_after_s, self.site)
            self.purges.append(self.writing.sequence)

    def purge_rule(self, wish: Wish, holds: bool) -> None:
        """Have caches told of a rule that was last decided: now it holds, or no more."""
        self.purge(rule_message(wish, parts().to_drop.ruled(wish, holds)))
