"""Which texts are the same, or nearly: MinHash over all of them, so that none is compared with each other.

In: all articles. Out: pairs with the same text, and about how much of two texts is the same. The one user of
datasketch. What a story is, is not its business.
"""

import hashlib
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray

from seealso.article import Article
from seealso.words import words

# Texts are compared by their runs of five words: single words are shared by all that is written on a subject.
SHINGLE_WORDS = 5
# A text this short has too few runs to tell a copy from a phrase: it must be equal, with its title, on the same day.
WORDS_MIN = 40
# 256 permutations estimate a share of common runs within 0.03 (one standard error); 128 take 26 s and not 30 for
# 100,000 articles, and miss an article with added paragraphs now and then.
PERMUTATIONS = 256
# Of 32 bits.
SCHEME = "affine32"
# Bands and their rows, of the table in which near texts are found: 94 % of those with 0.8 in common, 99.6 % of 0.85,
# 2 % of 0.5. datasketch's own choice for 0.8 finds 46 % of 0.8 and 79 % of 0.85.
BANDS = (25, 10)
# Two texts of which this share of all runs is in both are copies if a week lies between them at most: of two pages made
# from one template (documentation of 'grid-column' and 'grid-row') 0.74 to 0.88 is the same.
COPY_SHARE = 0.8
COPY_DAYS = 7
# So are those with more in common, whenever they were printed, and without dates.
COPY_SHARE_EVER = 0.9
# And the shorter of two texts, if nearly all of it is in the longer and it is half of it at least: an article with a
# paragraph added is no other, a review of the week is none of the reports in it. A weekly column, four fifths of which
# are the frame, has 0.8; pages of one template 0.92.
CONTAINED_SHARE = 0.95
CONTAINED_LENGTH_MIN = 0.5
# A text of fewer words under more headlines than this is a notice in the place of a text ('for subscribers only').
NOTICE_WORDS_MAX = 100
HEADLINES_MAX = 10
# So many differing copies over more than COPY_DAYS, or without dates, are a form that is filled in, and no story.
FORM_TEXTS = 4
# Who has so many that are nearly copies fills in a form, too; that ends a comparison of each with all.
FORM_NEAR = 50

COPIES_RECIPE: dict[str, Any] = {
    "shingle_words": SHINGLE_WORDS,
    "words_min": WORDS_MIN,
    "permutations": PERMUTATIONS,
    "bands": list(BANDS),
    "copy": [COPY_SHARE, COPY_DAYS],
    "copy_share_ever": COPY_SHARE_EVER,
    "contained": [CONTAINED_SHARE, CONTAINED_LENGTH_MIN],
    "notice": [NOTICE_WORDS_MAX, HEADLINES_MAX],
    "form": [FORM_TEXTS, FORM_NEAR],
}


Sketch = NDArray[np.uint32]


