from datetime import UTC, datetime, timedelta

import pytest

from seealso.editorial.decisions import Decisions, read_decisions
from seealso.editorial.keys import create_key
from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from seealso.editorial.takedowns import find_takedown
from seealso.errors import NotUndone
from tests.deciding import make_rule, restore, take_down, undo, undo_rule

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


def state(store: Store) -> tuple[set[str], list[Wish]]:
    found: Decisions = read_decisions(store)[0]
    return set(found.hidden_at(NOW)), [rule.wish for rule in found.rules_at(NOW)]


def test_takedown_is_undone_by_restoring_and_that_by_a_takedown(store: Store) -> None:
    take_down(store, ["a"], "ann", "court order", LATER)
    undone = undo(store, 1, "bob", "the wrong one")
    assert undone is not None
    assert undone.action == "takedown"
    assert state(store) == (set(), [])
    undo(store, 2, "ann", "the right one after all")
    with store.reading() as connection:
        again = find_takedown(connection, "a")
    assert again is not None
    assert (again.reason, again.until, again.who) == ("court order", LATER, "ann")
    assert [change.who for change in store.changes()] == ["ann", "bob", "ann"]


def test_second_takedown_is_undone_to_the_first(store: Store) -> None:
    take_down(store, ["a"], "ann", "embargo", LATER)
    take_down(store, ["a"], "ann", "court order", None)
    undo(store, 2, "bob", "too much")
    assert read_decisions(store)[0].takedowns["a"].until == LATER


def test_takedown_is_undone_by_restoring_where_the_one_before_has_ended(store: Store) -> None:
    """Blocks that were made while it was down must be made anew, whatever has ended since."""
    take_down(store, ["a"], "ann", "embargo", NOW - timedelta(minutes=2))
    take_down(store, ["b"], "ann", "embargo", NOW - timedelta(minutes=1))
    take_down(store, ["a"], "ann", "court order", None)
    before = read_decisions(store)[0]
    assert before.hidden_at(NOW) == {"a"}
    undo(store, 3, "bob", "too much")
    for after in (read_decisions(store)[0], read_decisions(store, before)[0]):
        assert after.hidden_at(NOW) == set()
        assert after.era_at(NOW) != before.era_at(NOW)
    assert [change.action for change in store.changes()][3:] == ["restore"]


def test_rule_is_undone_and_made_again(store: Store) -> None:
    wish = Wish("pin", under_article="a", article="b", number=1)
    rule = make_rule(store, wish, "ann", "x", LATER)
    undo(store, rule.id, "bob", "x")
    assert state(store) == (set(), [])
    undo_rule(store, make_rule(store, wish, "ann", "x", LATER).id, "ann", "x")
    undo(store, store.sequence(), "bob", "it shall stay")
    assert state(store) == (set(), [wish])
    assert [each.until for each in read_decisions(store)[0].rules.values()] == [LATER]


@pytest.mark.parametrize("until", [NOW - timedelta(minutes=1), LATER])
def test_rule_is_made_again_beside_one_that_has_ended_or_ends_otherwise(store: Store, until: datetime) -> None:
    wish = Wish("exclude", tag="x")
    make_rule(store, wish, "ann", "for a while", until)
    undo_rule(store, make_rule(store, wish, "ann", "for good").id, "ann", "x")
    undo(store, store.sequence(), "bob", "it shall stay")
    assert [each.until for each in read_decisions(store)[0].rules.values()] == [until, None]


def test_change_that_others_came_after_is_not_undone(store: Store) -> None:
    take_down(store, ["a"], "ann", "x", None)
    restore(store, "a", "ann", "x")
    with pytest.raises(NotUndone, match=r"change 2 \(restore\) came after it"):
        undo(store, 1, "bob", "x")
    assert store.sequence() == 2


def test_key_is_not_made_undone_and_nothing_is_where_there_is_no_change(store: Store) -> None:
    create_key(store, "a", "editor", "ann")
    with pytest.raises(NotUndone, match="'key-created' cannot be undone"):
        undo(store, 1, "bob", "x")
    assert undo(store, 2, "bob", "x") is None
    assert undo(store, 0, "bob", "x") is None


def test_article_whose_id_is_the_number_of_a_rule_is_another_subject(store: Store) -> None:
    rule = make_rule(store, Wish("sensitive", article="x"), "ann", "x")
    take_down(store, [str(rule.id)], "ann", "x", None)
    undo(store, rule.id, "bob", "x")
    assert state(store) == ({str(rule.id)}, [])


def test_undoing_is_undone_once(store: Store) -> None:
    rule = make_rule(store, Wish("exclude", article="x"), "ann", "x")
    undo_rule(store, rule.id, "ann", "x")
    undo(store, 2, "bob", "x")
    with pytest.raises(NotUndone, match="holds again already"):
        undo(store, 2, "bob", "x")
    assert len(state(store)[1]) == 1
