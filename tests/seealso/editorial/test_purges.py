from datetime import UTC, datetime, timedelta

from seealso.editorial.purges import (
    DONE_DAYS,
    GIVEN_UP_DAYS,
    SENDING_SECONDS_MAX,
    TRIES_MAX,
    Purge,
    add_end_in,
    add_purge_in,
    count_purges,
    forget_purges,
    make_due,
    note_done,
    read_purges,
    settle,
    take_due,
    told_ends,
    try_again,
)
from seealso.editorial.store import Store

MESSAGE = {"keys": ["article:a"]}


def add(store: Store, subject: str = "a") -> None:
    with store.writing() as writing:
        writing.record("ann", "takedown", subject, None, None)
        add_purge_in(writing, MESSAGE | {"article": subject})


def now() -> datetime:
    return datetime.now(UTC)


def all_of(store: Store) -> list[Purge]:
    with store.reading() as connection:
        return read_purges(connection, None, 100)


def test_purge_is_taken_by_one_and_then_done(store: Store, other: Store) -> None:
    add(store)
    taken = take_due(store, now())
    assert taken is not None
    assert (taken.id, taken.message, taken.state) == (1, MESSAGE | {"article": "a"}, "waiting")
    assert take_due(other, now()) is None
    assert settle(store, taken, None, now()).state == "done"
    assert take_due(other, now() + timedelta(days=1)) is None


def test_purge_that_waits_for_others_to_know_is_sent_when_it_is_made_due_but_not_twice(store: Store) -> None:
    with store.writing() as writing:
        for subject in "ab":
            writing.record("ann", "takedown", subject, None, None)
            add_purge_in(writing, MESSAGE, 60)
    assert take_due(store, now()) is None
    make_due(store, [2], now())
    taken = take_due(store, now())
    assert taken is not None
    assert taken.id == 2
    make_due(store, [2], now())
    assert take_due(store, now()) is None
    later = take_due(store, now() + timedelta(seconds=61))
    assert later is not None
    assert later.id == 1


def test_purge_whose_sender_died_is_taken_by_another(store: Store, other: Store) -> None:
    add(store)
    assert take_due(store, now()) is not None
    again = take_due(other, now() + timedelta(seconds=SENDING_SECONDS_MAX + 1))
    assert again is not None
    assert again.tries == 1


def test_one_that_fails_is_tried_again_later_and_later_and_given_up(store: Store) -> None:
    add(store)
    moment, pauses = now(), []
    for _ in range(TRIES_MAX):
        taken = take_due(store, moment)
        assert taken is not None
        settled = settle(store, taken, "it answered 500", moment)
        if settled.next_try is not None:
            assert take_due(store, moment) is None
            pauses.append((settled.next_try - moment).total_seconds())
            moment = settled.next_try
    assert pauses[:3] == [2, 4, 8]
    assert pauses == sorted(pauses)
    assert (settled.state, settled.failure, settled.tries) == ("given-up", "it answered 500", TRIES_MAX)
    assert take_due(store, moment + timedelta(days=1)) is None
    assert try_again(store, settled.id, moment) is not None
    anew = take_due(store, moment)
    assert anew is not None
    assert (anew.tries, anew.failure) == (0, None)
    assert try_again(store, 99, moment) is None


def test_oldest_is_taken_first_and_those_of_a_state_are_listed(store: Store) -> None:
    for subject in "abc":
        add(store, subject)
    first = take_due(store, now())
    assert first is not None
    assert first.message["article"] == "a"
    settle(store, first, None, now())
    assert [purge.message["article"] for purge in all_of(store)] == ["c", "b", "a"]
    with store.reading() as connection:
        assert [purge.id for purge in read_purges(connection, "done", 9)] == [1]
        assert [purge.id for purge in read_purges(connection, "waiting", 1)] == [3]
        assert [count_purges(connection, state) for state in ("done", "waiting", "given-up")] == [1, 2, 0]


def test_purge_stands_or_falls_with_its_change(store: Store) -> None:
    try:
        with store.writing() as writing:
            writing.record("ann", "takedown", "a", None, None)
            add_purge_in(writing, MESSAGE)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert all_of(store) == []


def test_what_was_taken_long_ago_is_forgotten_and_what_was_given_up_long_after(store: Store) -> None:
    for subject in "abc":
        add(store, subject)
    taken = take_due(store, now())
    assert taken is not None
    settle(store, taken, None, now())
    given_up = take_due(store, now())
    assert given_up is not None
    for _ in range(TRIES_MAX):
        given_up = settle(store, given_up, "it answered 403", now())
    assert len(all_of(store)) == 3
    assert forget_purges(store, now() + timedelta(days=DONE_DAYS, seconds=1)) == 1
    assert [(each.message["article"], each.state) for each in all_of(store)] == [("c", "waiting"), ("b", "given-up")]
    assert forget_purges(store, now() + timedelta(days=GIVEN_UP_DAYS, seconds=1)) == 1
    assert [purge.message["article"] for purge in all_of(store)] == ["c"]


def test_what_is_done_by_hand_while_it_is_sent_stays_done(store: Store) -> None:
    add(store)
    sending = take_due(store, now())
    assert sending is not None
    noted = note_done(store, 1, "ann", now())
    assert noted is not None
    assert (noted.state, noted.failure) == ("done", "done by hand, as ann says")
    settle(store, sending, "it answered 500", now())
    assert all_of(store) == [noted]
    assert note_done(store, 1, "bob", now()) == noted
    assert note_done(store, 99, "ann", now()) is None


def end(store: Store, change: int) -> None:
    with store.writing() as writing:
        add_end_in(writing, change, MESSAGE | {"article": "a"}, 2, "coast")


def test_the_end_takes_the_place_of_the_beginning_and_is_told_once(store: Store, other: Store) -> None:
    add(store)
    add(store, "b")
    for each in (store, other):
        end(each, 1)
    ended, begun = all_of(store)  # the newest first, whichever change it is of
    assert (begun.id, ended.id, ended.state) == (2, 1, "waiting")
    assert ended.message == {"site": "coast", "article": "a", "reason": "ended", **MESSAGE}
    assert ended.next_try == ended.since + timedelta(seconds=2)
    with other.reading() as connection:
        assert told_ends(connection, [1, 2, 3]) == {1}
    while (taken := take_due(store, now() + timedelta(seconds=3))) is not None:
        settle(store, taken, None, now())
    end(other, 1)
    assert [purge.state for purge in all_of(store)] == ["done", "done"]


def test_what_was_being_sent_when_the_end_came_is_done_and_the_end_still_waits(store: Store) -> None:
    add(store)
    sending = take_due(store, now())
    assert sending is not None
    end(store, 1)
    assert settle(store, sending, None, now()).state == "done"
    (purge,) = all_of(store)
    assert (purge.state, purge.message["reason"]) == ("waiting", "ended")
