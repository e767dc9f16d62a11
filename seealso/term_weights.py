"""Counted words -> the weights of terms: BM25 (Robertson and Zaragoza 2009) of texts, titles of unit length.

Words that most articles of a language have carry nothing and are no terms; there is no list of stop words.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Scores
from seealso.article import primary_language
from seealso.term_rows import TermRows, as_ends
from seealso.words import TITLE_TIMES

# Lucene's defaults; 0.6 to 2 and 0.4 to 1 made no difference beyond noise on either of our sets.
BM25_K1 = 1.2
BM25_B = 0.75
# Words in more than a quarter of a language's articles are its stop words. Ten imagined articles without the word keep
# a language of very few articles from having no terms at all, and their words from looking rare.
STOP_SHARE = 0.25
ARTICLES_ADDED = 10
# A language of fewer articles is weighed with all the others together: of so few, nothing is known to be rare.
LANGUAGE_ARTICLES_MIN = 5
# Only articles of more than a thousand words lose any. With 256, documentation's lists would lose 0.2 % nDCG@10, and
# those of its prose 0.6 %; with 128, 1 %.
TERMS_MAX = 512

RECIPE: dict[str, Any] = {
    "weight": "BM25",
    "k1": BM25_K1,
    "b": BM25_B,
    "title_times": TITLE_TIMES,
    "stop_share": STOP_SHARE,
    "articles_added": ARTICLES_ADDED,
    "language_articles_min": LANGUAGE_ARTICLES_MIN,
    "terms_max": TERMS_MAX,
}


def length_mean(words_total: int, articles: int) -> float:
    """Return how many words an article has on average, 1 at least."""
    return max(1.0, words_total / max(1, articles))


def rarities(
    counted: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]], groups: Sequence[str], words_count: int
) -> tuple[tuple[str, ...], Scores]:
    """Return the languages of enough articles, and by these and by word how rare it is, 0 for stop words.

    At last over all articles. There every word of a small language would be rare; hence each language by itself.
    `counted`: of each article its words, numbered up to `words_count`, and how often each is in it; `groups`: the
    languages of the articles.
    """
    spoken = Counter(group for group in groups if group)
    languages = tuple(sorted(group for group, articles in spoken.items() if articles >= LANGUAGE_ARTICLES_MIN))
    rarity = np.zeros((len(languages) + 1, words_count), np.float32)
    for place, language in enumerate((*languages, None)):
        own = [found for (found, _), each in zip(counted, groups, strict=True) if language in (each, None)]
        having = np.bincount(np.concatenate(own), minlength=words_count) if own else np.zeros(words_count)
        shares = (having + 0.5) / (len(own) + ARTICLES_ADDED)
        rarity[place] = np.where(shares <= STOP_SHARE, -np.log(shares), 0.0)
    return languages, rarity


def language_place(languages: Sequence[str], language: str | None) -> int:
    """Return which row of a rarity is a language's; the last, over all, where it has none of its own."""
    primary = primary_language(language)
    return languages.index(primary) if primary in languages else -1


def title_rows(titled: Iterable[tuple[Iterable[int], Scores]]) -> TermRows:
    """Return the term vectors of titles, given as numbers of terms (-1: none) and the rarity in their language."""
    ends, terms, weights = [0], [], []
    for numbers, rarity in titled:
        found = np.array(sorted(set(numbers) - {-1}), np.int32)
        found = found[rarity[found] > 0]
        terms.append(found)
        weights.append(np.full(len(found), 1.0 / np.sqrt(max(1, len(found))), np.float32))
        ends.append(ends[-1] + len(found))
    return _joined(ends, terms, weights)


def _joined(ends: list[int], terms: list[NDArray[np.int32]], weights: list[Scores]) -> TermRows:
    return TermRows(
        as_ends(np.array(ends, np.int64)),
        np.concatenate(terms) if terms else np.empty(0, np.int32),
        np.concatenate(weights) if weights else np.empty(0, np.float32),
    )


def weigh(counted: Iterable[tuple[dict[int, int], int, Scores]], length_mean: float) -> TermRows:
    """Return the term vectors of counted texts.

    Given are how often each term is in it (number -1: none), how many words it has, and the rarity in its language.
    """
    ends, terms, weights = [0], [], []
    for counts, length, rarity in counted:
        counts.pop(-1, None)
        found = np.fromiter(counts, np.int32, len(counts))
        times = np.fromiter(counts.values(), np.float32, len(counts))
        longer = 1 - BM25_B + BM25_B * length / length_mean
        weight = (rarity[found] * times * (BM25_K1 + 1) / (times + BM25_K1 * longer)).astype(np.float32)
        heaviest = np.lexsort((found, -weight))[: min(TERMS_MAX, int((weight > 0).sum()))]
        heaviest = heaviest[np.argsort(found[heaviest])]
        terms.append(found[heaviest])
        weights.append(weight[heaviest])
        ends.append(ends[-1] + len(heaviest))
    return _joined(ends, terms, weights)
