import numpy as np

from seealso.relatedness import article_vectors, candidates
from seealso.snapshot.vectors import VectorIndex
from tests.makers import DIMENSION, HashEncoder


def test_article_vector_is_the_mean_of_its_passages() -> None:
    passages = HashEncoder().encode(["one", "two", "three"])
    vectors = article_vectors(passages, np.array([1, 2]))
    mean = (passages[1] + passages[2]) / 2
    np.testing.assert_allclose(vectors[0], passages[0], atol=1e-6)
    np.testing.assert_allclose(vectors[1], mean / np.linalg.norm(mean), atol=1e-6)


def test_equal_scores_stand_in_the_order_of_rows() -> None:
    vectors = np.repeat(HashEncoder().encode(["same"]), 5, axis=0)
    rows, scores = candidates(VectorIndex.of(vectors), vectors[:1], 5)
    assert rows[0].tolist() == [0, 1, 2, 3, 4]
    assert set(scores[0].tolist()) == {1.0}


def test_fewer_articles_than_asked_for_fill_up_with_minus_one() -> None:
    vectors = HashEncoder().encode(["one", "two"])
    rows, scores = candidates(VectorIndex.of(vectors), vectors[:1], 4)
    assert rows[0].tolist() == [0, 1, -1, -1]
    assert scores[0, 2:].tolist() == [-1.0, -1.0]


def test_only_allowed_articles_are_found() -> None:
    vectors = HashEncoder().encode([f"word{number}" for number in range(20)])
    allowed = np.zeros(20, bool)
    allowed[[3, 17]] = True
    rows, _ = candidates(VectorIndex.of(vectors), vectors[:2], 5, allowed)
    assert all(set(row[row >= 0]) == {3, 17} for row in rows)


def test_dimension_of_makers_is_that_of_the_vectors() -> None:
    assert HashEncoder().encode(["x"]).shape == (1, DIMENSION)
