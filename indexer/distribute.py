"""A snapshot -> a collection of the search engine: uploaded in blocks, counted, tried, and led to by the alias.

The engine is a second way to search what a snapshot holds. That it is missing keeps no snapshot from being published:
services search for themselves until it is there.
"""

import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from indexer.progress import Reporter
from indexer.report import Report
from seealso.errors import EngineUnavailable
from seealso.logs import get_log
from seealso.relatedness import CANDIDATES_MAX
from seealso.settings import IndexerSettings
from seealso.snapshot.expression import shown_of
from seealso.snapshot.milvus import ANSWER_SECONDS_MAX, CARD_BYTES_MAX, Address, Milvus, address_of
from seealso.snapshot.snapshot import Snapshot

# So long `seealso distribute` waits for an index and for loading: a hundred million vectors are indexed for hours.
WORK_SECONDS_MAX = 6 * 3600.0
# A night is not held up longer by an engine that takes in what it is sent, and each time slowly.
NIGHT_SENDS_SECONDS_MAX = 3600.0
# Connecting, and each answer to one block.
CONNECT_SECONDS_MAX = 10.0
BLOCK_SECONDS_MAX = 60.0
# A thousand vectors of 384 numbers and their cards are some 3 MB; an engine takes 64 at once.
ROWS_AT_ONCE = 1_000
# A block is sent so often before the upload is given up, after pauses that double.
TRIES_MAX = 5
PAUSE_SECONDS = 0.5
# So many articles are searched for, spread over the archive, and what is found is held against the snapshot's own.
TRIED_ARTICLES = 50
MENDED_BY = "services search for themselves until `seealso distribute` has run"
# An engine that finds less of the nearest than this is not led to.
RECALL_MIN = 0.9


@dataclass(frozen=True, slots=True)
class Distributed:
    """What became of a snapshot in the engine: its collection, how many rows were sent (0: they stood there already),
    how many of them without their card, and the share of the nearest that are found.
    """

    collection: str
    sent: int
    without_card: int
    recall: float


class Distribution:
    """Snapshots in a search engine; `kind`: by which index it searches; `wait_s`: how long a night waits for that."""

    def __init__(self, address: Address, kind: str, pause_s: float = PAUSE_SECONDS, wait_s: float = 600.0) -> None:
        self._address = address
        self._kind = kind
        self.wait_s = wait_s
        self._pause_s = pause_s

    def upload(
        self,
        snapshot: Snapshot,
        on_block: Callable[[int], None] = lambda _: None,
        seconds_max: float = WORK_SECONDS_MAX,
        sends_seconds_max: float = math.inf,
    ) -> Distributed:
        """Have a snapshot in the engine, whole and loaded; the alias is left where it is. Raises EngineUnavailable.

        It is raised as well where not all is sent within `sends_seconds_max`; and where all is, and not indexed or
        loaded within `seconds_max`: the engine goes on then.

        `on_block` is told how many articles have just been sent.
        """
        engine = self._address.connect(CONNECT_SECONDS_MAX)
        try:
            collection = self._address.collection_of(snapshot.id)
            sent = without_card = 0
            _load(engine, collection, seconds_max)
            if engine.count(collection, ANSWER_SECONDS_MAX) != len(snapshot):
                end = time.monotonic() + sends_seconds_max
                sent, without_card = len(snapshot), self._send(engine, collection, snapshot, on_block, end)
                _load(engine, collection, seconds_max)
                counted = engine.count(collection, ANSWER_SECONDS_MAX)
                if counted != len(snapshot):
                    told = f"{counted} of {len(snapshot):,} articles are there after all were sent"
                    raise EngineUnavailable(collection, told)
            recall = recall_of(engine, collection, snapshot)
            if recall < RECALL_MIN:
                raise EngineUnavailable(collection, f"it finds {recall:.3f} of the nearest; index it as FLAT")
            return Distributed(collection, sent, without_card, recall)
        finally:
            engine.close()

    def lead(self, snapshot_id: str) -> None:
        """Have the alias lead to a snapshot. Raises EngineUnavailable."""
        engine = self._address.connect(CONNECT_SECONDS_MAX)
        try:
            if not engine.lead(self._address.collection_of(snapshot_id)):
                raise EngineUnavailable(self._address.name, f"it does not hold {snapshot_id}; run `seealso distribute`")
        finally:
            engine.close()

    def tidy(self, kept: Collection[str], loaded: Collection[str]) -> list[str]:
        """Drop all collections of snapshots that are not `kept`, return which; search only `loaded` ones from now on.

        Raises EngineUnavailable.
        """
        engine = self._address.connect(CONNECT_SECONDS_MAX)
        try:
            dropped = []
            for snapshot_id, collection in engine.snapshots().items():
                if snapshot_id not in kept:
                    engine.drop(collection)
                    dropped.append(snapshot_id)
                elif snapshot_id not in loaded:
                    engine.release(collection)
            return dropped
        finally:
            engine.close()

    def _send(
        self, engine: Milvus, collection: str, snapshot: Snapshot, on_block: Callable[[int], None], end: float
    ) -> int:
        """Send all rows of a snapshot, until a moment of time.monotonic; return how many went without a card."""
        engine.create(collection, snapshot.vectors.dimension)
        facts, shown, without_card = snapshot.facts, shown_of(snapshot.facts), 0
        for first in range(0, len(snapshot), ROWS_AT_ONCE):
            if time.monotonic() > end:
                told = f"it took in {first:,} of {len(snapshot):,} articles, and had no longer"
                raise EngineUnavailable(collection, told)
            rows = range(first, min(first + ROWS_AT_ONCE, len(snapshot)))
            cards = [snapshot.card(row) for row in rows]
            without_card += sum(len(card) > CARD_BYTES_MAX for card in cards)
            entities = [
                {
                    "row": row,
                    "article": snapshot.article_id(row),
                    "section": int(facts["section"][row]),
                    "language": int(facts["language"][row]),
                    "published": int(facts["published"][row]),
                    "shown": bool(shown[row]),
                    "card": card.decode() if len(card) <= CARD_BYTES_MAX else "",
                    "vector": vector,
                }
                for row, card, vector in zip(rows, cards, snapshot.vectors.vectors(np.array(rows)), strict=True)
            ]
            self._in_some_tries(partial(engine.put, collection, entities, BLOCK_SECONDS_MAX))
            on_block(len(rows))
        self._in_some_tries(partial(engine.finish, collection, self._kind))
        return without_card

    def _in_some_tries(self, send: Callable[[], None]) -> None:
        for number in range(TRIES_MAX - 1):
            try:
                return send()
            except EngineUnavailable as error:
                get_log().warning("upload_tried_again", reason=str(error))
                time.sleep(self._pause_s * 2**number)
        send()


