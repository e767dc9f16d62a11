"""What editors decided, as this worker knows it: looked at before every answer, and never older than the answer.

To see whether anything has changed takes tens of nanoseconds (`moved`). What has, is then read from the store before
anybody is answered; while that cannot be done nobody is, for an article may have been taken down. What ends by itself
is looked for every second; changes by other machines, where there may be some, five times a second.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from seealso.editorial.decisions import NOTHING, Decisions, now, read_decisions
from seealso.editorial.keys import Key, id_in, note_use, opens
from seealso.editorial.machines import Machine, announce, report, wait_until_known
from seealso.editorial.purges import count_purges
from seealso.editorial.store import DATABASE, Store, needs_folder
from seealso.errors import StoreUnavailable
from seealso.logs import get_log
from seealso.settings import WORKERS_FOLDER, ServiceSettings, variable
from service.watching import keep_on

LOOK_SECONDS, LOOK_SECONDS_SHARED = 1.0, 0.2
# How long who decides something waits for other machines to know it.
OTHERS_SECONDS_MAX = 3.0
# After so long caches are told where other machines may not know what was decided: one that does not say within
# OTHERS_SECONDS_MAX that it does may still hear of it.
KNOWN_SECONDS = 2 * OTHERS_SECONDS_MAX
# While the store cannot be read, one request in so many seconds tries, and the others are refused at once.
TRY_AGAIN_SECONDS = 0.5
# How long others wait for it.
WAIT_SECONDS_MAX = 0.5
# When a key was last used is noted this often.
NOTE_SECONDS = 60.0
# How many purges were given up is counted this often.
COUNT_SECONDS = 5.0
# A machine says that it is there this often.
REPORT_SECONDS = 1.0
_NEVER = -1


class Editorial:
    """Holds the decisions. `store`: None where there is none, nor can be one; then nothing is ever decided.

    `machine`: what this one is called where several share the store. `other_site`: which other site of the service has
    the past (Head.generation) that is read, and so the same store, or a copy of it. `era`: see Decisions.era_at.
    """

    def __init__(
        self, store: Store | None, machine: str = "", other_site: Callable[[str], str | None] = lambda _: None
    ) -> None:
        self._store = store
        self._machine = machine
        self._other_site = other_site
        # Called before anybody is answered by what changed, with what is decided, and as of when.
        self.changed: Callable[[Decisions, datetime], None] = lambda _, __: None
        self._decisions = NOTHING
        self._numbers = store.counter.numbers if store else memoryview(bytes(8)).cast("Q")
        self._seen = _NEVER if store else 0
        self._ends: datetime | None = None
        self.era = NOTHING.era_at(now())
        # One thread reads, for all; those who wait for what it reads are told when it has been.
        self._read_it = threading.Condition()
        self._reading = False
        self._problem: StoreUnavailable | None = None
        self._try_again = 0.0
        self._tried = _NEVER  # with which number of the counter it last failed
        # How many messages caches in front did not take, when they were last counted.
        self.purges_given_up = 0
        self._counted = -math.inf
        self._used: dict[str, datetime] = {}
        self._noted = time.monotonic()
        self._reported = -math.inf
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def moved(self) -> bool:
        """Return whether something may have been decided that this worker does not know."""
        return self._numbers[0] != self._seen

    @property
    def behind(self) -> bool:
        """Return whether the store could not be read when it was last looked at."""
        return self._problem is not None

    @property
    def decisions(self) -> Decisions:
        """Return what is decided."""
        return self._decisions

    def store(self) -> Store:
        """Return where decisions are written. Raises StoreUnavailable if there is no such place."""
        if self._store is None:
            raise StoreUnavailable(DATABASE, "the index folder cannot be written to, so nothing can be decided here")
        return self._store

    def warnings(self) -> list[str]:
        """Return what somebody should look at, as far as it is known: the store is not asked, for it may hang."""
        problem = self._problem
        told = [] if problem is None else [str(problem)]
        if self.purges_given_up:
            told.append(
                f"{self.purges_given_up} purges were not taken by the caches in front; see /v1/purges?state=given-up"
            )
        return told

    def catch_up(self) -> None:
        """Learn what was decided before this call. Raises StoreUnavailable."""
        number = self._numbers[0]
        with self._turn(number, WAIT_SECONDS_MAX) as ours:
            if not ours:
                return
            # Who has just decided something could reach the store: then it is tried at once.
            again = time.monotonic() >= self._try_again or self._numbers[0] != self._tried
            if self._problem is not None and not again:
                raise self._problem.with_traceback(None)
            self._read()

    @contextmanager
    def _turn(self, number: float, seconds_max: float | None = None) -> Iterator[bool]:
        """Have the turn to read; or False, as soon as another thread has read all up to a number of the counter.

        Who waits is not passed over by what is decided meanwhile. Raises StoreUnavailable where that takes so long.
        """
        with self._read_it:
            if not self._read_it.wait_for(lambda: not self._reading or self._seen >= number, seconds_max):
                raise StoreUnavailable(DATABASE, "it does not answer")
            ours = self._seen < number
            self._reading = self._reading or ours
        try:
            yield ours
        finally:
            if ours:
                with self._read_it:
                    self._reading = False
                    self._read_it.notify_all()

    def unknowing(self) -> list[Machine]:
        """Wait until all machines know what was decided; return those that do not. Raises StoreUnavailable."""
        store = self.store()
        if not store.shared:
            return []
        return wait_until_known(store, self._report(store), OTHERS_SECONDS_MAX)

    def key_of(self, text: str) -> Key | None:
        """Return the key that a text is; None if it opens nothing."""
        key = self.valid_key(id_in(text) or "")
        if key is None or not opens(key, text, now()):
            return None
        self._used[key.id] = now()
        return key

    def valid_key(self, key_id: str) -> Key | None:
        """Return the key with an id; None if there is none, or it was revoked, or has expired."""
        key = self._decisions.keys.get(key_id)
        return key if key is not None and key.valid_at(now()) else None

    def follow(self) -> None:
        """Look for changes from now on, on a thread of its own. Call after the fork."""
        if self._store is not None:
            self._thread = keep_on("editorial-watch", self._watch, self._stop)

    def close(self) -> None:
        """End the thread, and let go of the store."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._store is not None:
            self._store.close()

    def _watch(self) -> None:
        every_s = LOOK_SECONDS_SHARED if self._store is not None and self._store.shared else LOOK_SECONDS
        while not self._stop.is_set():
            with suppress(StoreUnavailable):  # it has been logged; it is tried again
                self.look()
            self._stop.wait(every_s)

    def look(self) -> None:
        """Learn what others decided and what has ended; count purges, and note which keys were used.

        Raises StoreUnavailable.
        """
        store, known = self.store(), self._decisions.sequence
        with self._turn(math.inf):
            self._read()
        late = time.monotonic() > self._reported + REPORT_SECONDS
        if store.shared and (late or self._decisions.sequence != known):
            self._report(store)
            self._reported = time.monotonic()
        if self._used and time.monotonic() > self._noted + NOTE_SECONDS:
            used, self._used, self._noted = self._used, {}, time.monotonic()
            note_use(store, used)
        if time.monotonic() > self._counted + COUNT_SECONDS:
            with store.reading() as connection:
                self.purges_given_up = count_purges(connection, "given-up")
            self._counted = time.monotonic()

    def _report(self, store: Store) -> int:
        """Say that all workers of this machine know what this one does; return how many changes that is.

        What this one read may have come from another machine, after the others were last told to look: they are told
        first, and so know it before they answer again.
        """
        sequence = self._decisions.sequence
        store.tell(sequence)
        report(store, self._machine, sequence)
        return sequence

    def _read(self) -> None:
        assert self._store is not None
        number = self._numbers[0]  # before the store is read: what comes meanwhile is seen the next time
        try:
            if self._store.shared and self._seen == _NEVER:
                announce(self._store, self._machine)
            decisions, _ = read_decisions(self._store, self._decisions if self._seen != _NEVER else None)
            if (other := self._other_site(decisions.head.generation)) is not None:
                mend = "its keys would open both; give this one a store of its own"
                raise StoreUnavailable(self._store.name, f"it is that of the site {other}, or a copy of it: {mend}")
        except StoreUnavailable as error:
            if self._problem is None:
                get_log().error("editorial_unavailable", reason=str(error))
            self._problem, self._try_again = error, time.monotonic() + TRY_AGAIN_SECONDS
            self._tried = number
            raise
        if self._problem is not None:
            get_log().info("editorial_available")
        self._problem = None
        if decisions is not self._decisions or (self._ends is not None and now() >= self._ends):
            self._take(decisions)
        self._seen = number

    def _take(self, decisions: Decisions) -> None:
        moment = now()
        self.changed(decisions, moment)  # if that fails, it is not known, and is read and tried again
        self._decisions, self._ends = decisions, decisions.next_end(moment)
        self.era = decisions.era_at(moment)


def open_store(settings: ServiceSettings) -> Store | None:
    """Return the store of a site; None where its index folder has none, and cannot be written to.

    Raises StoreUnavailable, SettingsInvalid.
    """
    index, address = settings.index, settings.editorial
    try:
        has_none = address is None and not _is_there(index / DATABASE) and _is_there(index)
        apart = needs_folder(index, address)
    except OSError as error:  # there may be one, and what it says was taken down
        raise StoreUnavailable(str(index / DATABASE), f"its folder cannot be looked into ({error.strerror})") from None
    if has_none and not os.access(index, os.W_OK):
        get_log().warning("editorial_off", reason=f"{index} cannot be written to, so nothing can be decided here")
        return None
    workers = variable(WORKERS_FOLDER)
    if workers and apart:
        return Store(index, address, Path(workers, settings.site or ""))
    return Store(index, address)


def _is_there(path: Path) -> bool:
    """Return whether there is such a file or folder. Raises OSError if that is not to be known."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
