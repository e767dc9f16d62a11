"""A snapshot folder -> an open Snapshot, after every file has been checked against the manifest, now or a while ago.

Files are opened by memory mapping: all workers of a machine share one copy, and opening costs one read for the digests.
It answers what is in the snapshot; what may be shown is not its business.
"""

import mmap
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tokenize import TokenError
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.encoder import Vectors
from seealso.errors import ModelMismatch, SnapshotRefused
from seealso.lexical import Mask, Rows, Scores, TermRows, Terms, length_mean
from seealso.machine import own_cpus
from seealso.recipe import Recipe
from seealso.relatedness import PARTS, Cohorts, Probes
from seealso.snapshot import bounds, files
from seealso.snapshot.cells import Cells
from seealso.snapshot.digests import check_digests, file_states
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import LISTED_SINCE, MAP_SINCE, Manifest, read_manifest
from seealso.snapshot.names import Names
from seealso.snapshot.vectors import VectorIndex
from seealso.snapshot.whole import known_whole, mark_whole, unmark
from seealso.space import PassageVectors, Space

DEVIATION_MIN = 1e-6

_ID_BEGINS, _ID_ENDS = len(b'{"id":'), b',"title":'

_MapMode = Literal["r", "c"]


def open_current(index: Path, model: str | None = None) -> "Snapshot":
    """Open the snapshot that CURRENT names; see `open_snapshot`. Raises SnapshotMissing if there is none."""
    return open_snapshot(snapshot_folder(index, current_id(index)), model)


def open_snapshot(folder: Path, model: str | None = None, anew: bool = False) -> "Snapshot":
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


def look_through(folder: Path, manifest: Manifest) -> "Snapshot":
    """Read every byte of a snapshot's files, wherever they lie, and open them. Raises SnapshotRefused."""
    check_digests(folder, manifest)
    return _opened(folder, manifest, _map_and_check)


def _opened(folder: Path, manifest: Manifest, opened: Callable[[Path, Manifest], "Snapshot"]) -> "Snapshot":
    try:
        return opened(folder, manifest)
    except (ValueError, TypeError, OSError, RuntimeError, KeyError, EOFError, TokenError) as error:
        # Only forged digests lead here: the files are what the manifest says, yet not what a snapshot holds.
        raise SnapshotRefused(folder, f"its files do not fit each other ({error})") from error


