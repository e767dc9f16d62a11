"""Texts -> weighted term vectors, and the search for articles that share the heaviest terms. The one user of scipy.

A term is a word of a text (see `words`). A term vector has the BM25 weight of each of an article's terms
(Robertson and Zaragoza 2009); two articles share as much as the inner product of their term vectors. Words that most
articles of a language have carry nothing and are no terms; there is no list of stop words.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seealso.article import primary_language
from seealso.threads import in_parts, on_threads
from seealso.words import TITLE_TIMES, word_counts, words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]

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
# Where not all postings are looked through, so many times as many as are wanted are found by the heaviest terms, and
# then told apart by all of them.
REFINED_TIMES = 2
# Many probes at once are searched for in so many articles after the other, whose sums a processor's cache holds: of a
# million articles that takes a quarter of the time.
BLOCK_ARTICLES = 60_000
# Of so many probes at once are products with some hundred articles each computed: what that takes, some ten megabytes,
# an allocator keeps. Of 128 it gives it back to the system each time, which took a third of the time.
PRODUCTS_AT_ONCE = 32
# Of so many articles at once are weights squared: of all of them that would take 24 bytes a term.
SQUARED_AT_ONCE = 16_384
# A filter that leaves out less than this share of all articles, such as those taken down, is none to speak of.
LEFT_OUT_SHARE = 0.01
# Where rows of terms end further on, at 512 terms an article from the 4,194,304th on, 32 bits do not say it.
SHORT_END_MAX = 2**31 - 1

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


def as_ends(ends: NDArray[Any]) -> NDArray[Any]:
    """Return where rows begin and end in the type that holds it."""
    return ends.astype(np.int32 if int(ends[-1]) <= SHORT_END_MAX else np.int64, copy=False)


def narrows(allowed: Mask) -> bool:
    """Return whether a filter leaves out more articles than a few."""
    return int(np.count_nonzero(allowed)) < (1 - LEFT_OUT_SHARE) * len(allowed)


@dataclass(frozen=True, slots=True)
class TermRows:
    """The term vectors of some articles or texts, row after row (compressed sparse rows).

    `ends`: rows + 1: where each row begins and ends, int32, or int64 beyond SHORT_END_MAX; `terms`: int32, rising
    within a row; `weights`: float32.
    """

    ends: NDArray[Any]
    terms: NDArray[np.int32]
    weights: Scores

    def __len__(self) -> int:
        return len(self.ends) - 1

    def row(self, row: int) -> "TermRows":
        """Return one row by itself."""
        return self.rows(row, row + 1)

    def rows(self, first: int, last: int) -> "TermRows":
        """Return the rows from `first` up to, not including, `last`."""
        start, end = int(self.ends[first]), int(self.ends[last])
        ends = as_ends(self.ends[first : last + 1] - self.ends[first])
        return TermRows(ends, self.terms[start:end], self.weights[start:end])

    def squares(self) -> Scores:
        """Return the inner product of each row with itself: float32."""
        squares = np.zeros(len(self), np.float32)
        for first, last in in_parts(len(self), SQUARED_AT_ONCE):
            some = self.rows(first, last)
            owners = np.repeat(np.arange(len(some)), np.diff(some.ends))
            weights = np.square(some.weights, dtype=np.float64)
            squares[first:last] = np.bincount(owners, weights, len(some))
        return squares

    def as_matrix(self, terms: int) -> "csr_matrix":
        """Return the same as scipy has it: rows x terms."""
        from scipy.sparse import csr_matrix  # a page view does without it

        return csr_matrix((self.weights, self.terms, self.ends), shape=(len(self), terms), copy=False)


class Vocabulary(Protocol):
    """Terms in UTF-8, in the order of their bytes; position = number of the term."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> bytes: ...


