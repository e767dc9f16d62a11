"""Which of two recipes is clicked more, and how sure that is: on SQLite and on PostgreSQL."""

import random
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from seealso.editorial.clicks import Count, Spot, add_counts
from seealso.editorial.store import Store
from seealso.editorial.trials import (
    ARTICLES_MIN,
    Team,
    Verdict,
    compare_interleaved,
    compare_split,
    read_teams,
)

Teams = Mapping[Team, Mapping[str, Count]]


def counted(store: Store, article: str, team: str, shown: int, clicked: int, day: str = "2026-11-28") -> None:
    add_counts(store, {Spot(day, article, "x", 1, "", team): Count(shown, clicked)})


def test_what_was_counted_is_added_up_by_team_and_article(store: Store) -> None:
    counted(store, "one", "try:a", 10, 1)
    counted(store, "one", "try:a", 5, 1, "2026-11-27")
    counted(store, "one", "try:b", 7, 2)
    counted(store, "two", "other:a", 9, 9)
    counted(store, "two", "", 9, 9)
    assert read_teams(store, "try") == {"a": {"one": Count(15, 2)}, "b": {"one": Count(7, 2)}}
    assert read_teams(store, "try", first=date(2026, 11, 28))["a"] == {"one": Count(10, 1)}
    assert read_teams(store, "try", last=date(2026, 11, 27)) == {"a": {"one": Count(5, 1)}, "b": {}}


def views(chance: random.Random, share: float, articles: int, first: int = 0) -> dict[str, Count]:
    """Return clicks of articles of which each has a share of its own, around one."""
    found = {}
    for number in range(first, first + articles):
        own = min(1.0, max(0.0, chance.gauss(share, share / 2)))
        shown = chance.randrange(50, 500)
        found[f"a{number}"] = Count(shown, sum(chance.random() < own for _ in range(shown)))
    return found


def splits(chance: random.Random, gain: float) -> Teams:
    return {"a": views(chance, 0.05, 150), "b": views(chance, 0.05 + gain, 150, 150)}


def interleavings(chance: random.Random, gain: float) -> Teams:
    a, b = views(chance, 0.02, 150), views(chance, 0.02 + gain, 150)
    return {"a": a, "b": b}


FORMS: Any = [(splits, compare_split), (interleavings, compare_interleaved)]


@pytest.mark.parametrize(("made", "compared"), FORMS)
def test_a_difference_that_is_there_is_found_and_none_where_there_is_none(
    made: Callable[[random.Random, float], Teams], compared: Callable[[Teams], Verdict]
) -> None:
    chance = random.Random(6)
    assert [compared(made(chance, 0.03)).better for _ in range(10)] == ["b"] * 10
    found = [compared(made(chance, 0.0)) for _ in range(200)]
    wrong = sum(each.better is not None for each in found)
    assert wrong <= 20  # one in twenty is what 95 % certainty is wrong in
    for each in found:
        assert each.low is not None
        assert each.difference is not None
        assert each.high is not None
        assert each.low <= each.difference <= each.high


@pytest.mark.parametrize(("made", "compared"), FORMS)
def test_of_few_articles_nothing_is_told(
    made: Callable[[random.Random, float], Teams], compared: Callable[[Teams], Verdict]
) -> None:
    few = {article: Count(100, 50) for article in (f"a{number}" for number in range(ARTICLES_MIN - 1))}
    tried: list[Teams] = [{"a": {}, "b": {}}, {"a": few, "b": few}, {"a": few, "b": {}}]
    for teams in tried:
        verdict = compared(teams)
        assert (verdict.difference, verdict.better) == (None, None)
    assert compared({"a": few, "b": {}}).a.shown == 1_900


def test_where_all_is_alike_nothing_is_better() -> None:
    same = {f"a{number}": Count(10, 5) for number in range(50)}
    other = {f"b{number}": Count(10, 5) for number in range(50)}
    assert compare_split({"a": same, "b": other}).better is None
    assert compare_interleaved({"a": same, "b": same}).difference == 0.0
