"""Articles -> the lists that other ways of finding related articles would give them: what ours are held against.

In: titles, texts and languages, and a function that embeds. Out: for each baseline the ids related to each article. A
baseline nobody would run proves nothing, so each is as strong as a fair engineer makes it, and its choices were made by
nDCG@10 on 3,315 queries over documentation pages. It knows neither gold nor the lists of ours.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.evaluate import LIST_ITEMS_MAX, Lists
from seealso.article import Article, primary_language
from seealso.encoder import Vectors
from seealso.snapshot.snapshot import Snapshot

if TYPE_CHECKING:
    from bm25s import BM25

# Lucene's, and so Elasticsearch's, OpenSearch's and Solr's.
BM25_K1 = 1.2
BM25_B = 0.75
# As our own terms have it; once is worse for all three: by 0.003 for BM25 and TF-IDF, and not measurably for MLT.
TITLE_TIMES = 2
# Elasticsearch's default. Its others are left out, for they empty the lists of short articles and small archives: terms
# twice in the article and in five articles at least (that costs 0.014 where no list is emptied), and 30 % of the terms
# found.
MLT_TERMS = 25
# Cormack, Clarke and Büttcher 2009.
RRF_K = 60
# Lists are fused at this length: 50 cost 0.003.
RRF_ITEMS = 100
# All but bm25-mlt, which adds nothing to bm25 (0.552 without, 0.550 with it); bm25 and embedding alone give 0.531.
RRF_OF = ("bm25", "tfidf", "embedding")
# So many articles' scores against all are in memory at once: 100 MB with 100,000 articles.
BLOCK_ARTICLES = 256

Encode = Callable[[list[str]], Vectors]
_Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Corpus:
    """The articles that baselines rank, and the lists of those that have been asked for.

    `texts`: title and text of each; `languages`: BCP 47 or None; `encode` is called once, by the first baseline that
    needs vectors.
    """

    ids: Sequence[str]
    texts: Sequence[tuple[str, str]]
    languages: Sequence[str | None]
    encode: Encode
    _kept: dict[str, Lists] = field(default_factory=dict)

    def lists(self, baseline: str) -> Lists:
        """Return every article's list by a baseline: at most LIST_ITEMS_MAX ids, best first, never itself."""
        return {article: items[:LIST_ITEMS_MAX] for article, items in self.ranked(baseline).items()}

    def ranked(self, baseline: str) -> Lists:
        """Return the same with at most RRF_ITEMS ids."""
        if baseline not in self._kept:
            self._kept[baseline] = BASELINES[baseline].rank(self)
        return self._kept[baseline]

    @cached_property
    def words(self) -> list[list[str]]:
        """Each article's words in lower case; those of English and of unnamed languages without stop words."""
        from sklearn.feature_extraction.text import (
            CountVectorizer,  # takes a second; only those who compare wait for it
        )

        english, other = (CountVectorizer(stop_words=words).build_analyzer() for words in ("english", None))
        found = []
        for (title, text), language in zip(self.texts, self.languages, strict=True):
            split = english if primary_language(language) in ("en", "") else other
            found.append(split(title) * TITLE_TIMES + split(text))
        return found

    @cached_property
    def tfidf(self) -> tuple[Any, NDArray[Any]]:
        """The articles' TF-IDF vectors (sparse, articles x words, unit length), and the words."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer=_as_it_is, dtype=np.float32)
        return vectorizer.fit_transform(self.words), vectorizer.get_feature_names_out()

    @cached_property
    def bm25(self) -> "BM25":
        """The articles as BM25 searches them."""
        from bm25s import BM25

        found = BM25(k1=BM25_K1, b=BM25_B, method="lucene")
        found.index(self.words, show_progress=False)
        return found


@dataclass(frozen=True, slots=True)
class Baseline:
    """A way to find related articles: what it does, in one line, and the function that does it."""

    does: str
    rank: Callable[[Corpus], Lists]


def corpus_of(snapshot: Snapshot, encode: Encode) -> Corpus:
    """Return a snapshot's articles as baselines rank them."""
    ids, texts, languages = [], [], []
    for row in range(len(snapshot)):
        article = Article.model_validate_json(snapshot.article(row))
        ids.append(article.id)
        texts.append((article.title, article.text))
        languages.append(article.language)
    return Corpus(ids, texts, languages, encode)


