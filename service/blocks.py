"""A block that is asked for -> its answer: candidates ranked, cards as JSON or HTML, and what others may do with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import orjson

from seealso.errors import TakenDown, UnknownArticle
from seealso.project import BlockEntry
from seealso.snapshot.snapshot import Snapshot, id_in
from service.answer import IDENTITY, Answer
from service.baton import BATON
from service.block.fragment import BLOCK, LOOK, render_block
from service.block.look import Look
from service.freshness import Lifetimes, purge_keys
from service.metrics import Metrics
from service.related import Footing, Item, related_to_article
from service.rulings import Ruling, Rulings
from service.traces import span
from service.trial import Trial
from service.wanted import Wanted

MEDIA_TYPES = {"json": "application/json", "html": "text/html; charset=utf-8"}


class Asked(NamedTuple):
    """A block that is asked for: of which article, in which form, what it may hold, and how it looks as HTML."""

    article_id: str
    form: Literal["json", "html"]
    wanted: Wanted
    look: Look | None = None


class Blocks:
    """Makes blocks; `dress` is what all of a website's have as HTML, `site` its name where there are several."""

    def __init__(
        self,
        lifetimes: Lifetimes,
        metrics: Metrics,
        trial: Trial | None = None,
        dress: BlockEntry = BLOCK,
        site: str | None = None,
    ) -> None:
        self._lifetimes = lifetimes
        self._metrics = metrics
        self.trial = trial
        self.dress = dress
        self._site = site
        self.rulings = Rulings(())  # what editors want of blocks; changed whole

    def make(self, snapshot: Snapshot, asked: Asked) -> Answer:
        """Return the answer of a block. Raises UnknownArticle, or TakenDown."""
        with BATON:
            return self._made(snapshot, asked)

    def _made(self, snapshot: Snapshot, asked: Asked) -> Answer:
        row = row_of(snapshot, asked.article_id)
        with span("block_ranked"):
            ruling, footing = self.rulings.of_article(snapshot, row), Footing()
            items = self.ruled(snapshot, row, asked.wanted, ruling, footing=footing)
        self._metrics.block(asked.wanted.limit, len(items))
        cards = [snapshot.card(item.row) for item in items]
        if asked.form == "json":
            body = _as_json(snapshot, asked, cards, items)
        else:
            body = _as_html(snapshot, row, cards, asked.look or LOOK, self.dress)
        articles = (asked.article_id, *map(id_in, cards))
        made = datetime.fromisoformat(snapshot.manifest.created).timestamp()
        return Answer(
            snapshot_id=snapshot.id,
            media_type=MEDIA_TYPES[asked.form],
            cache_control=self._lifetimes.cache_control(made, int(snapshot.facts["published"][row])),
            keys=purge_keys(snapshot.id, articles, self._site),
            articles=articles,
            bodies={IDENTITY: body},
            awaited=ruling.awaited,
            placed=snapshot.placed,
            searched=footing.searched,
            behind=tuple(map(snapshot.article_id, footing.tellings.difference(item.row for item in items))),
        )

    def related(self, snapshot: Snapshot, row: int, wanted: Wanted) -> list[Item]:
        """Return what stands in the block of an article, by the rules that hold and the trial that runs."""
        return self.ruled(snapshot, row, wanted, self.rulings.of_article(snapshot, row))

    def ruled(
        self,
        snapshot: Snapshot,
        row: int,
        wanted: Wanted,
        ruling: Ruling,
        met: Sequence[int] = (),
        footing: Footing | None = None,
    ) -> list[Item]:
        """Return what would stand in the block of an article if rules said this of it, by the trial that runs.

        `met` and `footing`: see `related_to_article`.
        """
        with BATON:
            if self.trial is not None:
                return self.trial.related(snapshot, row, wanted, ruling, met, footing)
            return related_to_article(snapshot, row, wanted, met, ruling, None, footing)


def row_of(snapshot: Snapshot, article_id: str) -> int:
    """Return the row of an article. Raises UnknownArticle, or TakenDown."""
    if article_id in snapshot.hidden:
        raise TakenDown(article_id)
    row = snapshot.row_of(article_id)
    if row is None:
        raise UnknownArticle(article_id, snapshot.id)
    return row


def shown_row_of(snapshot: Snapshot, article_id: str) -> int | None:
    """Return the row of an article; None if there is none, or if it was taken down."""
    return None if article_id in snapshot.hidden else snapshot.row_of(article_id)


def encode_cards(snapshot: Snapshot, items: Sequence[Item]) -> bytes:
    """Return the cards of a block as a JSON list. The snapshot holds each card as JSON; only its end is added."""
    return _encode_cards([snapshot.card(item.row) for item in items], items)


def _encode_cards(cards: Sequence[bytes], items: Sequence[Item]) -> bytes:
    return b"[" + b",".join(map(_encode_card, cards, items)) + b"]"


def _encode_card(card: bytes, item: Item) -> bytes:
    pinned = b',"pinned":true' if item.pinned else b""
    team = b',"team":"%b"' % item.team.encode() if item.team else b""
    why = b"" if item.why is None else b',"why":' + orjson.dumps(item.why)
    return b'%b,"score":%.4f,"probability":%.4f%b%b%b}' % (card[:-1], item.score, item.probability, pinned, team, why)


def _as_json(snapshot: Snapshot, asked: Asked, cards: Sequence[bytes], items: Sequence[Item]) -> bytes:
    head = b'{"id":' + orjson.dumps(asked.article_id) + b',"snapshot":"' + snapshot.id.encode() + b'","related":'
    return head + _encode_cards(cards, items) + b"}"


def _as_html(snapshot: Snapshot, row: int, cards: Sequence[bytes], look: Look, dress: BlockEntry) -> bytes:
    language = orjson.loads(snapshot.card(row))["language"]
    return render_block([*map(orjson.loads, cards)], language, look, dress).encode()