class Blob:
    """Records of bytes, one a row; `ends`: where each ends in `content`, and a 0 before them."""

    __slots__ = ("_places", "content", "ends")

    def __init__(self, ends: NDArray[np.uint64], content: mmap.mmap | bytes) -> None:
        self.ends = ends
        self.content = content
        # Gives numbers of Python's own, in a third of the time.
        self._places = ends.data

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, row: int) -> bytes:
        return self.content[self._places[row] : self._places[row + 1]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An open snapshot. Safe from many threads; nothing in it ever changes.

    `facts` is files.FACT_ROW by row; `sections` and `languages` are what its numbers stand for; `neighbours` (int32)
    and `scores` (float32) are articles x candidates, best first, -1 where there are fewer; `cohorts`: see
    `relatedness.cohorts_of`; `map`: float32, articles x 2, 0 to 1, where each stands on the map of the archive, None
    where the night drew none; `tags`, `authors`: which rows of the snapshot have them, None where the night listed none
    (it was of an older format); `space`: from passages' vectors to `vectors`. `hidden`: the ids of articles taken down,
    of which a snapshot as it is opened knows nothing.
    """

    manifest: Manifest
    recipe: Recipe
    vectors: VectorIndex
    terms: Terms
    cohorts: Cohorts
    space: Space
    facts: NDArray[Any]
    sections: tuple[str, ...]
    languages: tuple[str, ...]
    neighbours: NDArray[np.int32]
    scores: Scores
    map: NDArray[np.float32] | None
    tags: Names | None
    authors: Names | None
    _passages: PassageVectors
    _passage_ends: NDArray[np.int64]
    _passage_spans: NDArray[np.int32]
    _ids: NDArray[Any]
    _hashes: memoryview
    _addresses: NDArray[Any] | None
    _cards: Blob
    _articles: Blob
    hidden: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """Return the snapshot's id."""
        return self.manifest.id

    def __len__(self) -> int:
        return len(self.facts)

    def row_of(self, article_id: str) -> int | None:
        """Return the row of an article, None if it is not in here."""
        for row in _rows_hashed(self._ids, self._hashes, article_id):
            if self.article_id(row) == article_id:
                return row
        return None

    def rows_in(self, other: "Snapshot") -> Rows:
        """Return for each article of the snapshot, live ones not among them, its row in another; -1 where it is not.

        Articles are told by the hashes of their ids: that two of a million share one is as likely as 1 to 37 million.
        """
        hashes = np.ascontiguousarray(other._ids["hash"])
        places = np.minimum(np.searchsorted(hashes, self._ids["hash"]), len(hashes) - 1)
        same = hashes[places] == self._ids["hash"]
        rows = np.full(len(self._ids), -1, np.int64)
        rows[self._ids["row"][same]] = other._ids["row"][places[same]]
        return rows

    def article_id(self, row: int) -> str:
        """Return the id of the article in a row."""
        return id_in(self.card(row))

    def row_at(self, url: str) -> int | None:
        """Return the row of an article with exactly this address, None if none has it."""
        try:
            # Quotation marks within texts are escaped: these bytes stand nowhere else.
            stated = b'"url":' + orjson.dumps(url)
        except orjson.JSONEncodeError:  # a lone surrogate, which no article's address has
            return None
        if self._addresses is None:
            place = self._cards.content.find(stated)
            return None if place < 0 else int(np.searchsorted(self._cards.ends, place, side="right")) - 1
        rows = _rows_hashed(self._addresses, self._addresses["hash"], url)
        return next((row for row in rows if stated in self._cards[row]), None)

    @property
    def here(self) -> Mask:
        """Return for each row whether its article is here: bool; all are, as a snapshot is opened."""
        return np.ones(len(self), np.bool_)

    def without(self, hidden: frozenset[str]) -> "Snapshot":
        """Return the same with these articles, and no others, taken down: as sensitive ones, they are never shown.

        The snapshot is one as it was opened.
        """
        if not hidden:
            return self
        facts = self.facts.copy()
        rows = [row for row in map(self.row_of, hidden) if row is not None]
        facts["sensitive"][rows] = True
        return replace(self, facts=facts, hidden=hidden)

    def title(self, row: int) -> str:
        """Return the title of the article in a row."""
        return str(orjson.loads(self.card(row))["title"])

    def language_of(self, row: int) -> str | None:
        """Return the language tag of the article in a row, None if it has none."""
        number = int(self.facts["language"][row])
        return self.languages[number] if number >= 0 else None

    def story_of(self, row: int) -> str:
        """Return the name of the story that an article tells: the id of the one that stands for it."""
        return self.article_id(int(self.facts["story"][row]))

    def card(self, row: int) -> bytes:
        """Return an article as shown in a block: a JSON object with files.CARD_FIELDS."""
        return self._cards[row]

    def article(self, row: int) -> bytes:
        """Return the whole article as indexed: a JSON object."""
        return self._articles[row]

    def neighbours_of(self, row: int) -> tuple[Rows, Scores]:
        """Return the rows and scores of an article's candidates, best first, itself not among them."""
        rows = self.neighbours[row]
        count = int(np.count_nonzero(rows >= 0))
        return rows[:count].astype(np.int64), self.scores[row, :count]

    def hosts_of(self, row: int) -> Rows:
        """Return the rows of all articles among whose candidates one is."""
        return np.flatnonzero((self.neighbours == row).any(axis=1))

    def probes(self, row: int) -> Probes:
        """Return an article as what related ones are wanted for."""
        return Probes(self.vectors.vector(row)[np.newaxis], self.terms.articles.row(row), self.terms.titles.row(row))

    def passages_of(self, row: int) -> tuple[Vectors, NDArray[np.int32]]:
        """Return an article's passages: their vectors (float32, passages x dimension), and where each begins and ends.

        Places are in characters of the article's text.
        """
        own = slice(int(self._passage_ends[row]), int(self._passage_ends[row + 1]))
        return self._passages[own].astype(np.float32), self._passage_spans[own]

    @property
    def text_lengths(self) -> NDArray[np.int32]:
        """Return how many characters of text each article has: by row, of those in the snapshot itself."""
        lengths: NDArray[np.int32] = self._passage_spans[self._passage_ends[1:] - 1, 1]
        return lengths

    @property
    def lineage(self) -> str:
        """Return a name for what its rows are: the same for two that differ only in how far they go."""
        return self.id

    @property
    def articles_count(self) -> int:
        """Return how many articles there are."""
        return len(self)

    @property
    def live_count(self) -> int:
        """Return how many of them are live: put since the night that made it. None, as a snapshot is opened."""
        return 0

    @property
    def placed(self) -> int:
        """Return the number of the last placing of a live article that is in here: 0, for a snapshot holds none."""
        return 0

    def still_holds(self, placed: int, article_ids: Sequence[str], searched: bool) -> bool:
        """Return whether a block would be the same today that was made when `placed` was the number it is now.

        `article_ids`: the article that it is of, and those that it shows; `searched`: whether all were looked through
        for it, and not only the candidates.
        """
        return True


def _rows_hashed(table: NDArray[Any], hashes: Sequence[int] | memoryview | NDArray[Any], name: str) -> Iterator[int]:
    """Yield the rows that files.ID_ROW has for a name: one as a rule; `hashes`: its own, in order."""
    try:
        wanted = files.hash_of(name)
    except UnicodeEncodeError:  # a lone surrogate, which no article's id or address has
        return
    position = bisect_left(hashes, wanted)
    while position < len(hashes) and hashes[position] == wanted:
        yield int(table["row"][position])
        position += 1


def id_in(card: bytes) -> str:
    """Return the id of the article that a card shows."""
    # It is the first field; a quotation mark within it is escaped, so that the second begins only once.
    quoted = card[_ID_BEGINS : card.index(_ID_ENDS)]
    # Most have nothing that is escaped, and are read in a third of the time.
    return str(orjson.loads(quoted)) if b"\\" in quoted else quoted[1:-1].decode()


def _map_files(folder: Path, manifest: Manifest) -> Snapshot:
    count, candidates = manifest.counts.articles, manifest.counts.candidates
    searched = manifest.searched
    filtered = searched.filtered if searched is not None else None
    labels = orjson.loads((folder / files.LABELS).read_bytes())
    weighed = tuple(str(language) for language in labels["weighed"])
    ids = _map_array(folder / files.IDS, files.ID_ROW, (count,))
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
        facts=_map_array(folder / files.FACTS, files.FACT_ROW, (count,)),
        sections=tuple(str(label) for label in labels["sections"]),
        languages=tuple(str(label) for label in labels["languages"]),
        neighbours=_map_array(folder / files.NEIGHBOURS, np.dtype("<i4"), (count, candidates)),
        scores=_map_array(folder / files.SCORES, np.dtype("<f4"), (count, candidates)),
        map=None if manifest.format < MAP_SINCE else _map_array(folder / files.MAP, np.dtype("<f4"), (count, 2)),
        tags=None if manifest.format < LISTED_SINCE else _map_names(folder, files.TAGS),
        authors=None if manifest.format < LISTED_SINCE else _map_names(folder, files.AUTHORS),
        _passages=_map_array(folder / files.PASSAGES, np.dtype("<f2"), (passages, dimension)),
        _passage_ends=_map_array(folder / files.PASSAGE_ENDS, np.dtype("<i8"), (count + 1,)),
        _passage_spans=_map_array(folder / files.PASSAGE_SPANS, np.dtype("<i4"), (passages, 2)),
        _ids=ids,
        # Copied, for they lie between rows: each look into them takes a third of the time.
        _hashes=np.ascontiguousarray(ids["hash"]).data,
        _addresses=None
        if manifest.format < LISTED_SINCE
        else _map_array(folder / files.ADDRESSES, files.ID_ROW, (_length(folder / files.ADDRESSES),)),
        _cards=_map_blob(folder, files.CARDS, count),
        _articles=_map_blob(folder, files.ARTICLES, count),
    )