@dataclass(frozen=True)
class Terms:
    """All articles' term vectors, both by article and by term. Safe from many threads; nothing in it ever changes.

    `rarity`: float32, languages + 1 x terms: how much finding it says (idf), in each of `languages`, and at last over
    all; 0 for a stop word there. `articles`: one row an article; `postings`: one row a term, the 'terms' of which are
    articles; `titles` and `title_postings`: the same of the articles' titles, each of unit length, its terms of equal
    weight. `length_mean`: words of an article, on average. `postings_max`: so many postings are looked through for one
    probe, those of its heaviest terms; None: all. `filtered_postings_max`: the same under a filter. `blocks`, and
    `title_blocks`: the postings once more, see `in_blocks`.
    """

    vocabulary: Vocabulary
    languages: tuple[str, ...]
    rarity: Scores
    articles: TermRows
    postings: TermRows
    titles: TermRows
    title_postings: TermRows
    length_mean: float
    postings_max: int | None = field(default=None, kw_only=True)
    filtered_postings_max: int | None = field(default=None, kw_only=True)
    blocks: Sequence["csr_matrix"] = field(default=(), kw_only=True, repr=False)
    title_blocks: Sequence["csr_matrix"] = field(default=(), kw_only=True, repr=False)

    def vector(self, counts: Counter[str], language: str | None) -> TermRows:
        """Return the term vector of a text (see `word_counts`); words that no article has are left aside."""
        numbers = {self._number(word): times for word, times in counts.items()}
        rarity = self.rarity[_place(self.languages, language)]
        return _weigh([(numbers, counts.total(), rarity)], self.length_mean)

    def title_vector(self, title: str, language: str | None) -> TermRows:
        """Return the term vector of a title: unit length, terms of equal weight; empty where none is a known term."""
        rarity = self.rarity[_place(self.languages, language)]
        return _title_rows([([self._number(word) for word in words(title)], rarity)])

    def titled(self, rows: Rows) -> Mask:
        """Return for each of some articles whether its title has a term."""
        ends = self.titles.ends
        mask: Mask = ends[rows + 1] > ends[rows]
        return mask

    def term(self, number: int) -> str:
        """Return a term."""
        return self.vocabulary[number].decode()

    def in_blocks(self) -> "Terms":
        """Return the same, by which many probes at once are searched for faster; it holds the postings once more.

        What is found is the same: of each block what is best, and of that the best.
        """
        blocks, title_blocks = (
            [
                transposed(rows.rows(first, last), len(self.vocabulary)).as_matrix(last - first)
                for first, last in in_parts(len(rows), BLOCK_ARTICLES)
            ]
            for rows in (self.articles, self.titles)
        )
        return replace(self, blocks=blocks, title_blocks=title_blocks)

    def search(
        self, probes: TermRows, postings: TermRows, limit: int, allowed: Mask | None = None, threads: int = 1
    ) -> tuple[Rows, Scores]:
        """Return for each probe the articles that share most with it: rows and inner products, probes x limit.

        `postings`: of the articles, or of their titles. Best first, equal ones by row (of those equal to the last, any
        may be left out); row -1 and score 0 where fewer share anything. `allowed`: bool by row; only those are found.
        """
        postings_max = self.filtered_postings_max if allowed is not None and narrows(allowed) else self.postings_max
        looked_at, cut = heaviest(probes, postings, postings_max)
        others = self.titles if postings is self.title_postings else self.articles
        deep = REFINED_TIMES * limit if cut.any() else limit
        blocks = self.title_blocks if postings is self.title_postings else self.blocks
        if allowed is None and blocks:
            hits, values = self._found(looked_at, blocks, deep, threads)
            if cut.any():  # here and below by this class's own product: nothing else that is laid beside is found
                lacking = cut[:, np.newaxis]
                products = self._products_of_many(probes, others, np.where(lacking, hits, -1), threads)
                values = np.where(lacking, products, values)
            order = np.lexsort((hits, np.where(hits < 0, np.inf, -values)), axis=1)[:, :limit]
            return np.take_along_axis(hits, order, 1), np.take_along_axis(values, order, 1)
        rows = np.full((len(probes), limit), -1, np.int64)
        scores = np.zeros((len(probes), limit), np.float32)
        for probe in range(len(probes)):
            hits, values = self._sharing(looked_at.row(probe), postings)
            refined = bool(cut[probe])
            if allowed is not None:
                passed = allowed[hits]
                if refined and np.count_nonzero(passed) < limit:  # there may be others that only light terms lead to
                    refined = False
                    hits, values = self._sharing(probes.row(probe), postings)
                    passed = allowed[hits]
                hits, values = hits[passed], values[passed]
            best = _best(hits, values, deep)
            if refined:
                hits = hits[best]
                values = Terms.products(self, probes.row(probe), others, hits[np.newaxis])[0]
                best = _best(hits, values, limit)
            best = best[:limit]
            rows[probe, : len(best)], scores[probe, : len(best)] = hits[best], values[best]
        return rows, scores

    def products(self, probes: TermRows, others: TermRows, rows: Rows) -> Scores:
        """Return the inner products of each probe with some rows of others: float32, the shape of `rows`, 0 for row -1.

        `others`: of the articles, or of their titles; `rows`: probes x any number.
        """
        if len(rows) > 1:  # as a night has them: many at once, and by scipy, which a page view does without
            return self._products_of_many(probes, others, rows)
        products = np.zeros(rows.shape, np.float32)
        for number, known in enumerate(map(np.flatnonzero, rows >= 0)):  # of one probe, or none
            spread = np.zeros(len(self.vocabulary), np.float32)  # the probe's weights by term
            spread[probes.terms] = probes.weights
            places, counts = _places(others, rows[number, known])
            shared = spread[others.terms[places]] * others.weights[places]
            np.add.at(products[number], np.repeat(known, counts), shared)  # one after the other, as scipy adds
        return products

    def _products_of_many(self, probes: TermRows, others: TermRows, rows: Rows, threads: int = 1) -> Scores:
        matrix = others.as_matrix(len(self.vocabulary))

        def some(each: tuple[int, int]) -> Scores:
            return _products(probes.rows(*each), matrix, rows[slice(*each)])

        return np.concatenate(list(on_threads(threads, some, in_parts(len(rows), PRODUCTS_AT_ONCE))))

    def _found(self, probes: TermRows, blocks: Sequence["csr_matrix"], limit: int, threads: int) -> tuple[Rows, Scores]:
        """Return what shares most with each of several probes: rows and inner products, as `search` does."""
        from sparse_dot_topn import sp_matmul_topn, zip_sp_matmul_topn  # the service does without it

        matrix = probes.as_matrix(len(self.vocabulary))
        found = zip_sp_matmul_topn(limit, [sp_matmul_topn(matrix, each, limit, n_threads=threads) for each in blocks])
        rows = np.full((len(probes), limit), -1, np.int64)
        scores = np.zeros((len(probes), limit), np.float32)
        filled = np.arange(limit) < np.diff(found.indptr)[:, np.newaxis]
        rows[filled], scores[filled] = found.indices, found.data
        return rows, scores

    def _sharing(self, probe: TermRows, postings: TermRows) -> tuple[Rows, Scores]:
        """Return all articles that share anything with one probe: rows, and inner products."""
        places, counts = _places(postings, probe.terms)
        sums = np.zeros(len(self.articles), np.float32)
        np.add.at(sums, postings.terms[places], postings.weights[places] * np.repeat(probe.weights, counts))
        rows = np.flatnonzero(sums)
        return rows, sums[rows]

    def _number(self, word: str) -> int:
        """Return the number of a term, -1 if no article has it."""
        wanted = word.encode()
        place = bisect_left(self.vocabulary, wanted)
        return place if place < len(self.vocabulary) and self.vocabulary[place] == wanted else -1


