"""What is laid beside a snapshot is searched with it, as if it were one archive."""

import numpy as np

from seealso.live.edition import Edition
from seealso.live.laid import LaidTerms
from seealso.snapshot.snapshot import Snapshot
from tests.seealso.live.beside import Beside, newcomers


def edition_of(snapshot: Snapshot) -> Edition:
    edition = Beside(snapshot).put(*newcomers(9)).edition
    assert isinstance(edition, Edition)
    return edition


def test_the_nearest_vectors_are_those_of_both(snapshot: Snapshot) -> None:
    edition = edition_of(snapshot)
    every = edition.vectors.vectors(np.arange(len(edition)))
    rows, scores = edition.vectors.search(every[[0, 152]], 20)
    for place, row in enumerate((0, 152)):
        wanted = every @ every[row]
        assert np.allclose(scores[place], np.sort(wanted)[::-1][:20], atol=1e-5)
        assert np.allclose(wanted[rows[place]], scores[place], atol=1e-5)
    allowed = np.zeros(len(edition), np.bool_)
    allowed[[3, 151, 155]] = True
    rows, _ = edition.vectors.search(every[:1], 5, allowed)
    assert sorted(rows[0].tolist()) == [-1, -1, 3, 151, 155]
    assert edition.vectors.count == len(edition)


def test_vectors_of_rows_are_those_of_both(snapshot: Snapshot) -> None:
    edition = edition_of(snapshot)
    rows = np.array([[1, 151, -1, 158]])
    products = edition.vectors.products(edition.vectors.vector(1)[np.newaxis], rows)
    wanted = [edition.vectors.vector(row) @ edition.vectors.vector(1) for row in (1, 151, 158)]
    assert np.allclose(products[0, [0, 1, 3]], wanted, atol=1e-6)


def test_terms_are_searched_and_multiplied_in_both(snapshot: Snapshot) -> None:
    edition = edition_of(snapshot)
    terms = edition.terms
    assert isinstance(terms, LaidTerms)
    for row in (0, 151):
        probe = edition.probes(row).terms
        every = np.arange(len(edition))[np.newaxis]
        for which, postings in ((terms.articles, terms.postings), (terms.titles, terms.title_postings)):
            products = terms.products(probe, which, every)[0]
            rows, scores = terms.search(probe, postings, 30)
            known = rows[0] >= 0
            assert np.allclose(products[rows[0][known]], scores[0][known], atol=1e-5)
            assert np.allclose(np.sort(products)[::-1][: known.sum()], scores[0][known], atol=1e-5)
            allowed = np.arange(len(edition)) >= 150
            rows, _ = terms.search(probe, postings, 30, allowed)
            assert (rows[0][rows[0] >= 0] >= 150).all()
    assert terms.products(probe, terms.articles, np.array([[-1]])).tolist() == [[0.0]]
    assert terms.titled(np.array([0, 152])).tolist() == [True, True]
