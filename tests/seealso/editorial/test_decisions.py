from dataclasses import replace
from datetime import UTC, datetime, timedelta

from seealso.editorial.decisions import NOTHING, Decisions, read_decisions
from seealso.editorial.keys import create_key, revoke_key
from seealso.editorial.store import Head, Store
from tests.deciding import restore, take_down

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


def change_much(store: Store) -> None:
    take_down(store, ["a", "b", "c"], "ann", "x", None)
    take_down(store, ["d"], "ann", "x", LATER)
    key, _ = create_key(store, "k", "editor", "ann")
    restore(store, "b", "ann", "x")
    revoke_key(store, key.id, "ann")
    create_key(store, "m", "admin", "ann")
    take_down(store, ["a"], "ann", "y", LATER)


def test_change_after_change_leads_where_reading_all_leads(store: Store, other: Store) -> None:
    known, changes = read_decisions(other)
    assert (replace(known, head=NOTHING.head), changes) == (NOTHING, [])
    for number in range(3):
        change_much(store)
        before = known.sequence
        known, changes = read_decisions(other, known)
        assert known == read_decisions(store)[0]
        assert [change.sequence for change in changes] == list(range(before + 1, 9 * (number + 1) + 1))
    assert known.hidden_at(NOW) == {"a", "c", "d"}
    again, changes = read_decisions(other, known)
    assert again is known
    assert changes == []


def test_store_of_another_past_is_read_whole(store: Store) -> None:
    change_much(store)
    found = read_decisions(store)[0]
    later = Decisions(Head(found.sequence - 1, "another"), {}, {}, {}, 99)
    assert read_decisions(store, later) == (found, [])


def test_era_changes_when_something_may_be_shown_again(store: Store) -> None:
    before = read_decisions(store)[0]
    take_down(store, ["a"], "ann", "x", None)
    take_down(store, ["b"], "ann", "x", LATER)
    found = read_decisions(store)[0]
    assert found.era_at(NOW) == before.era_at(NOW)
    assert found.next_end(NOW) == LATER
    assert found.next_end(LATER) is None
    assert found.era_at(LATER) != found.era_at(NOW)
    restore(store, "a", "ann", "x")
    after = read_decisions(store, found)[0]
    assert after.era_at(NOW) != found.era_at(NOW)
    assert after.era_at(NOW) == read_decisions(store)[0].era_at(NOW)
