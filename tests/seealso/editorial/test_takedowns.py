from datetime import UTC, datetime, timedelta

from seealso.editorial.decisions import read_decisions
from seealso.editorial.store import Store
from seealso.editorial.takedowns import find_takedown
from tests.deciding import restore, take_down

LATER = datetime.now(UTC) + timedelta(days=1)


def hidden(store: Store, moment: datetime | None = None) -> set[str]:
    return set(read_decisions(store)[0].hidden_at(moment or datetime.now(UTC)))


def test_article_is_hidden_until_it_is_restored(store: Store, other: Store) -> None:
    assert hidden(store) == set()
    (taken,) = take_down(store, ["a"], "ann", "court order", None)
    assert (taken.article, taken.until, taken.who, taken.reason) == ("a", None, "ann", "court order")
    assert hidden(other) == {"a"}
    assert restore(other, "a", "bob", "the court changed its mind") == taken
    assert hidden(store) == set()
    first, second = store.changes()
    assert (first.action, first.subject, first.before, first.after) == ("takedown", "a", None, taken.as_json())
    assert (second.action, second.who, second.before, second.after) == ("restore", "bob", taken.as_json(), None)


def test_takedown_ends_by_itself(store: Store) -> None:
    take_down(store, ["a"], "ann", "embargo", LATER)
    assert hidden(store) == {"a"}
    assert hidden(store, LATER) == set()
    assert hidden(store, LATER - timedelta(microseconds=1)) == {"a"}


def test_what_is_down_already_gets_the_new_reason_and_end_and_stays_down_since(store: Store) -> None:
    (first,) = take_down(store, ["a"], "ann", "embargo", LATER)
    (second,) = take_down(store, ["a"], "bob", "court order", None)
    assert (second.since, second.until, second.who, second.reason) == (first.since, None, "bob", "court order")
    with store.reading() as connection:
        assert find_takedown(connection, "a") == second
    assert store.changes()[1].before == first.as_json()


def test_many_are_taken_down_at_once_and_each_is_in_the_log(store: Store) -> None:
    take_down(store, ["a", "b"], "ann", "the author's wish", None)
    assert hidden(store) == {"a", "b"}
    assert [change.subject for change in store.changes()] == ["a", "b"]


def test_nothing_is_restored_that_was_not_taken_down(store: Store) -> None:
    assert restore(store, "a", "ann", "why not") is None
    assert store.changes() == []
