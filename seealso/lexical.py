"""The search for articles that share the heaviest terms.

A term is a word of a text (see `words`). A term vector has the weight of each of an article's terms (`term_weights`);
two articles share as much as the inner product of their term vectors.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows, Scores, narrows
from seealso.term_rows import TermRows, heaviest, transposed
from seealso.term_weights import language_place, title_rows, weigh
from seealso.threads import in_parts, on_threads
from seealso.words import words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Where not all postings are looked through, so many times as many as are wanted are found by the heaviest terms, and
# then told apart by all of them.
REFINED_TIMES = 2
# Many probes at once are searched for in so many articles after the other, whose sums a processor's cache holds: of a
# million articles that takes a quarter of the time.
BLOCK_ARTICLES = 60_000
# Of so many probes at once are products with some hundred articles each computed: what that takes, some ten megabytes,
# an allocator keeps. Of 128 it gives it back to the system each time, which took a third of the time.
PRODUCTS_AT_ONCE = 32


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
        rarity = self.rarity[language_place(self.languages, language)]
        return weigh([(numbers, counts.total(), rarity)], self.length_mean)

    def title_vector(self, title: str, language: str | None) -> TermRows:
        """Return the term vector of a title: unit length, terms of equal weight; empty where none is a known term."""
        rarity = self.rarity[language_place(self.languages, language)]
        return title_rows([([self._number(word) for word in words(title)], rarity)])

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
