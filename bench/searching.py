"""What a search finds that does not look at everything, of an index that is there: by cells, and by the heaviest terms.

    python -m bench.searching --index DIR [--sample 256]
    python -m bench.searching --made-up 100000

Each article of a sample is what is searched for. Found: the share of the nearest hundred, and of the nearest twelve, of
those that looking at everything finds; milliseconds for each search, one at a time, on one thread. So it is said of
looking at all vectors in 16 bits, which is not done. Then the same under
filters made of the archive's sections, languages and times, for articles that pass and for others, by as many cells as
find enough without a filter, and by twice as many; beside it, what looking at all that passes takes.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import faiss
import numpy as np

from bench.made_up import sections_of, vectors_of
from indexer.searching import PROBED_FIRST, RECALL_MIN, filters_by, filters_of, recall_of
from seealso.arrays import Mask, Rows
from seealso.article import Article
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.relatedness import NEAREST
from seealso.snapshot import vectors as searched_vectors
from seealso.snapshot.cells import Cells, cells_for
from seealso.snapshot.reader import open_current
from seealso.snapshot.vectors import VectorIndex, use_one_thread

BLOCK = 12
POSTINGS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 400_000, 800_000)


@click.command()
@click.option("--index", type=click.Path(path_type=Path))
@click.option("--made-up", default=0, help="Of so many made-up vectors instead, whose sections lie together.")
@click.option("--sample", default=256, show_default=True)
def main(index: Path | None, made_up: int, sample: int) -> None:
    """Print a line for each way to search."""
    use_one_thread()
    searched_vectors.ALLOWED_EXACT_MAX = 0  # as if what passes were many, in an archive of any size
    if index is None:
        sections = [str(number) for number in sections_of(made_up)]
        times = -np.arange(made_up, dtype=np.float64)
        print_vectors(vectors_of(made_up, seed=2), filters_by(sections, ["en"] * made_up, times), sample)
        return
    snapshot = open_current(index)
    articles = [Article.model_validate_json(snapshot.article(row)) for row in range(len(snapshot))]
    vectors = snapshot.vectors.vectors(np.arange(len(snapshot))).copy()
    print_vectors(vectors, filters_of(articles), sample)
    print_terms(replace(snapshot.terms, postings_max=None, filtered_postings_max=None), sample)


def print_vectors(vectors: Vectors, filters: Mapping[str, Mask], sample: int) -> None:
    """Print what cells find, of the whole archive and under filters."""
    count = len(vectors)
    rows = np.unique(np.linspace(0, count - 1, sample).astype(np.int64))
    every, cells = VectorIndex.of(vectors), Cells.of(vectors, cells_for(count))
    wanted, took = searched(rows, partial(near, every, vectors))
    print(f"{count:,} articles; all vectors: {took:.2f} ms")
    half: Any = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    half.add(vectors)
    found, took = searched(rows, lambda row: half.search(vectors[row : row + 1], NEAREST)[1])
    print(f"  all vectors in 16 bits {told(found, wanted)} {took:8.2f} ms")
    probed, enough = PROBED_FIRST, 0
    while probed <= len(cells) and not enough:
        found, took = searched(rows, partial(near, every.by_cells(cells, probed), vectors))
        print(f"  {probed:7,} of {len(cells):,} cells {told(found, wanted)} {took:8.2f} ms")
        enough = probed if recall_of(found, wanted) >= RECALL_MIN else 0
        probed *= 2
    for name, allowed in filters.items():
        for whose, side in (("of it", allowed), ("of others", ~allowed)):
            own = np.flatnonzero(side)[:: max(1, int(side.sum()) // sample)]
            wanted, took = searched(own, partial(near, every, vectors, allowed=allowed))
            print(f"{name}, articles {whose}: all that pass: {took:.2f} ms")
            for probed in (enough, 2 * enough):
                tried = every.by_cells(cells, probed, probed)
                found, took = searched(own, partial(near, tried, vectors, allowed=allowed))
                print(f"  {probed:7,} of {len(cells):,} cells {told(found, wanted)} {took:8.2f} ms")


def print_terms(terms: Terms, sample: int) -> None:
    """Print what the heaviest terms find."""
    rows = np.unique(np.linspace(0, len(terms.articles) - 1, sample).astype(np.int64))
    lengths = np.diff(terms.postings.ends)
    usual = np.mean([lengths[terms.articles.row(int(row)).terms].sum() for row in rows])
    wanted, took = searched(rows, partial(sharing, terms))
    print(f"all postings, {usual:,.0f} for an article: {took:.2f} ms")
    for postings_max in (each for each in POSTINGS if each < usual):
        found, took = searched(rows, partial(sharing, replace(terms, postings_max=postings_max)))
        print(f"  {postings_max:7,} postings {told(found, wanted)} {took:8.2f} ms")


def near(index: VectorIndex, vectors: Vectors, row: int, allowed: Mask | None = None) -> Rows:
    """Return the rows of the nearest to an article, by vectors. `allowed`: bool by row; only those are found."""
    return index.search(vectors[row : row + 1], NEAREST, allowed)[0]


def sharing(terms: Terms, row: int) -> Rows:
    """Return the rows of those that share most terms with an article."""
    return terms.search(terms.articles.row(row), terms.postings, NEAREST)[0]


def searched(rows: Rows, search: Callable[[int], Rows]) -> tuple[Rows, float]:
    """Return what is found for each of some rows, and the milliseconds that one takes."""
    search(int(rows[0]))
    began = time.perf_counter()
    found = np.concatenate([search(row) for row in rows.tolist()])
    return found, 1_000 * (time.perf_counter() - began) / len(rows)


def told(found: Rows, wanted: Rows) -> str:
    """Return which shares of what is wanted were found."""
    return f"{recall_of(found, wanted):.3f} {recall_of(found[:, : BLOCK + 1], wanted[:, : BLOCK + 1]):.3f}"


if __name__ == "__main__":
    main()
