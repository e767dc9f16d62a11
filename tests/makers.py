"""What many tests need: an encoder whose nearness is chosen, articles in a line, and a finished index of them."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.build import Limits, build_index
from indexer.distribute import Distribution
from indexer.embedding import Alone, Embedder
from indexer.gates import GateLimits
from indexer.progress import Reporter, Silent
from indexer.report import Report
from indexer.sources.source import Found, Item, LeftOut, Quarantined
from seealso.article import Article, read_article
from seealso.editorial.store import Store
from seealso.encoder import CPU, Encoder, ModelIdentity, Vectors
from seealso.snapshot import files
from seealso.snapshot.cells import Cells
from seealso.snapshot.manifest import (
    FileEntry,
    Filtered,
    Searched,
    content_digest,
    encode_manifest,
    read_manifest,
)
from seealso.snapshot.reader import open_snapshot

DIMENSION = 32


class HashEncoder:
    """A real Encoder whose vectors are sums of one fixed direction a word: texts are near as they share words."""

    def __init__(self, name: str = "hash", window: int = 40) -> None:
        self.identity = ModelIdentity(name, hashlib.sha256(name.encode()).hexdigest(), DIMENSION, window)
        self.window = window
        self.device = CPU
        self.encoded: list[str] = []

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        self.encoded.extend(texts)
        vectors = np.array([self._vector(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)
        if on_batch is not None:
            on_batch(len(texts))
        return vectors

    def _vector(self, text: str) -> Any:
        words = re.findall(r"\w+", text.lower()) or [""]
        # Another name is another model: its vectors have nothing to do with these.
        total = sum(
            _direction(word if self.identity.name == "hash" else f"{self.identity.name}:{word}") for word in words
        )
        return total / np.linalg.norm(total)


def _direction(word: str) -> Any:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(DIMENSION)


class GivenArticles:
    """A source over articles at hand."""

    complete = True

    def __init__(self, items: Iterable[Article | Quarantined | LeftOut], name: str = "given") -> None:
        self._items = list(items)
        self.name = name

    def read(self) -> Iterator[Item]:
        for number, item in enumerate(self._items, 1):
            yield Found(item, f"{self.name}:{number}") if isinstance(item, Article) else item


def article(article_id: str, **fields: Any) -> Article:
    """Return an article; title and body are made of the id where none are given."""
    given = {"id": article_id, "title": f"About {article_id}", "body": f"A text on {article_id}."} | fields
    return read_article(given)[0]


def articles(count: int, **fields: Any) -> list[Article]:
    """Return articles a000, a001, ... of three subjects in turn."""
    subjects = ("tides moon sea harbour", "bread yeast oven flour", "chess opening pawn clock")
    return [
        article(f"a{number:03}", title=f"Piece {number}", body=f"{subjects[number % 3]} number{number}", **fields)
        for number in range(count)
    ]


# Most tests are of nights that differ as no two nights of a newsroom do.
ANY_NIGHT = GateLimits(
    articles_min=0,
    kept_min=0,
    quarantine_max=0.5,
    empty_blocks_rise_max=1,
    texts_min=0,
    overlap_min=0,
    picks_drop_max=1,
    languages_max=1,
    hubs_max=1,
    source_min=0,
)


def index_of(
    folder: Path,
    items: Iterable[Article | Quarantined | LeftOut],
    encoder: HashEncoder | None = None,
    keep: int = 3,
    gates: GateLimits = ANY_NIGHT,
    force: bool = False,
    report: Report | None = None,
    live: Store | None = None,
    distribution: Distribution | None = None,
    embedder_of: Callable[[Encoder], Embedder] = Alone,
    reporter: Reporter | None = None,
    dry_run: bool = False,
) -> Report:
    """Build and publish an index of some articles; return the night's report."""
    report = report or Report()
    limits = Limits(keep=keep, gates=gates, dry_run=dry_run, force=force)
    build_index(
        [GivenArticles(items)],
        folder,
        lambda: encoder or HashEncoder(),
        limits,
        report,
        reporter or Silent(),
        live=live,
        embedder_of=embedder_of,
        distribution=distribution,
    )
    return report


def forge(folder: Path, name: str, content: bytes) -> Path:
    """Put other content into a snapshot, with digests that fit it; return its new folder."""
    (folder / name).write_bytes(content)
    manifest = read_manifest(folder)
    entries = manifest.files | {name: FileEntry(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())}
    digest = content_digest(manifest.model, manifest.recipe, manifest.counts, entries)
    forged = manifest.model_copy(
        update={"files": entries, "content": digest, "id": f"{manifest.id.partition('-')[0]}-{digest[:12]}"}
    )
    (folder / "manifest.json").write_bytes(encode_manifest(forged))
    return folder.rename(folder.with_name(forged.id))


def with_cells(folder: Path) -> Path:
    """Have a snapshot say that its vectors are searched by cells, which it then has; return its new folder."""
    opened = open_snapshot(folder)
    rows = np.arange(len(opened))
    cells = Cells.of(opened.vectors.vectors(rows), len(rows) // 2)
    filtered = Filtered(filters=1, probed=1, vectors_recall=1.0, postings_max=9, terms_recall=1.0)
    searched = Searched(
        cells=len(cells), probed=1, vectors_recall=1.0, postings_max=9, terms_recall=1.0, filtered=filtered
    )
    manifest = read_manifest(folder).model_copy(update={"searched": searched})
    (folder / "manifest.json").write_bytes(encode_manifest(manifest))
    cells.write(folder / f"{files.CELLS}.bin")
    written: dict[str, NDArray[Any]] = {
        f"{files.CELLS}.npy": cells.ends,
        files.CELL_CENTRES: cells.centres,
        files.CELL_RANGES: cells.ranges,
    }
    for name, array in written.items():
        np.save(folder / name, array)
    for name in (f"{files.CELLS}.bin", *written):
        folder = forge(folder, name, (folder / name).read_bytes())
    return folder