def _load(engine: Milvus, collection: str, seconds_max: float) -> None:
    """Wait until a collection is indexed and loaded. Raises EngineUnavailable if it is not in time."""
    if not engine.load(collection, seconds_max):
        raise EngineUnavailable(collection, f"it is still being indexed or loaded after {seconds_max:g} seconds")


def recall_of(engine: Milvus, collection: str, snapshot: Snapshot) -> float:
    """Return how many of the nearest of some articles an engine finds, as a share. Raises EngineUnavailable.

    The nearest are those among all, also where the snapshot's own searches look only at the cells that are likely.
    """
    count, limit = len(snapshot), min(CANDIDATES_MAX, len(snapshot))
    tried = np.unique(np.linspace(0, count - 1, TRIED_ARTICLES).astype(np.int64))
    vectors = snapshot.vectors.vectors(tried)
    _, wanted = snapshot.vectors.by_all().search(vectors, limit)
    found = engine.search(collection, vectors, limit, "", ANSWER_SECONDS_MAX)
    products = snapshot.vectors.products(vectors, np.clip(found, 0, count - 1))
    # What is as near as the last of the nearest is one of them: of two alike, either may be found.
    good = (found >= 0) & (found < count) & (products >= wanted[:, -1:] - 1e-5)
    distinct = sum(len(np.unique(rows[passed])) for rows, passed in zip(found, good, strict=True))
    return distinct / found.size


def distribution_of(settings: IndexerSettings) -> Distribution | None:
    """Return how the settings want snapshots distributed; None if they do not."""
    address = address_of(settings)
    if address is None:
        return None
    return Distribution(address, settings.milvus_index, wait_s=settings.milvus_wait_s)


@contextmanager
def distributing(
    distribution: Distribution | None, snapshot: Snapshot, report: Report, reporter: Reporter
) -> Iterator[None]:
    """Upload a snapshot before it is published in the block, and have the alias lead to it after. Fails no night."""
    if distribution is None:
        yield
        return
    try:
        with report.timed("distribute"):
            reporter.stage("Search engine", len(snapshot), "articles")
            wait_s, sends_s = distribution.wait_s, NIGHT_SENDS_SECONDS_MAX
            report.distributed = asdict(distribution.upload(snapshot, reporter.advance, wait_s, sends_s))
    except EngineUnavailable as error:
        report.notices.append(f"published, but not in the search engine: {error}; {MENDED_BY}")
    yield
    if report.distributed is not None:
        try:
            distribution.lead(snapshot.id)
        except EngineUnavailable as error:
            report.notices.append(f"published, but the search engine's alias was not moved: {error}; {MENDED_BY}")


def tidy_engine(distribution: Distribution | None, kept: Collection[str], report: Report) -> None:
    """Drop what the engine has of snapshots that are not `kept`. What cannot be dropped fails no night."""
    if distribution is None or report.distributed is None:
        return
    try:
        distribution.tidy(kept, [each for each in (report.snapshot, report.parent) if each is not None])
    except EngineUnavailable as error:
        report.notices.append(f"published, but old collections stay in the search engine: {error}")
