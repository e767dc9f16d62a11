"""A snapshot folder -> an open Snapshot, after every file has been checked against the manifest, now or a while ago.

Files are opened by memory mapping: all workers of a machine share one copy, and opening costs one read for the digests.
"""

import mmap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.errors import ModelMismatch, SnapshotRefused
from seealso.lexical import Terms
from seealso.mapped import map_array
from seealso.order import ORDER_RECIPE
from seealso.recipe import Recipe
from seealso.relatedness import PARTS
from seealso.snapshot import bounds, files
from seealso.snapshot.cells import Cells
from seealso.snapshot.digests import check_digests, file_states
from seealso.snapshot.fit import check_fit
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import LISTED_SINCE, MAP_SINCE, PLAIN_SINCE, Manifest, read_manifest
from seealso.snapshot.names import Names
from seealso.snapshot.snapshot import Blob, Snapshot
from seealso.snapshot.titles import Titles
from seealso.snapshot.vectors import VectorIndex
from seealso.snapshot.whole import known_whole, mark_whole, unmark
from seealso.space import Space
from seealso.term_rows import TermRows
from seealso.term_weights import length_mean


def open_current(index: Path, model: str | None = None) -> Snapshot:
    """Open the snapshot that CURRENT names; see `open_snapshot`. Raises SnapshotMissing if there is none."""
    return open_snapshot(snapshot_folder(index, current_id(index)), model)


def open_snapshot(folder: Path, model: str | None = None, anew: bool = False) -> Snapshot:
    """Check and open a snapshot.

    Raises SnapshotRefused if anything in it is not as it was written, and ModelMismatch if `model` is given and another
    one made it. What was found whole on this machine, and has not changed since, is not looked through again, see
    `whole`; but `anew` it is.
    """
    manifest = read_manifest(folder)
    if manifest.id != folder.name:
        raise SnapshotRefused(folder, f"holds the snapshot {manifest.id}")
    if model is not None and model != manifest.model.name:
        raise ModelMismatch(manifest.id, str(manifest.model.identity()), model)
    states, began_ns = file_states(folder, manifest), time.time_ns()
    if not anew and known_whole(folder, manifest, states):
        return _opened(folder, manifest, _map_files)
    try:
        snapshot = look_through(folder, manifest)
    except SnapshotRefused:
        unmark(folder)
        raise
    mark_whole(folder, manifest, states, began_ns)
    return snapshot


def look_through(folder: Path, manifest: Manifest) -> Snapshot:
    """Read every byte of a snapshot's files, wherever they lie, and open them. Raises SnapshotRefused."""
    check_digests(folder, manifest)
    return _opened(folder, manifest, _map_and_check)


def _opened(folder: Path, manifest: Manifest, opened: Callable[[Path, Manifest], Snapshot]) -> Snapshot:
    try:
        snapshot = opened(folder, manifest)
    except (ValueError, TypeError, OSError, RuntimeError, LookupError, EOFError, TokenError) as error:
        # Only forged digests lead here: the files are what the manifest says, yet not what a snapshot holds.
        raise SnapshotRefused(folder, f"its files do not fit each other ({error})") from error
    # What was chosen in another way than we choose now would not fit what is chosen when it is asked for.
    return snapshot if manifest.recipe.get("order") == ORDER_RECIPE else replace(snapshot, plain_blocks=None)


def _map_files(folder: Path, manifest: Manifest) -> Snapshot:
    count, candidates = manifest.counts.articles, manifest.counts.candidates
    searched = manifest.searched
    filtered = searched.filtered if searched is not None else None
    labels = orjson.loads((folder / files.LABELS).read_bytes())
    weighed = tuple(str(language) for language in labels["weighed"])
    facts = _map_array(folder / files.FACTS, files.FACT_ROW, (count,))
    ids = _map_array(folder / files.IDS, files.ID_ROW, (count,))
    cards = _map_blob(folder, files.CARDS, count)
    dimension, passages, terms = manifest.model.dimension, manifest.counts.passages, manifest.counts.terms
    return Snapshot(
        manifest=manifest,
        recipe=Recipe.model_validate({name: manifest.recipe[name] for name in Recipe.model_fields}),
        vectors=_map_vectors(folder, manifest),
        terms=Terms(
            vocabulary=_map_blob(folder, files.TERMS, terms),
            languages=weighed,
            rarity=_map_array(folder / files.RARITY, np.dtype("<f4"), (len(weighed) + 1, terms)),
            articles=_map_rows(folder, files.ARTICLE_TERMS, count),
            postings=_map_rows(folder, files.POSTINGS, terms),
            titles=_map_rows(folder, files.TITLES, count),
            title_postings=_map_rows(folder, files.TITLE_POSTINGS, terms),
            length_mean=length_mean(manifest.counts.words, count),
            postings_max=searched.postings_max if searched is not None else None,
            filtered_postings_max=filtered.postings_max if filtered is not None else None,
        ),
        cohorts=_map_array(folder / files.COHORTS, np.dtype("<f4"), (count, PARTS, 2)),
        space=_map_space(folder, labels["spoken"], dimension),
        facts=facts,
        sensitive=facts["sensitive"],
        sponsored=facts["sponsored"],
        sections=tuple(str(label) for label in labels["sections"]),
        languages=tuple(str(label) for label in labels["languages"]),
        neighbours=_map_array(folder / files.NEIGHBOURS, np.dtype("<i4"), (count, candidates)),
        scores=_map_array(folder / files.SCORES, np.dtype("<f4"), (count, candidates)),
        plain_blocks=None
        if manifest.format < PLAIN_SINCE
        else _map_array(folder / files.PLAIN_BLOCKS, np.dtype("u1"), (count, 2, files.PLAIN_MAX)),
        map=None if manifest.format < MAP_SINCE else _map_array(folder / files.MAP, np.dtype("<f4"), (count, 2)),
        tags=None if manifest.format < LISTED_SINCE else _map_names(folder, files.TAGS),
        authors=None if manifest.format < LISTED_SINCE else _map_names(folder, files.AUTHORS),
        passages=_map_array(folder / files.PASSAGES, np.dtype("<f2"), (passages, dimension)),
        passage_ends=_map_array(folder / files.PASSAGE_ENDS, np.dtype("<i8"), (count + 1,)),
        passage_spans=_map_array(folder / files.PASSAGE_SPANS, np.dtype("<i4"), (passages, 2)),
        ids=ids,
        # Copied, for they lie between rows: each look into them takes a third of the time.
        hashes=np.ascontiguousarray(ids["hash"]).data,
        addresses=None
        if manifest.format < LISTED_SINCE
        else _map_array(folder / files.ADDRESSES, files.ID_ROW, (_length(folder / files.ADDRESSES),)),
        cards=cards,
        articles=_map_blob(folder, files.ARTICLES, count),
        titles=Titles(cards),
    )


