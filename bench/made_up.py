"""A made-up archive of any size: titles, texts, unit vectors; and the real pipeline's index of it.

It is made up so that the work is that of a real one: words by Zipf's law, a fifth of each text from its subject, some
300 words a text; vectors around their subject's, with cosines as a news archive has them.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from indexer.build import Limits, build_index
from indexer.progress import Reporter
from indexer.report import Report
from indexer.sources.source import Found, Item
from seealso.article import Article
from seealso.encoder import ModelIdentity, Vectors

DIMENSION = 384
WORDS = 300
VOCABULARY = 400_000
SUBJECT_WORDS = 60
ARTICLES_OF_SUBJECT = 50
SECTIONS = 20
# As many as all-MiniLM-L6-v2 reads are some 170 words of English.
WINDOW_WORDS = 180
# Passages of one article are alike, not the same.
PASSAGE_NOISE = 0.5
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 3_650


def texts(count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Make up titles and texts: words by Zipf's law, one in five from the article's subject."""
    rng = np.random.default_rng(seed)
    subjects = max(1, count // ARTICLES_OF_SUBJECT)
    ranks = 1.0 / np.arange(1, VOCABULARY + 1) ** 1.05
    steps = np.cumsum(ranks / ranks.sum())
    own = np.random.default_rng(0).integers(500, VOCABULARY, (subjects, SUBJECT_WORDS))
    for _ in range(count):
        length = int(rng.gamma(4, WORDS / 4)) + 40
        subject = own[rng.integers(subjects)]
        common = np.searchsorted(steps, rng.random(length))
        chosen = np.where(rng.random(length) < 0.2, rng.choice(subject, length), common)
        yield " ".join(f"w{word}" for word in chosen[:8]), " ".join(f"w{word}" for word in chosen), "en"


def vectors_of(count: int, seed: int) -> Vectors:
    """Make up unit vectors: a common direction, one of 20 sections, a subject, and the article's own."""
    rng = np.random.default_rng(seed)

    def directions(number: int) -> Vectors:
        made: Vectors = rng.standard_normal((number, DIMENSION)).astype(np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return made

    subjects = max(1, count // ARTICLES_OF_SUBJECT)
    vectors = 0.35 * directions(1) + 0.3 * directions(SECTIONS)[rng.integers(SECTIONS, size=count)]
    vectors = vectors + 0.6 * directions(subjects)[rng.integers(subjects, size=count)] + 0.65 * directions(count)
    made: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made


def build_made_up(index: Path, count: int, reporter: Reporter) -> None:
    """Build and publish an index of made-up articles, whatever gates say of them."""
    archive = MadeUpArticles(count)
    build_index([archive], index, lambda: MadeUpEncoder(archive), Limits(force=True), Report(), reporter)


class MadeUpArticles:
    """A source of made-up articles, the same each time."""

    complete = True

    def __init__(self, count: int) -> None:
        self.count = count
        self.name = f"{count} made-up articles"

    def read(self) -> Iterator[Item]:
        """Yield them."""
        for number, (title, body, language) in enumerate(texts(self.count, seed=1)):
            piece = Article(
                id=f"a{number:06}",
                title=title,
                body=body,
                language=language,
                summary=body[:120],
                section=f"Section {number % SECTIONS}",
                url=f"https://news.example/{number}",
                published=NEWEST - timedelta(days=number * DAYS / self.count),
            )
            yield Found(piece, f"{self.name}:{number}")


class MadeUpEncoder:
    """An Encoder that knows the made-up articles by their titles; a passage's vector is near its article's."""

    def __init__(self, archive: MadeUpArticles) -> None:
        digest = hashlib.sha256(f"made up {archive.count}".encode()).hexdigest()
        self.identity = ModelIdentity("all-MiniLM-L6-v2", digest, DIMENSION, WINDOW_WORDS)
        self.window = WINDOW_WORDS
        self._vectors = vectors_of(archive.count, seed=2)
        self._rows = {title: row for row, (title, _, _) in enumerate(texts(archive.count, seed=1))}

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each word begins and ends."""
        return [match.span() for match in re.finditer(r"\w+", text)]

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        """Return vectors: float32, texts x dimension, unit length."""
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        for place, text in enumerate(texts):
            own = np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))
            noise = own.standard_normal(DIMENSION) * (PASSAGE_NOISE / np.sqrt(DIMENSION))
            vectors[place] = self._vectors[self._rows[text.partition("\n")[0]]] + noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        if on_batch is not None:
            on_batch(len(texts))
        return vectors
