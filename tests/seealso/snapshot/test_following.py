"""A machine that follows the snapshot store: it serves what the store says, and whatever fails, what it had."""

import os
import shutil
import threading
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from seealso.snapshot import following, objects
from seealso.snapshot.fetch import fetch
from seealso.snapshot.following import Follower, StoreState, read_store_state, warnings_of
from seealso.snapshot.layout import current_or_none, publish, published_ids, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.objects import Objects
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.store import SnapshotStore
from tests.makers import articles, index_of
from tests.s3 import S3Server
from tests.waiting import wait_until

pytestmark = pytest.mark.row("M2")

Usage = namedtuple("Usage", "total used free")


class Stop(threading.Event):
    """Tells a follower to stop, and notes for how long each of its pauses is to be."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        return super().wait(timeout)


class Here:
    """A night's index folder, a store, and a machine that follows it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.night, self.index = url, folder / "night", folder / "here"
        self.index.mkdir()
        self.store = SnapshotStore(url)
        self.follower = Follower(self.store, self.index, 3, "news-1")

    def publish(self, count: int) -> str:
        """Have a snapshot of so many articles made and served."""
        snapshot_id = str(index_of(self.night, articles(count), keep=10).snapshot)
        self.store.push(snapshot_folder(self.night, snapshot_id))
        self.store.point(snapshot_id)
        return snapshot_id

    @property
    def current(self) -> str | None:
        return current_or_none(self.index)

    @property
    def state(self) -> StoreState:
        return read_store_state(self.index)

    def change(self, snapshot_id: str, file: str) -> bytes:
        """Change a byte in the store; return what was there."""
        there, name = Objects(self.url), f"snapshots/{snapshot_id}/{file}"
        good = there.read(name) or b""
        there.write(name, good[:-1] + bytes([good[-1] ^ 1]))
        return good


@pytest.fixture
def here(store_url: str, tmp_path: Path) -> Here:
    return Here(store_url, tmp_path)


def test_empty_store_is_no_fault(here: Here) -> None:
    assert here.follower.look()
    assert (here.current, here.state.reason) == (None, None)


def test_machine_follows_forwards_and_back_and_keeps_some(here: Here) -> None:
    first = here.publish(4)
    assert here.follower.look()
    assert here.current == first
    second = here.publish(5)
    assert here.follower.look()
    assert here.current == second
    here.store.point(first)  # rolled back somewhere: older than what is here
    assert here.follower.look()
    assert (here.current, published_ids(here.index)) == (first, [first, second])
    later = [here.publish(count) for count in (6, 7, 8)]
    for each in later:
        here.store.point(each)
        assert here.follower.look()
    assert (here.current, published_ids(here.index)) == (later[-1], later)
    assert (here.state.current, here.state.failures["refused"]) == (later[-1], 0)


def test_what_is_handed_round_is_fetched_and_not_served(here: Here) -> None:
    first = here.publish(4)
    here.follower.look()
    second = str(index_of(here.night, articles(5)).snapshot)
    here.store.push(snapshot_folder(here.night, second))
    here.store.hand_round(second)
    assert here.follower.look()
    assert (here.current, published_ids(here.index)) == (first, [first, second])
    (machine,) = here.store.machines()
    assert (machine.name, machine.holds, machine.serves) == ("news-1", frozenset({first, second}), first)
    copied = here.state.fetched_bytes
    here.store.point(second)
    here.store.hand_round(None)
    assert here.follower.look()
    assert (here.current, here.state.fetched_bytes) == (second, copied)


def test_changed_byte_is_refused_told_left_alone_and_fetched_once_it_is_mended(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = here.publish(4)
    here.follower.look()
    second = here.publish(5)
    good = here.change(second, "articles.bin")
    assert not here.follower.look()
    assert (here.current, here.state.current, here.state.failures["refused"]) == (first, second, 1)
    assert "articles.bin" in str(here.state.reason)
    assert "articles.bin" in warnings_of(here.state, time.time())[0]
    assert not here.follower.look()  # it is left alone for a while: nothing is counted
    assert here.state.failures["refused"] == 1
    Objects(here.url).write(f"snapshots/{second}/articles.bin", good)
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + following.PAUSE_SECONDS)
    assert here.follower.look()
    assert (here.current, here.state.reason) == (second, None)


def test_store_of_another_site_is_not_followed(here: Here, store_url: str) -> None:
    first = here.publish(4)
    assert here.follower.look()
    coast = SnapshotStore(store_url, "coast")
    coast.push(snapshot_folder(here.night, first))  # from now on it is the coast's
    here.store = coast
    here.publish(5)
    assert not here.follower.look()
    assert (here.current, here.state.failures["refused"], here.state.failures["unreachable"]) == (first, 1, 0)
    (warning,) = warnings_of(here.state, time.time())
    assert "is that of the site coast" in warning


