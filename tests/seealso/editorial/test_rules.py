from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seealso.editorial.decisions import read_decisions
from seealso.editorial.rules import Rule, Wish, read_rules, wish_in
from seealso.editorial.store import Store
from seealso.errors import InvalidRequest
from tests.deciding import make_rule, undo_rule

LATER = datetime.now(UTC) + timedelta(days=1)
PIN = Wish("pin", under_article="a", article="b", number=1)


def held(store: Store, moment: datetime | None = None) -> list[Rule]:
    return read_decisions(store)[0].rules_at(moment or datetime.now(UTC))


@pytest.mark.parametrize(
    "wish",
    [
        PIN,
        Wish("pin", under_section="News", article="b", number=50),
        Wish("exclude", under_article="a", article="b"),
        Wish("exclude", section="Sport"),
        Wish("exclude", under_section="News", tag="crime"),
        Wish("boost", word="tide tables"),
        Wish("bury", under_article="a", section="Opinion"),
        Wish("sensitive", article="a"),
        Wish("sponsored", article="a"),
        Wish("evergreen", under_section="News", number=3),
        Wish("evergreen", number=2),
    ],
)
def test_rule_holds_for_all_until_it_is_undone(store: Store, other: Store, wish: Wish) -> None:
    rule = make_rule(store, wish, "ann", "because")
    assert held(other) == [rule]
    assert (rule.id, rule.wish, rule.who, rule.reason, rule.until) == (1, wish, "ann", "because", None)
    assert wish_in(rule.as_json()) == wish
    assert undo_rule(other, rule.id, "bob", "no more") == rule
    assert held(store) == []
    made, undone = store.changes()
    assert (made.action, made.subject, made.before, made.after) == ("rule-made", "rule:1", None, rule.as_json())
    assert (undone.action, undone.who, undone.before, undone.after) == ("rule-undone", "bob", rule.as_json(), None)


def test_rule_ends_by_itself(store: Store) -> None:
    rule = make_rule(store, PIN, "ann", "x", LATER)
    assert held(store) == [rule]
    assert held(store, LATER) == []
    found = read_decisions(store)[0]
    assert found.next_end(datetime.now(UTC)) == LATER
    assert found.era_at(LATER) != found.era_at(datetime.now(UTC))


def test_change_of_rules_begins_an_era(store: Store) -> None:
    eras = {read_decisions(store)[0].era_at(LATER)}
    rule = make_rule(store, PIN, "ann", "x")
    eras.add(read_decisions(store)[0].era_at(LATER))
    undo_rule(store, rule.id, "ann", "x")
    eras.add(read_decisions(store)[0].era_at(LATER))
    assert len(eras) == 3


def test_another_pinned_at_the_place_takes_it(store: Store) -> None:
    make_rule(store, PIN, "ann", "x")
    elsewhere = make_rule(store, Wish("pin", under_article="a", article="b", number=2), "ann", "x")
    another = make_rule(store, Wish("pin", under_article="a", article="c", number=1), "ann", "news")
    with store.reading() as connection:
        assert read_rules(connection) == [elsewhere, another]
    assert [change.action for change in store.changes()] == ["rule-made", "rule-made", "rule-undone", "rule-made"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"action": "pin", "under_article": "a", "number": 1}, "article"),
        ({"action": "pin", "under_article": "a", "article": "b"}, "number"),
        ({"action": "pin", "under_article": "a", "article": "b", "number": 51}, "number"),
        ({"action": "pin", "article": "b", "number": 1}, "under"),
        ({"action": "pin", "under_article": "a", "article": "a", "number": 1}, "article"),
        ({"action": "pin", "under_article": "a", "section": "b", "number": 1}, "section"),
        ({"action": "exclude", "under_article": "a"}, "article"),
        ({"action": "exclude", "under_article": "a", "under_section": "b", "article": "c"}, "under"),
        ({"action": "exclude", "article": "a", "tag": "b"}, "article"),
        ({"action": "exclude", "article": "a", "number": 3}, "number"),
        ({"action": "sensitive", "under_article": "a", "article": "b"}, "under"),
        ({"action": "sponsored", "section": "b"}, "section"),
        ({"action": "evergreen", "article": "a", "number": 1}, "article"),
        ({"action": "evergreen"}, "number"),
    ],
)
def test_wish_that_means_nothing_is_refused_by_its_field(store: Store, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make_rule(store, Wish(**given), "ann", "x")
    assert caught.value.field == field
    assert store.changes() == []


def test_whoever_names_the_wrong_blocks_is_told_which_are_meant(store: Store) -> None:
    with pytest.raises(InvalidRequest, match=r"'pin' is for the blocks of one article or the blocks of one section"):
        make_rule(store, Wish("pin", article="b", number=1), "ann", "x")
    with pytest.raises(InvalidRequest, match=r"'sensitive' is for all blocks"):
        make_rule(store, Wish("sensitive", under_article="a", article="b"), "ann", "x")
