"""What an index would show, as one night is compared with another: of articles just indexed, or of a snapshot.

Blocks are taken by the rules that hold whatever is asked: enough related, nothing that is never shown, the article's
own language first. Stories and variety are left to the service.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.article import EMBEDDED_FIELDS, Article, primary_language
from seealso.recipe import Recipe
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.writer import encode_article

# As many as a page shows by default.
BLOCK_ITEMS = 12
# So many lists at once are held in memory.
SLICE = 8_192


@dataclass(frozen=True, slots=True)
class Lists:
    """Every article's candidates, and what of the articles matters to compare them.

    `rows` and `scores`: articles x candidates, best first, -1 where there are fewer; `hidden` (bool): sponsored or
    sensitive, in no block; `languages`: primary ones, '' where not known; `wholes` and `texts`: digests of all fields,
    and of what is embedded; `picks`: what editors chose.
    """

    ids: list[str]
    titles: list[str]
    rows: NDArray[np.int32]
    scores: NDArray[np.float32]
    recipe: Recipe
    hidden: NDArray[np.bool_]
    sensitive: NDArray[np.bool_]
    languages: NDArray[np.str_]
    wholes: list[bytes]
    texts: list[bytes]
    picks: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.ids)

    def blocks(self) -> NDArray[np.int32]:
        """Return the rows each block shows, in order: int32, articles x (at most) BLOCK_ITEMS, -1 for none.

        Those in the article's own language go first, as the service has it.
        """
        spoken, numbers = np.unique(self.languages, return_inverse=True)
        known, least = spoken != "", self.recipe.score_of(self.recipe.probability_min)
        blocks = np.full((len(self), min(BLOCK_ITEMS, self.rows.shape[1])), -1, np.int32)
        for begin in range(0, len(self), SLICE):
            some = slice(begin, begin + SLICE)
            rows = self.rows[some]
            others = np.maximum(rows, 0)
            hidden = self.hidden[others] | self.sensitive[some, np.newaxis]
            shown = (rows >= 0) & (self.scores[some] >= least) & ~hidden
            theirs, own = numbers[others], numbers[some, np.newaxis]
            foreign = (theirs != own) & known[theirs] & known[own]
            places = np.argsort(2 * ~shown + foreign, axis=1, kind="stable")[:, :BLOCK_ITEMS]
            firsts = np.take_along_axis(rows, places, axis=1)
            blocks[some] = np.where(np.take_along_axis(shown, places, axis=1), firsts, -1)
        return blocks


def lists_of_articles(
    articles: Sequence[Article], rows: NDArray[np.int32], scores: NDArray[np.float32], recipe: Recipe
) -> Lists:
    """Return the lists of a night that is not written yet."""
    return _lists(map(encode_article, articles), rows, scores, recipe)


def lists_of_snapshot(snapshot: Snapshot) -> Lists:
    """Return the lists of a snapshot."""
    return _lists(map(snapshot.article, range(len(snapshot))), snapshot.neighbours, snapshot.scores, snapshot.recipe)


def _lists(records: Iterable[bytes], rows: NDArray[np.int32], scores: NDArray[np.float32], recipe: Recipe) -> Lists:
    count = len(rows)
    ids, titles, languages, wholes, texts = [], [], [], [], []
    hidden, sensitive = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    picks: dict[str, list[str]] = {}
    for row, record in enumerate(records):
        fields = orjson.loads(record)
        ids.append(fields["id"])
        titles.append(fields["title"])
        languages.append(primary_language(fields.get("language")))
        wholes.append(_digest(record))
        embedded = [fields.get(name) for name in EMBEDDED_FIELDS]
        texts.append(_digest(orjson.dumps(embedded)))
        sensitive[row] = bool(fields.get("sensitive"))
        hidden[row] = sensitive[row] or bool(fields.get("sponsored"))
        chosen = [pick for pick in fields.get("editor_related") or [] if pick != fields["id"]]
        if chosen:
            picks[fields["id"]] = chosen
    return Lists(
        ids, titles, rows, scores, recipe, hidden, sensitive, np.array(languages, np.str_), wholes, texts, picks
    )


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
