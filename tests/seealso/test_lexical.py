from dataclasses import replace

import numpy as np
import pytest

from indexer.terms import build_terms
from seealso.lexical import Terms


def terms_of(*texts: str) -> Terms:
    return build_terms(("", text, "en") for text in texts)[0]


def dense(terms: Terms) -> np.ndarray:
    matrix = np.zeros((len(terms.articles), len(terms.vocabulary)), np.float32)
    for row in range(len(terms.articles)):
        own = terms.articles.row(row)
        matrix[row, own.terms] = own.weights
    return matrix


def test_search_finds_what_a_plain_product_gives() -> None:
    rng = np.random.default_rng(5)
    terms = terms_of(*(" ".join(f"w{n}" for n in rng.integers(0, 400, 30)) for _ in range(120)))
    exact = dense(terms) @ dense(terms).T
    rows, scores = terms.search(terms.articles, terms.postings, 10)
    np.testing.assert_allclose(scores, -np.sort(-exact, axis=1)[:, :10], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(exact, rows, 1), scores, rtol=1e-5)
    some = rng.integers(0, 120, (120, 7))
    np.testing.assert_allclose(
        terms.products(terms.articles, terms.articles, some), np.take_along_axis(exact, some, 1), rtol=1e-5
    )
    some[:, 3] = -1
    together = terms.products(terms.articles, terms.articles, some)
    assert not together[:, 3].any()
    for number in range(len(some)):  # alone, or with others: the same to the bit
        alone = terms.products(terms.articles.row(number), terms.articles, some[number : number + 1])
        assert alone.tolist() == together[number : number + 1].tolist()


def test_only_allowed_articles_are_found_and_all_of_them() -> None:
    terms = terms_of(*(["moon tide"] * 2 + ["moon"] * 2 + ["bread"] * 4))
    allowed = np.array([False, True, True, True, True, True, True, True])
    rows, scores = terms.search(terms.articles.row(0), terms.postings, 5, allowed)
    assert rows.tolist() == [[1, 2, 3, -1, -1]]
    assert scores[0, 0] > scores[0, 1] == scores[0, 2] > scores[0, 3] == 0


def test_titles_are_found_in_texts() -> None:
    terms, _ = build_terms([("Moon tide", "bread", None), ("Bread", "tide and moon", None), ("", "clock", None)])
    rows, _ = terms.search(terms.articles, terms.title_postings, 3)
    assert set(rows[1].tolist()) == {0, 1, -1}  # its own title, and the other's in its text
    assert np.diff(terms.titles.ends).tolist() == [2, 1, 0]
    np.testing.assert_allclose(terms.titles.squares(), [1, 1, 0], atol=1e-6)
    assert terms.title_vector("tide Moon tide", None).terms.tolist() == terms.titles.row(0).terms.tolist()


def test_archive_without_a_word_has_no_terms() -> None:
    terms, counted = build_terms([("", "", None), ("!", "?", None)])
    assert counted == 0
    rows, scores = terms.search(terms.articles, terms.postings, 3)
    assert (rows == -1).all()
    assert not scores.any()
    assert not terms.products(terms.articles, terms.titles, np.zeros((2, 1), np.int64)).any()


def test_what_few_postings_find_is_scored_by_all_terms() -> None:
    rng = np.random.default_rng(5)
    terms = terms_of(*(" ".join(f"w{n}" for n in rng.zipf(1.3, 30) % 400) for _ in range(300)))
    wanted, exact = terms.search(terms.articles, terms.postings, 5)
    fewer = replace(terms, postings_max=200)
    rows, scores = fewer.search(fewer.articles, fewer.postings, 5)
    np.testing.assert_allclose(scores[:, 0], exact[:, 0], rtol=1e-5)  # each finds itself, and for as much
    for ours, theirs, row, place in zip(scores, exact, rows, wanted, strict=True):
        same = {int(one): float(score) for one, score in zip(place, theirs, strict=True)}
        for one, score in zip(row.tolist(), ours.tolist(), strict=True):
            assert one not in same or same[one] == pytest.approx(score, rel=1e-5)
    allowed = np.arange(300) % 3 == 0
    only, _ = fewer.search(fewer.articles, fewer.postings, 5, allowed)
    assert (only[only >= 0] % 3 == 0).all()


