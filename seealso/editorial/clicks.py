"""What readers were shown and clicked, counted by day, article, item, place, block and team. Nobody is told apart.

In: counts that have been added up in memory. Out: shares of clicks, each with the interval in which it truly lies.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from seealso.editorial.schema import clicks
from seealso.editorial.store import Store

By = Literal["item", "article", "pair", "slot", "day", "block", "team"]
# So many days are kept: a year, and the month that it is compared with.
DAYS_KEPT = 400
READ_AT_ONCE = 10_000
# Who decides something waits for who adds counts: not for many.
ADDED_AT_ONCE = 1_000
# Of the normal distribution: 95 % lie within so many deviations.
Z95 = 1.959964
_COLUMNS: dict[By, tuple[str, ...]] = {
    "item": ("item",),
    "article": ("article",),
    "pair": ("article", "item"),
    "slot": ("slot",),
    "day": ("day",),
    "block": ("block",),
    "team": ("team",),
}


class Spot(NamedTuple):
    """Where something was shown or clicked: day (ISO), article, item, place in the block from 1 on, its name, and team.

    A team is one of a trial's two, 'NAME:a' or 'NAME:b'; '' where there is no trial.
    """

    day: str
    article: str
    item: str
    slot: int
    block: str
    team: str = ""


class Count(NamedTuple):
    """How often."""

    shown: int
    clicked: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Counts of what `of` names, and the share of clicks: between `low` and `high` with 95 % certainty."""

    of: dict[str, Any]
    shown: int
    clicked: int
    share: float | None
    low: float | None
    high: float | None


def full_days(store: Store, days: Collection[str], most: int) -> set[str]:
    """Return of which days so many counts, or more, are kept already. Raises StoreUnavailable."""
    asked = sa.select(clicks.c.day).where(clicks.c.day.in_(days)).group_by(clicks.c.day)
    with store.reading() as connection:
        return set(connection.execute(asked.having(sa.func.count() >= most)).scalars())


def add_counts(store: Store, counts: Mapping[Spot, Count], full: Collection[str] = ()) -> list[Count]:
    """Add counts to what is counted already, all or none; return those left out.

    Of days that are `full` nothing is taken that is not counted already. Raises StoreUnavailable.
    """
    new = [spot for spot in counts if spot.day in full]
    key = [clicks.c[name] for name in Spot._fields]
    with store.adding() as connection:
        asked = sa.select(*key).where(sa.tuple_(*key).in_(new))
        left_out = set(new) - {Spot(*row) for row in connection.execute(asked)} if new else set()
        # In one order, so that two who add at once wait for each other and not each for the other.
        rows = [spot._asdict() | count._asdict() for spot, count in sorted(counts.items()) if spot not in left_out]
        if rows:
            added = _insert_of(store)(clicks)
            more = {name: clicks.c[name] + added.excluded[name] for name in Count._fields}
            connection.execute(added.on_conflict_do_update(index_elements=Spot._fields, set_=more), rows)
    return [counts[spot] for spot in left_out]


def forget_counts(store: Store, today: date) -> int:
    """Remove what is older than DAYS_KEPT, and return how many counts that were. Raises StoreUnavailable."""
    first = (today - timedelta(days=DAYS_KEPT)).isoformat()
    with store.adding() as connection:
        return int(connection.execute(clicks.delete().where(clicks.c.day < first)).rowcount)


def read_rates(
    store: Store,
    by: By,
    first: date | None = None,
    last: date | None = None,
    article: str | None = None,
    item: str | None = None,
    most: int | None = None,
    most_clicked: bool = False,
) -> list[Rate]:
    """Return counts, added up: those shown most first, or those clicked most. `first` and `last`: days, both included.

    Raises StoreUnavailable.
    """
    columns = [clicks.c[name] for name in _COLUMNS[by]]
    shown, clicked = sa.func.sum(clicks.c.shown), sa.func.sum(clicks.c.clicked)
    asked = sa.select(*columns, shown.label("shown"), clicked.label("clicked")).group_by(*columns)
    order = (clicked.desc(), shown) if most_clicked else (shown.desc(),)
    asked = asked.where(*_within(first, last, article, item)).order_by(*order, *columns).limit(most)
    with store.reading() as connection:
        return [_rate(row._mapping, by) for row in connection.execute(asked)]


def read_counts(store: Store, first: date | None = None, last: date | None = None) -> Iterator[tuple[Spot, Count]]:
    """Yield all counts, in the order of days, articles, places. Raises StoreUnavailable."""
    order = [clicks.c[name] for name in ("day", "article", "block", "slot", "item", "team")]
    asked = sa.select(clicks).where(*_within(first, last, None, None)).order_by(*order).limit(READ_AT_ONCE)
    last_key: list[Any] | None = None
    while True:
        # Each page by itself: whoever writes a table may take long, and no connection is held as long.
        page = asked if last_key is None else asked.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, last_key)))
        with store.reading() as connection:
            rows = connection.execute(page).all()
        for row in rows:
            yield Spot(row.day, row.article, row.item, row.slot, row.block, row.team), Count(row.shown, row.clicked)
        if len(rows) < READ_AT_ONCE:
            return
        last_key = [getattr(rows[-1], column.name) for column in order]


def interval(clicked: int, shown: int) -> tuple[float, float]:
    """Return between what the true share lies, with 95 % certainty (Wilson 1927)."""
    share, spread = clicked / shown, Z95 * Z95 / shown
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / shown + spread / (4 * shown)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def _insert_of(store: Store) -> Any:
    """Return the INSERT of a store's database, which knows what to do where there is a row already."""
    if store.shared:
        from sqlalchemy.dialects import postgresql  # a tenth of what the service imports; most do without

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert


def _within(first: date | None, last: date | None, article: str | None, item: str | None) -> list[Any]:
    limits = [
        None if first is None else clicks.c.day >= first.isoformat(),
        None if last is None else clicks.c.day <= last.isoformat(),
        None if article is None else clicks.c.article == article,
        None if item is None else clicks.c.item == item,
    ]
    return [limit for limit in limits if limit is not None]


def _rate(row: Any, by: By) -> Rate:
    of = {name: row[name] for name in _COLUMNS[by]}
    shown, clicked = int(row["shown"]), int(row["clicked"])
    # A click whose view was not counted has no share: its page was open before counting began.
    if not shown or clicked > shown:
        return Rate(of, shown, clicked, None, None, None)
    low, high = interval(clicked, shown)
    return Rate(of, shown, clicked, clicked / shown, low, high)
