"""The articles' vectors and the search for the nearest. With `cells` the one user of FAISS.

The vectors are all there, exactly (IndexFlatIP: inner product, which is the cosine of unit vectors), opened by memory
mapping, so that all workers of a machine share one copy. Where they are very many, the cells say which to look at.
"""

import struct
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from seealso.arrays import Mask, Rows, Scores, narrows
from seealso.encoder import Vectors
from seealso.errors import SnapshotRefused
from seealso.snapshot.cells import Cells

# So many times as many as are wanted are found by cells, and then told apart by their vectors.
REFINED_TIMES = 3
# Where only so many may be found, each of them is looked at: that takes no longer, and misses none.
ALLOWED_EXACT_MAX = 50_000

# FAISS's own file of an IndexFlatIP: fourcc, dimension, count, two unused numbers, trained, metric, number of floats.
_HEADER = struct.Struct("<4siqqqBiQ")
_FOURCC = b"IxFI"


# What OpenMP is told holds for the thread that tells it, and for no other: each search tells it anew.
_one_thread = False


def use_one_thread() -> None:
    """Let each search of this process run on its own thread alone, as a server with threads of its own wants it.

    Else OpenMP starts one for each CPU beside every thread that searches, and these spin after each search.
    """
    global _one_thread
    _one_thread = True


