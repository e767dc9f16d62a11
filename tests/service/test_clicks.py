import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import service.clicks
from seealso.editorial.clicks import Count, Spot, read_counts
from seealso.editorial.purges import DONE_DAYS, add_purge_in, note_done, read_purges
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable
from service.clicks import Clicks, is_bot

SPOT = Spot("2026-11-28", "a", "x", 1, "")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def kept(store: Store) -> dict[Spot, Count]:
    return dict(read_counts(store))


@pytest.mark.parametrize(
    ("agent", "purpose", "bot"),
    [
        (FIREFOX, "", False),
        (SAFARI, "", False),
        ("Mozilla/5.0 (Linux; Android 14; Cubot P80) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "", False),
        ("", "", True),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", True),
        ("facebookexternalhit/1.1", "", True),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/126.0 Safari/537.36", "", True),
        ("python-requests/2.32", "", True),
        ("curl/8.5", "", True),
        (FIREFOX, "prefetch;prerender", True),
        (FIREFOX, "preview", True),
    ],
)
def test_programs_and_unseen_pages_are_told_from_readers(agent: str, purpose: str, bot: bool) -> None:
    assert is_bot(agent, purpose) is bot


def test_counts_are_added_up_and_put_away(store: Store) -> None:
    fates: list[tuple[str, int]] = []
    clicks = Clicks(store, told=lambda fate, count: fates.append((fate, count)))
    for _ in range(3):
        clicks.count([SPOT, SPOT._replace(item="y", slot=2)], clicked=False)
    clicks.count([SPOT], clicked=True)
    assert clicks.put_away() == 2
    assert kept(store) == {SPOT: Count(3, 1), SPOT._replace(item="y", slot=2): Count(3, 0)}
    assert sum(count for fate, count in fates if fate == "counted") == 7
    assert clicks.put_away() == 0
    clicks.count([SPOT], clicked=False)
    clicks.close()
    assert kept(store)[SPOT] == Count(4, 1)


def test_sample_counts_for_all(store: Store) -> None:
    clicks = Clicks(store, every=10)
    taken = sum(clicks.sampled() for _ in range(20_000))
    assert 1_700 < taken < 2_300
    clicks.count([SPOT], clicked=False)
    clicks.put_away()
    assert kept(store)[SPOT] == Count(10, 0)


def test_what_there_is_no_room_for_is_dropped_and_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.clicks, "SPOTS_MAX", 2)
    fates: dict[str, int] = {}
    clicks = Clicks(store, told=lambda fate, count: fates.update({fate: fates.get(fate, 0) + count}))
    clicks.count([SPOT._replace(slot=slot) for slot in range(1, 6)], clicked=False)
    clicks.count([SPOT], clicked=False)
    assert fates == {"counted": 3, "dropped": 3}
    clicks.put_away()
    assert kept(store) == {SPOT: Count(2, 0), SPOT._replace(slot=2): Count(1, 0)}


def test_day_that_is_full_takes_no_new_places_and_counts_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.clicks, "SPOTS_OF_DAY_MIN", 4)
    monkeypatch.setattr(service.clicks, "ADDED_AT_ONCE", 2)
    fates: dict[str, int] = {}
    clicks = Clicks(store, 10, lambda fate, count: fates.update({fate: fates.get(fate, 0) + count}))
    known = [SPOT._replace(slot=slot) for slot in range(1, 6)]
    clicks.count(known, clicked=False)
    assert clicks.put_away() == 5
    new, next_day = SPOT._replace(block="made up"), SPOT._replace(day="2026-11-29")
    clicks.count([*known, new, new, next_day], clicked=False)
    assert clicks.put_away() == 6
    assert fates["dropped"] == 2
    assert kept(store) == dict.fromkeys(known, Count(20, 0)) | {next_day: Count(10, 0)}
    monkeypatch.setattr(service.clicks, "SPOTS_PER_ARTICLE", 2)
    more = Clicks(store, articles=lambda: 3)
    more.count([new], clicked=True)
    assert more.put_away() == 1


def test_what_cannot_be_put_away_is_kept_for_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clicks = Clicks(store)
    clicks.count([SPOT], clicked=False)

    def refuse(*_: object) -> None:
        clicks.count([SPOT], clicked=True)  # another thread's, meanwhile
        raise StoreUnavailable("the store", "locked")

    with monkeypatch.context() as broken:
        broken.setattr(service.clicks, "add_counts", refuse)
        with pytest.raises(StoreUnavailable):
            clicks.put_away()
    clicks.put_away()
    assert kept(store) == {SPOT: Count(1, 1)}


def test_many_threads_lose_nothing(store: Store) -> None:
    clicks = Clicks(store)

    def count() -> None:
        for _ in range(500):
            clicks.count([SPOT], clicked=False)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        clicks.put_away()
    for thread in threads:
        thread.join()
    clicks.put_away()
    assert kept(store) == {SPOT: Count(4_000, 0)}


def test_without_a_store_nothing_is_kept() -> None:
    clicks = Clicks(None)
    clicks.count([SPOT], clicked=False)
    assert clicks.put_away() == 0
    clicks.close()


def test_purges_are_forgotten_also_where_none_are_sent(store: Store) -> None:
    with store.writing() as writing:
        writing.record("ann", "takedown", "a", None, None)
        add_purge_in(writing, {"keys": ["article:a"]})
    note_done(store, 1, "ann", datetime.now(UTC) - timedelta(days=DONE_DAYS, seconds=1))
    Clicks(store)._forget(datetime.now(UTC))
    with store.reading() as connection:
        assert read_purges(connection, None, 9) == []
