from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.neighbours import Archive, find_neighbours
from indexer.terms import build_terms
from seealso.arrays import Mask
from seealso.lexical import Terms
from seealso.recipe import RECIPE_DEFAULT, Recipe
from seealso.relatedness import (
    CANDIDATES_MAX,
    DEVIATIONS_MAX,
    PARTS,
    Candidates,
    Probes,
    candidates,
    cohorts_of,
    nearest,
)
from seealso.snapshot.vectors import VectorIndex
from seealso.term_rows import TermRows
from seealso.words import word_counts
from tests.makers import DIMENSION, HashEncoder


def archive_of(texts: list[str]) -> tuple[Archive, Probes]:
    """Return an archive of texts, the first word of each its title, and the same texts as probes."""
    vectors = HashEncoder().encode(texts)
    terms = build_terms((text.split(" ")[0], text, None) for text in texts)[0]
    index = VectorIndex.of(vectors)
    found = find_neighbours(index, vectors, terms, RECIPE_DEFAULT)
    return Archive(index, terms, found.cohorts), Probes(vectors, terms.articles, terms.titles)


def one_of(probes: Probes, row: int) -> Probes:
    return Probes(probes.vectors[row : row + 1], probes.terms.row(row), probes.titles.row(row))


def text_as_probe(archive: Archive, text: str) -> Probes:
    title = text.split(" ")[0]
    terms = archive.terms
    return Probes(
        HashEncoder().encode([text]), terms.vector(word_counts(title, text), None), terms.title_vector(title, None)
    )


def found_for(archive: Archive, probes: Probes, limit: int, allowed: Mask | None = None) -> Candidates:
    own = cohorts_of(nearest(archive.vectors, archive.terms, probes), probes, len(archive))
    return candidates(archive, RECIPE_DEFAULT, probes, limit, own, allowed)


def some_texts(count: int) -> list[str]:
    rng = np.random.default_rng(3)
    return [" ".join(f"word{number}" for number in rng.integers(0, 90, 12)) for _ in range(count)]


def test_article_pasted_as_text_has_the_same_list_but_itself() -> None:
    texts = some_texts(300)
    archive, probes = archive_of(texts)
    table = find_neighbours(archive.vectors, probes.vectors, archive.terms, RECIPE_DEFAULT)
    for row in range(0, 300, 17):
        found = found_for(archive, text_as_probe(archive, texts[row]), CANDIDATES_MAX + 1)
        others = found.rows[0] != row
        np.testing.assert_array_equal(found.rows[0][others][:CANDIDATES_MAX], table.rows[row])
        np.testing.assert_array_equal(found.scores[0][others][:CANDIDATES_MAX], table.scores[row])


def plainly(archive: Archive, probes: Probes, recipe: Recipe) -> NDArray[Any]:
    """Say the measure with whole matrices: articles x articles."""

    def dense(rows: TermRows) -> NDArray[Any]:
        matrix = np.zeros((len(archive), len(archive.terms.vocabulary)))
        for row in range(len(archive)):
            matrix[row, rows.row(row).terms] = rows.row(row).weights
        return matrix

    cosines = probes.vectors.astype(float) @ probes.vectors.T
    words, titles = dense(probes.terms), dense(probes.titles)
    total = recipe.cosine_weight * cosines
    for weight, scores in zip(recipe.weights, (cosines, words @ words.T, words @ titles.T), strict=True):
        best = np.sort(scores, axis=1)[:, ::-1][:, 1:101]
        standard = (scores - best.mean(axis=1, keepdims=True)) / best.std(axis=1, keepdims=True)
        standard = np.clip(standard, -DEVIATIONS_MAX, DEVIATIONS_MAX)
        total += weight * (standard + recipe.return_share * standard.T)
    return total


def test_measure_is_what_its_description_says() -> None:
    archive, probes = archive_of(some_texts(250))
    exact = plainly(archive, probes, RECIPE_DEFAULT)
    found = found_for(archive, probes, 20)
    np.testing.assert_allclose(np.take_along_axis(exact, found.rows, 1), found.scores, atol=2e-3)
    np.testing.assert_allclose(found.parts.sum(axis=2), found.scores, atol=1e-4)
    assert found.parts.shape == (*found.rows.shape, PARTS)
    np.testing.assert_allclose(-np.sort(-exact, axis=1)[:, :20], found.scores, atol=2e-3)


