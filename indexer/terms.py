"""Texts -> the terms of an archive."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from seealso.article import primary_language
from seealso.lexical import Terms
from seealso.term_rows import transposed
from seealso.term_weights import language_place, length_mean, rarities, title_rows, weigh
from seealso.words import word_counts, words


def build_terms(
    texts: Iterable[tuple[str, str, str | None]], on_article: Callable[[], None] | None = None
) -> tuple[Terms, int]:
    """Return the terms of an archive, and how many words were counted. `texts`: title, text and language of each.

    Each article keeps its TERMS_MAX heaviest terms.
    """
    numbers: dict[str, int] = {}
    counted: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
    titled: list[list[int]] = []
    groups: list[str] = []
    for title, text, language in texts:
        counts = word_counts(title, text)
        found = np.fromiter((numbers.setdefault(word, len(numbers)) for word in counts), np.int32, len(counts))
        counted.append((found, np.fromiter(counts.values(), np.int32, len(counts))))
        titled.append([numbers[word] for word in words(title)])
        groups.append(primary_language(language))
        if on_article is not None:
            on_article()
    languages, rarity = rarities(counted, groups, len(numbers))
    by_number = list(numbers)
    encoded = {by_number[number].encode(): number for number in np.flatnonzero(rarity.any(axis=0))}
    vocabulary = sorted(encoded)
    new_number = np.full(len(numbers), -1, np.int32)
    order = np.array([encoded[term] for term in vocabulary], np.int64)
    new_number[order] = np.arange(len(vocabulary))
    rarity = rarity[:, order]
    total = int(sum(int(times.sum()) for _, times in counted))
    mean = length_mean(total, len(counted))
    own_rarity = [rarity[language_place(languages, group)] for group in groups]
    rows = weigh(
        (
            (dict(zip(new_number[found].tolist(), times.tolist(), strict=True)), int(times.sum()), own)
            for (found, times), own in zip(counted, own_rarity, strict=True)
        ),
        mean,
    )
    titles = title_rows(
        ([int(new_number[number]) for number in each], own) for each, own in zip(titled, own_rarity, strict=True)
    )
    postings, title_postings = (transposed(each, len(vocabulary)) for each in (rows, titles))
    return Terms(vocabulary, languages, rarity, rows, postings, titles, title_postings, mean), total
