"""Two recipes tried on readers."""

from pathlib import Path

import pytest

from seealso.project import Method
from seealso.project import Trial as TrialEntry
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.related import Item, related_on_page, related_to_article
from service.rulings import NO_RULING, Ruling
from service.trial import Trial
from service.wanted import Wanted
from tests.makers import articles, index_of

WANTED = Wanted(limit=12, min_probability=0.0)
CHANGES = {"terms_share": 1.0, "titles_share": 0.0, "cosine_weight": -50.0}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder: Path = tmp_path_factory.mktemp("index")
    index_of(folder, articles(90, language="en"))
    return open_current(folder)


def trial(method: Method, name: str = "tried") -> Trial:
    return Trial(TrialEntry(name=name, method=method, recipe=CHANGES))


def rows(items: list[Item]) -> list[int]:
    return [item.row for item in items]


def by(snapshot: Snapshot, row: int, team: str) -> list[int]:
    other = snapshot.recipe.model_copy(update=CHANGES) if team == "b" else None
    return rows(related_to_article(snapshot, row, WANTED, recipe=other))


def test_recipes_differ_in_what_they_show(snapshot: Snapshot) -> None:
    assert by(snapshot, 0, "a") != by(snapshot, 0, "b")


def test_split_gives_each_article_to_one_team_for_good(snapshot: Snapshot) -> None:
    tried = trial("split")
    teams = []
    for row in range(len(snapshot)):
        items = tried.related(snapshot, row, WANTED, NO_RULING)
        (team,) = {item.team for item in items}
        assert rows(items) == by(snapshot, row, team)
        assert tried.counted_as(snapshot.article_id(row), None) == f"tried:{team}"
        teams.append(team)
    assert tried.counted_as("a000", "") == ""  # a block that editors pinned something in
    assert 30 < teams.count("b") < 60
    other = trial("split", "another")
    again = [other.team_of(snapshot.article_id(row)) for row in range(len(snapshot))]
    assert again != teams


def test_interleaving_gives_both_as_many_and_what_each_would_have_shown(snapshot: Snapshot) -> None:
    tried, firsts = trial("interleaving"), []
    for row in range(len(snapshot)):
        items = tried.related(snapshot, row, WANTED, NO_RULING)
        assert rows(items) == rows(tried.related(snapshot, row, WANTED, NO_RULING))
        assert len(set(rows(items))) == len(items) == WANTED.limit
        counts = [sum(item.team == team for item in items) for team in "ab"]
        assert abs(counts[0] - counts[1]) <= 1
        for team in "ab":
            assert {item.row for item in items if item.team == team} <= set(by(snapshot, row, team))
        firsts.append(items[0].team)
    assert 25 < firsts.count("b") < 65
    assert tried.counted_as("a000", "a") == "tried:a"
    assert tried.counted_as("a000", "") == ""


def test_where_editors_pinned_something_no_trial_is(snapshot: Snapshot) -> None:
    items = trial("interleaving").related(snapshot, 0, WANTED, Ruling(pins={1: 50}))
    assert items[0].row == 50
    assert {item.team for item in items} == {""}


def test_nothing_is_told_twice_by_both(tmp_path: Path) -> None:
    body = " ".join(f"word{n}" for n in range(80))
    told = [piece.model_copy(update={"body": body}) for piece in articles(3)]
    index_of(tmp_path, [*articles(40, language="en")[3:], *told])
    snapshot = open_current(tmp_path)
    stories = snapshot.facts["story"]
    for row in range(len(snapshot)):
        items = trial("interleaving").related(snapshot, row, WANTED, NO_RULING)
        shown = [int(stories[item.row]) for item in items]
        assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("method", ["split", "interleaving"])
def test_blocks_of_one_page_are_of_the_trial_and_nothing_stands_twice(snapshot: Snapshot, method: Method) -> None:
    tried, wanted = trial(method), Wanted(limit=6, min_probability=0.0)
    first, second = related_on_page(snapshot, 0, [], [wanted, wanted], NO_RULING, tried.related)
    assert first == tried.related(snapshot, 0, wanted, NO_RULING)
    assert all(item.team for item in [*first, *second])
    assert len({*rows(first), *rows(second)}) == 12
    assert rows(second) == rows(tried.related(snapshot, 0, wanted, NO_RULING, rows(first)))