def test_article_near_everything_is_in_few_lists() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, DIMENSION)).astype(np.float32) + np.float32(0.5)
    vectors[0] = vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    terms = build_terms(("", f"word{number}", None) for number in range(400))[0]
    index = VectorIndex.of(vectors)

    def lists_with_it(recipe: Recipe) -> int:
        return int((find_neighbours(index, vectors, terms, recipe).rows[1:, :12] == 0).sum())

    no_view_back = RECIPE_DEFAULT.model_copy(update={"return_share": 0.0})
    assert lists_with_it(no_view_back) > 100
    assert lists_with_it(RECIPE_DEFAULT) < 0.5 * lists_with_it(no_view_back)


def test_equal_scores_stand_in_the_order_of_rows() -> None:
    archive, probes = archive_of(["same"] * 5)
    found = found_for(archive, one_of(probes, 0), 5)
    assert found.rows[0].tolist() == [0, 1, 2, 3, 4]
    assert len(set(found.scores[0].tolist())) == 1


def test_fewer_articles_than_asked_for_fill_up_with_minus_one() -> None:
    archive, probes = archive_of(["one", "two"])
    found = found_for(archive, one_of(probes, 0), 4)
    assert sorted(found.rows[0, :2].tolist()) == [0, 1]
    assert found.rows[0, 2:].tolist() == [-1, -1]
    assert found.scores[0, 2:].tolist() == [0.0, 0.0]


def test_only_allowed_articles_are_found_and_they_score_the_same() -> None:
    archive, probes = archive_of(some_texts(200))
    allowed = np.zeros(200, bool)
    allowed[[3, 17]] = True
    one = one_of(probes, 0)
    found = found_for(archive, one, 5, allowed)
    assert set(found.rows[0].tolist()) == {3, 17, -1}
    exact = plainly(archive, probes, RECIPE_DEFAULT)
    np.testing.assert_allclose(found.scores[0, :2], exact[0, found.rows[0, :2]], atol=2e-3)


def test_the_best_of_a_bad_lot_is_not_sure() -> None:
    archive, probes = archive_of(["moon tide", "bread oven", "chess clock", "moon tides sea", "moon tide harbour"])
    found = found_for(archive, probes, 2)
    chance = RECIPE_DEFAULT.probability(found.scores[:, 1])  # the first is the article itself
    assert chance[0] > 0.2
    assert chance[1] < 0.1
    assert chance[2] < 0.1


def test_cohort_of_equal_articles_is_not_divided_by_nothing() -> None:
    archive, probes = archive_of(["same"] * 150)
    assert archive.cohorts.shape == (150, PARTS, 2)
    assert (archive.cohorts[:, :, 1] > 0).all()
    found = nearest(archive.vectors, archive.terms, probes)
    assert np.isfinite(cohorts_of(found, probes, 150)).all()


def test_text_without_a_known_term_is_related_by_its_vector() -> None:
    archive, _ = archive_of(some_texts(120))
    assert isinstance(archive.terms, Terms)
    found = found_for(archive, text_as_probe(archive, "unheard"), 3)
    assert np.isfinite(found.scores).all()
    assert (found.rows >= 0).all()


def test_one_title_that_names_a_rare_word_is_not_sure() -> None:
    archive, _ = archive_of([f"title{number} {text}" for number, text in enumerate(some_texts(300))])
    for text in ("other title7", "title7", "quite other words and title7"):
        found = found_for(archive, text_as_probe(archive, text), 3)
        assert np.isfinite(found.scores).all()
        assert RECIPE_DEFAULT.probability(found.scores).max() < 0.99


@pytest.mark.parametrize("title", ["!!!", "the", "Weather report"])
def test_titles_that_say_nothing_give_finite_scores(title: str) -> None:
    texts = some_texts(40)
    terms = build_terms((title, text, None) for text in texts)[0]
    vectors = HashEncoder().encode(texts)
    index = VectorIndex.of(vectors)
    archive = Archive(index, terms, find_neighbours(index, vectors, terms, RECIPE_DEFAULT).cohorts)
    for own in ("", title, "word3"):
        probe = Probes(vectors[:1], terms.vector(word_counts(own, texts[0]), None), terms.title_vector(own, None))
        assert np.isfinite(found_for(archive, probe, 5).scores).all()
