"""Articles, vectors and neighbours -> a complete, sealed snapshot folder. It does not make it current.

Everything is written aside, made durable, and given its final name in one step: a snapshot folder with a snapshot's
name is always whole.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.arrays import Scores
from seealso.article import Article, format_time
from seealso.encoder import ModelIdentity
from seealso.lexical import Terms, Vocabulary
from seealso.relatedness import Cohorts
from seealso.snapshot import files
from seealso.snapshot.facts import Facts
from seealso.snapshot.layout import (
    BUILDING_PREFIX,
    ID_TIME,
    MANIFEST,
    SNAPSHOTS,
    published_ids,
    seal,
    snapshot_folder,
    sync_folder,
)
from seealso.snapshot.manifest import (
    FORMAT,
    Counts,
    FileEntry,
    GateResult,
    Manifest,
    Model,
    Searched,
    TakenIn,
    content_digest,
    encode_manifest,
)
from seealso.snapshot.names import Names, names_of
from seealso.snapshot.vectors import VectorIndex
from seealso.space import PassageVectors, Space
from seealso.term_rows import TermRows

_JSON = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


@dataclass(frozen=True, slots=True)
class SnapshotContent:
    """What a snapshot holds. `articles` are ordered by id; row number = position in all of them.

    `neighbours`: int32, articles x candidates, -1 where there are fewer; `scores`: float32, the same shape;
    `plain_blocks`: see files.PLAIN_BLOCKS; `cohorts`: see `relatedness.cohorts_of`; `map`: float32, articles x 2, 0 to
    1; `searched`: how `vectors` and `terms` are, as measured; `passage_vectors`: float16, passages x dimension, all
    articles' in order; `passage_counts`: int64, by article; `passage_spans`: int32, passages x 2, in characters of the
    article's text; `tokens` and `words`: how many were embedded, and counted for `terms`.
    """

    articles: Sequence[Article]
    passage_counts: NDArray[np.int64]
    passage_spans: NDArray[np.int32]
    passage_vectors: PassageVectors
    tokens: int
    space: Space
    vectors: VectorIndex
    terms: Terms
    words: int
    neighbours: NDArray[np.int32]
    scores: Scores
    plain_blocks: NDArray[np.uint8]
    cohorts: Cohorts
    map: NDArray[np.float32]
    searched: Searched
    facts: Facts
    model: ModelIdentity
    recipe: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """How a snapshot came about: what is no part of its content. See Manifest."""

    parent: str | None = None
    sources: dict[str, int] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    live: TakenIn | None = None


def write_snapshot(index: Path, content: SnapshotContent, created: datetime, origin: Origin) -> str:
    """Write a snapshot folder and return its id. Raises OSError if the disk refuses; nothing has its name then."""
    snapshots = index / SNAPSHOTS
    snapshots.mkdir(parents=True, exist_ok=True)
    aside = snapshots / f"{BUILDING_PREFIX}{os.getpid()}"
    aside.mkdir()
    try:
        _write_files(aside, content)
        manifest = _manifest_of(aside, content, created, _moment_of_id(index, created), origin)
        (aside / MANIFEST).write_bytes(encode_manifest(manifest))
        seal(aside / MANIFEST)
        sync_folder(aside)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)  # it may be what filled the disk
        raise
    os.rename(aside, snapshot_folder(index, manifest.id))
    sync_folder(snapshots)
    return manifest.id


def _moment_of_id(index: Path, created: datetime) -> datetime:
    """Return the moment an id begins with: later than every other's, so that ids stand in the order they were made.

    Two may be made in one second, and clocks go back.
    """
    newest = max(published_ids(index), default=None)
    if newest is None:
        return created
    latest = datetime.strptime(newest.partition("-")[0], ID_TIME).replace(tzinfo=UTC)
    last = datetime.max.replace(microsecond=0, tzinfo=UTC)
    return max(created, min(latest, last - timedelta(seconds=1)) + timedelta(seconds=1))


def _write_files(folder: Path, content: SnapshotContent) -> None:
    articles = content.articles
    _write_blob(folder, files.CARDS, (encode_card(article) for article in articles))
    _write_blob(folder, files.ARTICLES, (encode_article(article) for article in articles))
    _write_array(folder / files.IDS, _table([article.id for article in articles]))
    _write_array(folder / files.ADDRESSES, _table([article.url for article in articles]))
    _write_array(folder / files.FACTS, content.facts.rows)
    (folder / files.LABELS).write_bytes(orjson.dumps(_labels(content)))
    seal(folder / files.LABELS)
    _write_array(folder / files.NEIGHBOURS, content.neighbours.astype(np.int32))
    _write_array(folder / files.SCORES, content.scores.astype(np.float32))
    _write_array(folder / files.PLAIN_BLOCKS, content.plain_blocks)
    _write_array(folder / files.COHORTS, content.cohorts.astype(np.float32))
    _write_array(folder / files.MAP, content.map.astype(np.float32))
    _write_names(folder, files.TAGS, names_of(article.tags or () for article in articles))
    _write_names(folder, files.AUTHORS, names_of([article.author] if article.author else () for article in articles))
    content.vectors.write(folder / files.VECTORS)
    seal(folder / files.VECTORS)
    cells = content.vectors.cells
    if cells is not None:
        cells.write(folder / f"{files.CELLS}.bin")
        seal(folder / f"{files.CELLS}.bin")
        _write_array(folder / f"{files.CELLS}.npy", cells.ends)
        _write_array(folder / files.CELL_CENTRES, cells.centres)
        _write_array(folder / files.CELL_RANGES, cells.ranges)
    _write_array(folder / files.PASSAGES, content.passage_vectors.astype(np.float16))
    ends = np.concatenate(([0], np.cumsum(content.passage_counts)))
    _write_array(folder / files.PASSAGE_ENDS, ends.astype(np.int64))
    _write_array(folder / files.PASSAGE_SPANS, content.passage_spans.astype(np.int32))
    _write_array(folder / files.WHITENING, content.space.whitening)
    _write_array(folder / files.OFFSETS, np.vstack([content.space.offsets, content.space.centre]))
    _write_blob(folder, files.TERMS, _in_order(content.terms.vocabulary))
    _write_array(folder / files.RARITY, content.terms.rarity)
    _write_rows(folder, files.ARTICLE_TERMS, content.terms.articles)
    _write_rows(folder, files.POSTINGS, content.terms.postings)
    _write_rows(folder, files.TITLES, content.terms.titles)
    _write_rows(folder, files.TITLE_POSTINGS, content.terms.title_postings)


def encode_card(article: Article) -> bytes:
    """Return an article as shown in a block, as JSON; a key for every field, null where the source gave none."""
    return orjson.dumps(files.card_of(dict(article)), option=_JSON)


def encode_article(article: Article) -> bytes:
    """Return a whole article as JSON, without the fields its source left out."""
    return orjson.dumps(article.model_dump(exclude_none=True), option=_JSON)


def _write_blob(folder: Path, name: str, records: Iterable[bytes]) -> None:
    ends = [0]
    with (folder / f"{name}.bin").open("xb") as file:
        for record in records:
            file.write(record)
            ends.append(ends[-1] + len(record))
    seal(folder / f"{name}.bin")
    _write_array(folder / f"{name}.npy", np.array(ends, np.uint64))


def _in_order(vocabulary: Vocabulary) -> Iterator[bytes]:
    return (vocabulary[number] for number in range(len(vocabulary)))


def _write_rows(folder: Path, name: str, rows: TermRows) -> None:
    for part, array in (("ends", rows.ends), ("terms", rows.terms), ("weights", rows.weights)):
        _write_array(folder / f"{name}_{part}.npy", array)


def _write_names(folder: Path, name: str, names: Names) -> None:
    _write_blob(folder, name, _in_order(names.texts))
    _write_array(folder / f"{name}_ends.npy", names.ends)
    _write_array(folder / f"{name}_rows.npy", names.rows)


def _write_array(path: Path, array: NDArray[Any]) -> None:
    array = np.ascontiguousarray(array)
    with path.open("xb") as file:
        # Not numpy's own save(): it writes by C's streams, and says nothing if the last of it does not reach the disk.
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.reshape(-1).view(np.uint8).data)
    seal(path)


def _table(names: Sequence[str | None]) -> NDArray[Any]:
    """Return files.ID_ROW of all rows that have a name."""
    named = [(files.hash_of(name), row) for row, name in enumerate(names) if name is not None]
    table = np.array(named, files.ID_ROW)
    return table[np.argsort(table, order=["hash", "row"])]


def _labels(content: SnapshotContent) -> dict[str, Any]:
    """Return what numbers in the files stand for."""
    return {
        "sections": content.facts.sections,
        "languages": content.facts.languages,
        "spoken": dict(zip(content.space.languages, content.space.trusts.tolist(), strict=True)),
        "weighed": list(content.terms.languages),
    }


def _manifest_of(
    folder: Path, content: SnapshotContent, created: datetime, moment: datetime, origin: Origin
) -> Manifest:
    entries = {}
    for name in sorted(files.ALL | files.OF_CELLS if content.searched.cells else files.ALL):
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        entries[name] = FileEntry(bytes=(folder / name).stat().st_size, sha256=digest)
    model = Model(
        name=content.model.name,
        digest=content.model.digest,
        dimension=content.model.dimension,
        window=content.model.window,
    )
    counts = Counts(
        articles=len(content.articles),
        passages=len(content.passage_vectors),
        tokens=content.tokens,
        words=content.words,
        terms=len(content.terms.vocabulary),
        candidates=content.neighbours.shape[1],
    )
    digest = content_digest(model, content.recipe, counts, entries)
    return Manifest(
        format=FORMAT,
        id=f"{moment:{ID_TIME}}-{digest[:12]}",
        created=format_time(created),
        parent=origin.parent,
        content=digest,
        model=model,
        recipe=content.recipe,
        counts=counts,
        files=entries,
        software={"seealso": version("seealso"), "faiss": version("faiss-cpu")},
        sources=origin.sources,
        gates=[GateResult.model_validate(gate) for gate in origin.gates],
        forced=origin.forced,
        live=origin.live,
        searched=content.searched,
    )