def test_pointer_to_what_is_not_there_leaves_the_old_one_serving(here: Here) -> None:
    first = here.publish(4)
    here.follower.look()
    here.store.point("20261128T000000Z-0123456789ab")
    assert not here.follower.look()
    assert (here.current, here.state.failures["refused"]) == (first, 1)
    here.store.point(first)
    assert here.follower.look()
    assert here.state.reason is None


def test_what_was_refused_leaves_nothing_once_it_is_not_wanted(here: Here) -> None:
    first = here.publish(4)
    here.follower.look()
    here.change(here.publish(5), "articles.bin")
    assert not here.follower.look()
    assert list((here.index / "snapshots").glob(".fetching-*")) != []
    here.store.point(first)
    assert here.follower.look()
    assert list((here.index / "snapshots").glob(".*")) == []


def test_pointer_with_garbage_leaves_the_old_one_serving(here: Here) -> None:
    first = here.publish(4)
    here.follower.look()
    Objects(here.url).write("CURRENT", b"\xff" * 40)
    assert not here.follower.look()
    assert (here.current, here.state.failures["unreachable"]) == (first, 1)


def test_full_disk_leaves_the_old_one_serving(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    first = here.publish(4)
    here.follower.look()
    second = here.publish(5)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_000))
        assert not here.follower.look()
    assert (here.current, here.state.failures["disk"], published_ids(here.index)) == (first, 1, [first])
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + following.PAUSE_SECONDS)
    assert here.follower.look()
    assert here.current == second


def test_what_was_left_when_one_was_killed_that_removed_a_snapshot_goes_with_the_next_switch(here: Here) -> None:
    here.publish(4)
    here.follower.look()
    left = here.index / "snapshots/.building-removed-20260101T000000Z-0123456789ab"
    left.mkdir()
    (left / "cards.bin").write_bytes(b"a part of it")
    here.publish(5)
    assert here.follower.look()
    assert not left.exists()


def test_what_is_damaged_here_is_fetched_again_by_the_next_process(here: Here) -> None:
    current = here.publish(4)
    here.follower.look()
    cards = snapshot_folder(here.index, current) / "cards.bin"
    cards.chmod(0o644)
    cards.write_bytes(cards.read_bytes()[:-1] + b"?")
    another = Follower(here.store, here.index, 3, "news-1")
    assert another.look()
    assert open_snapshot(snapshot_folder(here.index, current), anew=True).id == here.current == current


def test_what_is_damaged_here_and_in_the_store_is_not_switched_to(here: Here) -> None:
    first, second = here.publish(4), here.publish(5)
    here.follower.look()
    here.store.point(first)
    assert here.follower.look()
    cards = snapshot_folder(here.index, second) / "cards.bin"
    cards.chmod(0o644)
    cards.write_bytes(cards.read_bytes()[:-1] + b"?")
    here.change(second, "articles.bin")
    here.store.point(second)
    assert not Follower(here.store, here.index, 3, "news-1").look()
    assert here.current == first


def test_while_somebody_writes_here_nothing_is_switched(here: Here) -> None:
    first = here.publish(4)
    with lock_index(here.index):
        assert here.follower.look()
        assert (here.current, published_ids(here.index)) == (None, [first])
    assert here.follower.look()
    assert here.current == first


