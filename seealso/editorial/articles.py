"""Live articles: those that were put or removed since a night read the sources, and where they belong in snapshots.

A night takes them in; its snapshot says up to which change. What came after that is live beside that snapshot.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from seealso.article import Article
from seealso.editorial.schema import articles, placings
from seealso.editorial.store import Head, Store, Writing, as_moment, as_text, head_of, origin_of
from seealso.snapshot.manifest import TakenIn
from seealso.snapshot.writer import encode_article
from seealso.space import PASSAGE_DTYPE, PassageVectors

PUT, REMOVED = "article-put", "article-removed"
# A source may lack an article for some nights, its row quarantined or its file missing, and then have it again: what
# was removed must not be back with it.
REMOVAL_DAYS_KEPT = 90
# A server may take seconds for what is asked of it at once; of these articles, with their vectors, it takes far less.
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Embedded:
    """An article's passages: their vectors (float16, passages x dimension), by the model with the digest `model`.

    `spans`: int32, passages x 2, in characters of the article's text.
    """

    model: str
    vectors: PassageVectors
    spans: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class LiveArticle:
    """An article as it was put by the change `sequence`, or removed by it: then `record` and `embedded` are None.

    `record`: the whole article as JSON, as snapshots hold it. `sent`: when a content system sent the message of it, by
    that system's clock; None where none did. A later message that changes nothing is noted there as well.
    """

    id: str
    sequence: int
    moment: datetime
    record: bytes | None
    embedded: Embedded | None
    sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A live article with where it belongs in a snapshot (see `live.placing`; None for one that was removed)."""

    number: int
    live: LiveArticle
    content: bytes | None


def put_article_in(
    writing: Writing, article: Article, embedded: Embedded, who: str, sent: datetime | None = None
) -> LiveArticle:
    """Keep an article as it is from now on. `sent`: see LiveArticle."""
    record = encode_article(article)
    return _keep(writing, article.id, record, embedded, who, "", sent)


def remove_article_in(
    writing: Writing, article_id: str, who: str, reason: str, sent: datetime | None = None
) -> LiveArticle:
    """Keep that there is no such article from now on. `sent`: see LiveArticle."""
    return _keep(writing, article_id, None, None, who, reason, sent)


def note_sent_in(writing: Writing, known: LiveArticle, sent: datetime) -> None:
    """Keep that a message said the same of an article as is known of it, if it was sent later than that."""
    if sent > (known.sent or known.moment):
        asked = articles.update().where(articles.c.id == known.id)
        writing.connection.execute(asked.values(sent=as_text(sent)))


def place_in(
    writing: Writing, snapshot_id: str, live: LiveArticle, content: bytes | None, embedded: Embedded | None = None
) -> Placed:
    """Keep where an article belongs in a snapshot. `embedded`: by the snapshot's model, if it was by another."""
    writing.placed += 1
    if embedded is not None and embedded is not live.embedded:
        writing.connection.execute(
            articles.update()
            .where(articles.c.id == live.id, articles.c.sequence == live.sequence)
            .values(_row(embedded))
        )
    row = {"snapshot": snapshot_id, "article": live.id, "placed": writing.placed, "sequence": live.sequence}
    writing.connection.execute(
        placings.delete().where(placings.c.snapshot == snapshot_id, placings.c.article == live.id)
    )
    writing.connection.execute(placings.insert().values(row | {"content": content}))
    return Placed(writing.placed, live, content)


def read_placed(
    connection: sa.Connection, snapshot_id: str, taken_in: TakenIn | None, after: int = 0
) -> tuple[Head, list[Placed]]:
    """Return the live articles that have a place in a snapshot, in the order of their placings, and how far they go.

    `taken_in`: what the snapshot holds already; `after`: only those of later placings.
    """
    head = head_of(connection)
    asked = (
        sa.select(articles, placings.c.placed, placings.c.content)
        .join(placings, sa.and_(placings.c.article == articles.c.id, placings.c.sequence == articles.c.sequence))
        .where(placings.c.snapshot == snapshot_id, placings.c.placed > after, _is_live(head, taken_in))
        .order_by(placings.c.placed)
    )
    return head, [Placed(row.placed, _live(row), row.content) for row in connection.execute(asked)]


def read_unplaced(
    connection: sa.Connection, snapshot_id: str, taken_in: TakenIn | None, only: LiveArticle | None = None
) -> list[LiveArticle]:
    """Return the live articles, or the one, that have no place in a snapshot yet, in the order in which they came."""
    placed = sa.select(placings.c.article).where(
        placings.c.snapshot == snapshot_id,
        placings.c.article == articles.c.id,
        placings.c.sequence == articles.c.sequence,
    )
    live = _is_live(head_of(connection), taken_in)
    asked = sa.select(articles).where(live, ~placed.exists()).order_by(articles.c.sequence)
    if only is not None:
        asked = asked.where(articles.c.id == only.id, articles.c.sequence == only.sequence)
    return [_live(row) for row in connection.execute(asked)]


def find_article(connection: sa.Connection, article_id: str) -> LiveArticle | None:
    """Return an article as it was last put or removed; None if neither was ever done, or a night took it over."""
    row = connection.execute(sa.select(articles).where(articles.c.id == article_id)).one_or_none()
    return None if row is None else _live(row)