def _places(rows: TermRows, wanted: NDArray[Any]) -> tuple[Rows, Rows]:
    """Return where the terms of some rows stand among all, row after row, and how many each has."""
    starts = rows.ends[wanted].astype(np.int64)
    counts = rows.ends[wanted + 1] - starts
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - counts), counts), counts


def _products(probes: TermRows, others: "csr_matrix", rows: Rows) -> Scores:
    """Return the inner products of each probe with some rows of others; see `Terms.products`.

    As one product: of all these rows, the columns of each being its probe's own, with all probes one after the other.
    Each is summed up in the order of terms, to the bit as by itself.
    """
    from scipy.sparse import csr_matrix

    known = rows >= 0
    wanted = others[rows[known]]
    place = np.zeros(others.shape[1], np.int32)  # 0: no probe has it
    place[probes.terms] = 1
    terms = np.flatnonzero(place)
    place[terms] = np.arange(1, len(terms) + 1)
    spread = np.zeros((len(probes), len(terms) + 1), np.float32)
    spread[np.repeat(np.arange(len(probes)), np.diff(probes.ends)), place[probes.terms]] = probes.weights
    begins = np.repeat(np.arange(len(rows), dtype=np.int32) * spread.shape[1], known.sum(axis=1))
    columns = place[wanted.indices] + np.repeat(begins, np.diff(wanted.indptr))
    products = np.zeros(rows.shape, np.float32)
    products[known] = csr_matrix((wanted.data, columns, wanted.indptr), (wanted.shape[0], spread.size)) @ spread.ravel()
    return products