def test_store_that_went_on_meanwhile_is_not_followed_to_where_it_was(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = here.publish(4), here.publish(5)
    here.follower.look()
    said = iter([first, second])
    monkeypatch.setattr(here.store, "current", lambda: next(said))
    assert here.follower.look()
    assert here.current == second


def test_rollback_does_not_wait_for_what_is_being_fetched(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = here.publish(4), here.publish(5)
    assert here.follower.look()
    here.store.point(first)
    assert here.follower.look()
    third = str(index_of(here.night, articles(6), keep=10).snapshot)
    here.store.push(snapshot_folder(here.night, third))
    here.store.hand_round(third)
    with monkeypatch.context() as patched:
        patched.setattr(following, "POINTER_SECONDS", -1.0)
        said = iter([first, second])
        patched.setattr(here.store, "current", lambda: next(said))
        assert here.follower.look()
    assert third not in published_ids(here.index)
    here.store.point(second)
    assert here.follower.look()
    assert (here.current, third in published_ids(here.index)) == (second, True)


def test_clocks_of_machines_are_not_compared(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    first = here.publish(4)
    for off_s in (-10 * 86_400, 10 * 86_400):
        monkeypatch.setattr(time, "time", lambda real=time.time, off_s=off_s: real() + off_s)
        follower = Follower(here.store, here.index, 3, f"news-{off_s}")
        assert follower.look()
        assert here.current == first
    assert len(here.store.machines()) == 2


def test_store_that_is_gone_leaves_the_old_one_serving_and_comes_back(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "TRIES_MAX", 1)
    here = Here(f"s3://{s3.bucket()}/a", tmp_path)
    first = here.publish(4)
    here.follower.look()
    second = here.publish(5)
    s3.wire.gone = True
    s3.wire.cut()
    assert not here.follower.look()
    assert (here.current, here.state.failures["unreachable"]) == (first, 1)
    (warning,) = warnings_of(here.state, here.state.reached + 90)
    assert warning.startswith("the snapshot store has not been reached for 90 seconds")
    s3.wire.gone = False
    assert here.follower.look()
    assert (here.current, here.state.reason, warnings_of(here.state, time.time())) == (second, None, [])


def test_share_that_is_not_mounted_any_more_leaves_the_old_one_serving(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    here = Here(f"file://{tmp_path}/store", tmp_path)
    first = here.publish(4)
    here.follower.look()
    os.rename(tmp_path / "store", tmp_path / "away")
    assert not Follower(here.store, here.index, 3, "news-1").look()
    (tmp_path / "store").mkdir()  # the bare mount point
    assert Follower(here.store, here.index, 3, "news-1").look()
    assert (here.current, published_ids(here.index)) == (first, [first])


def test_what_is_counted_outlives_the_process(here: Here) -> None:
    here.store.point("20261128T000000Z-0123456789ab")
    for number in (1, 2):
        assert not Follower(here.store, here.index, 3, "news-1").look()
        assert here.state.failures["refused"] == number


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"unknown": 1}', b'{"failures": 3}'])
def test_state_with_garbage_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.json").write_bytes(content)
    assert read_store_state(tmp_path) == StoreState()


def test_never_reached_is_said(tmp_path: Path) -> None:
    assert "not been reached yet" in warnings_of(read_store_state(tmp_path), time.time())[0]


def test_follower_goes_on_until_told_and_takes_its_leave(here: Here) -> None:
    first, stop = here.publish(4), threading.Event()
    thread = threading.Thread(target=here.follower.follow, args=(0.05, stop))
    thread.start()
    end = time.monotonic() + 30
    while here.current != first and time.monotonic() < end:
        time.sleep(0.02)
    assert here.current == first
    stop.set()
    thread.join()
    assert here.store.machines() == []


def test_machine_that_checks_for_long_is_here_all_the_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store").mkdir()
    here = Here(f"file://{tmp_path}/store", tmp_path)
    here.publish(4)
    monkeypatch.setattr(following, "BEAT_SECONDS", 0.05)
    checking, checked = threading.Event(), threading.Event()

    def fetched(*_: object) -> int:
        checking.set()
        checked.wait(30)
        return 0

    words, reached = set[int](), set[float]()

    def said_twice_more() -> bool:
        words.add((tmp_path / "store/machines/news-1").stat().st_mtime_ns)
        reached.add(here.state.reached)
        return min(len(words), len(reached)) > 2

    monkeypatch.setattr(following, "fetch", fetched)
    stop = threading.Event()
    thread = threading.Thread(target=here.follower.follow, args=(0.05, stop))
    thread.start()
    assert checking.wait(30)
    wait_until(said_twice_more)
    here.store.beat("other", [], None)
    assert [machine.name for machine in here.store.machines()] == ["news-1", "other"]
    checked.set()
    stop.set()
    thread.join()
    assert [machine.name for machine in here.store.machines()] == ["other"]


def test_current_that_was_published_by_a_night_here_is_not_taken_back(here: Here) -> None:
    first = here.publish(4)
    publish(here.night, first)
    assert Follower(here.store, here.night, 3, "night").look()
    assert current_or_none(here.night) == first


def test_while_one_is_handed_round_it_looks_often_and_not_for_ever(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AWAITING_SECONDS", 0.05)
    first, second = here.publish(4), here.publish(5)
    here.store.point(first)
    here.store.hand_round(second)
    here.follower.look()
    stop = Stop()
    thread = threading.Thread(target=here.follower.follow, args=(60, stop))
    thread.start()
    wait_until(lambda: 0.05 in stop.pauses)
    here.store.point(second)
    wait_until(lambda: here.current == second)
    monkeypatch.setattr(following, "AWAITING_SECONDS_MAX", 0.0)
    wait_until(lambda: stop.pauses[-1:] == [60])
    here.store.point(first)
    time.sleep(0.5)
    assert here.current == second
    stop.set()
    thread.join()


def test_what_is_being_fetched_when_it_is_told_to_stop_is_left_for_another_time(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, whole = threading.Event(), here.publish(4)

    def stopped(store: SnapshotStore, index: Path, snapshot_id: str, told: Callable[[int, int], None]) -> int:
        def told_then_stopped(done: int, total: int) -> None:
            stop.set()
            told(done, total)

        return fetch(store, index, snapshot_id, told_then_stopped)

    monkeypatch.setattr(following, "fetch", stopped)
    here.follower.follow(60.0, stop)
    assert here.current is None
    assert here.store.machines() == []
    monkeypatch.undo()
    assert Follower(here.store, here.index, 3, "news-1").look()
    assert here.current == whole
