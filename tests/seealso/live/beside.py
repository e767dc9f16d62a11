"""Live articles beside a snapshot, as a service has them, without a store."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from seealso.article import Article
from seealso.editorial.articles import Embedded, LiveArticle, Placed
from seealso.live.edition import Edition, Live
from seealso.live.place import place
from seealso.live.placing import encode_placing
from seealso.passages import cut_passages
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.writer import encode_article
from seealso.space import PASSAGE_DTYPE
from tests.makers import HashEncoder, article


def embedded(piece: Article) -> Embedded:
    encoder = HashEncoder()
    passages = cut_passages(piece.title, piece.text, piece.language, encoder)
    vectors = encoder.encode([passage.text for passage in passages]).astype(PASSAGE_DTYPE)
    return Embedded(encoder.identity.digest, vectors, np.array([(p.start, p.end) for p in passages], np.int32))


def numbered() -> Iterator[int]:
    yield from range(1, 1_000_000)


class Beside:
    """Live articles beside a snapshot, as a service has them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.live = Live(snapshot)
        self._numbers = numbered()

    @property
    def edition(self) -> Snapshot:
        return self.live.edition()

    def put(self, *pieces: Article) -> "Beside":
        for piece in pieces:
            number, own = next(self._numbers), embedded(piece)
            content = encode_placing(place(self.edition, piece, own))
            kept = LiveArticle(piece.id, number, datetime.now(UTC), encode_article(piece), own)
            assert not self.live.take([Placed(number, kept, content)])
        return self

    def remove(self, article_id: str) -> "Beside":
        number = next(self._numbers)
        assert not self.live.take(
            [Placed(number, LiveArticle(article_id, number, datetime.now(UTC), None, None), None)]
        )
        return self


def listed(snapshot: Snapshot, article_id: str) -> list[str]:
    row = snapshot.row_of(article_id)
    assert row is not None
    gone = snapshot.gone if isinstance(snapshot, Edition) else np.zeros(len(snapshot), np.bool_)
    return [snapshot.article_id(each) for each in snapshot.neighbours_of(row)[0].tolist() if not gone[each]]


def newcomers(count: int) -> list[Article]:
    subjects = ("tides moon sea harbour", "bread yeast oven flour", "chess opening pawn clock")
    return [
        article(f"b{n:03}", title=f"Newcomer {n}", body=f"{subjects[n % 3]} number{n} late{n}", language="en")
        for n in range(count)
    ]
