"""The map of the archive: near is what is alike, and the same articles make the same map."""

import numpy as np
import pytest
from numpy.typing import NDArray

import indexer.map
from indexer.map import STEPS, Places, draw_map
from indexer.neighbours import find_neighbours
from indexer.terms import build_terms
from seealso.encoder import Vectors
from seealso.recipe import RECIPE_DEFAULT
from seealso.snapshot.vectors import VectorIndex
from tests.makers import HashEncoder


def made(texts: list[str]) -> tuple[Vectors, NDArray[np.int32]]:
    vectors = HashEncoder().encode(texts)
    terms = build_terms(("", text, None) for text in texts)[0]
    return vectors, find_neighbours(VectorIndex.of(vectors), vectors, terms, RECIPE_DEFAULT).rows


def subjects(count: int, of_each: int) -> tuple[Vectors, NDArray[np.int32]]:
    return made([f"subject{number % count} theme{number % count} own{number}" for number in range(count * of_each)])


def distances(places: Places) -> NDArray[np.float64]:
    apart: NDArray[np.float64] = np.linalg.norm(places[:, np.newaxis].astype(np.float64) - places, axis=2)
    return apart


def test_every_article_stands_on_the_map_and_the_map_is_used() -> None:
    told: list[int] = []
    places = draw_map(*subjects(12, 15), told.append)
    assert places.dtype == np.float32
    assert places.shape == (180, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    assert (places.max(axis=0) - places.min(axis=0)).max() > 0.9
    assert sum(told) == STEPS


def test_what_is_alike_is_nearer_than_what_is_not() -> None:
    vectors, neighbours = subjects(12, 15)
    apart = distances(draw_map(vectors, neighbours))
    near = np.take_along_axis(apart, neighbours[:, :10].astype(np.int64), axis=1).mean()
    assert near < 0.25 * apart.mean()
    subject = np.arange(180) % 12
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, :10]
    assert (subject[nearest] == subject[:, np.newaxis]).mean() > 0.9


def test_it_is_the_same_map_every_time_and_however_it_is_cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, neighbours = subjects(6, 10)
    before = vectors.copy(), neighbours.copy()
    once = draw_map(vectors, neighbours)
    np.testing.assert_array_equal(draw_map(vectors, neighbours), once)
    np.testing.assert_array_equal((vectors, neighbours)[0], before[0])
    np.testing.assert_array_equal(neighbours, before[1])
    monkeypatch.setattr(indexer.map, "ROWS_AT_ONCE", 7)
    in_blocks = distances(draw_map(vectors, neighbours))  # turns of the last bit lead to another map of the same
    subject = np.arange(60) % 6
    same = subject == subject[:, np.newaxis]
    assert in_blocks[same].mean() < 0.5 * in_blocks[~same].mean()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_articles_have_a_map(count: int) -> None:
    places = draw_map(*made([f"word{number}" for number in range(count)]))
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert ((places >= 0) & (places <= 1)).all()
    assert len({tuple(place) for place in places.tolist()}) == count


def test_articles_that_are_all_alike_still_stand_apart() -> None:
    places = draw_map(*made(["the very same words"] * 40))
    assert ((places >= 0) & (places <= 1)).all()
    assert len({tuple(place) for place in places.tolist()}) == 40


def test_articles_that_are_near_nothing_have_their_places_too() -> None:
    vectors, _ = made([f"word{number}" for number in range(20)])
    places = draw_map(vectors, np.full((20, 5), -1, np.int32))
    assert ((places >= 0) & (places <= 1)).all()
    assert len({tuple(place) for place in places.tolist()}) == 20


def test_vectors_of_one_number_are_laid_out_too() -> None:
    places = draw_map(np.ones((5, 1), np.float32), np.full((5, 0), -1, np.int32))
    assert ((places >= 0) & (places <= 1)).all()
