"""The nearest of very many vectors, without looking at them all: each lies in a cell, with those that are near the same
centre, and only the cells nearest to what is wanted are looked through (an inverted file, Jegou et al. 2011).

Under a filter these are the nearest of the cells that hold anything allowed: a section's articles lie together, maybe
far from what is wanted. A vector stands in its cell with a byte for each number. What is found so is to be scored anew
by whoever has the vectors themselves. How many cells are looked through, so that enough is found, is not known here.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows
from seealso.encoder import Vectors

# Of 4 to 16 times the root of their number, which is FAISS's own rule, the least: more would take longer to find.
CELLS_PER_ROOT = 4
# So many vectors for each cell are enough to find its centre, and so many rounds (k-means, Lloyd 1982).
TRAINED_PER_CELL = 48
TRAINING_ROUNDS = 8
SEED = 7
# A cell's room is a multiple of this, so that the rows behind its codes are aligned.
ROOM = 8
# Of made-up articles whose sections lie together, what a filter leaves is looked for by those of other sections: the
# nearest cells hold none of it, and of the nearest hundred eight times as many further cells find a half.
HELD_SHARE_MIN = 0.5

_ROW_BYTES = 8


def cells_for(count: int) -> int:
    """Return into how many cells so many vectors are parted."""
    return min(count, round(CELLS_PER_ROOT * math.sqrt(count)))


class Cells:
    """Unit vectors by cell. Search is safe from many threads; nothing is ever added or removed.

    `index`: FAISS's own; `lists`: what it reads its cells from, if they are mapped.
    """

    def __init__(self, index: Any, lists: Any = None) -> None:
        self.index = index
        self._count: int = index.nlist
        self._lists = lists  # FAISS does not hold it

    def __len__(self) -> int:
        return self._count

    @classmethod
    def of(cls, vectors: Vectors, cells: int) -> "Cells":
        """Return vectors (float32, articles x dimension, unit length) in cells.

        The same vectors make the same cells, if it runs on one BLAS thread: several round otherwise.
        """
        dimension = vectors.shape[1]
        rng = np.random.default_rng(SEED)
        sample = np.sort(rng.permutation(len(vectors))[: max(cells, TRAINED_PER_CELL * cells)])
        training = faiss.Kmeans(
            dimension, cells, niter=TRAINING_ROUNDS, spherical=True, seed=SEED,
            min_points_per_centroid=1, max_points_per_centroid=len(sample),
        )  # fmt: skip
        training.train(np.ascontiguousarray(vectors[sample]))
        index = _empty(np.asarray(training.centroids, np.float32))
        index.train(np.ascontiguousarray(vectors[sample]))
        index.add(np.ascontiguousarray(vectors))
        return cls(index)

    @classmethod
    def open(cls, codes: Path, ends: NDArray[np.uint64], centres: Vectors, ranges: Vectors) -> "Cells":
        """Map what `write` wrote. `ends`: where each cell's articles end among all, and a 0 before them.

        `centres`: float32, cells x dimension; `ranges`: float32, 2 x dimension: from where, and how far, each number
        goes. Raises ValueError if the file is of another length than they say.
        """
        counts = ends[1:].astype(np.int64) - ends[:-1].astype(np.int64)
        rooms = _rooms(counts)
        places = np.concatenate(([0], np.cumsum(rooms * (centres.shape[1] + _ROW_BYTES))))
        if codes.stat().st_size != places[-1]:
            raise ValueError(f"{codes.name} is not as long as its cells are")
        lists: Any = faiss.OnDiskInvertedLists()
        lists.nlist, lists.code_size = len(centres), centres.shape[1]
        lists.prefetch_nthread = 0  # else each search starts threads of its own
        lists.lists.clear()
        for count, room, place in zip(counts.tolist(), rooms.tolist(), places.tolist()[:-1], strict=True):
            each: Any = faiss.OnDiskOneList()
            each.size, each.capacity, each.offset = count, room, place
            lists.lists.push_back(each)
        lists.filename, lists.totsize, lists.read_only = str(codes), int(places[-1]), True
        lists.do_mmap()
        index = _empty(centres)
        faiss.copy_array_to_vector(np.ascontiguousarray(ranges, np.float32).ravel(), index.sq.trained)
        index.is_trained, index.ntotal = True, int(counts.sum())
        index.replace_invlists(lists, False)
        return cls(index, lists)

    def write(self, codes: Path) -> None:
        """Write all cells' codes and rows. Raises OSError if the disk refuses."""
        dimension = int(self.index.d)
        with codes.open("xb") as file:
            for cell in range(len(self)):
                rows = self.rows(cell)
                spare = int(_rooms(np.array([len(rows)]))[0]) - len(rows)
                file.write(faiss.rev_swig_ptr(self.index.invlists.get_codes(cell), len(rows) * dimension).tobytes())
                file.write(bytes(spare * dimension))
                file.write(rows.tobytes())
                file.write(bytes(spare * _ROW_BYTES))

    @property
    def ends(self) -> NDArray[np.uint64]:
        """Return where each cell's articles end among all, and a 0 before them: uint64, cells + 1."""
        return np.concatenate(([0], np.cumsum(self._sizes))).astype(np.uint64)

    @property
    def centres(self) -> Vectors:
        """Return the cells' centres, not a copy: float32, cells x dimension."""
        coarse: Any = faiss.downcast_index(self.index.quantizer)
        centres: Vectors = faiss.rev_swig_ptr(coarse.get_xb(), len(self) * coarse.d).reshape(-1, coarse.d)
        return centres

    @property
    def ranges(self) -> Vectors:
        """Return from where, and how far, each number of a vector goes: float32, 2 x dimension."""
        ranges: Vectors = faiss.vector_to_array(self.index.sq.trained).reshape(2, -1)
        return ranges

    def rows(self, cell: int) -> Rows:
        """Return the rows of the articles in a cell."""
        count = self.index.invlists.list_size(cell)
        if not count:
            return np.empty(0, np.int64)
        rows: Rows = faiss.rev_swig_ptr(self.index.invlists.get_ids(cell), count)
        return rows.copy()

    def hold_each_once(self, count: int) -> bool:
        """Return whether the cells hold each of so many rows, and each once."""
        seen = np.zeros(count, np.int64)
        for cell in range(len(self)):
            rows = self.rows(cell)
            if len(rows) and not (rows.min() >= 0 and rows.max() < count):
                return False
            np.add.at(seen, rows, 1)
        return bool((seen == 1).all())

    def search(self, vectors: Vectors, limit: int, probed: int) -> Rows:
        """Return the rows of about the nearest to each vector, about the best first; row -1 where there are fewer.

        `probed`: how many cells are looked through.
        """
        parameters: Any = faiss.SearchParametersIVF
        rows: Rows
        _, rows = self.index.search(
            np.ascontiguousarray(vectors, np.float32),
            min(limit, int(self.index.ntotal)),
            params=parameters(nprobe=min(probed, len(self))),
        )
        return rows

    def nearest_holding(self, vectors: Vectors, probed: int, limit: int, allowed: Mask) -> tuple[Rows, Mask]:
        """Return the cells to be looked through for what is nearest to each vector and allowed (bool by row).

        Of the cells that hold any of it, these are the nearest `probed`, and more, until as much of it was met as so
        many cells hold on average, and `limit`; or all: vectors x any number, -1 for none. Beside it, for each vector,
        whether it lies near: the nearest cells of all hold at least HELD_SHARE_MIN of what they would if it were spread
        evenly. Where they do not, the nearest may be in any cell, and centres tell little.
        """
        held = np.bincount(self._cell_of[allowed], minlength=len(self))
        nearness = np.ascontiguousarray(vectors, np.float32) @ self.centres.T
        orders = np.argsort(-nearness, axis=1, kind="stable")
        first = orders[:, :probed]
        evenly = self._sizes[first].sum(axis=1) * (held.sum() / max(1, len(allowed)))
        near: Mask = held[first].sum(axis=1) >= HELD_SHARE_MIN * evenly
        # Each vector's order without the cells that hold nothing, which are the same for all.
        orders = orders[held[orders] > 0].reshape(len(vectors), -1)
        met = np.cumsum(held[orders], axis=1)
        met_min = max(limit, -(-probed * len(allowed) // len(self)))
        counts = np.minimum(np.maximum((met < met_min).sum(axis=1) + 1, probed), orders.shape[1])
        most = int(counts.max(initial=0))
        return np.where(np.arange(most) < counts[:, np.newaxis], orders[:, :most], -1), near

    def search_in(self, vectors: Vectors, limit: int, cells: Rows, allowed: Mask) -> Rows:
        """Return the rows of about the nearest to each vector that are allowed (bool by row) in some cells.

        `cells`: vectors x any number, -1 for none. About the best first; row -1 where there are fewer.
        """
        rows = np.full((len(vectors), limit), -1, np.int64)
        if not cells.size:
            return rows
        vectors = np.ascontiguousarray(vectors, np.float32)
        cells = np.ascontiguousarray(cells, np.int64)
        nearness, scores = np.zeros(cells.shape, np.float32), np.empty(rows.shape, np.float32)
        selector: Any = faiss.IDSelectorBitmap
        parameters: Any = faiss.SearchParametersIVF
        self.index.search_preassigned_c(
            len(vectors),
            faiss.swig_ptr(vectors),
            limit,
            faiss.swig_ptr(cells),
            faiss.swig_ptr(nearness),  # of no use where vectors stand in their cells as they are
            faiss.swig_ptr(scores),
            faiss.swig_ptr(rows),
            False,
            parameters(nprobe=cells.shape[1], sel=selector(np.packbits(allowed, bitorder="little"))),
        )
        return rows

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        """Return how many articles each cell holds."""
        return np.array([self.index.invlists.list_size(cell) for cell in range(len(self))], np.int64)

    @cached_property
    def _cell_of(self) -> NDArray[Any]:
        """Return the number of each row's cell."""
        cell_of = np.empty(int(self.index.ntotal), np.uint16 if len(self) <= 2**16 else np.uint32)
        for cell in range(len(self)):
            cell_of[self.rows(cell)] = cell
        return cell_of


def _empty(centres: Vectors) -> Any:
    coarse = faiss.IndexFlatIP(centres.shape[1])
    coarse.add(np.ascontiguousarray(centres))
    return faiss.IndexIVFScalarQuantizer(
        coarse, centres.shape[1], len(centres), faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, False
    )


def _rooms(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return -(-counts // ROOM) * ROOM
