"""What readers were shown and clicked, added up in each worker and put into the store now and then.

It is bounded, in the worker and in the store: what comes when there is no room is dropped, and counted as dropped. What
a worker has added up and not yet put away is lost if it is killed: some seconds of counts. Once a day what is old is
removed from the store: counts, and purges, which are not sent everywhere.
"""

import random
import re
import threading
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Literal

from seealso.editorial.clicks import ADDED_AT_ONCE, Count, Spot, add_counts, forget_counts, full_days
from seealso.editorial.decisions import now
from seealso.editorial.purges import forget_purges
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable
from seealso.logs import get_log
from service.watching import keep_on

PUT_AWAY_SECONDS = 10.0
# So many places are counted at once in a worker: some 20 MB.
SPOTS_MAX = 50_000
# Of a day the store keeps so many at most for each article of the index, or so many in all: each block of a page, with
# its dozen items, takes a dozen. Whoever makes events up could fill the disk else, on which decisions are written.
SPOTS_PER_ARTICLE, SPOTS_OF_DAY_MIN = 24, 50_000
# What calls itself a program, or fetches pages for one: crawlers, previews, monitors, libraries, headless browsers. A
# Cubot is a telephone.
_BOTS = re.compile(
    r"(?<!cu)bot\b|bot[/;_-]|crawl|spider|slurp|archiver|preview|facebookexternalhit|embedly|headless|phantom|lighthouse"
    r"|pagespeed|pingdom|uptime|monitor|curl/|wget/|python|java/|go-http|okhttp|axios|node-fetch|libwww|httpclient|scrapy",
    re.IGNORECASE,
)
# What a browser says of a page that it fetches and nobody may ever see.
_UNSEEN = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)

# counted; bot: a program asked, or a page that nobody sees; unknown: an article that is not indexed; dropped: no room
Fate = Literal["counted", "bot", "unknown", "dropped"]
FATES: tuple[Fate, ...] = ("counted", "bot", "unknown", "dropped")


def is_bot(user_agent: str, purpose: str) -> bool:
    """Return whether a request says of itself that no person sees its page."""
    return not user_agent or _BOTS.search(user_agent) is not None or _UNSEEN.search(purpose) is not None


class Clicks:
    """Counts events. Safe from many threads.

    `every`: of so many messages one is counted, for as many; `told` is called with what became of how many events;
    `articles`: returns how many there are in the index.
    """

    def __init__(
        self,
        store: Store | None,
        every: int = 1,
        told: Callable[[Fate, int], None] = lambda _, __: None,
        articles: Callable[[], int] = lambda: 0,
    ) -> None:
        self._store = store
        self._every = every
        self._told = told
        self._articles = articles
        self._counts: dict[Spot, Count] = {}
        self._changing = threading.Lock()
        self._stop = threading.Event()
        self._forgot: date | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Return how many counts of this worker are not in the store yet."""
        return len(self._counts)

    def sampled(self) -> bool:
        """Return whether a message is one of those that are counted."""
        return self._every == 1 or random.random() * self._every < 1  # noqa: S311 - a sample, and no secret

    def count(self, spots: Iterable[Spot], clicked: bool) -> None:
        """Count what a message says was shown, or clicked."""
        weight = Count(0, self._every) if clicked else Count(self._every, 0)
        counted = dropped = 0
        with self._changing:
            for spot in spots:
                before = self._counts.get(spot)
                if before is None and len(self._counts) >= SPOTS_MAX:
                    dropped += 1
                    continue
                shown, clicks = before or (0, 0)
                self._counts[spot] = Count(shown + weight.shown, clicks + weight.clicked)
                counted += 1
        self._told("counted", counted)
        self._told("dropped", dropped)

    def put_away(self) -> int:
        """Put what has been added up into the store, and return how many counts that were. Raises StoreUnavailable."""
        with self._changing:
            counts, self._counts = self._counts, {}
        if not counts or self._store is None:
            return 0
        left, left_out = sorted(counts.items()), list[Count]()
        try:
            most = max(SPOTS_OF_DAY_MIN, SPOTS_PER_ARTICLE * self._articles())
            full = full_days(self._store, {spot.day for spot in counts}, most)
            while left:
                left_out += add_counts(self._store, dict(left[:ADDED_AT_ONCE]), full)
                left = left[ADDED_AT_ONCE:]
        except Exception:  # whatever it is, they are not lost
            self._take_back(dict(left))
            raise
        finally:
            self._told("dropped", sum(map(sum, left_out)) // self._every)
        return len(counts) - len(left_out)

    def follow(self) -> None:
        """Put away from now on, on a thread of its own. Call after the fork."""
        self._thread = keep_on("clicks", self._run, self._stop)

    def close(self) -> None:
        """End the thread, and put away what is left, if it can be."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._try_to_put_away()

    def _take_back(self, counts: dict[Spot, Count]) -> None:
        """Keep what could not be put away, as far as there is room."""
        with self._changing:
            for spot, (shown, clicked) in counts.items():
                more = self._counts.get(spot, Count(0, 0))
                if spot in self._counts or len(self._counts) < SPOTS_MAX:
                    self._counts[spot] = Count(more.shown + shown, more.clicked + clicked)

    def _run(self) -> None:
        while not self._stop.wait(PUT_AWAY_SECONDS):
            self._try_to_put_away()
            self._forget(now())

    def _try_to_put_away(self) -> None:
        try:
            self.put_away()
        except StoreUnavailable as error:
            get_log().warning("clicks_not_put_away", reason=str(error))

    def _forget(self, moment: datetime) -> None:
        if self._store is None or self._forgot == moment.date():
            return
        try:
            forget_counts(self._store, moment.date())
            forget_purges(self._store, moment)
        except StoreUnavailable:
            return
        self._forgot = moment.date()
