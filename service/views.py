"""The blocks that pages show: each looked for in the process's own copy, then in Redis, and then made of the snapshot.

Whoever finds one leaves it in the places before. A snapshot, and a worker, begin with those that are asked for most.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import orjson

from seealso.editorial.decisions import Decisions, now
from seealso.editorial.rules import Rule
from seealso.errors import ServiceBusy
from seealso.logs import get_log
from seealso.settings import WARM_SECONDS_MAX
from seealso.snapshot.snapshot import Snapshot
from service.addresses import Addresses
from service.admission import Admission
from service.answer import Answer, unpacked
from service.blocks import Asked, Blocks, shown_row_of
from service.cache import Cache, Missing
from service.copies import ADDRESS_CHARACTERS, Address, Copies
from service.current import Current
from service.editorial import Editorial
from service.flights import Flights
from service.lanes import Lane
from service.live import LiveArticles
from service.rulings import Rulings, ruled
from service.traces import span
from service.wanted import Wanted
from service.watching import keep_on

# How long somebody waits for a block that another thread makes, before being refused. Nobody makes it beside: that
# would be ready later still, and hold up all others.
FOLLOW_SECONDS_MAX = 1.0
# Where the line is full, others wait for a block only while it is this young: a burst finds what takes a millisecond to
# make, and what takes long does not hold every thread of the worker, of which kept answers need one.
CROWD_SECONDS_MAX = 0.2
# Before another snapshot takes over, so many of the blocks asked for most are made of it, in WARM_SECONDS_MAX at most,
# with a breath after each for those who are being answered meanwhile.
WARM_BLOCKS_MAX = 500
WARM_BREATH_SECONDS = 0.002
# A worker that starts takes over what Redis has of the blocks that another is asked for most, before it is asked
# itself, for so long at most, of all its sites together. Which they are, each tells Redis this often.
TAKEN_SECONDS_MAX = 0.25
HOTTEST_EVERY_SECONDS = 5.0


class View(NamedTuple):
    """A block that is being viewed: at which address, of which snapshot, what is asked for, its key, in which era."""

    address: Address
    snapshot: Snapshot
    asked: Asked
    key: str
    era: str

    def may_show(self, answer: Answer) -> bool:
        """Return whether an answer shows nothing that was taken down, and would be the same today."""
        return not answer.rests_on(self.snapshot.hidden) and answer.holds_in(self.snapshot)


class Views:
    """Finds blocks, as they are to be shown now. Safe from many threads.

    `lane` is for what pages show; what is told why it stands there takes many times as long, and goes by `explained`.
    `state` is what answers depend on beside the snapshot and the address; `vary`, what they depend on of a request;
    `swapped` is called when another snapshot has taken over; `taken_s`: how long it may take what Redis has before it
    is asked.
    """

    def __init__(
        self,
        current: Current,
        cache: Cache,
        copies: Copies,
        lane: Lane,
        explained: Lane,
        addresses: Addresses,
        blocks: Blocks,
        editorial: Editorial,
        live: LiveArticles,
        state: bytes,
        vary: str,
        swapped: Callable[[], None] = lambda: None,
        taken_s: float = TAKEN_SECONDS_MAX,
    ) -> None:
        self.copies = copies
        self.lane = lane
        self.vary = vary
        self._explained = explained
        self._current = current
        self._cache = cache
        self._addresses = addresses
        self._blocks = blocks
        self._editorial = editorial
        self._live = live
        self._state = blake2b(state, digest_size=8).hexdigest()
        self._hottest_key = f"{self._state}:hottest"
        self._swapped = swapped
        self._taken_s = taken_s
        self._stop = threading.Event()
        self._flights: Flights[Answer] = Flights()
        copies.holds = self._holds

    def shows(self, article_id: str | None) -> bool:
        """Return whether there is an article whose block may be asked for."""
        snapshot = self._current.served
        return article_id is not None and snapshot is not None and shown_row_of(snapshot, article_id) is not None

    def at(self, address: Address, era: str, snapshot: Snapshot | None) -> View | None:
        """Return the block at an address, as a snapshot has it; None if there is none, or none to be shown."""
        read = self._addresses.read(*address)
        if read is None or snapshot is None or shown_row_of(snapshot, read[0].article_id) is None:
            return None
        return View(address, snapshot, *read, era)

    def found_or_old(self, view: View, coding: str, room: bool) -> tuple[Answer, str]:
        """Return a block's answer, or where there is no room to look for it an old one. Raises ServiceBusy."""
        try:
            if not room and not view.asked.wanted.explain:
                raise self.lane.refusal()
            return self._found(view, coding)
        except ServiceBusy:
            old = self._old(view)
            if old is None:
                raise
            return old, "stale"

    def _found(self, view: View, coding: str) -> tuple[Answer, str]:
        """Return a block's answer and from where it is. Raises ServiceBusy.

        Who waits for what another makes stands in the lane's line, but takes no place. If that one is refused or fails,
        all are. Where many wait for a place already, Redis is not asked either: to be told of too much in vain would
        cost more than half of a block, and the others would wait for it.
        """
        key = self._key_of(view)
        lane = self._explained if view.asked.wanted.explain else self.lane
        flight, ours = self._flights.board(key)
        if ours:
            try:
                landed = self.copies.get(view.address)  # by a flight that ended since it was looked for
                if landed is not None and landed.snapshot_id == view.snapshot.id and view.may_show(landed):
                    flight.found, level = landed, "copy"
                else:
                    with lane.inside():
                        flight.found, level = self._kept_or_made(view, [coding], lane)
                return flight.found, level
            except Exception as error:
                flight.failure = error
                raise
            finally:
                self._flights.land(key)
                del flight  # it holds what is raised, which holds this frame, and so the snapshot
        answer = self._old(view)
        if answer is not None:
            return answer, "stale"
        with lane.line() as room:
            try:
                answer = flight.wait(
                    FOLLOW_SECONDS_MAX if room else flight.began + CROWD_SECONDS_MAX - time.monotonic()
                )
            finally:
                del flight
        if answer is None:
            raise lane.refusal()
        if not view.may_show(answer):  # begun before something was put or taken down: once more, and for all again
            return self._found(view, coding)
        self.copies.put(view.address, answer, view.era)
        return answer, "shared"

    def _kept_or_made(self, view: View, codings: Sequence[str], lane: Lane | None) -> tuple[Answer, str]:
        """Return a block's answer from Redis, or make it, in these codings; who makes it takes a turn in the lane."""
        key = self._key_of(view)
        with span("redis_asked"):
            kept = self._cache.find(key)
        answer = unpacked(kept) if isinstance(kept, bytes) else None
        if answer is not None and not view.may_show(answer):
            answer = None
        level, known = "redis", len(answer.bodies) if answer else 0
        if answer is None:
            try:
                with lane.turn() if lane else nullcontext():
                    level, answer = "miss", self._blocks.make(view.snapshot, view.asked)
            except Exception:
                if kept is Missing.MINE:
                    self._cache.give_up(key)
                raise
        for coding in codings:
            answer.form(coding, self.vary)
        if len(answer.bodies) > known:  # made, or coded as nobody had asked for
            self._cache.put(key, answer.packed())
        self.copies.put(view.address, answer, view.era)
        return answer, level

    def _key_of(self, view: View) -> str:
        return f"{self._state}:{view.era}:{view.snapshot.id}:{view.key}"

    def _old(self, view: View) -> Answer | None:
        """Return the answer of the snapshot before, if all that it shows may be shown today, and is as it was."""
        answer, snapshot = self.copies.old(view.address), view.snapshot
        if answer is None or not view.may_show(answer):
            return None
        rows = [snapshot.row_of(article_id) for article_id in answer.articles]
        known = [row for row in rows if row is not None]
        safe = len(known) == len(rows) and Admission(snapshot, Wanted(stories="all")).of(np.array(known)).all()
        return answer if safe else None

    def keep_coded(self, address: Address, answer: Answer) -> None:
        """Let Redis have an answer that was coded as nobody had asked for, if it is still this process's copy."""
        view = self.at(address, self._editorial.era, self._current.served)
        # In this order: the copies of another era were let go before this one began.
        if view is not None and view.snapshot.id == answer.snapshot_id and self.copies.get(address) is answer:
            self._cache.put(self._key_of(view), answer.packed())

    def prepare(self, edited: Callable[[], Snapshot]) -> Callable[[], None]:
        """Make the hottest blocks of another snapshot; return what is to be done once it has taken over."""
        era, ready = self._editorial.era, dict[Address, Answer]()  # the era first: it ends with what is decided after
        snapshot = edited()
        try:
            ready.update(self._taken(snapshot, era) if self._current.served is None else self._warmed(snapshot, era))
        except Exception as error:  # whatever is wrong, readers will meet it one by one, and it will be told then
            get_log().error("warming_failed", snapshot_id=snapshot.id, exc_info=error)

        self._live.catch_up(snapshot.id)  # what came while the hottest were made

        def go_over() -> None:
            self.copies.turn(snapshot.id, ready, era)
            self._live.keep(snapshot.id)
            self._swapped()

        return go_over

    def decide(self, decisions: Decisions, moment: datetime) -> None:
        """Answer from now on as was decided, as far as it holds at a moment, and with what was put and removed.

        Raises StoreUnavailable.
        """
        self._live.learn(decisions.head)
        hidden, rules = decisions.hidden_at(moment), decisions.rules_at(moment)
        self._blocks.rulings = Rulings(rules)
        self._current.decide(lambda snapshot: self._edited(snapshot, hidden, rules))
        self.copies.hide(hidden, decisions.era_at(moment))

    def as_if(self, rules: Sequence[Rule]) -> tuple[Snapshot, Rulings]:
        """Return what would be served, and what editors would want of blocks, if these rules held, and no others.

        Raises why nothing is served.
        """
        hidden = self._editorial.decisions.hidden_at(now())
        return self._current.as_if(lambda snapshot: self._edited(snapshot, hidden, rules)), Rulings(rules)

    def _edited(self, opened: Snapshot, hidden: frozenset[str], rules: Sequence[Rule]) -> Snapshot:
        return ruled(self._live.laid(opened).without(hidden), rules)

    def _holds(self, answer: Answer) -> bool:
        """Return whether what has been put and removed since leaves an answer as it is."""
        snapshot = self._current.served
        return snapshot is None or answer.holds_in(snapshot)

    def follow(self) -> None:
        """Tell workers that will start which blocks are asked for most, from now on. Call after the fork."""
        if self._cache.state != "off":
            keep_on("hottest", self._tell_hottest, self._stop)

    def _tell_hottest(self) -> None:
        while not self._stop.wait(HOTTEST_EVERY_SECONDS):
            self.tell_hottest()

    def tell_hottest(self) -> None:
        """Let Redis have the addresses of the blocks that this process is asked for most, but for very long ones."""
        known = self.copies.hottest(WARM_BLOCKS_MAX, hits_min=1)
        hottest = [address for address in known if sum(map(len, address)) <= ADDRESS_CHARACTERS]
        if hottest:
            self._cache.put(self._hottest_key, orjson.dumps(hottest))

    def _taken(self, snapshot: Snapshot, era: str) -> Iterator[tuple[Address, Answer]]:
        """Yield what Redis has of the blocks that another process is asked for most, the last that told."""
        end = time.monotonic() + self._taken_s
        hottest = self._cache.look(self._hottest_key)
        for path, query in orjson.loads(hottest) if isinstance(hottest, bytes) else ():
            if time.monotonic() > end:
                return
            view = self.at((path, query), era, snapshot)
            if view is None:
                continue
            kept = self._cache.look(self._key_of(view))
            answer = unpacked(kept) if isinstance(kept, bytes) else None
            if answer is not None and view.may_show(answer):
                yield view.address, answer

    def _warmed(self, snapshot: Snapshot, era: str) -> Iterator[tuple[Address, Answer]]:
        """Yield the blocks of another snapshot that this process is asked for most."""
        end = time.monotonic() + WARM_SECONDS_MAX
        for address in self.copies.hottest(WARM_BLOCKS_MAX):
            if time.monotonic() > end:
                return
            before, view = self.copies.get(address), self.at(address, era, snapshot)
            if before is None or view is None:
                continue
            # Nobody else asks this process for it yet, and it is one at a time: no flight, and no place of a reader's.
            answer, _ = self._kept_or_made(view, [*before.bodies], None)
            yield address, answer
            time.sleep(WARM_BREATH_SECONDS)
