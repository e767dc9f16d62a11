"""Passages' vectors -> articles' vectors, in a space in which an archive's articles are told apart.

It is learned from the archive itself, in seconds and without any labels. Two things are taken away that are not what an
article is about: directions in which the passages of one article differ among themselves, and the direction of its
language, which in most models lies further from another language than any subject from another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seealso.article import primary_language
from seealso.encoder import Vectors

# Half precision moves a cosine by less than 1e-4 and takes half the space. What is compared is rounded alike.
PASSAGE_DTYPE = np.float16
PassageVectors = NDArray[np.float16]

# Whitening by n pairs of passages is trusted as n to PASSAGES_ASSUMED, and never wholly.
PASSAGES_ASSUMED = 4_000
VARIANCE_ADDED = 0.5
# The mean of a language's n articles is trusted as n to this many: of few, it is as much their subjects.
ARTICLES_ASSUMED = 5
# A text lies at 1 along its own language's direction, and at 0 along others'; German pieces of the sample newsroom lie
# at 0.92 or more, English ones along German at 0.22 or less.
LANGUAGE_FROM = 0.5
# The direction of fewer articles than ARTICLES_ASSUMED is as much their subject's, and tells no language.
TRUST_TO_TELL = 0.5
ARTICLES_AT_ONCE = 4_096

RECIPE: dict[str, Any] = {
    "article_vector": "mean of the whitened unit vectors of all its passages, less its language's, unit length",
    "passages_assumed": PASSAGES_ASSUMED,
    "variance_added": VARIANCE_ADDED,
    "articles_assumed": ARTICLES_ASSUMED,
    "language_from": LANGUAGE_FROM,
}


@dataclass(frozen=True, slots=True)
class Space:
    """How an archive's articles are told apart.

    `whitening`: float32, dimension x dimension; `languages`: primary tags; `offsets`: float32, languages x dimension,
    where the articles of each lie from `centre` (float32, dimension), the mean of all; `trusts`: float32, 0 to 1, how
    much of that is taken off.
    """

    whitening: Vectors
    languages: tuple[str, ...]
    offsets: Vectors
    trusts: Vectors
    centre: Vectors

    def article_vectors(
        self, passage_vectors: PassageVectors, passage_counts: NDArray[np.int64], languages: Sequence[str | None]
    ) -> Vectors:
        """Return one vector an article: float32, articles x dimension, unit length.

        `passage_vectors` are all articles' passages in order, `passage_counts` how many belong to each (1 or more);
        where an article's language is not given, it is told by its vector. The mean of all passages finds more of what
        people call related than the first passage alone.
        """
        vectors = _means(passage_vectors, passage_counts, self.whitening)
        for row, language in enumerate(languages):
            primary = self._language_of(vectors[row]) if language is None else primary_language(language)
            if primary in self.languages:
                place = self.languages.index(primary)
                vectors[row] -= self.trusts[place] * self.offsets[place]
        return _unit(vectors)

    def language(self, passage_vectors: PassageVectors) -> str | None:
        """Return the language of a text as its vectors tell it, None where they do not."""
        return self._language_of(_means(passage_vectors, np.array([len(passage_vectors)]), self.whitening)[0])

    def _language_of(self, vector: Vectors) -> str | None:
        squares = np.maximum(np.einsum("ij,ij->i", self.offsets, self.offsets), np.finfo(np.float32).tiny)
        along = np.where(self.trusts >= TRUST_TO_TELL, self.offsets @ (vector - self.centre) / squares, 0.0)
        return self.languages[int(np.argmax(along))] if len(along) and along.max() >= LANGUAGE_FROM else None


def fit_space(
    passage_vectors: PassageVectors, passage_counts: NDArray[np.int64], languages: Sequence[str | None]
) -> Space:
    """Return the space of an archive; `languages` are its articles'."""
    whitening = _whitening(passage_vectors, passage_counts)
    vectors = _means(passage_vectors, passage_counts, whitening)
    centre = vectors.mean(axis=0, dtype=np.float64)
    spoken = np.array([primary_language(language) for language in languages])
    known = sorted({str(language) for language in spoken} - {""})
    offsets = np.zeros((len(known), vectors.shape[1]), np.float32)
    trusts = np.zeros(len(known), np.float32)
    for place, language in enumerate(known):
        own = vectors[spoken == language]
        trusts[place] = len(own) / (len(own) + ARTICLES_ASSUMED)
        offsets[place] = own.mean(axis=0, dtype=np.float64) - centre
    return Space(whitening, tuple(known), offsets, trusts, centre.astype(np.float32))


def _whitening(passage_vectors: PassageVectors, passage_counts: NDArray[np.int64]) -> Vectors:
    """Return the matrix that shrinks what varies within articles: dimension x dimension.

    Within-class covariance normalisation (Hatch et al. 2006), each article a class.
    """
    dimension = passage_vectors.shape[1]
    within = np.zeros((dimension, dimension))
    starts = np.concatenate(([0], np.cumsum(passage_counts)))
    for first in range(0, len(passage_counts), ARTICLES_AT_ONCE):
        counts = passage_counts[first : first + ARTICLES_AT_ONCE]
        block = passage_vectors[starts[first] : starts[first + len(counts)]].astype(np.float32)
        sums = np.add.reduceat(block, starts[first : first + len(counts)] - starts[first], axis=0, dtype=np.float64)
        within += (block.T @ block).astype(np.float64) - (sums / counts[:, np.newaxis]).T @ sums
    pairs = int(passage_counts.sum()) - len(passage_counts)
    if pairs == 0:
        return np.eye(dimension, dtype=np.float32)
    variances, directions = np.linalg.eigh((within + within.T) / (2 * pairs))
    mean = max(float(variances.mean()), float(np.finfo(np.float64).tiny))
    scales = 1.0 / np.sqrt(np.maximum(variances, 0) / mean + VARIANCE_ADDED + PASSAGES_ASSUMED / pairs)
    matrix: Vectors = ((directions * (scales / scales.max())) @ directions.T).astype(np.float32)
    return matrix


def _means(passage_vectors: PassageVectors, passage_counts: NDArray[np.int64], whitening: Vectors) -> Vectors:
    """Return the unit vector of each article's passages, whitened: float32, articles x dimension."""
    vectors = np.empty((len(passage_counts), passage_vectors.shape[1]), np.float32)
    starts = np.concatenate(([0], np.cumsum(passage_counts)))
    for first in range(0, len(passage_counts), ARTICLES_AT_ONCE):
        counts = passage_counts[first : first + ARTICLES_AT_ONCE]
        block = _unit(passage_vectors[starts[first] : starts[first + len(counts)]].astype(np.float32) @ whitening)
        means = np.add.reduceat(block, starts[first : first + len(counts)] - starts[first], axis=0, dtype=np.float64)
        vectors[first : first + len(counts)] = _unit(means)
    return vectors


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[Any] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
