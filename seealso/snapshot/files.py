"""The files of a snapshot: what each holds, in which type and shape.

| file                  | holds                                                                                    |
|-----------------------|------------------------------------------------------------------------------------------|
| cards.bin             | each article's card, JSON in UTF-8, one after the other                                  |
| cards.npy             | uint64, articles + 1: where each card begins and ends                                    |
| articles.bin/.npy     | the same for whole articles                                                              |
| ids.npy               | (hash, row) by article, ordered by hash: finds the row of an id without a table in memory |
| addresses.npy         | the same by address (`url`) of those that have one: an article by its page (since format 7) |
| facts.npy             | what filters and rules look at, by row                                                   |
| labels.json           | the sections and languages that facts.npy counts                                |
| neighbours.npy        | int32, articles x candidates: rows, best first, -1 where there are fewer                 |
| scores.npy            | float32, the same shape                                                                  |
| plain_blocks.npy      | uint8, articles x 2 x 16: each article's plain block, as places among its candidates:    |
|                       | those shown, best first; and for each the telling of its story for which it is there, as |
|                       | a rule itself; 255 where the block has ended (since format 8)                            |
| cohorts.npy           | float32, articles x parts x 2: by what each article's scores are standardised            |
| map.npy               | float32, articles x 2: where each stands on the map of the archive, 0 to 1 (since format 5) |
| tags.bin/.npy         | the articles' tags, casefolded, composed (NFC), each once, by their bytes (since format 7) |
| tags_ends.npy         | int64, tags + 1: where the rows of each tag end, and a 0 before them                     |
| tags_rows.npy         | int32: the rows of the articles that have each tag, in order                             |
| authors.bin/.npy, authors_ends.npy, authors_rows.npy | the same of the articles' authors                         |
| vectors.faiss         | the articles' vectors, whitened                                                          |
| cells.bin             | the same vectors by cell (only where the manifest says so): of each a byte for each of the |
|                       | numbers of each of its vectors, and the rows (int64) of these; room for a multiple of eight |
| cells.npy             | uint64, cells + 1: where each cell's articles end among all, and a 0 before them         |
| cell_centres.npy      | float32, cells x dimension                                                               |
| cell_ranges.npy       | float32, 2 x dimension: from where, and how far, each number goes                        |
| passages.npy          | float16, passages x dimension: the passages' vectors as the model gave them              |
| passage_ends.npy      | int64, articles + 1: where each article's passages begin and end                         |
| passage_spans.npy     | int32, passages x 2: where each stands in the article's text, in characters              |
| whitening.npy         | float32, dimension x dimension: see `space.Space`                                        |
| offsets.npy           | float32, languages (labels.json: spoken) + 1 x dimension: the same; the last: its centre |
| terms.bin/.npy        | the vocabulary, in the order of its bytes                                                |
| rarity.npy            | float32, languages (labels.json: weighed) + 1 x terms                                    |
| article_terms_*.npy   | the articles' term vectors: ends (int32 or int64), terms (int32), weights (float32)      |
| postings_*.npy        | the same by term: ends, articles, weights                                                |
| titles_*.npy, title_postings_*.npy | the same of the articles' titles                                            |

Row number = position in all of them; articles stand in the order of their ids.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from seealso.article import reading_minutes

VECTORS = "vectors.faiss"
CELLS = "cells"
CELL_CENTRES = "cell_centres.npy"
CELL_RANGES = "cell_ranges.npy"
CARDS = "cards"
ARTICLES = "articles"
IDS = "ids.npy"
ADDRESSES = "addresses.npy"
FACTS = "facts.npy"
LABELS = "labels.json"
NEIGHBOURS = "neighbours.npy"
SCORES = "scores.npy"
PLAIN_BLOCKS = "plain_blocks.npy"
COHORTS = "cohorts.npy"
MAP = "map.npy"
TAGS = "tags"
AUTHORS = "authors"
PASSAGES = "passages.npy"
PASSAGE_ENDS = "passage_ends.npy"
PASSAGE_SPANS = "passage_spans.npy"
WHITENING = "whitening.npy"
OFFSETS = "offsets.npy"
TERMS = "terms"
RARITY = "rarity.npy"
ARTICLE_TERMS = "article_terms"
POSTINGS = "postings"
TITLES = "titles"
TITLE_POSTINGS = "title_postings"

TERM_ROWS = (ARTICLE_TERMS, POSTINGS, TITLES, TITLE_POSTINGS)
ALL = frozenset(
    {f"{name}.{ending}" for name in (CARDS, ARTICLES, TERMS, TAGS, AUTHORS) for ending in ("bin", "npy")}
    | {f"{name}_{part}.npy" for name in TERM_ROWS for part in ("ends", "terms", "weights")}
    | {f"{name}_{part}.npy" for name in (TAGS, AUTHORS) for part in ("ends", "rows")}
    | {
        IDS,
        ADDRESSES,
        FACTS,
        LABELS,
        NEIGHBOURS,
        SCORES,
        PLAIN_BLOCKS,
        COHORTS,
        MAP,
        VECTORS,
        PASSAGES,
        PASSAGE_ENDS,
        PASSAGE_SPANS,
        WHITENING,
        OFFSETS,
        RARITY,
    }
)

OF_CELLS = frozenset({f"{CELLS}.bin", f"{CELLS}.npy", CELL_CENTRES, CELL_RANGES})

ID_ROW = np.dtype([("hash", "<u8"), ("row", "<u4")])

# published: seconds since 1970, NO_TIME where unknown; section, language: position in labels.json, -1 where none;
# story: the row of the article that stands for all that tell the same; eventful: 0 to 1, how bound to its days.
FACT_ROW = np.dtype(
    [
        ("published", "<i8"),
        ("section", "<i4"),
        ("language", "<i4"),
        ("story", "<i4"),
        ("eventful", "<f4"),
        ("sponsored", "?"),
        ("sensitive", "?"),
    ]
)
NO_TIME = np.iinfo(np.int64).min

# A page shows 12 cards as a rule; whoever asks for more than this has them chosen then.
PLAIN_MAX = 16
# Stands in plain_blocks.npy where a block has ended. No article has so many candidates.
NO_PLACE = 255

# Cards of snapshots from before the picture's own fields and the reading time lack what stands after `access`.
_OF_ARTICLE = (
    "id", "title", "url", "section", "summary", "published", "updated", "author", "language", "image", "access",
    "image_alt", "image_width", "image_height", "image_srcset",
)  # fmt: skip
CARD_FIELDS = (*_OF_ARTICLE, "reading_minutes")


def card_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an article, by its fields, as shown in a block: CARD_FIELDS, None where there is nothing."""
    return {name: fields.get(name) for name in _OF_ARTICLE} | {"reading_minutes": reading_minutes(fields["body"])}


def hash_of(name: str) -> int:
    """Return 64 bits of an id or address, by which tables are ordered; two with the same are told by their cards."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