def _bm25_mlt(corpus: Corpus) -> Lists:
    """Search for each article's MLT_TERMS heaviest words, as Lucene's MoreLikeThis picks them (by tf-idf)."""
    if not any(corpus.words):
        return _nothing(corpus)
    vectors, words = corpus.tfidf
    queries = []
    for row in range(len(corpus.ids)):
        own = slice(vectors.indptr[row], vectors.indptr[row + 1])
        heaviest = np.argsort(-vectors.data[own], kind="stable")[:MLT_TERMS]
        queries.append(words[vectors.indices[own][heaviest]].tolist())
    return _searched(corpus, queries)


def _bm25(corpus: Corpus) -> Lists:
    """Search for all words of each article, a word as often as it has it."""
    return _searched(corpus, corpus.words) if any(corpus.words) else _nothing(corpus)


def _tfidf(corpus: Corpus) -> Lists:
    """Compare TF-IDF vectors; the logarithm of tf is worse by 0.015."""
    if not any(corpus.words):
        return _nothing(corpus)
    vectors, _ = corpus.tfidf
    return _listed(corpus, lambda first, last: _above_none((vectors[first:last] @ vectors.T).toarray()))


def _embedding(corpus: Corpus) -> Lists:
    """Compare the vectors of title and text, of which the model reads as much as its window holds."""
    vectors = corpus.encode([f"{title}\n{text}" for title, text in corpus.texts])
    return _listed(corpus, lambda first, last: vectors[first:last] @ vectors.T)


def _rrf(corpus: Corpus) -> Lists:
    """Add up 1 / (RRF_K + rank) over the lists of RRF_OF."""
    fused = {}
    for article in corpus.ids:
        totals: defaultdict[str, float] = defaultdict(float)
        for name in RRF_OF:
            for rank, other in enumerate(corpus.ranked(name)[article], 1):
                totals[other] += 1.0 / (RRF_K + rank)
        fused[article] = sorted(totals, key=lambda other: (-totals[other], other))[:RRF_ITEMS]
    return fused


BASELINES = {
    "bm25-mlt": Baseline(f"BM25 'more like this': each article's {MLT_TERMS} best terms (Elasticsearch)", _bm25_mlt),
    "bm25": Baseline("BM25 of the whole article", _bm25),
    "tfidf": Baseline("TF-IDF cosine of the whole article", _tfidf),
    "embedding": Baseline("embedding of the first window (what most plugins do)", _embedding),
    "rrf": Baseline(f"reciprocal rank fusion of {', '.join(RRF_OF)}", _rrf),
}


def _searched(corpus: Corpus, queries: Sequence[list[str]]) -> Lists:
    return _listed(
        corpus,
        lambda first, last: _above_none(np.stack([corpus.bm25.get_scores(query) for query in queries[first:last]])),
    )


def _listed(corpus: Corpus, scores_of: Callable[[int, int], _Scores]) -> Lists:
    """Return the lists by scores; `scores_of` gives those of a block of articles: block x articles, -inf for never."""
    count = len(corpus.ids)
    lists = {}
    for first in range(0, count, BLOCK_ARTICLES):
        scores = scores_of(first, min(first + BLOCK_ARTICLES, count))
        for row, own in enumerate(scores, first):
            own[row] = -np.inf
            lists[corpus.ids[row]] = [corpus.ids[other] for other in _best(own)]
    return lists


def _best(scores: _Scores) -> Iterable[int]:
    """Return the RRF_ITEMS places with the highest scores, best first, equal ones in order."""
    found = np.arange(len(scores))
    if len(scores) > RRF_ITEMS:
        found = np.sort(np.argpartition(-scores, RRF_ITEMS)[:RRF_ITEMS])
    found = found[np.argsort(-scores[found], kind="stable")]
    return (int(place) for place in found if np.isfinite(scores[place]))


def _above_none(scores: _Scores) -> _Scores:
    """Leave out articles that share no word."""
    return np.where(scores > 0, scores, np.float32(-np.inf))


def _nothing(corpus: Corpus) -> Lists:
    return {article: [] for article in corpus.ids}


def _as_it_is(words: list[str]) -> list[str]:
    return words