def test_under_a_filter_other_postings_are_looked_through_and_all_where_those_hold_too_little() -> None:
    texts = [f"rare{number // 2} often{number % 10} usual{number % 4}" for number in range(200)]
    terms = terms_of(*texts)
    probe = terms.articles.row(0)
    fewer = replace(terms, postings_max=3, filtered_postings_max=25)
    assert np.count_nonzero(fewer.search(probe, terms.postings, 50)[0] >= 0) == 2  # those of the rare word
    allowed = np.arange(200) >= 100  # none of them
    wanted, scores = terms.search(probe, terms.postings, 8, allowed)
    found, found_scores = fewer.search(probe, terms.postings, 8, allowed)
    np.testing.assert_array_equal(found, wanted)  # by the word of ten, of which ten pass
    np.testing.assert_array_equal(found_scores, scores)
    wanted, _ = terms.search(probe, terms.postings, 40, allowed)
    assert np.count_nonzero(wanted >= 0) > 10
    np.testing.assert_array_equal(fewer.search(probe, terms.postings, 40, allowed)[0], wanted)  # by all words
    whole = replace(fewer, filtered_postings_max=None)
    np.testing.assert_array_equal(whole.search(probe, terms.postings, 40, allowed)[0], wanted)
    taken_down = np.arange(200) != 150  # no filter to speak of
    assert np.count_nonzero(fewer.search(probe, terms.postings, 50, taken_down)[0] >= 0) >= 2


def test_rows_that_end_further_on_than_32_bits_say_are_searched_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"rare{number // 2} often{number % 5} usual{number % 3}" for number in range(60)]
    short = terms_of(*texts)
    monkeypatch.setattr("seealso.term_rows.SHORT_END_MAX", 100)
    long = terms_of(*texts)
    assert [each.postings.ends.dtype.name for each in (short, long)] == ["int32", "int64"]
    assert long.articles.row(3).ends.dtype == np.int32  # few by itself
    for postings_max in (None, 20):
        one, other = (replace(each, postings_max=postings_max) for each in (short, long))
        for ours, theirs in ((one, other), (one.in_blocks(), other.in_blocks())):
            wanted, scores = ours.search(one.articles, one.postings, 7)
            found, found_scores = theirs.search(other.articles, other.postings, 7)
            np.testing.assert_array_equal(found, wanted)
            np.testing.assert_array_equal(found_scores, scores)
        found, _ = other.search(other.articles.row(4), other.title_postings, 7)
        np.testing.assert_array_equal(found, one.search(one.articles.row(4), one.title_postings, 7)[0])


def test_in_blocks_many_are_found_as_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seealso.lexical.BLOCK_ARTICLES", 32)
    rng = np.random.default_rng(7)
    texts = [" ".join(f"w{word}" for word in rng.zipf(1.4, 30) if word < 500) for _ in range(150)] + ["alone", ""]
    every = build_terms((" ".join(text.split()[:3]), text, "en") for text in texts)[0]
    for postings_max in (None, 60):
        terms = replace(every, postings_max=postings_max)
        blocks = terms.in_blocks()
        assert len(blocks.blocks) == len(blocks.title_blocks) == 5
        # Of a block, of several, of more than there are; by the heaviest terms, those equal to the last are any.
        for limit, threads in ((3, 1), (20, 2), (200, 2)) if postings_max is None else ((200, 2),):
            for wanted in (terms.postings, terms.title_postings):
                found, scores = blocks.search(terms.articles, wanted, limit, threads=threads)
                for row in range(len(texts)):
                    own, own_scores = terms.search(terms.articles.row(row), wanted, limit)
                    np.testing.assert_array_equal(scores[row], own_scores[0])
                    above = own_scores[0] > own_scores[0].min()  # of those equal to the last, any may be left out
                    np.testing.assert_array_equal(found[row][above], own[0][above])