class Texts:
    """All texts, compared by MinHash (Broder 1997).

    `equal`: pairs of rows with the same text. `notices`: rows whose text stands under many headlines and tells nothing.
    `compared`: in the order in which they came out, the first row of each different text that is long enough to be
    compared by its parts. `sketches`: their MinHash, uint32, articles x PERMUTATIONS; other rows are never written.
    """

    def __init__(self, articles: Sequence[Article], on_article: Callable[[], None] = lambda: None) -> None:
        self.equal: list[tuple[int, int]] = []
        self.notices: set[int] = set()
        self.compared: dict[int, None] = {}
        self.sketches = np.empty((len(articles), PERMUTATIONS), np.uint32)
        self._first = np.arange(len(articles))
        self._runs = np.zeros(len(articles), np.int64)
        same: dict[bytes, list[int]] = defaultdict(list)
        for row in sorted(range(len(articles)), key=lambda row: _order(articles[row])):
            told = words(articles[row].text)
            short = len(told) < WORDS_MIN
            if short:
                told += ["\n", *words(articles[row].title), "\n", str(day_of(articles[row]) // 1)]
            text = " ".join(told).encode()
            rows = same[hashlib.blake2b(text, digest_size=16).digest()]
            rows.append(row)
            self._first[row] = rows[0]
            if not short and len(rows) == 1:
                self.sketches[row], self._runs[row] = _sketch(told)
                self.compared[row] = None
            on_article()
        for rows in same.values():
            headlines: dict[str, list[int]] = defaultdict(list)
            for row in rows:
                headlines[articles[row].title].append(row)
            if len(headlines) > HEADLINES_MAX and self._runs[rows[0]] < NOTICE_WORDS_MAX:
                self.notices.update(rows)
                self.compared.pop(rows[0], None)
                self.equal += (pair for each in headlines.values() for pair in pairwise(each))
            else:
                self.equal += pairwise(rows)

    def first_with(self, row: int) -> int:
        """Return the row of the first article to have the same text."""
        return int(self._first[row])

    def shares(self, one: int, other: int) -> tuple[float, float]:
        """Return about what share of all runs of two texts is in both, and of the shorter one's in the longer; 0 to 1.

        The second is 0 if the shorter one is too short to be what the longer one is.
        """
        one, other = self.first_with(one), self.first_with(other)
        if one not in self.compared or other not in self.compared:
            return 0.0, 0.0
        common = np.count_nonzero(self.sketches[one] == self.sketches[other]) / PERMUTATIONS
        shorter, longer = sorted((int(self._runs[one]), int(self._runs[other])))
        contained = min(1.0, common / (1 + common) * (shorter + longer) / shorter)
        return common, contained if shorter >= CONTAINED_LENGTH_MIN * longer else 0.0


def day_of(article: Article) -> float:
    """Return when an article was published, in days; not a number if that is not known."""
    moment = article.published or article.updated
    return moment.timestamp() / 86_400 if moment else float("nan")


def _order(article: Article) -> tuple[bool, float, str]:
    """Return what puts articles in the order in which they came out, those without a date last."""
    day = day_of(article)
    return math.isnan(day), 0.0 if math.isnan(day) else day, article.id


def _sketch(told: Sequence[str]) -> tuple[Sketch, int]:
    """Return the MinHash of a text's runs of words, and how many different ones there are."""
    runs = {" ".join(told[at : at + SHINGLE_WORDS]) for at in range(len(told) - SHINGLE_WORDS + 1)}
    sketch = _min_hash()
    sketch.update_batch(run.encode() for run in runs)
    return sketch.hashvalues, len(runs)


def _min_hash(sketch: Sketch | None = None) -> MinHash:
    """Return a sketch as datasketch has it; an empty one to begin with."""
    return MinHash(
        num_perm=PERMUTATIONS,
        hashfunc=zlib.crc32,
        hashvalues=sketch,
        permutations=_permutations(),
        scheme=SCHEME,
    )


@cache
def _permutations() -> Any:
    """Return the permutations that all sketches share; making them takes longer than a sketch."""
    return MinHash(num_perm=PERMUTATIONS, scheme=SCHEME).permutations


def _meeting(texts: Texts) -> set[int]:
    """Return the rows that have a band of their sketch in common with another: no others can be found near.

    A place in the table takes some 10 kB, and most texts of an archive meet none. Bands are told apart by 64 bits.
    """
    rows = np.fromiter(texts.compared, np.int64, len(texts.compared))
    bands, width = BANDS
    factors = np.random.default_rng(1).integers(2**63, size=width, dtype=np.uint64) * 2 + 1
    met = np.zeros(len(rows), np.bool_)
    for band in range(bands):
        keys = np.zeros(len(rows), np.uint64)
        for place, factor in enumerate(factors):
            keys += texts.sketches[rows, band * width + place] * factor
        _, places, times = np.unique(keys, return_inverse=True, return_counts=True)
        met |= times[places] > 1
    return set(rows[met].tolist())


def _share_min(one: Article, other: Article) -> float:
    """Return what two articles must have in common to be copies."""
    return COPY_SHARE if abs(day_of(one) - day_of(other)) <= COPY_DAYS else COPY_SHARE_EVER


def near_copies(articles: Sequence[Article], texts: Texts) -> tuple[list[tuple[int, int]], set[int]]:
    """Return pairs of which nearly all text is the same, wherever they stand; and rows of forms that are filled in.

    Each text is compared with the first of those before it, so that copies of copies do not lead away from it.
    """
    first_ones = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS)
    copies: dict[int, list[int]] = defaultdict(list)
    meeting = _meeting(texts)
    for row in (row for row in texts.compared if row in meeting):
        sketch = _min_hash(texts.sketches[row])
        near = sorted(first_ones.query(sketch), key=lambda other: _order(articles[other]))
        shares = [texts.shares(row, other)[0] for other in near]
        wanted = [_share_min(articles[row], articles[other]) for other in near]
        found = [(share, -place) for place, share in enumerate(shares) if share >= wanted[place]]
        if found:
            copies[near[-max(found)[1]]].append(row)
        elif len(near) < FORM_NEAR:
            first_ones.insert(row, sketch)
    pairs: list[tuple[int, int]] = []
    forms: set[int] = set()
    for first, rest in copies.items():
        span = np.ptp([day_of(articles[row]) for row in (first, *rest)])
        if 1 + len(rest) >= FORM_TEXTS and not span <= COPY_DAYS:  # or one has no date
            forms.update((first, *rest))
        else:
            pairs += ((first, row) for row in rest)
    return pairs, {row for row in range(len(articles)) if texts.first_with(row) in forms}
