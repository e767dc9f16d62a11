"""An open snapshot: all articles of one night, and what is known of each.

It answers what is in the snapshot; what may be shown is not its business.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows, Scores
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.mapped import bring_in
from seealso.recipe import Recipe
from seealso.relatedness import Cohorts, Probes
from seealso.snapshot import files
from seealso.snapshot.manifest import Manifest
from seealso.snapshot.names import Names
from seealso.snapshot.titles import Titles, title_in
from seealso.snapshot.vectors import VectorIndex
from seealso.space import PassageVectors, Space

# So many articles' candidates are looked through at once: a flag for each candidate of a million would be 100 MB.
ROWS_AT_ONCE = 16_384
_ID_BEGINS, _ID_ENDS = len(b'{"id":'), b',"title":'


class Blob:
    """Records of bytes, one a row; `ends`: where each ends in `content`, and a 0 before them."""

    __slots__ = ("_places", "content", "ends")

    def __init__(self, ends: NDArray[np.uint64], content: mmap.mmap | bytes) -> None:
        self.ends = ends
        self.content = content
        # Gives numbers of Python's own, in a third of the time.
        self._places = ends.data

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, row: int) -> bytes:
        return self.content[self._places[row] : self._places[row + 1]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An open snapshot. Safe from many threads; nothing in it ever changes.

    `facts` is files.FACT_ROW by row, as the night knew it; `sections` and `languages` are what its numbers stand for;
    `sensitive` and `sponsored`, bool by row: what no block shows, whoever said so; `neighbours` (int32) and `scores`
    (float32) are articles x candidates, best first, -1 where there are fewer; `plain_blocks`: each one's plain block,
    see files.PLAIN_BLOCKS, None where the night chose none; `decided`: bool by row, of which articles somebody decided
    that they are not shown, which the night does not know, None where of none; `cohorts`: see
    `relatedness.cohorts_of`; `map`: float32, articles x 2, 0 to 1, where each stands on the map of the archive, None
    where the night drew none; `tags`, `authors`: which rows of the snapshot have them, None where the night listed
    none (it was of an older format); `space`: from passages' vectors to `vectors`. `passages`: float16, passages x
    dimension, article after article; `passage_ends`: where those of each end, and a 0 before them; `passage_spans`:
    where each begins and ends in its article's text. `ids` and `addresses` (None in older formats): files.ID_ROW, by
    hash; `hashes`: those of `ids`; `cards` and `articles`: JSON by row; `titles`: those of the cards, for who looks
    for words in all. `hidden`: the ids of articles taken down, of which a snapshot as it is opened knows nothing.
    """

    manifest: Manifest
    recipe: Recipe
    vectors: VectorIndex
    terms: Terms
    cohorts: Cohorts
    space: Space
    facts: NDArray[Any]
    sensitive: Mask
    sponsored: Mask
    sections: tuple[str, ...]
    languages: tuple[str, ...]
    neighbours: NDArray[np.int32]
    scores: Scores
    plain_blocks: NDArray[np.uint8] | None
    map: NDArray[np.float32] | None
    tags: Names | None
    authors: Names | None
    passages: PassageVectors
    passage_ends: NDArray[np.int64]
    passage_spans: NDArray[np.int32]
    ids: NDArray[Any]
    hashes: memoryview
    addresses: NDArray[Any] | None
    cards: Blob
    articles: Blob
    titles: Titles
    hidden: frozenset[str] = frozenset()
    decided: Mask | None = None

    @property
    def id(self) -> str:
        """Return the snapshot's id."""
        return self.manifest.id

    def __len__(self) -> int:
        return len(self.facts)

    def row_of(self, article_id: str) -> int | None:
        """Return the row of an article, None if it is not in here."""
        for row in _rows_hashed(self.ids, self.hashes, article_id):
            if self.article_id(row) == article_id:
                return row
        return None

    def rows_in(self, other: "Snapshot") -> Rows:
        """Return for each article of the snapshot, live ones not among them, its row in another; -1 where it is not.

        Articles are told by the hashes of their ids: that two of a million share one is as likely as 1 to 37 million.
        """
        hashes = np.ascontiguousarray(other.ids["hash"])
        places = np.minimum(np.searchsorted(hashes, self.ids["hash"]), len(hashes) - 1)
        same = hashes[places] == self.ids["hash"]
        rows = np.full(len(self.ids), -1, np.int64)
        rows[self.ids["row"][same]] = other.ids["row"][places[same]]
        return rows

    def article_id(self, row: int) -> str:
        """Return the id of the article in a row."""
        return id_in(self.card(row))

    def row_at(self, url: str) -> int | None:
        """Return the row of an article with exactly this address, None if none has it."""
        stated = stating(url)
        if stated is None:
            return None
        if self.addresses is None:
            place = self.cards.content.find(stated)
            return None if place < 0 else int(np.searchsorted(self.cards.ends, place, side="right")) - 1
        rows = _rows_hashed(self.addresses, self.addresses["hash"], url)
        return next((row for row in rows if stated in self.cards[row]), None)

    def bring_in(self, folder: Path) -> None:
        """Have at hand what page views read, of a snapshot that is mapped from a folder; see `mapped.bring_in`."""
        cards = np.frombuffer(self.cards.content, np.uint8)
        read = (self.ids, self.cards.ends, cards, self.facts, self.neighbours, self.scores, self.vectors.all)
        bring_in(folder, *read, *(() if self.plain_blocks is None else (self.plain_blocks,)))

    @property
    def here(self) -> Mask:
        """Return for each row whether its article is here: bool; all are, as a snapshot is opened."""
        return np.ones(len(self), np.bool_)

    def without(self, hidden: frozenset[str]) -> "Snapshot":
        """Return the same with these articles, and no others, taken down: as sensitive ones, they are never shown.

        The snapshot is one as it was opened.
        """
        if not hidden:
            return self
        rows = [row for row in map(self.row_of, hidden) if row is not None]
        return replace(self.keeping_out(sensitive=rows), hidden=hidden)

    def keeping_out(self, sensitive: Sequence[int] | Rows = (), sponsored: Sequence[int] | Rows = ()) -> "Snapshot":
        """Return the same with the articles of these rows sensitive, or sponsored, too: they are shown in no block."""
        decided = np.zeros(len(self), np.bool_) if self.decided is None else self.decided
        barred, paid = np.array(sensitive, np.int64), np.array(sponsored, np.int64)
        return replace(
            self,
            sensitive=_also(self.sensitive, barred),
            sponsored=_also(self.sponsored, paid),
            decided=_also(decided, np.concatenate([barred, paid])),
        )

    def title(self, row: int) -> str:
        """Return the title of the article in a row."""
        return title_in(self.card(row))

    def language_of(self, row: int) -> str | None:
        """Return the language tag of the article in a row, None if it has none."""
        number = int(self.facts["language"][row])
        return self.languages[number] if number >= 0 else None

    def story_of(self, row: int) -> str:
        """Return the name of the story that an article tells: the id of the one that stands for it."""
        return self.article_id(int(self.facts["story"][row]))

    def card(self, row: int) -> bytes:
        """Return an article as shown in a block: a JSON object with files.CARD_FIELDS."""
        return self.cards[row]

    def article(self, row: int) -> bytes:
        """Return the whole article as indexed: a JSON object."""
        return self.articles[row]

    def neighbours_of(self, row: int) -> tuple[Rows, Scores]:
        """Return the rows and scores of an article's candidates, best first, itself not among them."""
        rows = self.neighbours[row]
        count = int(np.count_nonzero(rows >= 0))
        return rows[:count].astype(np.int64), self.scores[row, :count]

    def is_as_the_night_left(self, row: int) -> bool:
        """Return whether nobody decided anything of an article's candidates, and none has come since the night."""
        # What fills a list up stands for the last article: if that one was decided on, no harm is done.
        return self.decided is None or not self.decided[self.neighbours[row]].any()

    def hosts_of(self, row: int) -> Rows:
        """Return the rows of all articles among whose candidates one is."""
        starts = range(0, len(self.neighbours), ROWS_AT_ONCE)
        blocks = (self.neighbours[start : start + ROWS_AT_ONCE] for start in starts)
        return np.flatnonzero(np.concatenate([(block == row).any(axis=1) for block in blocks]))

    def probes(self, row: int) -> Probes:
        """Return an article as what related ones are wanted for."""
        return Probes(self.vectors.vector(row)[np.newaxis], self.terms.articles.row(row), self.terms.titles.row(row))

    def passages_of(self, row: int) -> tuple[Vectors, NDArray[np.int32]]:
        """Return an article's passages: their vectors (float32, passages x dimension), and where each begins and ends.

        Places are in characters of the article's text.
        """
        own = slice(int(self.passage_ends[row]), int(self.passage_ends[row + 1]))
        return self.passages[own].astype(np.float32), self.passage_spans[own]

    @property
    def text_lengths(self) -> NDArray[np.int32]:
        """Return how many characters of text each article has: by row, of those in the snapshot itself."""
        lengths: NDArray[np.int32] = self.passage_spans[self.passage_ends[1:] - 1, 1]
        return lengths

    @property
    def lineage(self) -> str:
        """Return a name for what its rows are: the same for two that differ only in how far they go."""
        return self.id

    @property
    def articles_count(self) -> int:
        """Return how many articles there are."""
        return len(self)

    @property
    def live_count(self) -> int:
        """Return how many of them are live: put since the night that made it. None, as a snapshot is opened."""
        return 0

    @property
    def placed(self) -> int:
        """Return the number of the last placing of a live article that is in here: 0, for a snapshot holds none."""
        return 0

    def still_holds(self, placed: int, article_ids: Sequence[str], searched: bool) -> bool:
        """Return whether a block would be the same today that was made when `placed` was the number it is now.

        `article_ids`: the article that it is of, and those that it shows; `searched`: whether all were looked through
        for it, and not only the candidates.
        """
        return True


