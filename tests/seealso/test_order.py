from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from seealso.article import Article
from seealso.order import ALIKE_COST, ALIKE_FROM, CHOSEN_AMONG, FOREIGN_COST, choose, foreign_among
from seealso.relatedness import COSINE_DECIMALS
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import article, index_of


def snapshot_of(folder: Path, pieces: Sequence[Article]) -> Snapshot:
    index_of(folder, pieces)
    return open_current(folder)


def places_of(
    snapshot: Snapshot,
    values: Sequence[float],
    limit: int = 12,
    language: str | None = None,
    one_per_story: bool = True,
) -> dict[int, int]:
    facts = snapshot.facts
    foreign = foreign_among(snapshot.languages, facts["language"], language)
    stories = facts["story"] if one_per_story else None
    return choose(snapshot.vectors, np.arange(len(snapshot)), np.array(values, float), foreign, limit, stories)


def chosen(snapshot: Snapshot, values: Sequence[float], *rules: object, **more: object) -> list[str]:
    return [snapshot.article_id(place) for place in places_of(snapshot, values, *rules, **more)]  # type: ignore[arg-type]


def test_best_first_and_equal_ones_by_id(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, [article(name, title=name, body=f"on {name} alone") for name in "abcd"])
    assert chosen(snapshot, [0.2, 0.5, 0.2, 0.9]) == ["d", "b", "a", "c"]
    assert chosen(snapshot, [0.2, 0.5, 0.2, 0.9], limit=2) == ["d", "b"]
    assert choose(snapshot.vectors, np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_), 12, None) == {}


def test_own_language_goes_first(tmp_path: Path) -> None:
    tags = ("de", "en", "en-GB", None)
    snapshot = snapshot_of(
        tmp_path, [article(f"{n}", title=f"t{n}", body=f"text {n * 31}", language=tag) for n, tag in enumerate(tags)]
    )
    assert chosen(snapshot, [0.9, 0.5, 0.4, 0.3], language="en") == ["1", "2", "3", "0"]
    assert chosen(snapshot, [0.9, 0.5, 0.4, 0.3]) == ["0", "1", "2", "3"]
    assert chosen(snapshot, [0.9, 0.5, 0.4, 0.3], language="en", limit=2) == ["1", "2"]


def test_story_is_shown_once_by_the_article_that_stands_for_it(tmp_path: Path) -> None:
    pieces = [article("a", canonical="b"), article("b"), article("c", canonical="b"), article("d")]
    snapshot = snapshot_of(tmp_path, pieces)
    assert chosen(snapshot, [0.9, 0.3, 0.8, 0.5]) == ["b", "d"]
    assert len(chosen(snapshot, [0.9, 0.3, 0.8, 0.5], one_per_story=False)) == 4
    assert [*places_of(snapshot, [0.9, 0.3, 0.8, 0.5]).items()] == [(1, 0), (3, 3)]  # "b" is there for "a"


def test_lead_in_the_own_language_goes_before_what_is_foreign(tmp_path: Path) -> None:
    tags = {"a": "de", "b": "en", "c": "de"}
    pieces = [
        article(name, title=name, body=f"on {name} alone", language=tag, canonical="b" if name == "a" else None)
        for name, tag in tags.items()
    ]
    snapshot = snapshot_of(tmp_path, pieces)
    # Of the story only the foreign telling is near; whatever the limit, its lead is the first.
    assert snapshot.facts["story"][0] == snapshot.facts["story"][1] == 1
    for limit in (1, 2, 3):
        assert chosen(snapshot, [0.5, 0.0, 0.9], limit, "en") == ["b", "c"][:limit]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    words = [f"word{number}" for number in range(24)]
    bodies = [" ".join(words[n % 5 : n % 5 + 3 + n % 7]) for n in range(CHOSEN_AMONG + 16)]
    languages = ("en", "en", "de")
    pieces = [article(f"{n:02}", title="t", body=body, language=languages[n % 3]) for n, body in enumerate(bodies)]
    return snapshot_of(tmp_path_factory.mktemp("crowd"), pieces)


def one_by_one(snapshot: Snapshot, chances: np.ndarray, limit: int, foreign: np.ndarray) -> list[int]:
    """Choose as it is defined: each time what is worth most then, among all."""
    order = np.lexsort((np.arange(len(chances)), -chances, foreign))[:CHOSEN_AMONG]
    vectors = snapshot.vectors.vectors(order)
    alike = np.maximum(np.round(vectors @ vectors.T, COSINE_DECIMALS) - ALIKE_FROM, 0.0) * (
        ALIKE_COST / (1.0 - ALIKE_FROM)
    )
    left = chances[order] - FOREIGN_COST * foreign[order]
    chosen: list[int] = []
    for _ in range(limit):
        lost = np.max([alike[place] * chances[order] for place in chosen], axis=0, initial=0.0)
        worth = np.where(np.isin(np.arange(len(order)), chosen), -np.inf, left - lost)
        chosen.append(int(worth.argmax()))
    return [int(place) for place in order[chosen]]


@pytest.mark.parametrize("limit", [1, 5, 12, 50])
@pytest.mark.parametrize("language", [None, "en"])
@pytest.mark.parametrize("seed", range(20))
def test_order_is_that_of_choosing_the_best_that_is_left_each_time(
    crowd: Snapshot, seed: int, language: str | None, limit: int
) -> None:
    chance = np.random.default_rng(seed)
    chances = np.round(chance.beta(1, 1 + seed % 4, len(crowd)), 3)  # so that some are equal
    foreign = np.array([bool(language) and crowd.languages[n] != language for n in crowd.facts["language"]])
    places = places_of(crowd, [*chances], limit, language, one_per_story=False)
    assert [*places] == [*places.values()] == one_by_one(crowd, chances, limit, foreign)
    by_chance = np.lexsort((np.arange(len(chances)), -chances, foreign))
    assert limit < 12 or [*places] != by_chance[:limit].tolist()  # some are alike, and gave way


@pytest.mark.parametrize("different", [0.41, 0.3])
def test_what_is_much_like_what_stands_above_gives_way_a_little(tmp_path: Path, different: float) -> None:
    text = "tides moon sea harbour wall"
    pieces = [article("a", title="x", body=text), article("b", title="x", body=text + " quay")]
    snapshot = snapshot_of(tmp_path, [*pieces, article("c", title="bread", body="yeast oven")])
    order = chosen(snapshot, [0.5, 0.45, different], one_per_story=False)
    assert order == (["a", "c", "b"] if different > 0.4 else ["a", "b", "c"])
