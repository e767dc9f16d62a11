"""Whether the files of a snapshot fit each other: no number in one points outside another, or is none it may be."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seealso.machine import own_cpus
from seealso.snapshot import bounds, files
from seealso.snapshot.names import Names
from seealso.snapshot.snapshot import ROWS_AT_ONCE, Blob, Snapshot
from seealso.term_rows import TermRows

DEVIATION_MIN = 1e-6


def check_fit(snapshot: Snapshot) -> None:
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
        ("passage", snapshot.passages),
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
    if snapshot.plain_blocks is not None:
        yield "a plain block holds what it cannot hold", partial(_plain_holds, snapshot, snapshot.plain_blocks)
    for name, pointers, low, high in (
        ("neighbours", snapshot.neighbours, -1, count),
        ("ids", snapshot.ids["row"], 0, count),
        *(() if snapshot.addresses is None else (("addresses", snapshot.addresses["row"], 0, count),)),
        ("stories", snapshot.facts["story"], 0, count),
        ("sections", snapshot.facts["section"], -1, len(snapshot.sections)),
        ("languages", snapshot.facts["language"], -1, len(snapshot.languages)),
    ):
        yield f"{name} outside {low}..{high - 1}", partial(bounds.within, pointers, low, high)
    for name, ends, length in (
        (files.CARDS, snapshot.cards.ends, len(snapshot.cards.content)),
        (files.ARTICLES, snapshot.articles.ends, len(snapshot.articles.content)),
        (files.TERMS, vocabulary.ends, len(vocabulary.content)),
        ("passages", snapshot.passage_ends, len(snapshot.passages)),
    ):
        yield f"the ends of {name} do not divide them", partial(bounds.dividing, ends, length)
    yield "an article has no passage", lambda: bool((np.diff(snapshot.passage_ends) >= 1).all())
    yield "a cohort has no deviation", lambda: bool((snapshot.cohorts[:, :, 1] >= DEVIATION_MIN).all())
    for name, table in (("ids", snapshot.ids), ("addresses", snapshot.addresses)):
        if table is not None:
            yield f"{name} out of order", partial(bounds.never_falling, table["hash"])


def _plain_holds(snapshot: Snapshot, plain: NDArray[np.uint8]) -> bool:
    """Return whether plain blocks are of candidates, each once, that may be shown at all; they end together."""
    never = snapshot.facts["sponsored"] | snapshot.facts["sensitive"]
    for start in range(0, len(plain), ROWS_AT_ONCE):
        own = slice(start, start + ROWS_AT_ONCE)
        near, blocks = snapshot.neighbours[own], plain[own].astype(np.int16)
        if not bounds.within(near, -1, len(plain)):  # which is told elsewhere
            return False
        ended = blocks == files.NO_PLACE
        blocks[ended] = -1
        shown = blocks[:, 0]
        known = np.count_nonzero(near >= 0, axis=1)[:, np.newaxis, np.newaxis]
        if (ended[:, 0] != ended[:, 1]).any() or bounds.repeating(shown) or not bounds.ending(shown):
            return False
        if not ((blocks >= 0) & (blocks < known) | ended).all():
            return False
        line = np.nonzero(blocks >= 0)[0]
        if never[near[line, blocks[blocks >= 0]]].any() or (shown[snapshot.facts["sensitive"][own]] >= 0).any():
            return False
    return True


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