def read_articles(store: Store) -> tuple[TakenIn, list[LiveArticle]]:
    """Return all that were put or removed, and what to say of a snapshot that takes them in. Raises StoreUnavailable.

    Those are among them that earlier nights have taken in. What is put or removed meanwhile may be read as it is then:
    it is said not to be taken in, and is live beside the snapshot.
    """
    with store.reading() as connection:
        head, moment = head_of(connection), as_text(datetime.now(UTC))
    found: list[LiveArticle] = []
    asked = sa.select(articles).order_by(articles.c.id).limit(ROWS_AT_ONCE)
    while True:
        after = articles.c.id > found[-1].id if found else sa.true()
        with store.reading() as connection:
            rows = connection.execute(asked.where(after)).all()
        found += [_live(row) for row in rows]
        if len(rows) < ROWS_AT_ONCE:
            return TakenIn(generation=head.generation, sequence=head.sequence, read=moment), found


def is_another_store(generation: str, taken_in: TakenIn | None) -> bool:
    """Return whether the store of a past is not the one of which a night has taken something in.

    One that was put back from a copy of its own is the same.
    """
    return taken_in is not None and taken_in.sequence > 0 and origin_of(taken_in.generation) != origin_of(generation)


def forget_articles(
    store: Store,
    kept: Iterable[tuple[str, TakenIn | None]],
    of_sources: Collection[str],
    came: Collection[str],
    now: datetime,
) -> int:
    """Remove what is of no use any more, and return how many articles that were. Raises StoreUnavailable.

    `kept`: the snapshots there are; placings in others go. An article goes once all of them have taken it in, and the
    sources have it as they want it (`of_sources`), or it was removed REMOVAL_DAYS_KEPT ago and no source has it
    (`came`: those that have).
    """
    kept, first = list(kept), as_text(now - timedelta(days=REMOVAL_DAYS_KEPT))
    with store.adding() as connection:
        connection.execute(placings.delete().where(placings.c.snapshot.not_in([snapshot for snapshot, _ in kept])))
        head = head_of(connection)
        taken = [sa.not_(_is_live(head, taken_in)) for _, taken_in in kept]
        long_removed = sa.and_(articles.c.article.is_(None), articles.c.moment < first)
        rows = connection.execute(sa.select(articles.c.id, long_removed).where(*taken)).all()
    unused = [row[0] for row in rows if row[0] in of_sources or (row[1] and row[0] not in came)]
    for first_place in range(0, len(unused), ROWS_AT_ONCE):
        some = unused[first_place : first_place + ROWS_AT_ONCE]
        with store.adding() as connection:
            connection.execute(placings.delete().where(placings.c.article.in_(some)))
            connection.execute(articles.delete().where(articles.c.id.in_(some), *taken))
    return len(unused)


def _keep(
    writing: Writing,
    article_id: str,
    record: bytes | None,
    embedded: Embedded | None,
    who: str,
    reason: str,
    sent: datetime | None,
) -> LiveArticle:
    before = writing.connection.execute(sa.select(articles.c.article).where(articles.c.id == article_id)).scalar()
    action = REMOVED if record is None else PUT
    sequence = writing.record(who, action, article_id, _told(before), _told(record), reason)
    writing.connection.execute(articles.delete().where(articles.c.id == article_id))
    writing.connection.execute(
        articles.insert().values(
            id=article_id,
            sequence=sequence,
            moment=as_text(writing.moment),
            article=record,
            sent=None if sent is None else as_text(sent),
            **(_row(embedded) if embedded else {}),
        )
    )
    return LiveArticle(article_id, sequence, writing.moment, record, embedded, sent)


def _row(embedded: Embedded) -> dict[str, Any]:
    return {
        "model": embedded.model,
        "vectors": embedded.vectors.astype(PASSAGE_DTYPE).tobytes(),
        "spans": embedded.spans.astype(np.int32).tobytes(),
    }


def _told(record: bytes | None) -> dict[str, Any] | None:
    """Return an article as the log tells of it: all but its text, of which the length is told."""
    if record is None:
        return None
    fields: dict[str, Any] = orjson.loads(record)
    return {**fields, "body": f"{len(fields['body'])} characters"}


def _is_live(head: Head, taken_in: TakenIn | None) -> sa.ColumnElement[bool]:
    """Return the condition that an article came after what a snapshot has taken in."""
    if taken_in is None:
        return sa.true()
    # A store that was put back from a backup may have numbers that the night saw already, of other changes.
    later = articles.c.moment > taken_in.read
    if taken_in.generation != head.generation:
        return later
    return sa.or_(later, articles.c.sequence > taken_in.sequence)


def _live(row: Any) -> LiveArticle:
    moment = as_moment(row.moment)
    assert moment is not None
    embedded = None
    if row.article is not None:
        spans = np.frombuffer(row.spans, np.int32).reshape(-1, 2)
        vectors = np.frombuffer(row.vectors, PASSAGE_DTYPE).reshape(len(spans), -1)
        embedded = Embedded(row.model, vectors, spans)
    return LiveArticle(row.id, row.sequence, moment, row.article, embedded, as_moment(row.sent))