def _map_and_check(folder: Path, manifest: Manifest) -> Snapshot:
    snapshot = _map_files(folder, manifest)
    check_fit(snapshot)
    return snapshot


def _map_vectors(folder: Path, manifest: Manifest) -> VectorIndex:
    count, dimension, searched = manifest.counts.articles, manifest.model.dimension, manifest.searched
    vectors = VectorIndex.open(folder / files.VECTORS, count, dimension)
    if searched is None or not searched.cells:
        return vectors
    ends = _map_array(folder / f"{files.CELLS}.npy", np.dtype("<u8"), (searched.cells + 1,))
    if not bounds.dividing(ends, count):
        raise ValueError("the ends of cells do not divide the articles")
    centres = _map_array(folder / files.CELL_CENTRES, np.dtype("<f4"), (searched.cells, dimension))
    ranges = _map_array(folder / files.CELL_RANGES, np.dtype("<f4"), (2, dimension))
    cells = Cells.open(folder / f"{files.CELLS}.bin", ends, centres, ranges)
    return vectors.by_cells(cells, searched.probed, searched.filtered.probed if searched.filtered is not None else 0)


def _map_rows(folder: Path, name: str, count: int) -> TermRows:
    # What would be written stays in memory, and nothing is; sparse_dot_topn takes no array that forbids it.
    path = folder / f"{name}_ends.npy"
    long = map_array(path).dtype == np.dtype("<i8")
    ends = _map_array(path, np.dtype("<i8" if long else "<i4"), (count + 1,), mmap.ACCESS_COPY)
    length = (int(ends[-1]),)
    return TermRows(
        ends,
        _map_array(folder / f"{name}_terms.npy", np.dtype("<i4"), length, mmap.ACCESS_COPY),
        _map_array(folder / f"{name}_weights.npy", np.dtype("<f4"), length, mmap.ACCESS_COPY),
    )


def _map_names(folder: Path, name: str) -> Names:
    # How many there are, only the files say.
    ends = _map_array(folder / f"{name}_ends.npy", np.dtype("<i8"), (_length(folder / f"{name}_ends.npy"),))
    rows = _map_array(folder / f"{name}_rows.npy", np.dtype("<i4"), (_length(folder / f"{name}_rows.npy"),))
    return Names(_map_blob(folder, name, len(ends) - 1), ends, rows)


def _map_space(folder: Path, spoken: dict[str, float], dimension: int) -> Space:
    offsets = _map_array(folder / files.OFFSETS, np.dtype("<f4"), (len(spoken) + 1, dimension))
    whitening = _map_array(folder / files.WHITENING, np.dtype("<f4"), (dimension, dimension))
    return Space(whitening, tuple(spoken), offsets[:-1], np.array(list(spoken.values()), np.float32), offsets[-1])


def _length(path: Path) -> int:
    """Return how long an array is; 1 for one of no length, which is then none that is wanted."""
    return next(iter(map_array(path).shape), 1)


def _map_array(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], access: int = mmap.ACCESS_READ
) -> NDArray[Any]:
    array = map_array(path, access)
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}, not {dtype} {shape}")
    return array


def _map_blob(folder: Path, name: str, count: int) -> Blob:
    ends = _map_array(folder / f"{name}.npy", np.dtype("<u8"), (count + 1,))
    with (folder / f"{name}.bin").open("rb") as file:
        # An archive of which no word is a term has an empty vocabulary, as one may have no tags, and nothing cannot be
        # mapped.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if count else b""
    return Blob(ends, content)