class VectorIndex:
    """Unit vectors by row. Search is safe from many threads; nothing is ever added or removed.

    `index`: FAISS's own; `cells`: by which they are searched, None: each vector is looked at; `probed`: how many cells
    are looked through; `filtered_probed`: the same under a filter, 0: each vector is looked at that passes.
    """

    def __init__(self, index: Any, cells: Cells | None = None, probed: int = 0, filtered_probed: int = 0) -> None:
        self.index = index
        self.cells = cells
        self.probed = probed
        self.filtered_probed = filtered_probed
        self._vectors: Vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(-1, index.d)

    @classmethod
    def of(cls, vectors: Vectors) -> "VectorIndex":
        """Return an index of vectors: float32, articles x dimension, unit length."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors))
        return cls(index)

    @classmethod
    def open(cls, path: Path, count: int, dimension: int) -> "VectorIndex":
        """Map an index file; its numbers are not looked at, see `all_unit`.

        Raises SnapshotRefused unless it is exactly an IndexFlatIP of that many vectors: FAISS itself reads a damaged
        file without complaint, or dies of it.
        """
        with path.open("rb") as file:
            raw = file.read(_HEADER.size)
        length = path.stat().st_size
        if len(raw) < _HEADER.size:
            raise SnapshotRefused(path, f"is cut short ({length} bytes)")
        fourcc, d, n, _, _, trained, metric, floats = _HEADER.unpack(raw)
        found = (fourcc, d, n, trained, metric, floats, length)
        wanted = (
            _FOURCC, dimension, count, 1, faiss.METRIC_INNER_PRODUCT, count * dimension,
            _HEADER.size + 4 * count * dimension,
        )  # fmt: skip
        if found != wanted:
            raise SnapshotRefused(path, f"is not an exact index of {count} vectors of {dimension} numbers")
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    def all_unit(self, rows_at_once: int = 65_536) -> bool:
        """Return whether all vectors are finite and of unit length."""
        blocks = (self._vectors[start : start + rows_at_once] for start in range(0, self.count, rows_at_once))
        squares = (np.einsum("ij,ij->i", block, block) for block in blocks)
        return all((np.abs(each - 1.0) < 1e-3).all() for each in squares)  # false for NaN, too

    @property
    def count(self) -> int:
        """Return how many vectors there are."""
        return int(self.index.ntotal)

    @property
    def all(self) -> Vectors:
        """Return the vectors of all rows as they lie in the file: float32, rows x dimension."""
        return self._vectors

    @property
    def dimension(self) -> int:
        """Return how many numbers a vector has."""
        return int(self.index.d)

    def by_cells(self, cells: Cells, probed: int, filtered_probed: int = 0) -> "VectorIndex":
        """Return the same vectors, searched by cells, so many of which are looked through; see the class."""
        return VectorIndex(self.index, cells, probed, filtered_probed)

    def by_all(self) -> "VectorIndex":
        """Return the same vectors, each of which is looked at in every search."""
        return VectorIndex(self.index)

    def write(self, path: Path) -> None:
        """Write the index file. Raises OSError if the disk refuses."""
        # Through a file of ours: FAISS's own says nothing if the last of it does not reach the disk.
        with path.open("xb") as file:
            faiss.write_index(self.index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]

    def vector(self, row: int) -> Vectors:
        """Return the vector of a row: float32, dimension."""
        vector: Vectors = self._vectors[row].copy()
        return vector

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors of some rows: float32, rows x dimension."""
        return self._vectors[rows]  # not `take`: where they are in a file they are not aligned, and it would copy all

    def products(self, vectors: Vectors, rows: Rows) -> Scores:
        """Return the inner products of each vector with some rows: float32, the shape of `rows` (vectors x any).

        What stands for row -1 is of no meaning.
        """
        products = np.empty(rows.shape, np.float32)
        for place, (vector, own) in enumerate(zip(vectors, rows, strict=True)):
            products[place] = self.vectors(own) @ vector
        return products

    def search(self, vectors: Vectors, limit: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """Return the rows and inner products of the `limit` nearest to each vector, best first.

        Vectors: float32, queries x dimension. `allowed`: bool by row; only those are found. Row -1 fills up where there
        are fewer. Raises ValueError for a vector that is not finite, since FAISS would answer -1 without an error.
        """
        if not np.isfinite(vectors).all():
            raise ValueError("a vector to search by has a number that is not finite")
        if _one_thread:
            faiss.omp_set_num_threads(1)
        # FAISS allocates for as many answers as it is asked for, however few vectors there are.
        asked = min(limit, self.count)
        vectors = np.ascontiguousarray(vectors, np.float32)
        probed = self.probed_under(allowed)
        if self.cells is None or not probed:
            rows, scores = self._all_searched(vectors, asked, allowed)
        else:
            rows, scores = self._cells_searched(self.cells, vectors, asked, probed, allowed)
        if asked < limit:
            missing = ((0, 0), (0, limit - asked))
            rows = np.pad(rows, missing, constant_values=-1)
            scores = np.pad(scores, missing, constant_values=-1.0)
        return rows, scores

    def _all_searched(self, vectors: Vectors, limit: int, allowed: Mask | None) -> tuple[Rows, Scores]:
        parameters: Any = None
        if allowed is not None:
            selector: Any = faiss.IDSelectorBitmap
            parameters_of: Any = faiss.SearchParameters
            parameters = parameters_of(sel=selector(np.packbits(allowed, bitorder="little")))
        scores, rows = self.index.search(vectors, limit, params=parameters)
        return rows, scores

    def probed_under(self, allowed: Mask | None) -> int:
        """Return how many cells are looked through under a filter (bool by row), 0 where each vector is looked at."""
        if self.cells is None or allowed is None:
            return self.probed
        if np.count_nonzero(allowed) <= ALLOWED_EXACT_MAX:
            return 0
        return self.filtered_probed if narrows(allowed) else self.probed

    def _cells_searched(
        self, cells: Cells, vectors: Vectors, limit: int, probed: int, allowed: Mask | None
    ) -> tuple[Rows, Scores]:
        deep = min(REFINED_TIMES * limit, self.count)
        if allowed is None:
            found = cells.search(vectors, deep, probed)
            short = found[:, limit - 1] < 0  # so many cells have too few articles
            if short.any():
                every = np.ones(self.count, np.bool_)
                further, _ = cells.nearest_holding(vectors[short], probed, deep, every)
                found[short] = cells.search_in(vectors[short], deep, further, every)
        else:
            looked_at, near = cells.nearest_holding(vectors, probed, deep, allowed)
            found = np.full((len(vectors), deep), -1, np.int64)
            found[near] = cells.search_in(vectors[near], deep, looked_at[near], allowed)
            if not near.all():
                found[~near, :limit] = self._all_searched(vectors[~near], limit, allowed)[0]
        known = found >= 0
        scores = np.where(known, self.products(vectors, np.maximum(found, 0)), -np.inf).astype(np.float32)
        order = np.lexsort((found, -scores), axis=1)[:, :limit]
        each = np.arange(len(found))[:, np.newaxis]
        rows = found[each, order]
        return rows, np.where(rows < 0, -1.0, scores[each, order]).astype(np.float32)
