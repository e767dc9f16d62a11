"""A night that delivers to many machines: they fetch, and then all switch; what fails leaves the one before."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from indexer import delivery as delivery_module
from indexer.build import Limits, build_index
from indexer.delivery import Delivery
from indexer.progress import Silent
from indexer.report import Report
from seealso.article import Article
from seealso.errors import GateFailed, SnapshotStoreOfAnotherSite, SnapshotStoreUnavailable, SourceShrunk
from seealso.snapshot import following as following_module
from seealso.snapshot import objects
from seealso.snapshot.fetch import fetch
from seealso.snapshot.following import Follower
from seealso.snapshot.layout import current_or_none, published_ids, snapshot_folder
from seealso.snapshot.objects import Objects
from seealso.snapshot.rollback import rolling_back, serve_again
from seealso.snapshot.store import Machine, SnapshotStore
from tests.makers import ANY_NIGHT, GivenArticles, HashEncoder, article, articles
from tests.s3 import S3Server
from tests.waiting import WAIT_SECONDS_MAX, wait_until


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "LOOK_SECONDS", 0.05)


@pytest.fixture
def store(store_url: str) -> SnapshotStore:
    return SnapshotStore(store_url)


@pytest.fixture
def share(tmp_path: Path) -> SnapshotStore:
    """A store in a folder alone: where it makes no difference."""
    (tmp_path / "share").mkdir()
    return SnapshotStore(f"file://{tmp_path}/share")


def night(
    index: Path,
    store: SnapshotStore,
    count: int,
    wait_s: float = WAIT_SECONDS_MAX,
    limits: Limits | None = None,
    given: Sequence[Article] | None = None,
    keep: int = 2,
    report: Report | None = None,
) -> Report:
    report = report or Report()
    build_index(
        [GivenArticles(given or articles(count))],
        index,
        HashEncoder,
        limits or Limits(keep=2, gates=ANY_NIGHT),
        report,
        Silent(),
        delivery=Delivery(store, wait_s, keep, pause_s=0.01),
    )
    return report


class Machines:
    """Several machines that follow a store, each on a thread and in a folder of its own."""

    def __init__(self, store: SnapshotStore, folders: list[Path], every_s: float = 0.05) -> None:
        self.folders, self.stop = folders, threading.Event()
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        followers = [Follower(SnapshotStore(store.url), folder, 2, folder.name) for folder in folders]
        self.threads = [threading.Thread(target=each.follow, args=(every_s, self.stop)) for each in followers]

    def __enter__(self) -> "Machines":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def wait_until_all_serve(self, snapshot_id: str) -> None:
        wait_until(lambda: all(current_or_none(folder) == snapshot_id for folder in self.folders))


def test_all_machines_hold_it_before_any_serves_it(store: SnapshotStore, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    seen: list[tuple[list[str], bool]] = []
    really = store.point

    def pointed(snapshot_id: str) -> None:
        held = [folder.name for folder in folders if snapshot_id in published_ids(folder)]
        seen.append((held, any(current_or_none(folder) == snapshot_id for folder in folders)))
        really(snapshot_id)

    with Machines(store, folders) as machines, pytest.MonkeyPatch.context() as patched:
        wait_until(lambda: len(store.machines()) == 2)
        patched.setattr(store, "point", pointed)
        report = night(tmp_path / "night", store, 4)
        assert report.snapshot is not None
        machines.wait_until_all_serve(report.snapshot)
    assert seen == [(["one", "two"], False)]
    assert (report.notices, store.next(), store.current()) == ([], None, report.snapshot)


def test_machine_that_does_not_fetch_is_waited_for_as_long_as_is_set(store: SnapshotStore, tmp_path: Path) -> None:
    store.beat("stuck", [], None)
    began = time.monotonic()
    report = night(tmp_path, store, 4, wait_s=1.5)
    assert time.monotonic() - began >= 1.5
    assert store.current() == current_or_none(tmp_path) == report.snapshot
    assert any("not waited for any longer, after 1.5 s: stuck" in notice for notice in report.notices)


def test_machine_that_fell_silent_before_it_held_it_is_named(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.beat("silent", [], None)
    really, told = share.machines, list[list[Machine]]()

    def heard() -> list[Machine]:
        told.append(really() if not told else [])
        return told[-1]

    monkeypatch.setattr(share, "machines", heard)
    report = night(tmp_path, share, 4)
    assert report.notices == [
        "not waited for, as nothing is heard of them any more: silent; each fetches it when it is back"
    ]


def pointing_first(store: SnapshotStore, snapshot_id: str, then: Callable[..., Any]) -> Callable[..., Any]:
    """Return what somebody rolls back just before."""

    def rolled_back(*given: Any) -> Any:
        store.point(snapshot_id)
        return then(*given)

    return rolled_back


def test_what_is_served_stays_in_the_store_though_somebody_rolled_back_meanwhile(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = (str(night(tmp_path, share, count).snapshot) for count in (4, 5))
    with monkeypatch.context() as patched:  # at another machine's desk, while this one clears its own folder up
        patched.setattr(share, "ids", pointing_first(share, first, share.ids))
        third = str(night(tmp_path, share, 6).snapshot)
    assert (share.current(), share.ids()) == (first, [first, third])
    with monkeypatch.context() as patched:  # and even between two that are removed
        share.point(str(night(tmp_path, share, 7, keep=3).snapshot))
        patched.setattr(share, "remove", pointing_first(share, third, share.remove))
        Delivery(share, 0, keep=1).clear_up(tmp_path, str(share.current()), Report())
    assert share.current() == third
    assert share.holds(third)


def test_what_stays_in_a_store_that_fails_is_not_known(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = [str(night(tmp_path, share, count, keep=3).snapshot) for count in (4, 5, 6)][-1]

    def fail(*_: object) -> None:
        raise SnapshotStoreUnavailable(share.url, "it is gone")

    monkeypatch.setattr(share, "remove", fail)
    report = Report()
    assert Delivery(share, 0, keep=1).clear_up(tmp_path, last, report) is None
    assert "it is gone" in report.notices[0]


def test_what_was_removed_in_the_moment_in_which_it_was_rolled_back_to_is_copied_back(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = (str(night(tmp_path, share, count, keep=3).snapshot) for count in (4, 5))
    really = share.remove

    def removed(snapshot_id: str) -> None:
        really(snapshot_id)
        if snapshot_id == first:
            share.point(first)

    monkeypatch.setattr(share, "remove", removed)
    night(tmp_path, share, 6, keep=2)
    assert share.current() == first
    assert share.holds(first)


def test_rollback_while_a_night_is_handed_round_ends_nothing(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (str(night(tmp_path / "night", store, count).snapshot) for count in (4, 5))
    really, waited_for = store.machines, threading.Event()

    def rolled_back() -> list[Machine]:
        if waited_for.is_set():
            return really()
        store.turn_back(first)  # by another machine's desk, just when this night has begun to wait
        found = really()
        waited_for.set()
        return found

    def fetched(*given: Any) -> int:
        waited_for.wait(WAIT_SECONDS_MAX)  # who holds it by then is not waited for
        return fetch(*given)

    with Machines(store, [tmp_path / "one"]) as machines, monkeypatch.context() as patched:
        machines.wait_until_all_serve(second)
        patched.setattr(following_module, "fetch", fetched)
        patched.setattr(store, "machines", rolled_back)
        store.beat("one", [], None)
        report = night(tmp_path / "night", store, 6)
        machines.wait_until_all_serve(str(report.snapshot))
    assert report.notices == [f"{first} was made the current one while this night was handed round"]


@pytest.mark.parametrize("damaged", [1, 100])
def test_what_is_damaged_in_the_store_is_sent_anew_and_not_served_while_it_is(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: int
) -> None:
    monkeypatch.setattr(following_module, "PAUSE_SECONDS", 0.1)
    first = str(night(tmp_path / "night", store, 4).snapshot)
    really, left = objects.Objects.write, [*range(damaged)]
    send_anew = Delivery._send_anew

    def write(there: Objects, name: str, content: bytes | Path) -> None:
        if name.endswith("/cards.bin") and left:
            left.pop()
            content = b"?" * len(Path(content).read_bytes() if isinstance(content, Path) else content)
        really(there, name, content)

    def sent_anew(delivery: Delivery, *given: Any) -> None:
        send_anew(delivery, *given)
        if damaged > 1:  # nobody will hold it, however long it is waited for
            object.__setattr__(delivery, "wait_s", 1.0)

    with Machines(store, [tmp_path / "one"]) as machines, monkeypatch.context() as patched:
        machines.wait_until_all_serve(first)
        patched.setattr(objects.Objects, "write", write)
        patched.setattr(Delivery, "_send_anew", sent_anew)
        report = Report()
        with suppress(SnapshotStoreUnavailable):
            night(tmp_path / "night", store, 5, report=report)
        machines.wait_until_all_serve(str(report.served) if damaged == 1 else first)
        assert store.current() == (report.served if damaged == 1 else first)
        assert "sent to the snapshot store anew, where it was damaged for one" in report.notices
    if damaged > 1:  # the store is well again
        with rolling_back(tmp_path / "night", report.snapshot, store=store) as (wanted, _):
            serve_again(tmp_path / "night", wanted, store)
        assert store.current() == wanted
        fetch(store, tmp_path / "fresh", wanted)


def test_store_keeps_as_many_as_the_folder(store: SnapshotStore, tmp_path: Path) -> None:
    ids = [str(night(tmp_path, store, count).snapshot) for count in (4, 5, 6)]
    assert (store.ids(), published_ids(tmp_path)) == (ids[1:], ids[1:])


def test_night_that_is_refused_delivers_nothing(store: SnapshotStore, tmp_path: Path) -> None:
    first = night(tmp_path, store, 10).snapshot
    with pytest.raises(GateFailed):
        night(tmp_path, store, 2, limits=Limits())
    assert (store.ids(), store.current(), store.next()) == ([first], first, None)


def test_night_begins_with_what_all_serve(store: SnapshotStore, tmp_path: Path) -> None:
    first, second = (str(night(tmp_path / "one", store, count).snapshot) for count in (4, 5))
    store.point(first)  # rolled back on a machine of the service
    report = night(tmp_path / "one", store, 6)
    assert report.parent == first
    other = night(tmp_path / "other", store, 7)  # a machine that has never run one
    assert (other.parent, other.articles_before) == (report.snapshot, 6)
    assert second != first


@pytest.mark.parametrize("well", [True, False])
def test_night_that_has_nothing_to_compare_with_ends_where_the_store_does_not_tell_it(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, well: bool
) -> None:
    first = night(tmp_path / "one", share, 40, wait_s=0).snapshot
    if not well:  # at the beginning alone; it is there again when the night would deliver
        really = share.current
        told = iter([SnapshotStoreUnavailable(share.url, "a moment away")])

        def away() -> str | None:
            for error in told:
                raise error
            return really()

        monkeypatch.setattr(share, "current", away)
    with pytest.raises(SourceShrunk if well else SnapshotStoreUnavailable, match="--force"):
        night(tmp_path / "new", share, 5, wait_s=0, limits=Limits())
    assert share.current() == first
    forced = night(tmp_path / "new", share, 5, wait_s=0, limits=Limits(force=True))
    assert share.current() == forced.snapshot


def test_night_with_one_of_its_own_goes_on_without_knowing_what_is_served(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night(tmp_path, share, 4)
    with monkeypatch.context() as patched:
        gone = SnapshotStoreUnavailable(share.url, "a moment away")
        patched.setattr(share, "current", lambda: (_ for _ in ()).throw(gone))
        report = night(tmp_path, share, 5)
    assert share.current() == report.snapshot
    assert any("is not known here" in notice for notice in report.notices)


def test_night_with_the_store_of_another_site_changes_nothing(share: SnapshotStore, tmp_path: Path) -> None:
    """The environment of the coast's night was left for the city's."""
    coast, city = (SnapshotStore(share.url, site) for site in ("coast", "city"))
    served = night(tmp_path / "coast", coast, 6).snapshot
    trams = [article(f"city{number}", title=f"Of the city {number}", body="x y z trams") for number in range(6)]
    build_index([GivenArticles(trams)], tmp_path / "city", HashEncoder, Limits(gates=ANY_NIGHT), Report(), Silent())
    own = current_or_none(tmp_path / "city")
    for folder in ("city", "first night of another"):
        with pytest.raises(SnapshotStoreOfAnotherSite, match="of the site coast"):
            night(tmp_path / folder, city, 6, given=trams, limits=Limits(gates=ANY_NIGHT, force=True))
    assert (current_or_none(tmp_path / "city"), published_ids(tmp_path / "city")) == (own, [own])
    assert (coast.current(), coast.ids()) == (served, [served])


def test_store_that_is_gone_ends_the_night_and_the_snapshot_is_delivered_later(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "TRIES_MAX", 1)
    store = SnapshotStore(f"s3://{s3.bucket()}")
    first = str(night(tmp_path, store, 4).snapshot)
    s3.wire.gone = True
    s3.wire.cut()
    with pytest.raises(SnapshotStoreUnavailable, match="seealso rollback") as raised:
        night(tmp_path, store, 5)
    s3.wire.gone = False
    (late,) = [each for each in published_ids(tmp_path) if each != first]
    assert late in str(raised.value)
    assert (current_or_none(tmp_path), store.current(), store.ids()) == (first, first, [first])
    with rolling_back(tmp_path, late, store=store) as (wanted, before):
        serve_again(tmp_path, wanted, store)
    assert (before, store.current(), current_or_none(tmp_path), store.ids()) == (first, late, late, [first, late])


def test_nights_that_deliver_nothing_do_not_pile_up_and_the_last_may_be_delivered(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise SnapshotStoreUnavailable(share.url, "gone")

    first, last, report = night(tmp_path, share, 4).snapshot, "", Report()
    monkeypatch.setattr(share, "push", away)
    for count in (5, 6, 7, 8):
        report = Report()
        with pytest.raises(SnapshotStoreUnavailable, match="seealso rollback"):
            night(tmp_path, share, count, limits=Limits(keep=1, gates=ANY_NIGHT), report=report)
        last = str(report.snapshot)
        assert first in published_ids(tmp_path)
        assert last in published_ids(tmp_path)
    assert len(published_ids(tmp_path)) == 3  # of the night before, too, until the next begins
    assert len(report.removed_snapshots) == 1


def test_cut_is_tried_again(store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0
    really = Objects.write

    def failing(there: Objects, name: str, content: bytes | Path) -> None:
        nonlocal tries
        tries += 1
        if tries in (3, 9):
            raise SnapshotStoreUnavailable(there.url, "cut")
        really(there, name, content)

    monkeypatch.setattr(Objects, "write", failing)
    report = night(tmp_path, store, 4)
    assert (store.current(), store.ids()) == (report.snapshot, [report.snapshot])


def test_last_step_that_came_through_is_no_failure(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = store.hand_round

    def failing(snapshot_id: str | None) -> None:
        if snapshot_id is None:
            raise SnapshotStoreUnavailable(store.url, "cut")
        really(snapshot_id)

    monkeypatch.setattr(store, "hand_round", failing)
    report = night(tmp_path, store, 4)
    assert store.current() == current_or_none(tmp_path) == report.snapshot
    assert any(notice.startswith("delivered, but") for notice in report.notices)


def test_night_that_is_stopped_once_the_store_points_to_its_snapshot_says_what_is_served(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, stopped = share.hand_round, Report()

    def stop(snapshot_id: str | None) -> None:
        really(snapshot_id)
        if snapshot_id is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(share, "hand_round", stop)
    with pytest.raises(KeyboardInterrupt):
        night(tmp_path, share, 4, report=stopped)
    assert stopped.served == share.current() is not None


def test_what_did_not_become_current_is_not_handed_round_any_more(
    share: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = night(tmp_path, share, 4).snapshot
    with monkeypatch.context() as patched:
        cut = SnapshotStoreUnavailable(share.url, "cut")
        patched.setattr(share, "point", lambda _: (_ for _ in ()).throw(cut))
        with pytest.raises(SnapshotStoreUnavailable, match="seealso rollback"):
            night(tmp_path, share, 5)
    assert (share.current(), share.next()) == (first, None)
    share.hand_round(published_ids(tmp_path)[-1])  # a night that was killed left it
    serve_again(tmp_path, published_ids(tmp_path)[-1], share)
    assert share.next() is None


def test_killed_before_the_pointer_nothing_is_served(store: SnapshotStore, tmp_path: Path) -> None:
    first = str(night(tmp_path, store, 4).snapshot)
    with pytest.MonkeyPatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(store, "point", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        night(tmp_path, store, 5)
    assert (store.current(), current_or_none(tmp_path)) == (first, first)
    third = night(tmp_path, store, 6)
    assert store.current() == current_or_none(tmp_path) == third.snapshot
    assert snapshot_folder(tmp_path, str(third.snapshot)).is_dir()


def test_what_the_store_keeps_may_be_served_again(store: SnapshotStore, tmp_path: Path) -> None:
    ids = [str(night(tmp_path / name, store, count).snapshot) for name, count in (("one", 4), ("other", 5))]
    told = Delivery(store, 1, keep=2).manifests()
    assert [(each.id, each.counts.articles) for each in told] == [(ids[0], 4), (ids[1], 5)]
