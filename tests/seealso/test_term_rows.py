import numpy as np
import pytest

from indexer.terms import build_terms
from seealso.lexical import Terms
from seealso.term_rows import heaviest
from tests.seealso.test_lexical import terms_of


def test_squares_are_the_same_however_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    terms, _ = build_terms([("Moon tide", "bread", None), ("", "", None), ("Bread", "tide and moon", None)])
    squares = terms.articles.squares()
    monkeypatch.setattr("seealso.term_rows.SQUARED_AT_ONCE", 1)
    assert (terms.articles.squares() == squares).all()
    products = Terms.products(terms, terms.articles, terms.articles, np.arange(3)[:, np.newaxis])[:, 0]
    np.testing.assert_allclose(squares, products, rtol=1e-5)


def test_heaviest_terms_go_first_and_one_stays_in_any_case() -> None:
    terms = terms_of(*(["rare common often"] + ["common often"] * 5 + ["often"] * 12 + ["bread"] * 60))
    numbers = {terms.term(number): number for number in range(len(terms.vocabulary))}
    probe = terms.articles.row(0)
    kept, cut = heaviest(probe, terms.postings, None)
    assert (kept, cut.tolist()) == (probe, [False])
    kept, cut = heaviest(terms.articles, terms.postings, 7)  # rare has 1 posting, common 6, often 18
    assert sorted(kept.row(0).terms.tolist()) == sorted([numbers["rare"], numbers["common"]])
    assert kept.row(1).terms.tolist() == [numbers["common"]]
    assert kept.row(7).terms.tolist() == [numbers["often"]]
    assert cut[:7].tolist() == [True] * 6 + [False]
    assert len(kept) == len(terms.articles)
