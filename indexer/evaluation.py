"""One or two snapshots measured against gold, and how that is told: as a table, and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from indexer.evaluate import (
    SHOWN_ITEMS,
    Difference,
    Interval,
    Quality,
    Shape,
    difference,
    interval,
    lists_of,
    measure,
    shape,
)
from indexer.gold import Gold
from seealso.errors import NothingToIndex
from seealso.snapshot.reader import Snapshot


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found of one snapshot."""

    snapshot: str
    means: dict[str, Interval]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found of a snapshot, of the one it was held against, and of their difference."""

    queries: int
    skipped: int
    ours: Measured
    theirs: Measured | None
    differences: dict[str, Difference]

    @classmethod
    def of(cls, ours: Snapshot, theirs: Snapshot | None, gold: Gold) -> "Evaluation":
        """Measure one snapshot, or two on the queries that both can answer.

        Raises NothingToIndex if no query has a related article in the index.
        """
        our_lists = lists_of(ours)
        our_quality = measure(our_lists, gold)
        their_lists = lists_of(theirs) if theirs else {}
        if theirs:
            # Only what both know is compared: a query's gold is what of it stands in both.
            shared = {
                query: {
                    article: grade
                    for article, grade in related.items()
                    if article in our_lists and article in their_lists
                }
                for query, related in gold.items()
                if query in our_lists and query in their_lists
            }
            our_quality = measure(our_lists, shared)
        if not our_quality.queries:
            raise NothingToIndex(
                f"none of the {len(gold):,} queries of the gold has a related article in snapshot {ours.id}; "
                "name a gold file of this newsroom, or give its articles editor_related"
            )
        their_quality = measure(their_lists, shared) if theirs else None
        return cls(
            queries=len(our_quality.queries),
            skipped=len(gold) - len(our_quality.queries),
            ours=_measured(ours, our_quality, shape(our_lists, ours)),
            theirs=_measured(theirs, their_quality, shape(their_lists, theirs)) if theirs and their_quality else None,
            differences={
                name: difference(values, their_quality.values[name]) for name, values in our_quality.values.items()
            }
            if their_quality
            else {},
        )

    def as_json(self) -> dict[str, Any]:
        """Return all that was found as JSON takes it."""
        return asdict(self)

    def show(self, console: Console) -> None:
        """Print what was found for a person."""
        skipped = f", {self.skipped:,} left out (not in the index, or nothing related in it)" if self.skipped else ""
        console.print(f"{self.queries:,} queries{skipped}\n")
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("", self.ours.snapshot, *([self.theirs.snapshot, "difference", "p"] if self.theirs else [])):
            table.add_column(column, justify="left" if not column else "right", no_wrap=True)
        for name, mean in self.ours.means.items():
            cells = [_spread(mean)]
            if self.theirs:
                gap = self.differences[name]
                cells += [_spread(self.theirs.means[name]), _spread(gap, sign="+"), f"{gap.p:.4f}"]
            table.add_row(name, *cells)
        for name, ours, theirs in zip(
            _SHAPE_NAMES,
            _shape_cells(self.ours.shape),
            _shape_cells(self.theirs.shape if self.theirs else None),
            strict=True,
        ):
            table.add_row(name, ours, *([theirs] if self.theirs else []))
        console.print(table)


_SHAPE_NAMES = (
    "articles that some list shows",
    "never shown",
    "shown most",
    f"diversity of {SHOWN_ITEMS}",
    "empty lists",
)


def _measured(snapshot: Snapshot, quality: Quality, found: Shape) -> Measured:
    return Measured(snapshot.id, {name: interval(values) for name, values in quality.values.items()}, found)


def _spread(found: Interval | Difference, sign: str = "") -> str:
    return f"{found.mean:{sign}.3f}  ({found.low:{sign}.3f} to {found.high:{sign}.3f})"


def _shape_cells(found: Shape | None) -> tuple[str, ...]:
    if found is None:
        return ("",) * len(_SHAPE_NAMES)
    article, times = found.most_shown
    return (
        f"{found.coverage:.1%}",
        f"{found.never_shown:,}",
        f"{article}, in {times:,} of {found.lists:,}",
        f"{found.diversity:.3f}",
        f"{found.empty:,}",
    )