def _map_and_check(folder: Path, manifest: Manifest) -> Snapshot:
    snapshot = _map_files(folder, manifest)
    _check_bounds(snapshot)
    return snapshot


def _check_bounds(snapshot: Snapshot) -> None:
    """Raise ValueError if a number in one file points outside another, or is none that would be there."""
    checks = list(_checks(snapshot))
    with ThreadPoolExecutor(own_cpus()) as pool:
        for (fault, _), good in zip(checks, pool.map(lambda check: check[1](), checks), strict=True):
            if not good:
                raise ValueError(fault)


def _checks(snapshot: Snapshot) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield what may be wrong, and whether it is not; those that take long first."""
    count, terms, vocabulary = len(snapshot), snapshot.terms, snapshot.terms.vocabulary
    assert isinstance(vocabulary, Blob)  # as it was mapped
    yield "a vector is not of unit length", snapshot.vectors.all_unit
    for name, numbers in (
        ("passage", snapshot._passages),
        ("score", snapshot.scores),
        ("weight", terms.articles.weights),
        ("weight", terms.postings.weights),
        ("weight", terms.titles.weights),
        ("weight", terms.title_postings.weights),
        ("rarity", terms.rarity),
        ("cohort", snapshot.cohorts),
        ("whitening", snapshot.space.whitening),
        ("offset", snapshot.space.offsets),
        ("centre", snapshot.space.centre),
        ("fact", snapshot.facts["eventful"]),
    ):
        yield f"a {name} is no number that one would have", partial(bounds.usable, numbers)
    for name, rows, columns in (
        (files.ARTICLE_TERMS, terms.articles, len(vocabulary)),
        (files.POSTINGS, terms.postings, count),
        (files.TITLES, terms.titles, len(vocabulary)),
        (files.TITLE_POSTINGS, terms.title_postings, count),
    ):
        yield f"{name} holds what it cannot hold", partial(_rows_hold, rows, columns)
    cells = snapshot.vectors.cells
    if cells is not None:
        yield "cells do not hold each article once", partial(cells.hold_each_once, count)
        yield (
            "a cell's number is none that one would have",
            lambda: bounds.usable(cells.centres) and bounds.usable(cells.ranges),
        )
    if snapshot.map is not None:
        yield "an article stands outside the map", partial(bounds.shares, snapshot.map)
    for name, names in ((files.TAGS, snapshot.tags), (files.AUTHORS, snapshot.authors)):
        if names is not None:
            yield f"{name} do not stand in order, or are of no articles", partial(_names_hold, names, count)
    yield "an article is twice among another's neighbours", lambda: not bounds.repeating(snapshot.neighbours)
    yield "neighbours go on after their end", partial(bounds.ending, snapshot.neighbours)
    for name, pointers, low, high in (
        ("neighbours", snapshot.neighbours, -1, count),
        ("ids", snapshot._ids["row"], 0, count),
        *(() if snapshot._addresses is None else (("addresses", snapshot._addresses["row"], 0, count),)),
        ("stories", snapshot.facts["story"], 0, count),
        ("sections", snapshot.facts["section"], -1, len(snapshot.sections)),
        ("languages", snapshot.facts["language"], -1, len(snapshot.languages)),
    ):
        yield f"{name} outside {low}..{high - 1}", partial(bounds.within, pointers, low, high)
    for name, ends, length in (
        (files.CARDS, snapshot._cards.ends, len(snapshot._cards.content)),
        (files.ARTICLES, snapshot._articles.ends, len(snapshot._articles.content)),
        (files.TERMS, vocabulary.ends, len(vocabulary.content)),
        ("passages", snapshot._passage_ends, len(snapshot._passages)),
    ):
        yield f"the ends of {name} do not divide them", partial(bounds.dividing, ends, length)
    yield "an article has no passage", lambda: bool((np.diff(snapshot._passage_ends) >= 1).all())
    yield "a cohort has no deviation", lambda: bool((snapshot.cohorts[:, :, 1] >= DEVIATION_MIN).all())
    for name, table in (("ids", snapshot._ids), ("addresses", snapshot._addresses)):
        if table is not None:
            yield f"{name} out of order", partial(bounds.never_falling, table["hash"])


def _rows_hold(rows: TermRows, columns: int) -> bool:
    return (
        bounds.dividing(rows.ends, len(rows.terms))
        and bounds.within(rows.terms, 0, columns)
        and bounds.rising(rows.terms, rows.ends)
    )


def _names_hold(names: Names, count: int) -> bool:
    assert isinstance(names.texts, Blob)  # as they were mapped
    return (
        bounds.dividing(names.texts.ends, len(names.texts.content))
        and bounds.dividing(names.ends, len(names.rows))
        and bounds.within(names.rows, 0, count)
        and bounds.rising(names.rows, names.ends)
    )


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
    # "c": what is written stays in memory, and nothing is; sparse_dot_topn takes no array that forbids it.
    path = folder / f"{name}_ends.npy"
    long = np.load(path, mmap_mode="r", allow_pickle=False).dtype == np.dtype("<i8")
    ends = _map_array(path, np.dtype("<i8" if long else "<i4"), (count + 1,), "c")
    length = (int(ends[-1]),)
    return TermRows(
        ends,
        _map_array(folder / f"{name}_terms.npy", np.dtype("<i4"), length, "c"),
        _map_array(folder / f"{name}_weights.npy", np.dtype("<f4"), length, "c"),
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
    return next(iter(np.load(path, mmap_mode="r", allow_pickle=False).shape), 1)


def _map_array(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], mode: _MapMode = "r") -> NDArray[Any]:
    array = np.load(path, mmap_mode=mode, allow_pickle=False)
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}, not {dtype} {shape}")
    return np.asarray(array)  # a plain view: indexing a memmap object costs several times as much


def _map_blob(folder: Path, name: str, count: int) -> Blob:
    ends = _map_array(folder / f"{name}.npy", np.dtype("<u8"), (count + 1,))
    with (folder / f"{name}.bin").open("rb") as file:
        # An archive of which no word is a term has an empty vocabulary, as one may have no tags, and nothing cannot be
        # mapped.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if count else b""
    return Blob(ends, content)