def _best(rows: Rows, values: Scores, limit: int) -> NDArray[np.int64]:
    """Return the places of the best values, best first, equal ones by row."""
    places = np.arange(len(values))
    if len(values) > limit:
        places = np.flatnonzero(values >= np.partition(values, -limit)[-limit])
    return places[np.lexsort((rows[places], -values[places]))[:limit]]


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
    languages, rarity = _rarities(counted, groups, len(numbers))
    by_number = list(numbers)
    encoded = {by_number[number].encode(): number for number in np.flatnonzero(rarity.any(axis=0))}
    vocabulary = sorted(encoded)
    new_number = np.full(len(numbers), -1, np.int32)
    order = np.array([encoded[term] for term in vocabulary], np.int64)
    new_number[order] = np.arange(len(vocabulary))
    rarity = rarity[:, order]
    total = int(sum(int(times.sum()) for _, times in counted))
    mean = length_mean(total, len(counted))
    own_rarity = [rarity[_place(languages, group)] for group in groups]
    rows = _weigh(
        (
            (dict(zip(new_number[found].tolist(), times.tolist(), strict=True)), int(times.sum()), own)
            for (found, times), own in zip(counted, own_rarity, strict=True)
        ),
        mean,
    )
    titles = _title_rows(
        ([int(new_number[number]) for number in each], own) for each, own in zip(titled, own_rarity, strict=True)
    )
    postings, title_postings = (transposed(each, len(vocabulary)) for each in (rows, titles))
    return Terms(vocabulary, languages, rarity, rows, postings, titles, title_postings, mean), total


def length_mean(words_total: int, articles: int) -> float:
    """Return how many words an article has on average, 1 at least."""
    return max(1.0, words_total / max(1, articles))


def heaviest(probes: TermRows, postings: TermRows, postings_max: int | None) -> tuple[TermRows, Mask]:
    """Return the probes with their heaviest terms only, and which of them lack any.

    Each keeps so many terms that they have `postings_max` postings at most, one term in any case.
    """
    whole = np.zeros(len(probes), np.bool_)
    if postings_max is None:
        return probes, whole
    owners = np.repeat(np.arange(len(probes)), np.diff(probes.ends))
    order = np.lexsort((probes.terms, -probes.weights, owners))
    terms = probes.terms[order]
    upto = np.cumsum(postings.ends[terms + 1] - postings.ends[terms], dtype=np.int64)
    own = probes.ends[:-1][owners]  # where the probe of each term begins
    before = np.concatenate(([0], upto))[own]
    kept = np.empty(len(order), np.bool_)
    kept[order] = (upto - before <= postings_max) | (np.arange(len(order)) == own)
    if kept.all():
        return probes, whole
    ends = as_ends(np.concatenate(([0], np.cumsum(kept)))[probes.ends])
    return TermRows(ends, probes.terms[kept], probes.weights[kept]), np.diff(ends) < np.diff(probes.ends)


def heaviest_shared(own: TermRows, other: TermRows, most: int) -> tuple[NDArray[np.int32], Scores]:
    """Return so many of the terms that two vectors share, the heaviest first, and what each gives to their product."""
    terms, own_places, other_places = np.intersect1d(own.terms, other.terms, assume_unique=True, return_indices=True)
    weights = own.weights[own_places] * other.weights[other_places]
    places = np.lexsort((terms, -weights))[:most]
    return terms[places], weights[places]


def transposed(rows: TermRows, columns: int) -> TermRows:
    """Return one row for each of the columns of `rows`, holding the numbers of the rows that have it, in order."""
    by_column = rows.as_matrix(columns).tocsc()
    return TermRows(as_ends(by_column.indptr), by_column.indices.astype(np.int32, copy=False), by_column.data)


def _rarities(
    counted: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]], groups: Sequence[str], words_count: int
) -> tuple[tuple[str, ...], Scores]:
    """Return the languages of enough articles, and by these and by word how rare it is, 0 for stop words.

    At last over all articles. There every word of a small language would be rare; hence each language by itself.
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


def _place(languages: Sequence[str], language: str | None) -> int:
    """Return which row of a rarity is a language's; the last, over all, where it has none of its own."""
    primary = primary_language(language)
    return languages.index(primary) if primary in languages else -1


def _title_rows(titled: Iterable[tuple[Iterable[int], Scores]]) -> TermRows:
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


def _weigh(counted: Iterable[tuple[dict[int, int], int, Scores]], length_mean: float) -> TermRows:
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
