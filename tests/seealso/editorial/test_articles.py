"""Articles that were put and removed, as the store keeps them: on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seealso.editorial.articles import (
    PUT,
    REMOVAL_DAYS_KEPT,
    REMOVED,
    Embedded,
    LiveArticle,
    forget_articles,
    place_in,
    put_article_in,
    read_articles,
    read_placed,
    read_unplaced,
    remove_article_in,
)
from seealso.editorial.store import Store, head_of
from seealso.snapshot.manifest import TakenIn
from tests.makers import article
from tests.seealso.live.beside import embedded


def put(store: Store, article_id: str, content: bytes | None = b"here", **fields: object) -> LiveArticle:
    piece = article(article_id, **fields)
    with store.writing() as writing:
        kept = put_article_in(writing, piece, embedded(piece), "the cms")
        if content is not None:
            place_in(writing, "S1", kept, content)
    return kept


def placed(store: Store, snapshot_id: str = "S1", taken_in: TakenIn | None = None, after: int = 0) -> list[str]:
    with store.reading() as connection:
        return [each.live.id for each in read_placed(connection, snapshot_id, taken_in, after)[1]]


def unplaced(store: Store, snapshot_id: str = "S1", taken_in: TakenIn | None = None) -> list[str]:
    with store.reading() as connection:
        return [each.id for each in read_unplaced(connection, snapshot_id, taken_in)]


def test_what_was_put_is_read_as_it_was_put(store: Store, other: Store) -> None:
    kept = put(store, "a", title="Straße", body="tides " * 100)
    with other.reading() as connection:
        head, (found,) = read_placed(connection, "S1", None)
    assert (head.placed, found.number, found.content) == (1, 1, b"here")
    assert (found.live.id, found.live.sequence, found.live.record) == ("a", kept.sequence, kept.record)
    assert found.live.embedded is not None
    assert kept.embedded is not None
    assert np.array_equal(found.live.embedded.vectors, kept.embedded.vectors)
    assert np.array_equal(found.live.embedded.spans, kept.embedded.spans)


def test_the_last_version_counts_and_a_removal_is_one(store: Store) -> None:
    put(store, "a", title="First")
    put(store, "b")
    put(store, "a", title="Second")
    assert placed(store) == ["b", "a"]
    assert placed(store, after=2) == ["a"]
    with store.writing() as writing:
        gone = remove_article_in(writing, "b", "the cms", "withdrawn")
        place_in(writing, "S1", gone, None)
    with store.reading() as connection:
        found = read_placed(connection, "S1", None, 3)[1]
    assert [(each.live.id, each.live.record, each.content) for each in found] == [("b", None, None)]


def test_the_log_says_who_and_what_and_not_the_whole_text(store: Store) -> None:
    put(store, "a", body="tides " * 50)
    with store.writing() as writing:
        remove_article_in(writing, "a", "the cms", "withdrawn")
    first, second = store.changes()
    assert (first.action, first.subject, first.who, first.before) == (PUT, "a", "the cms", None)
    assert first.after["body"] == "299 characters"
    assert (second.action, second.after, second.reason) == (REMOVED, None, "withdrawn")
    assert second.before == first.after


def test_what_has_no_place_in_a_snapshot_is_listed_until_it_has(store: Store) -> None:
    kept = put(store, "a", content=None)
    put(store, "b")
    assert unplaced(store) == ["a"]
    assert unplaced(store, "S2") == ["a", "b"]
    with store.writing() as writing:
        place_in(writing, "S1", kept, b"there")
    assert unplaced(store) == []
    assert placed(store) == ["b", "a"]
    put(store, "a", content=None, title="Again")
    assert (placed(store), unplaced(store)) == (["b"], ["a"])


def test_what_a_snapshot_has_taken_in_is_not_live_beside_it(store: Store) -> None:
    put(store, "a")
    taken_in, found = read_articles(store)
    put(store, "b")
    assert [each.id for each in found] == ["a"]
    assert placed(store, taken_in=taken_in) == ["b"]
    put(store, "a", title="Later")
    assert placed(store, taken_in=taken_in) == ["b", "a"]


def test_vectors_of_another_model_take_the_place_of_those_there_were(store: Store) -> None:
    kept = put(store, "a", content=None)
    other_model = Embedded("another", np.ones((1, 4), np.float16), np.array([[0, 4]], np.int32))
    with store.writing() as writing:
        place_in(writing, "S1", kept, b"", other_model)
    with store.reading() as connection:
        found = read_placed(connection, "S1", None)[1][0].live.embedded
    assert found is not None
    assert (found.model, found.vectors.shape) == ("another", (1, 4))


def test_placings_are_told_and_no_change(store: Store, other: Store) -> None:
    kept = put(store, "a")
    before, told = store.sequence(), other.counter.numbers[0]
    with store.writing() as writing:
        place_in(writing, "S2", kept, b"")
    with store.reading() as connection:
        assert (head_of(connection).sequence, head_of(connection).placed) == (before, 2)
    assert other.counter.numbers[0] == told + 1


def test_what_is_of_no_use_any_more_is_forgotten(store: Store) -> None:
    put(store, "theirs")
    put(store, "ours")
    with store.writing() as writing:
        remove_article_in(writing, "gone", "the cms", "withdrawn")
        remove_article_in(writing, "still-sent", "the cms", "withdrawn")
    taken_in, _ = read_articles(store)
    put(store, "later")
    came = {"theirs", "still-sent"}
    now = datetime.now(UTC) + timedelta(days=REMOVAL_DAYS_KEPT)
    assert forget_articles(store, [("S1", taken_in), ("S0", None)], {"theirs"}, came, now) == 0  # S0 took nothing in
    assert forget_articles(store, [("S1", taken_in)], {"theirs", "later"}, came, now) == 2
    assert [each.id for each in read_articles(store)[1]] == ["later", "ours", "still-sent"]
    assert forget_articles(store, [("S2", taken_in)], set(), came, now) == 0
    assert placed(store) == []


def test_a_removal_is_remembered_for_a_while_though_no_source_has_the_article(store: Store) -> None:
    with store.writing() as writing:
        gone = remove_article_in(writing, "gone", "the cms", "withdrawn")
    taken_in, _ = read_articles(store)
    kept, moment = [("S1", taken_in)], timedelta(microseconds=1)
    last = gone.moment + timedelta(days=REMOVAL_DAYS_KEPT)
    assert forget_articles(store, kept, set(), set(), last) == 0
    assert forget_articles(store, kept, set(), {"gone"}, last + moment) == 0
    assert forget_articles(store, kept, set(), set(), last + moment) == 1


def test_all_are_read_and_forgotten_some_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seealso.editorial.articles.ROWS_AT_ONCE", 2)
    for number in range(5):
        put(store, f"a{number}")
    taken_in, found = read_articles(store)
    assert [each.id for each in found] == [f"a{number}" for number in range(5)]
    theirs = {"a0", "a1", "a3", "a4"}
    assert forget_articles(store, [("S1", taken_in)], theirs, theirs, datetime.now(UTC)) == 4
    assert [each.id for each in read_articles(store)[1]] == ["a2"]
