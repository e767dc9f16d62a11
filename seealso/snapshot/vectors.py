"""The articles' vectors and the search for the nearest. The one user of FAISS.

The index is exact (IndexFlatIP: inner product, which is the cosine of unit vectors). It is opened by memory mapping,
so that all workers of a machine share one copy.
"""

import struct
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from seealso.encoder import Vectors
from seealso.errors import SnapshotRefused
from seealso.lexical import Mask, Rows, Scores

# FAISS's own file of an IndexFlatIP: fourcc, dimension, count, two unused numbers, trained, metric, number of floats.
_HEADER = struct.Struct("<4siqqqBiQ")
_FOURCC = b"IxFI"


def use_one_thread() -> None:
    """Let each search run on its own thread alone, as a server with threads of its own wants it.

    Also keeps OpenMP from starting threads that a later fork would lose (search, fork, search hangs).
    """
    faiss.omp_set_num_threads(1)


class VectorIndex:
    """Unit vectors by row, searched exactly. Search is safe from many threads; nothing is ever added or removed.

    `index`: FAISS's own.
    """

    def __init__(self, index: Any) -> None:
        self.index = index
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
    def dimension(self) -> int:
        """Return how many numbers a vector has."""
        return int(self.index.d)

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
        return self._vectors[rows]

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
        # FAISS allocates for as many answers as it is asked for, however few vectors there are.
        asked = min(limit, self.count)
        parameters: Any = None
        if allowed is not None:
            selector: Any = faiss.IDSelectorBitmap
            parameters_of: Any = faiss.SearchParameters
            parameters = parameters_of(sel=selector(np.packbits(allowed, bitorder="little")))
        scores, rows = self.index.search(np.ascontiguousarray(vectors, np.float32), asked, params=parameters)
        if asked < limit:
            missing = ((0, 0), (0, limit - asked))
            rows = np.pad(rows, missing, constant_values=-1)
            scores = np.pad(scores, missing, constant_values=-1.0)
        return rows, scores
