"""Articles -> the vectors of all their passages: those of unchanged text from the store, the others by an embedder.

What has been embedded is kept lot by lot, so that a run which is interrupted goes on there. An embedder is this
process's encoder (`Alone`), or many on other machines (`indexer.cluster`).
"""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.progress import Reporter
from indexer.report import Report
from indexer.reuse import Digest, VectorStore, digest_of
from seealso.article import Article
from seealso.encoder import Encoder, Vectors
from seealso.passages import cut_passages
from seealso.space import PASSAGE_DTYPE, PassageVectors

# Enough for the time of all to be told within a tenth or two.
SAMPLE_PASSAGES = 24


@dataclass(frozen=True, slots=True)
class Passages:
    """Where all articles' passages stand, in order. Their texts are not kept: only those not yet embedded are.

    `counts`: int64, articles; `spans`: int32, passages x 2, in characters of the article's text; `digests`: what each
    one's vector is kept under; `tokens`: int64, by article, the titles in front included; `missing`: the texts that are
    to be embedded, by digest.
    """

    counts: NDArray[np.int64]
    spans: NDArray[np.int32]
    digests: list[Digest]
    tokens: NDArray[np.int64]
    missing: dict[Digest, str]

    def of_articles(self, wanted: NDArray[np.bool_]) -> "Passages":
        """Return the passages of some articles only (bool, articles)."""
        kept = np.repeat(wanted, self.counts)
        digests = [digest for digest, keep in zip(self.digests, kept, strict=True) if keep]
        return Passages(self.counts[wanted], self.spans[kept], digests, self.tokens[wanted], self.missing)


@dataclass(frozen=True, slots=True)
class Lot:
    """Some texts' vectors.

    `places`: which texts, in order; `vectors`: float32, places x dimension; `by`: the machine that made them, and on
    what; `seconds`: how long that took; `at_once`: how many lots are being made at once.
    """

    places: range
    vectors: Vectors
    by: str
    seconds: float
    at_once: int = 1


class Embedder(Protocol):
    """Makes vectors of many texts, lot by lot. `notices`: what somebody should know once it is done."""

    notices: list[str]

    def embed(self, texts: Sequence[str]) -> Generator[Lot, None, None]:
        """Yield every text's vector, in lots that come in any order. Closed before its end, it leaves nothing running.

        A text's vector is the one that the run's own encoder gives it, whoever makes it.
        """
        ...


class Alone:
    """The embedder that is this process's own encoder."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.notices: list[str] = []

    def embed(self, texts: Sequence[str]) -> Generator[Lot, None, None]:
        """Yield every text's vector, in order."""
        device = self._encoder.device
        for start in range(0, len(texts), device.lot):
            places = range(start, min(start + device.lot, len(texts)))
            began = time.monotonic()
            vectors = self._encoder.encode(texts[start : places.stop])
            yield Lot(places, vectors, f"this machine ({device})", time.monotonic() - began)


def cut_articles(articles: Sequence[Article], encoder: Encoder, report: Report, reporter: Reporter) -> Passages:
    """Return all passages, `missing` holding the text of each."""
    reporter.stage("Passages", len(articles), "articles")
    counts = np.zeros(len(articles), np.int64)
    tokens = np.zeros(len(articles), np.int64)
    spans: list[tuple[int, int]] = []
    digests: list[Digest] = []
    texts: dict[Digest, str] = {}
    identity = encoder.identity
    for row, article in enumerate(articles):
        passages = cut_passages(article.title, article.text, article.language, encoder)
        counts[row], tokens[row] = len(passages), sum(passage.tokens for passage in passages)
        for passage in passages:
            digest = digest_of(passage.text, identity)
            spans.append((passage.start, passage.end))
            digests.append(digest)
            texts[digest] = passage.text
        reporter.advance()
    _count(articles, counts, tokens, report)
    return Passages(counts, np.array(spans, np.int32).reshape(-1, 2), digests, tokens, texts)


def look_up(passages: Passages, store: VectorStore, report: Report) -> PassageVectors:
    """Return the vectors the store knows (float16, passages x dimension, zero where it does not).

    Takes the texts of those that are known out of `passages.missing`.
    """
    vectors, unknown = store.vectors_of(passages.digests)
    wanted = {passages.digests[place] for place in unknown}
    for digest in [digest for digest in passages.missing if digest not in wanted]:
        del passages.missing[digest]
    report.embedded, report.reused = len(passages.missing), len(passages.digests) - len(unknown)
    return vectors


def embed_missing(
    passages: Passages,
    vectors: PassageVectors,
    store: VectorStore,
    embedder: Embedder,
    report: Report,
    reporter: Reporter,
) -> None:
    """Embed what is missing and put it in its rows of `vectors`; each lot is in the store before the next is taken.

    Then nothing is missing any more.
    """
    missing = list(passages.missing)
    reporter.stage("Embedding", len(missing), "passages")
    rows_of: dict[Digest, list[int]] = {digest: [] for digest in missing}
    for row, digest in enumerate(passages.digests):
        if digest in rows_of:
            rows_of[digest].append(row)
    with closing(embedder.embed(list(passages.missing.values()))) as lots:
        for lot in lots:
            digests = [missing[place] for place in lot.places]
            with np.errstate(over="ignore"):  # what is too great to be a vector becomes infinite, and is found below
                embedded = lot.vectors.astype(PASSAGE_DTYPE)
            usable = usable_vectors(embedded)
            store.keep([digest for digest, good in zip(digests, usable, strict=True) if good], embedded[usable])
            for digest, vector in zip(digests, embedded, strict=True):
                vectors[rows_of[digest]] = vector
            report.embedded_by[lot.by] = report.embedded_by.get(lot.by, 0) + len(digests)
            reporter.advance(len(digests))
    passages.missing.clear()
    report.notices += embedder.notices


def usable_vectors(vectors: PassageVectors) -> NDArray[np.bool_]:
    """Return which vectors are one: finite, and not all zero (bool, vectors)."""
    return np.asarray(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1), np.bool_)


def seconds_to_embed(passages: Passages, encoder: Encoder, embedder: Embedder) -> float:
    """Return how long what is missing will take, by embedding a few of it; nothing is kept."""
    texts = list(passages.missing.values())
    if not texts:
        return 0.0
    sample = texts[:: max(1, len(texts) // SAMPLE_PASSAGES)][:SAMPLE_PASSAGES]
    encoder.encode(sample[:1])  # a model's first text takes longer than any other
    lots = list(embedder.embed(sample))
    return sum(lot.seconds for lot in lots) * len(texts) / len(sample) / lots[-1].at_once


def _count(articles: Sequence[Article], counts: NDArray[np.int64], tokens: NDArray[np.int64], report: Report) -> None:
    report.passages, report.tokens = int(counts.sum()), int(tokens.sum())
    longest = int(counts.argmax())
    report.passages_of_longest, report.longest = int(counts[longest]), articles[longest].id
    numbers, how_many = np.unique(counts, return_counts=True)
    report.passages_per_article = {str(number): int(many) for number, many in zip(numbers, how_many, strict=True)}
