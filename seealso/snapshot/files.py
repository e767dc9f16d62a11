"""The files of a snapshot beside the vectors: what each holds, in which type and shape.

| file              | holds                                                                                        |
|-------------------|----------------------------------------------------------------------------------------------|
| cards.bin         | each article's card, JSON in UTF-8, one after the other                                      |
| cards.npy         | uint64, articles + 1: where each card begins and ends                                        |
| articles.bin/.npy | the same for whole articles                                                                  |
| ids.npy           | (hash, row) by article, ordered by hash: finds the row of an id without a table in memory    |
| facts.npy         | what filters and rules look at, by row                                                       |
| labels.json       | the sections and languages that facts.npy counts                                             |
| neighbours.npy    | int32, articles x candidates: rows, best first, -1 where there are fewer                     |
| scores.npy        | float32, the same shape                                                                      |
| vectors.faiss     | the articles' vectors                                                                        |

Row number = position in all of them; articles stand in the order of their ids.
"""

import hashlib

import numpy as np

VECTORS = "vectors.faiss"
CARDS = "cards"
ARTICLES = "articles"
IDS = "ids.npy"
FACTS = "facts.npy"
LABELS = "labels.json"
NEIGHBOURS = "neighbours.npy"
SCORES = "scores.npy"

ALL = frozenset(
    {f"{name}.{ending}" for name in (CARDS, ARTICLES) for ending in ("bin", "npy")}
    | {IDS, FACTS, LABELS, NEIGHBOURS, SCORES, VECTORS}
)

ID_ROW = np.dtype([("hash", "<u8"), ("row", "<u4")])

# published: seconds since 1970, NO_TIME where unknown; section, language: position in labels.json, -1 where none.
FACT_ROW = np.dtype(
    [("published", "<i8"), ("section", "<i4"), ("language", "<i4"), ("sponsored", "?"), ("sensitive", "?")]
)
NO_TIME = np.iinfo(np.int64).min

CARD_FIELDS = (
    "id", "title", "url", "section", "summary", "published", "updated", "author", "language", "image", "access",
)  # fmt: skip


def hash_of(article_id: str) -> int:
    """Return 64 bits by which ids.npy is ordered; ids with the same are told apart by their cards."""
    return int.from_bytes(hashlib.blake2b(article_id.encode(), digest_size=8).digest(), "little")
