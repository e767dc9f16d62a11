import numpy as np
import pytest

import indexer.neighbours
from indexer.neighbours import find_neighbours
from seealso.relatedness import CANDIDATES_MAX
from seealso.snapshot.vectors import VectorIndex
from tests.makers import HashEncoder


def test_it_is_what_a_plain_product_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.neighbours, "BLOCK_ARTICLES", 37)
    vectors = HashEncoder().encode([f"word{number} word{number % 7}" for number in range(150)])
    neighbours, scores = find_neighbours(VectorIndex.of(vectors), vectors)
    assert neighbours.shape == scores.shape == (150, CANDIDATES_MAX)
    exact = vectors @ vectors.T
    np.fill_diagonal(exact, -2)
    best = -np.sort(-exact, axis=1)[:, :CANDIDATES_MAX]
    np.testing.assert_allclose(scores, best, atol=2e-6)
    np.testing.assert_allclose(np.take_along_axis(exact, neighbours.astype(int), 1), scores, atol=2e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_articles_have_all_others_as_neighbours(count: int) -> None:
    vectors = HashEncoder().encode([f"word{number}" for number in range(count)])
    neighbours, _ = find_neighbours(VectorIndex.of(vectors), vectors)
    for row in range(count):
        assert sorted(neighbours[row]) == [other for other in range(count) if other != row]


def test_copies_of_an_article_do_not_put_it_into_its_own_list() -> None:
    vectors = np.repeat(HashEncoder().encode(["same"]), 300, axis=0)
    neighbours, _ = find_neighbours(VectorIndex.of(vectors), vectors)
    assert neighbours.shape == (300, CANDIDATES_MAX)
    assert all(row not in neighbours[row] for row in range(300))
    assert (neighbours >= 0).all()
