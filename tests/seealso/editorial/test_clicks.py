from datetime import date, timedelta

import pytest

from seealso.editorial.clicks import (
    DAYS_KEPT,
    Count,
    Rate,
    Spot,
    add_counts,
    forget_counts,
    full_days,
    interval,
    read_counts,
    read_rates,
)
from seealso.editorial.store import Store

DAY = date(2026, 11, 28)


def spot(item: str = "x", slot: int = 1, day: date = DAY, article: str = "a", block: str = "") -> Spot:
    return Spot(day.isoformat(), article, item, slot, block)


def test_counts_add_up_whoever_adds_them(store: Store, other: Store) -> None:
    add_counts(store, {spot(): Count(3, 1), spot("y", 2): Count(3, 0)})
    add_counts(other, {spot(): Count(4, 1)})
    full = full_days(store, {DAY.isoformat(), "2020-01-01"}, 2)
    assert full == {DAY.isoformat()}
    assert full_days(store, {DAY.isoformat()}, 3) == set()
    left_out = add_counts(other, {spot(): Count(1, 0), spot("new"): Count(9, 9), spot("new", 2): Count(8, 0)}, full)
    assert sorted(left_out) == [Count(8, 0), Count(9, 9)]
    assert add_counts(other, {spot("new"): Count(9, 9)}, full) == [Count(9, 9)]
    assert list(read_counts(store)) == [(spot(), Count(8, 2)), (spot("y", 2), Count(3, 0))]
    assert (store.sequence(), store.counter.numbers[0]) == (0, 0)


def test_rates_are_added_up_by_what_is_asked(store: Store) -> None:
    later = DAY + timedelta(days=1)
    add_counts(
        store,
        {
            spot("x", 1): Count(10, 2),
            spot("x", 2, later): Count(10, 0),
            spot("y", 1, later, "b", "below"): Count(5, 1),
        },
    )

    def found(by: str, **given: object) -> list[tuple[dict[str, object], int, int]]:
        return [(rate.of, rate.shown, rate.clicked) for rate in read_rates(store, by, **given)]  # type: ignore[arg-type]

    assert found("item") == [({"item": "x"}, 20, 2), ({"item": "y"}, 5, 1)]
    assert found("slot") == [({"slot": 1}, 15, 3), ({"slot": 2}, 10, 0)]
    assert found("pair") == [({"article": "a", "item": "x"}, 20, 2), ({"article": "b", "item": "y"}, 5, 1)]
    assert found("day") == [({"day": "2026-11-29"}, 15, 1), ({"day": "2026-11-28"}, 10, 2)]
    assert found("block", article="a") == [({"block": ""}, 20, 2)]
    assert found("article", first=later) == [({"article": "a"}, 10, 0), ({"article": "b"}, 5, 1)]
    assert found("item", last=DAY, item="x", most=1) == [({"item": "x"}, 10, 2)]


@pytest.mark.parametrize(
    ("clicked", "shown", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (3, 100, 0.0103, 0.0845), (50, 100, 0.4038, 0.5962)],
)
def test_interval_is_wilsons(clicked: int, shown: int, low: float, high: float) -> None:
    assert interval(clicked, shown) == pytest.approx((low, high), abs=5e-4)


def test_what_was_clicked_more_often_than_shown_has_no_share(store: Store) -> None:
    add_counts(store, {spot("x"): Count(1, 2), spot("y"): Count(0, 1)})
    assert read_rates(store, "item") == [
        Rate({"item": "x"}, 1, 2, None, None, None),
        Rate({"item": "y"}, 0, 1, None, None, None),
    ]


def test_counts_are_forgotten_after_a_year_and_a_month(store: Store) -> None:
    add_counts(store, {spot(day=DAY - timedelta(days=DAYS_KEPT)): Count(1, 0)})
    add_counts(store, {spot(day=DAY - timedelta(days=DAYS_KEPT + 1)): Count(1, 0)})
    assert forget_counts(store, DAY) == 1
    assert len(list(read_counts(store))) == 1


def test_all_counts_are_read_page_by_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seealso.editorial.clicks.READ_AT_ONCE", 3)
    counts = {
        Spot("2026-11-28", f"a{n % 4}", f"x{n}", 1 + n % 2, "", "t:a" * (n % 2)): Count(n + 1, 1) for n in range(11)
    }
    add_counts(store, counts)
    read = list(read_counts(store))
    assert dict(read) == counts
    assert len(read) == len(counts)
