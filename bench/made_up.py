"""A made-up archive of any size: titles, texts, unit vectors; and the real pipeline's index of it.

It is made up so that the work is that of a real one: words by Zipf's law, a fifth of each text from its subject, some
300 words a text; vectors around those of one story, stories around subjects, these around topics, beats and sections:
about as near to each other as the whitened vectors of 5,084 pages of documentation are (cosines of 0.75, 0.51 and 0.31
with the first, tenth and hundredth nearest, 0.10 by chance). What an article says is its section is that of its vector:
articles of one section lie together.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from indexer.sources.source import Found, Item
from seealso.article import Article
from seealso.encoder import CPU, ModelIdentity, Vectors
from seealso.relatedness import CANDIDATES_MAX, PARTS

if TYPE_CHECKING:
    from indexer.neighbours import Neighbours
    from indexer.progress import Reporter
    from indexer.report import Report

DIMENSION = 384
WORDS = 300
VOCABULARY = 400_000
SUBJECT_WORDS = 60
ARTICLES_OF_SUBJECT = 50
SECTIONS = 20
STORIES_OF_SUBJECT = 10
# What a vector has in common with all others, and with those of one section, beat, topic, subject and story: the share
# of its square, and how many stories these have.
SHARES = ((0.06, 10**9), (0.03, 10_000), (0.06, 1_000), (0.13, 200), (0.17, STORIES_OF_SUBJECT), (0.25, 1))
OWN_SHARE = 0.30
# As many as all-MiniLM-L6-v2 reads are some 170 words of English.
WINDOW_WORDS = 180
# Passages of one article are alike, not the same.
PASSAGE_NOISE = 0.5
# At some places among an article's candidates, and the scores there.
GIVEN_SCORES = (0, 4, 8, 24, 32, 48, 64, 99), (5.7, 4.9, 2.6, 1.7, 1.3, 0.1, -1.0, -1.5)
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 3_650


def texts(count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Make up titles and texts: words by Zipf's law, one in five from the article's subject."""
    rng = np.random.default_rng(seed)
    places = stories_of(count) // STORIES_OF_SUBJECT
    ranks = 1.0 / np.arange(1, VOCABULARY + 1) ** 1.05
    steps = np.cumsum(ranks / ranks.sum())
    own = np.random.default_rng(0).integers(500, VOCABULARY, (int(places.max()) + 1, SUBJECT_WORDS))
    for place in places.tolist():
        length = int(rng.gamma(4, WORDS / 4)) + 40
        subject = own[place]
        common = np.searchsorted(steps, rng.random(length))
        chosen = np.where(rng.random(length) < 0.2, rng.choice(subject, length), common)
        yield " ".join(f"w{word}" for word in chosen[:8]), " ".join(f"w{word}" for word in chosen), "en"


def vectors_of(count: int, seed: int) -> Vectors:
    """Make up unit vectors: what all have in common, section, beat, topic, subject, story, and the article's own."""
    rng = np.random.default_rng(seed)

    def directions(number: int) -> Vectors:
        made: Vectors = rng.standard_normal((number, DIMENSION)).astype(np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return made

    places = stories_of(count)
    vectors = np.sqrt(OWN_SHARE) * directions(count)
    for share, size in SHARES:
        vectors += np.sqrt(share) * directions(int(places.max()) // size + 1)[places // size]
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def stories_of(count: int) -> NDArray[np.int64]:
    """Return the number of each article's story; those of one subject, topic, beat and section follow each other."""
    stories = max(1, count * STORIES_OF_SUBJECT // ARTICLES_OF_SUBJECT)
    return np.random.default_rng(9).integers(stories, size=count)


def sections_of(count: int) -> NDArray[np.int64]:
    """Return the number of each article's section, 0 to SECTIONS: that of its story."""
    stories = stories_of(count)
    return stories * SECTIONS // (int(stories.max()) + 1)


def given_neighbours(count: int) -> "Neighbours":
    """Make up neighbours, too: for each article those that follow it in the order of stories, less and less related."""
    from indexer.neighbours import Neighbours

    order = np.argsort(stories_of(count), kind="stable").astype(np.int32)
    width = min(CANDIDATES_MAX, count - 1)
    rows = np.empty((count, width), np.int32)
    for place in range(width):
        rows[order, place] = np.roll(order, -1 - place)
    falling = np.broadcast_to(np.linspace(1, 0.5, width, dtype=np.float32), rows.shape)
    # As those that are looked for have them, at 10,000 and at 100,000 articles: a quarter may be shown.
    scores = np.broadcast_to(np.interp(np.arange(width), *GIVEN_SCORES).astype(np.float32), rows.shape)
    cohorts = np.broadcast_to(np.array([0.4, 0.1], np.float32), (count, PARTS, 2))
    # Cosines as low as these are of no one story.
    return Neighbours(rows, scores, 0.5 * falling, falling, np.ascontiguousarray(cohorts))


def build_made_up(index: Path, count: int, reporter: "Reporter", given: bool = False) -> "Report":
    """Build and publish an index of made-up articles, whatever gates say of them; return what the night says of it.

    `given`: neighbours are made up as well, and not looked for.
    """
    from indexer.build import Limits, build_index  # whoever only asks is to be no larger than a worker
    from indexer.report import Report

    archive, report = MadeUpArticles(count), Report()
    instead = mock.patch("indexer.relating.find_neighbours", return_value=given_neighbours(count)) if given else None
    with instead or nullcontext():
        build_index([archive], index, lambda: MadeUpEncoder(archive), Limits(force=True), report, reporter)
    return report


class MadeUpArticles:
    """A source of made-up articles, the same each time. `rows`: by their titles, of those that were read."""

    complete = True

    def __init__(self, count: int) -> None:
        self.count = count
        self.name = f"{count} made-up articles"
        self.rows: dict[str, int] = {}

    def read(self) -> Iterator[Item]:
        """Yield them."""
        sections = sections_of(self.count)
        for number, (title, body, language) in enumerate(texts(self.count, seed=1)):
            self.rows[title] = number
            piece = Article(
                id=f"a{number:06}",
                title=title,
                body=body,
                language=language,
                summary=body[:120],
                section=f"Section {sections[number]:02}",
                url=f"https://news.example/{number}",
                published=NEWEST - timedelta(days=number * DAYS / self.count),
            )
            yield Found(piece, f"{self.name}:{number}")


class MadeUpEncoder:
    """An Encoder that knows the made-up articles that were read by their titles; a passage is near its article."""

    def __init__(self, archive: MadeUpArticles) -> None:
        digest = hashlib.sha256(f"made up {archive.count}".encode()).hexdigest()
        self.identity = ModelIdentity("all-MiniLM-L6-v2", digest, DIMENSION, WINDOW_WORDS)
        self.window = WINDOW_WORDS
        self.device = CPU
        self._vectors = vectors_of(archive.count, seed=2)
        self._rows = archive.rows

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
