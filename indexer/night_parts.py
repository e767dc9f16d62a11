"""What a section of the night's page is made of: plots, tables and lists -> parts with their place on the page.

It knows how counts are folded, so that sixty sections or three hundred months look right, but not what is counted.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from indexer.plots import Chart, Column, Dots, Role, Rows, plot_columns, plot_histogram, plot_rows
from indexer.wording import count_text, cut_text, share_text

# As many rows as one looks at; the rest is one row more.
ROWS_MAX = 15
# More months than these are years, more years than these only those that have articles.
MONTHS_MAX = 36
YEARS_MAX = 40
# Of more months than these, only years are named.
MONTHS_NAMED_MAX = 14
# As many columns as can have their name under them on a telephone.
TICKS_MAX = 6

Verdict = Literal["passed", "failed", "overridden", "not measured"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; the first cell of a row is its heading. The columns in `counts` are numbers."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    counts: frozenset[int] = frozenset()
    kind: Literal["table"] = field(default="table", init=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate and what came of it; `said` is what was measured in words, `reason` why there is such a limit."""

    name: str
    verdict: Verdict
    value: str
    limit: str
    said: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gates:
    """Every gate, those that failed first."""

    gates: tuple[Gate, ...]
    kind: Literal["gates"] = field(default="gates", init=False)


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of titles, each under a heading: the articles of a story."""

    lists: tuple[tuple[str, tuple[str, ...]], ...]
    kind: Literal["lists"] = field(default="lists", init=False)


@dataclass(frozen=True, slots=True)
class Part:
    """Something to look at: over the page's width, or beside the next one, or beside the next two (tall).

    `numbers` says the same for who would rather read.
    """

    shown: Chart | Dots | Rows | Table | Gates | Lists
    place: Literal["half", "wide", "tall"] = "half"
    numbers: Table | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One subject of the page; `anchor` is its address within it."""

    anchor: str
    title: str
    said: str
    parts: tuple[Part, ...] = ()


def part_of_months(by_month: Mapping[str, int]) -> Part:
    """Return columns of articles by month ("2026-11"), or by year where there are many months."""
    counts, what = periods_of(by_month)
    names = list(counts)
    if what == "month" and len(names) > MONTHS_NAMED_MAX:
        ticks = [name[:4] if name.endswith("-01") else "" for name in names]
    else:
        stride = -(-len(names) // TICKS_MAX)
        ticks = [name if number % stride == 0 else "" for number, name in enumerate(names)]
    columns = [Column(name, counts[name], tick) for name, tick in zip(names, ticks, strict=True)]
    said = f"Articles by {what}, from {names[0]} to {names[-1]}"
    return Part(
        plot_columns(said, f"{what} of publication", "articles", columns),
        place="wide",
        numbers=table_of(said, what, "articles", counts),
    )


def periods_of(by_month: Mapping[str, int]) -> tuple[dict[str, int], Literal["month", "year"]]:
    """Return articles by month, or by year where there are many months, with 0 for those between that have none.

    Years that are spread too far for that are only those which have articles, the earliest of them as one.
    """
    months = {name: count for name, count in by_month.items() if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", str(name))}
    if not months:
        return {"no month": sum(by_month.values())}, "month"
    first, last = (int(name[:4]) * 12 + int(name[5:]) - 1 for name in (min(months), max(months)))
    if last - first < MONTHS_MAX:
        names = (f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1))
        return {name: months.get(name, 0) for name in names}, "month"
    years: Counter[str] = Counter()
    for name, count in months.items():
        years[name[:4]] += count
    if last // 12 - first // 12 < YEARS_MAX:
        return {f"{year:04}": years[f"{year:04}"] for year in range(first // 12, last // 12 + 1)}, "year"
    known = sorted(years)
    kept = known[-YEARS_MAX:]
    earlier = {f"before {kept[0]}": sum(years[year] for year in known[:-YEARS_MAX])} if len(known) > YEARS_MAX else {}
    return earlier | {year: years[year] for year in kept}, "year"


def part_of_histogram(
    found: Mapping[str, Any], said: str, across: str, times: int, place: Literal["half", "wide"]
) -> Part:
    """Return columns of a histogram of articles ("edges" and "counts"), its edges multiplied."""
    edges, counts = [times * edge for edge in found["edges"]], found["counts"]
    by_bin = {f"{low:g} to {high:g}": count for low, high, count in zip(edges, edges[1:], counts, strict=False)}
    return Part(
        plot_histogram(said, across, "articles", edges, counts),
        place=place,
        numbers=table_of(said, across, "articles", by_bin),
    )


def rows_of(counts: Mapping[str, int], said: str, whole: int = 0, keep: int = ROWS_MAX, role: Role = "ours") -> Rows:
    """Return counts as bars, the largest first and the rest as one, with their shares of the whole unless it is 0."""
    items = sorted(counts.items(), key=lambda item: -item[1])
    kept = [(cut_text(name or "none"), count) for name, count in items[:keep]]
    if rest := items[keep:]:
        kept.append((f"{len(rest):,} others", sum(count for _, count in rest)))
    rows = [(name, count, count_text(count), share_text(count / whole) if whole else "") for name, count in kept]
    return plot_rows(said, rows, {name: "even" if number >= keep else role for number, (name, _) in enumerate(kept)})


def table_of(caption: str, of: str, what: str, counts: Mapping[str, int]) -> Table:
    """Return counts as a table: what they are of, and what is counted."""
    rows = tuple((name, f"{count:,}") for name, count in counts.items())
    return Table(caption, (of, what), rows, frozenset({1}))
