import numpy as np
import pytest

import indexer.neighbours
from indexer.neighbours import Archive, Neighbours, find_neighbours
from indexer.progress import Silent
from indexer.terms import build_terms
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.recipe import RECIPE_DEFAULT
from seealso.relatedness import CANDIDATES_MAX, Probes, candidates
from seealso.snapshot.vectors import VectorIndex
from tests.makers import HashEncoder


def made(texts: list[str]) -> tuple[VectorIndex, Vectors, Terms]:
    vectors = HashEncoder().encode(texts)
    return VectorIndex.of(vectors), vectors, build_terms(("", text, None) for text in texts)[0]


def neighbours_of(texts: list[str]) -> Neighbours:
    return find_neighbours(*made(texts), RECIPE_DEFAULT)


class Told(Silent):
    """How many units each stage was to have, and had."""

    def __init__(self) -> None:
        self.stages: dict[str, list[int | None]] = {}

    def stage(self, name: str, total: int | None, unit: str) -> None:
        self.stages[name] = [total, 0]

    def advance(self, count: int = 1) -> None:
        last = self.stages[next(reversed(self.stages))]
        last[1] = (last[1] or 0) + count


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"word{number} word{number % 7}" for number in range(150)]
    whole = neighbours_of(texts)
    monkeypatch.setattr(indexer.neighbours, "SEARCHED_AT_ONCE", 37)
    monkeypatch.setattr(indexer.neighbours, "RANKED_AT_ONCE", 11)
    told = Told()
    parted = find_neighbours(*made(texts), RECIPE_DEFAULT, told)
    assert told.stages == {"Nearest": [150, 150], "Neighbours": [150, 150]}
    assert parted.rows.shape == parted.scores.shape == (150, CANDIDATES_MAX)
    np.testing.assert_array_equal(parted.rows, whole.rows)
    np.testing.assert_array_equal(parted.scores, whole.scores)


def test_they_are_the_candidates_of_each_article() -> None:
    index, vectors, terms = made([f"word{number} word{number % 7}" for number in range(150)])
    table = find_neighbours(index, vectors, terms, RECIPE_DEFAULT)
    archive = Archive(index, terms, table.cohorts)
    found = candidates(
        archive, RECIPE_DEFAULT, Probes(vectors, terms.articles, terms.titles), CANDIDATES_MAX + 1, table.cohorts
    )
    for row in range(150):
        assert found.rows[row][found.rows[row] != row][:CANDIDATES_MAX].tolist() == table.rows[row].tolist()


def test_shared_terms_are_a_share() -> None:
    index, vectors, terms = made(["moon tide", "moon tide", "moon bread", "chess"])
    table = find_neighbours(index, vectors, terms, RECIPE_DEFAULT)
    shared = table.shared(terms.articles.squares())
    by_row = dict(zip(table.rows[0].tolist(), shared[0].tolist(), strict=True))
    assert by_row[1] == pytest.approx(1.0)
    assert 0 < by_row[2] < 1
    assert by_row[3] == 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_articles_have_all_others_as_neighbours(count: int) -> None:
    table = neighbours_of([f"word{number}" for number in range(count)])
    for row in range(count):
        assert sorted(table.rows[row]) == [other for other in range(count) if other != row]


def test_copies_of_an_article_do_not_put_it_into_its_own_list() -> None:
    table = neighbours_of(["same"] * 300)
    assert table.rows.shape == (300, CANDIDATES_MAX)
    assert all(row not in table.rows[row] for row in range(300))
    assert (table.rows >= 0).all()
