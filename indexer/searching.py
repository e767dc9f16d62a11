"""Vectors and terms -> how they are to be searched: all of them, or, where they are very many, those that are likely.

Whatever is not looked at may be missed; how much is, is measured on a sample, against looking at all: of the whole
archive, and under filters as readers set them. Who searches so then is not its business.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows, narrows
from seealso.article import Article
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.relatedness import NEAREST
from seealso.snapshot.cells import Cells, cells_for
from seealso.snapshot.manifest import Filtered, Searched
from seealso.snapshot.vectors import VectorIndex

# Up to here each search looks at everything. At 100,000 that takes 42 ms for a draft, and 193 s for all articles, which
# grows with articles^1.5.
ALL_SEARCHED_MAX = 200_000
# Of the hundred nearest so many must be found. What is missed are the last ones, of which a block shows none: a list is
# the union of three parts, of which each finds a hundred.
RECALL_MIN = 0.95
SAMPLE = 256
# Under each filter so many are searched for of those that pass, whose nearest lie around them, and so many of the
# others, whose nearest lie anywhere: each must find enough.
FILTERED_SAMPLE = 32
# Tried one after the other, until enough is found; a quarter of all cells costs as much as looking at all.
PROBED_FIRST = 8
PROBED_SHARE_MAX = 0.25
POSTINGS_TRIED = (100_000, 200_000, 400_000, 800_000)
# Sections that are tried together, the largest first, and shares of the archive by time.
SECTIONS_TOGETHER = (1, 2, 4, 8)
NEWEST_SHARES = (0.1, 0.5)

# What are searched for, and the filter under which that is done, None: under none.
_Trial = tuple[Rows, Mask | None]


def filters_of(articles: Sequence[Article]) -> dict[str, Mask]:
    """Return filters as readers set them, by what they leave: see `filters_by`."""
    return filters_by(
        [article.section for article in articles],
        [article.language for article in articles],
        np.array([article.published.timestamp() if article.published else -np.inf for article in articles]),
    )


def filters_by(
    sections: Sequence[str | None], languages: Sequence[str | None], published: NDArray[np.float64]
) -> dict[str, Mask]:
    """Return filters by section, language and time, each of which leaves many articles, and not nearly all.

    All given are by article; `published`: in seconds, -inf where that is not known.
    """
    found: dict[str, Mask] = {}
    for name, labels in (("section", sections), ("language", languages)):
        ordered = [label for label, _ in Counter(label for label in labels if label is not None).most_common()]
        places = {label: place for place, label in enumerate(ordered)}
        known = np.array([-1 if label is None else places[label] for label in labels], np.int64)
        for together in SECTIONS_TOGETHER if name == "section" else (1,):
            if together <= len(ordered):
                largest = name if together == 1 else f"{together} {name}s"
                found[f"the largest {largest}"] = (known >= 0) & (known < together)
        if len(ordered) > 1:
            found[f"all but the largest {name}"] = known > 0
    dated = np.isfinite(published)
    if dated.any():
        for share in NEWEST_SHARES:
            found[f"the newest {share:.0%}"] = dated & (published >= np.quantile(published[dated], 1 - share))
    return {name: mask for name, mask in found.items() if narrows(mask) and np.count_nonzero(mask) > NEAREST}


def choose_search(
    searchable: VectorIndex, vectors: Vectors, terms: Terms, filters: Mapping[str, Mask]
) -> tuple[VectorIndex, Terms, Searched]:
    """Return vectors and terms as they are to be searched, and what was measured of that.

    `searchable` holds `vectors` (float32, articles x dimension); `filters`: see `filters_of`. Where no way finds
    RECALL_MIN of what looking at all does, that is the way. Run it on one BLAS thread: several round otherwise.
    """
    count = len(vectors)
    if count <= ALL_SEARCHED_MAX:
        return searchable, terms, Searched(cells=0, probed=0, vectors_recall=1.0, postings_max=None, terms_recall=1.0)
    sample = np.unique(np.linspace(0, count - 1, SAMPLE).astype(np.int64))
    trials = [trial for allowed in filters.values() for trial in _trials_under(allowed)]
    by_cells, vectors_recall = _choose_cells(searchable, vectors, sample)
    by_cells, filtered_recall = _choose_filtered_cells(searchable, by_cells, vectors, trials)
    postings_max, terms_recall = _choose_postings(terms, [(sample, None)], POSTINGS_TRIED)
    least = [each for each in POSTINGS_TRIED if postings_max is not None and each >= postings_max]
    filtered_max, filtered_terms_recall = _choose_postings(terms, trials, least)
    return (
        by_cells,
        replace(terms, postings_max=postings_max, filtered_postings_max=filtered_max),
        Searched(
            cells=len(by_cells.cells) if by_cells.cells is not None else 0,
            probed=by_cells.probed,
            vectors_recall=vectors_recall,
            postings_max=postings_max,
            terms_recall=terms_recall,
            filtered=Filtered(
                filters=len(filters),
                probed=by_cells.filtered_probed,
                vectors_recall=filtered_recall,
                postings_max=filtered_max,
                terms_recall=filtered_terms_recall,
            ),
        ),
    )


def missed(searched: Searched, count: int) -> list[str]:
    """Return what to say of a search that looks at all of so many articles, because every other misses too much."""
    if count <= ALL_SEARCHED_MAX:
        return []
    told, filtered = [], searched.filtered
    if not searched.cells:
        told.append(f"no search by cells finds {RECALL_MIN:.0%} of the nearest vectors: all {count:,} are looked at")
    elif filtered is None or not filtered.probed:
        told.append(
            f"under filters, no search by cells finds {RECALL_MIN:.0%} of the nearest vectors: all that pass are "
            "looked at"
        )
    if searched.postings_max is None:
        told.append(f"no part of the postings finds {RECALL_MIN:.0%} of what shares most: all are looked through")
    elif filtered is None or filtered.postings_max is None:
        told.append(
            f"under filters, no part of the postings finds {RECALL_MIN:.0%} of what shares most: all are looked through"
        )
    return told


def recall_of(found: Rows, wanted: Rows) -> float:
    """Return the share of wanted rows that were found: both probes x any number, -1 for none."""
    known = [(ours, each[each >= 0]) for ours, each in zip(found, wanted, strict=True)]
    shares = [len(np.intersect1d(ours, own)) / len(own) for ours, own in known if len(own)]
    return float(np.mean(shares)) if shares else 1.0


def _trials_under(allowed: Mask) -> list[_Trial]:
    return [(_spread(np.flatnonzero(side), FILTERED_SAMPLE), allowed) for side in (allowed, ~allowed)]


def _spread(rows: Rows, number: int) -> Rows:
    """Return so many of some rows, evenly spread among them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, number).astype(np.int64))]


