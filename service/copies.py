"""The process's own small copy of hot answers, by address, all of one snapshot and one era. Asked on every page view.

What is asked for again stays, what was asked for once goes first: when room is needed, the oldest answer that was not
used since it was the oldest some times before (a clock with counters: Corbató 1968, Smith 1978). So a flood of blocks
that nobody asks for twice takes the room of each other. After a switch the answers of the snapshot before stay at hand
for a few seconds, for those who would have to wait.
"""

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from service.answer import Answer

# Path and query string, as WSGI hands them over.
Address = tuple[str, str]
# The size of an answer has room for an address of so many; one may take 32 kB.
ADDRESS_CHARACTERS = 500
# How long after a switch an answer of the snapshot before may still be given.
OLD_SECONDS_MAX = 5.0
# Who was used may be the oldest so often before it goes. A flood of misses turns 16 MB over within a second; what is
# asked for every few seconds lives through it.
LIVES = 16


class Copies:
    """At most so many bytes of answers. Safe from many threads; `get` takes no lock."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._answers = OrderedDict[Address, Answer]()  # the oldest first; in which `get` finds who becomes young again
        self._bytes = 0
        self._old: Mapping[Address, Answer] = {}
        self._old_until = 0.0
        self._snapshot_id = ""
        self._era = ""
        self._hidden: frozenset[str] = frozenset()
        # Whether an answer would be the same today.
        self.holds: Callable[[Answer], bool] = lambda _: True
        self._changing = threading.Lock()
        self.get = self._answers.get

    def __len__(self) -> int:
        return len(self._answers)

    def put(self, address: Address, answer: Answer, era: str) -> None:
        """Keep an answer, if it is of the snapshot that is served and of this era, and would be the same today."""
        size = _size(address, answer)
        if size > self._bytes_max:
            return
        with self._changing:
            if (answer.snapshot_id, era) != (self._snapshot_id, self._era) or not self._shows_well(answer):
                return
            before = self._answers.get(address)
            self._bytes += size - (_size(address, before) if before else 0)
            self._answers[address] = answer
            self._answers.move_to_end(address)
            self._keep_within()

    def old(self, address: Address) -> Answer | None:
        """Return the answer of the snapshot before, within a few seconds after the switch."""
        if time.monotonic() >= self._old_until:
            return None
        return self._old.get(address)

    def hottest(self, most: int, hits_min: int = 0) -> list[Address]:
        """Return the addresses that are asked for most, the most first; those of which a copy was sent so often."""
        with self._changing:
            kept = [item for item in self._answers.items() if item[1].hits >= hits_min]
        return [address for address, _ in heapq.nlargest(most, kept, key=lambda item: item[1].hits)]

    def turn(self, snapshot_id: str, ready: Mapping[Address, Answer], era: str) -> None:
        """Go over to another snapshot, with the answers that are ready for it, the hottest first, made in an era."""
        with self._changing:
            self._old, self._old_until = self._answers, time.monotonic() + OLD_SECONDS_MAX
            self._snapshot_id = snapshot_id
            kept = [*ready.items()] if era == self._era else []
            self._have(reversed(kept))
            self._keep_within()
            for answer in self._answers.values():  # readers come in a moment: until then, a flood of others takes none
                answer.lives = LIVES
        forgetting = threading.Timer(OLD_SECONDS_MAX, self._forget_old)
        forgetting.daemon = True
        forgetting.start()

    def hide(self, articles: frozenset[str], era: str) -> None:
        """Let go of all answers that show one of these articles, now and later; of all, if another era begins.

        Also of those that would not be the same today (`holds`). When it returns, `get` finds none of them.
        """
        with self._changing:
            self._hidden = articles
            kept = self._answers.items() if era == self._era else ()
            self._old = self._old if era == self._era else {}
            self._era = era
            self._have(kept)
            self._old = {address: answer for address, answer in self._old.items() if self._shows_well(answer)}

    def _have(self, kept: Iterable[tuple[Address, Answer]]) -> None:
        """Have those answers that show well, and no others; all at once, so that nobody finds a part of them."""
        self._answers = OrderedDict((address, answer) for address, answer in kept if self._shows_well(answer))
        self._bytes = sum(_size(address, answer) for address, answer in self._answers.items())
        self.get = self._answers.get

    def _shows_well(self, answer: Answer) -> bool:
        return not answer.rests_on(self._hidden) and self.holds(answer)

    def _forget_old(self) -> None:
        with self._changing:
            if time.monotonic() >= self._old_until:  # another turn may have come meanwhile
                self._old = {}

    def _keep_within(self) -> None:
        """Let go of the oldest that have no life left; who has, is young again, and has one less."""
        while self._bytes > self._bytes_max:
            address, answer = next(iter(self._answers.items()))
            if answer.lives:
                answer.lives -= 1
                self._answers.move_to_end(address)
            else:
                del self._answers[address]
                self._bytes -= _size(address, answer)


def _size(address: Address, answer: Answer) -> int:
    """Return about how many bytes an answer and its address take in memory."""
    return answer.size + max(0, sum(map(len, address)) - ADDRESS_CHARACTERS)