def _also(mask: Mask, rows: Rows) -> Mask:
    """Return a mask in which these rows are true, too; itself where there are none."""
    if not len(rows):
        return mask
    own = mask.copy()
    own[rows] = True
    return own


def stating(url: str) -> bytes | None:
    """Return what stands in the card of an article with this address, and in no other; None if it can be none's."""
    try:
        # Quotation marks within texts are escaped: these bytes stand nowhere else.
        return b'"url":' + orjson.dumps(url)
    except orjson.JSONEncodeError:  # a lone surrogate
        return None


def _rows_hashed(table: NDArray[Any], hashes: Sequence[int] | memoryview | NDArray[Any], name: str) -> Iterator[int]:
    """Yield the rows that files.ID_ROW has for a name: one as a rule; `hashes`: its own, in order."""
    try:
        wanted = files.hash_of(name)
    except UnicodeEncodeError:  # a lone surrogate, which no article's id or address has
        return
    position = bisect_left(hashes, wanted)
    while position < len(hashes) and hashes[position] == wanted:
        yield int(table["row"][position])
        position += 1


def id_in(card: bytes) -> str:
    """Return the id of the article that a card shows."""
    # It is the first field; a quotation mark within it is escaped, so that the second begins only once.
    quoted = card[_ID_BEGINS : card.index(_ID_ENDS)]
    # Most have nothing that is escaped, and are read in a third of the time.
    return str(orjson.loads(quoted)) if b"\\" in quoted else quoted[1:-1].decode()
