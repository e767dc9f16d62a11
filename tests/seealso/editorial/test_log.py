"""The log of changes, looked through."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from seealso.editorial.keys import create_key
from seealso.editorial.log import Looked, last_decided, look_through
from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from tests.deciding import make_rule, restore, take_down, undo_rule

TODAY = datetime.now(UTC).date()


@pytest.fixture
def filled(store: Store) -> Store:
    take_down(store, ["a"], "Ann (1)", "wrong", None)
    restore(store, "a", "Bob (2)", "right")
    rule = make_rule(store, Wish("pin", under_article="a", article="b", number=1), "Ann (1)", "news")
    undo_rule(store, rule.id, "Bob (2)", "old")
    make_rule(store, Wish("sensitive", article="100%"), "Zoë 50% (3)", "no")
    create_key(store, "a", "read", "Ann (1)")
    take_down(store, ["c"], "Åsa Öberg (4)", "wrong", None)
    return store


def found(store: Store, before: int | None = None, most: int = 100, **looked: Any) -> list[int]:
    with store.reading() as connection:
        return [change.sequence for change in look_through(connection, Looked(**looked), most, before)]


def test_newest_come_first_part_by_part(filled: Store) -> None:
    assert found(filled) == [7, 6, 5, 4, 3, 2, 1]
    assert found(filled, most=2) == [7, 6]
    assert found(filled, most=2, before=5) == [4, 3]
    assert found(filled, before=1) == []


@pytest.mark.parametrize(
    ("looked", "sequences"),
    [
        ({"subject": "a"}, [4, 3, 2, 1]),  # of itself, and of the rules for its block
        ({"subject": "b"}, [4, 3]),
        ({"subject": "rule:3"}, [4, 3]),
        ({"subject": "100%"}, [5]),
        ({"subject": "nothing"}, []),
        ({"who": "ann"}, [6, 3, 1]),
        ({"who": "50%"}, [5]),
        ({"who": "ZOË"}, [5]),
        ({"who": "åsa öb"}, [7]),
        ({"who": "Öberg"}, [7]),
        ({"who": "%"}, [5]),  # a sign like any other
        ({"who": "_"}, []),
        ({"kind": "rules"}, [5, 4, 3]),
        ({"kind": "takedowns"}, [7, 2, 1]),
        ({"kind": "keys"}, [6]),
        ({"kind": "snapshots"}, []),
        ({"kind": "rules", "who": "bob", "subject": "b"}, [4]),
        ({"first": TODAY - timedelta(days=1), "last": TODAY + timedelta(days=1)}, [7, 6, 5, 4, 3, 2, 1]),
        ({"first": TODAY + timedelta(days=2)}, []),
        ({"last": TODAY - timedelta(days=2)}, []),
        ({"first": date.min, "last": date.max}, [7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_only_what_is_looked_for_is_found(filled: Store, looked: dict[str, Any], sequences: list[int]) -> None:
    assert found(filled, **looked) == sequences


def test_last_decision_on_each_subject_is_known(filled: Store) -> None:
    with filled.reading() as connection:
        assert last_decided(connection, ["a", "rule:3", "nothing"]) == {"a": 2, "rule:3": 4}
        assert last_decided(connection, []) == {}
