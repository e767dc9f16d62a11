import threading
import time

import pytest

import service.copies
from service.answer import IDENTITY, Answer
from service.copies import LIVES, Address, Copies

ERA = "e1"


def answer(body: bytes = b"", snapshot_id: str = "s1", articles: tuple[str, ...] = ()) -> Answer:
    return Answer(snapshot_id, "text/html", "", (), articles, {IDENTITY: body})


def at(path: str) -> Address:
    return path, ""


def room_for(count: int) -> Copies:
    copies = Copies(count * answer().size)
    copies.hide(frozenset(), ERA)
    copies.turn("s1", {}, ERA)
    return copies


def test_what_is_put_is_found_until_room_is_needed() -> None:
    copies = room_for(3)
    for address in "abcd":
        copies.put(at(address), answer(), ERA)
    assert [address for address in "abcd" if copies.get(at(address))] == ["b", "c", "d"]


def test_what_is_used_stays_and_what_was_asked_for_once_goes() -> None:
    copies = room_for(3)
    hot = answer()
    copies.put(at("hot"), hot, ERA)
    for number in range(100):
        hot.lives = LIVES
        copies.put(at(str(number)), answer(), ERA)
    assert copies.get(at("hot")) is hot
    assert len(copies) == 3


def test_what_is_not_used_any_more_goes_in_the_end() -> None:
    copies = room_for(2)
    once_hot = answer()
    once_hot.lives = LIVES
    copies.put(at("once hot"), once_hot, ERA)
    for number in range(LIVES):
        copies.put(at(str(number)), answer(), ERA)
        assert copies.get(at("once hot")) is once_hot
    for number in range(LIVES, 3 * LIVES):
        copies.put(at(str(number)), answer(), ERA)
    assert copies.get(at("once hot")) is None


def test_the_limit_is_in_bytes() -> None:
    copies = room_for(3)
    copies.put(at("a"), answer(), ERA)
    copies.put(at("large"), answer(b"x" * (answer().size + 1)), ERA)  # twice its body: more than all three
    assert copies.get(at("large")) is None
    copies.put(at("half"), answer(b"x" * (answer().size // 2)), ERA)
    copies.put(at("b"), answer(), ERA)
    assert copies.get(at("a")) is None
    assert copies.get(at("half")) is not None
    copies.put(at("half"), answer(), ERA)  # another answer at the same address takes the room of its own
    copies.put(at("c"), answer(), ERA)
    assert all(copies.get(at(address)) for address in ("half", "b", "c"))


def test_long_addresses_count_too() -> None:
    copies = room_for(10)
    for number in range(10):
        copies.put(("/v1/articles/a/related", f"exclude={number:x<30000}"), answer(), ERA)
        assert len(copies) <= 1
    for number in range(10):
        copies.put(at(str(number)), answer(), ERA)
    assert len(copies) == 10  # what they took is free again
    copies.put(("/v1/articles/a/related", f"exclude={'x' * 10 * answer().size}"), answer(), ERA)
    assert len(copies) == 10


def test_no_room_keeps_nothing() -> None:
    copies = Copies(0)
    copies.turn("s1", {}, ERA)
    copies.put(at("a"), answer(), ERA)
    assert (copies.get(at("a")), len(copies)) == (None, 0)


def test_answer_of_another_snapshot_is_not_kept() -> None:
    copies = room_for(3)
    copies.put(at("a"), answer(snapshot_id="s0"), ERA)
    assert copies.get(at("a")) is None


def test_turn_begins_with_what_is_ready_and_leaves_the_old_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = room_for(3)
    before, after = answer(b"before"), answer(b"after", "s2")
    copies.put(at("a"), before, ERA)
    assert copies.old(at("a")) is None
    copies.turn("s2", {at("b"): after}, ERA)
    assert (copies.get(at("a")), copies.get(at("b")), copies.old(at("a"))) == (None, after, before)
    copies.turn("s3", {}, ERA)
    assert copies.old(at("a")) is None  # never from two snapshots ago


def test_old_answers_that_show_what_is_hidden_are_let_go() -> None:
    copies = room_for(3)
    copies.put(at("a"), answer(articles=("1", "2")), ERA)
    copies.put(at("b"), kept := answer(articles=("1", "3")), ERA)
    copies.turn("s2", {}, ERA)
    copies.hide(frozenset({"2"}), ERA)
    assert (copies.old(at("a")), copies.old(at("b"))) == (None, kept)
    copies.hide(frozenset({"2"}), "e2")
    assert copies.old(at("b")) is None


def test_turn_keeps_within_the_limit() -> None:
    copies = room_for(2)
    copies.turn("s2", {at(name): answer(snapshot_id="s2") for name in "abc"}, ERA)
    assert [name for name in "abc" if copies.get(at(name))] == ["a", "b"]


def test_what_was_hottest_before_a_turn_stays_longest_after_it() -> None:
    copies = room_for(3)
    copies.turn("s2", {at(name): answer(snapshot_id="s2") for name in "abc"}, ERA)
    gone: list[str] = []
    for number in range(3 * LIVES):  # each asked for once, and none of the three
        copies.put(at(str(number)), answer(snapshot_id="s2"), ERA)
        gone += [name for name in "abc" if name not in gone and not copies.get(at(name))]
        assert not gone or number >= LIVES
    assert gone == ["c", "b", "a"]


def test_old_answers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.copies, "OLD_SECONDS_MAX", 0.05)
    copies = room_for(3)
    copies.put(at("a"), answer(), ERA)
    copies.turn("s2", {}, ERA)
    while copies._old:
        time.sleep(0.01)
    assert copies.old(at("a")) is None


def test_hottest_first() -> None:
    copies = room_for(3)
    for address, hits in (("a", 1), ("b", 5), ("c", 3)):
        each = answer()
        each.hits = hits
        copies.put(at(address), each, ERA)
    assert copies.hottest(2) == [at("b"), at("c")]


def test_many_threads_leave_the_count_right() -> None:
    copies = room_for(10)

    def work(number: int) -> None:
        for turn in range(500):
            copies.put(at(str(number * turn % 37)), answer(b"x" * (turn % 50)), ERA)
            copies.hottest(5)
            if turn % 100 == 0:
                copies.turn("s1", {}, ERA)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert copies._bytes == sum(each.size for each in copies._answers.values()) <= 10 * answer().size