def _choose_cells(searchable: VectorIndex, vectors: Vectors, sample: Rows) -> tuple[VectorIndex, float]:
    wanted, _ = searchable.search(vectors[sample], NEAREST)
    cells = Cells.of(vectors, cells_for(len(vectors)))
    probed = PROBED_FIRST
    while probed <= PROBED_SHARE_MAX * len(cells):
        tried = searchable.by_cells(cells, probed)
        recall = recall_of(tried.search(vectors[sample], NEAREST)[0], wanted)
        if recall >= RECALL_MIN:
            return tried, recall
        probed *= 2
    return searchable, 1.0


def _choose_filtered_cells(
    searchable: VectorIndex, by_cells: VectorIndex, vectors: Vectors, trials: Sequence[_Trial]
) -> tuple[VectorIndex, float]:
    """Return the same with the fewest cells that find enough in every trial, or with none where none do."""
    cells, probed = by_cells.cells, by_cells.probed
    if cells is None:
        return by_cells, 1.0
    # Where so few pass that each is looked at, nothing is missed.
    trials = [trial for trial in trials if by_cells.by_cells(cells, probed, probed).probed_under(trial[1])]
    wanted = [searchable.search(vectors[sample], NEAREST, allowed)[0] for sample, allowed in trials]
    while trials and probed <= PROBED_SHARE_MAX * len(cells):
        tried = searchable.by_cells(cells, by_cells.probed, probed)
        found = (tried.search(vectors[sample], NEAREST, allowed)[0] for sample, allowed in trials)
        recall = _least_recall(found, wanted)
        if recall >= RECALL_MIN:
            return tried, recall
        probed *= 2
    return by_cells, 1.0


def _choose_postings(terms: Terms, trials: Sequence[_Trial], tried: Sequence[int]) -> tuple[int | None, float]:
    """Return the fewest postings that find enough in every trial, by texts and by titles, or None where none do."""
    whole = replace(terms, postings_max=None, filtered_postings_max=None)
    wanted = [rows for trial in trials for rows in _sharing(whole, trial)]
    for postings_max in tried if trials else ():
        fewer = replace(terms, postings_max=postings_max, filtered_postings_max=postings_max)
        recall = _least_recall((rows for trial in trials for rows in _sharing(fewer, trial)), wanted)
        if recall >= RECALL_MIN:
            return postings_max, recall
    return None, 1.0


def _sharing(terms: Terms, trial: _Trial) -> Iterator[Rows]:
    """Yield the rows of those that share most with each article of a trial: by their texts, and by their titles."""
    sample, allowed = trial
    for postings in (terms.postings, terms.title_postings):
        probes = (terms.articles.row(int(row)) for row in sample)  # one by one, as the service searches
        yield np.concatenate([terms.search(probe, postings, NEAREST, allowed)[0] for probe in probes])


def _least_recall(found: Iterable[Rows], wanted: Iterable[Rows]) -> float:
    return min(recall_of(ours, own) for ours, own in zip(found, wanted, strict=True))
