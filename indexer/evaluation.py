"""Rankings measured against gold side by side, and how that is told: as a table, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from indexer.calibration import Reliability, calibration_of
from indexer.evaluate import (
    SHOWN_ITEMS,
    Difference,
    Interval,
    Lists,
    Quality,
    Shape,
    difference,
    interval,
    measure,
    shape,
)
from indexer.gold import Gold
from indexer.rankings import Ranking
from seealso.errors import NothingToIndex

# By which rankings are ordered and compared where there is room for one measure.
LEADING = "nDCG@10"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found of one ranking; `differences` are those of ours to it, none for ours itself."""

    name: str
    does: str
    lists: Lists
    quality: Quality
    means: dict[str, Interval]
    shape: Shape
    differences: dict[str, Difference]

    def as_json(self) -> dict[str, Any]:
        """Return what was found as JSON takes it, without the lists and the single queries."""
        return {
            "name": self.name,
            "means": {name: asdict(mean) for name, mean in self.means.items()},
            "shape": asdict(self.shape),
            "differences": {name: asdict(gap) for name, gap in self.differences.items()},
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found of our ranking, of those it was held against, and of the differences.

    `gold` is what was asked of all: of each query what stands in every ranking. `skipped` queries had nothing there.
    `calibration` is that of our snapshot's probabilities.
    """

    gold: Gold
    skipped: int
    ours: Measured
    theirs: tuple[Measured, ...]
    calibration: Reliability

    @classmethod
    def of(cls, ours: Ranking, theirs: Sequence[Ranking], gold: Gold) -> "Evaluation":
        """Measure rankings on the queries that all of them can answer.

        Raises NothingToIndex if no query has a related article in all of them.
        """
        known = set(ours.lists).intersection(*(ranking.lists for ranking in theirs))
        shared = {
            query: {article: grade for article, grade in related.items() if article in known}
            for query, related in gold.items()
            if query in known
        }
        shared = {query: related for query, related in shared.items() if related}
        if not shared:
            raise NothingToIndex(
                f"none of the {len(gold):,} queries of the gold has a related article in snapshot {ours.snapshot.id}; "
                "name a gold file of this newsroom, or give its articles editor_related"
            )
        quality = measure(ours.lists, shared)
        return cls(
            gold=shared,
            skipped=len(gold) - len(shared),
            ours=_measured(ours, quality, None),
            theirs=tuple(_measured(ranking, measure(ranking.lists, shared), quality) for ranking in theirs),
            calibration=calibration_of(ours.snapshot, shared),
        )

    @property
    def best(self) -> Measured | None:
        """Return the best of the rankings that ours was held against, None if there is none."""
        return max(self.theirs, key=lambda each: each.means[LEADING].mean, default=None)

    def as_json(self) -> dict[str, Any]:
        """Return all that was found as JSON takes it."""
        return {
            "queries": len(self.gold),
            "skipped": self.skipped,
            "ours": self.ours.as_json(),
            "theirs": [each.as_json() for each in self.theirs],
            "calibration": asdict(self.calibration),
        }

    def show(self, console: Console) -> None:
        """Print what was found for a person: two rankings side by side in all measures, more of them one a line."""
        skipped = f", {self.skipped:,} left out (not in the index, or nothing related in it)" if self.skipped else ""
        console.print(f"{len(self.gold):,} queries{skipped}\n")
        for table in [self._side_by_side()] if len(self.theirs) < 2 else [self._one_a_line(), self._shapes()]:
            console.print(table)
        console.print(
            f"\nprobabilities are off by {self.calibration.error:.3f} on average "
            f"(expected calibration error, over {sum(each.pairs for each in self.calibration.bins):,} pairs)"
        )

    def _side_by_side(self) -> Table:
        table = _table("", self.ours.name, *(name for each in self.theirs for name in (each.name, "difference", "p")))
        for name, mean in self.ours.means.items():
            cells = [spread(mean)]
            for each in self.theirs:
                gap = each.differences[name]
                cells += [spread(each.means[name]), spread(gap, sign="+"), f"{gap.p:.4f}"]
            table.add_row(name, *cells)
        columns = [_shape_cells(each.shape) for each in (self.ours, *self.theirs)]
        for name, *cells in zip(_SHAPE_NAMES, *columns, strict=True):
            table.add_row(name, *cells)
        return table

    def _one_a_line(self) -> Table:
        table = _table("", *self.ours.means, f"ours less it, {LEADING}", "p")
        for each in (self.ours, *self.theirs):
            means = [spread(mean) if name == LEADING else f"{mean.mean:.3f}" for name, mean in each.means.items()]
            gap = each.differences.get(LEADING)
            table.add_row(each.name, *means, *([spread(gap, sign="+"), f"{gap.p:.4f}"] if gap else []))
        table.add_row()
        return table

    def _shapes(self) -> Table:
        table = _table("", *_SHAPE_NAMES)
        for each in (self.ours, *self.theirs):
            table.add_row(each.name, *_shape_cells(each.shape))
        return table


def spread(found: Interval | Difference, sign: str = "") -> str:
    """Return a mean with its interval, as a person reads it."""
    return f"{found.mean:{sign}.3f}  ({found.low:{sign}.3f} to {found.high:{sign}.3f})"


_SHAPE_NAMES = (
    "articles that some list shows",
    "never shown",
    "shown most",
    f"diversity of {SHOWN_ITEMS}",
    "empty lists",
)


def _measured(ranking: Ranking, quality: Quality, ours: Quality | None) -> Measured:
    return Measured(
        name=ranking.name,
        does=ranking.does,
        lists=ranking.lists,
        quality=quality,
        means={name: interval(values) for name, values in quality.values.items()},
        shape=shape(ranking.lists, ranking.snapshot),
        differences={name: difference(ours.values[name], values) for name, values in quality.values.items()}
        if ours
        else {},
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    return table


def _shape_cells(found: Shape) -> tuple[str, ...]:
    article, times = found.most_shown
    return (
        f"{found.coverage:.1%}",
        f"{found.never_shown:,}",
        f"{article}, in {times:,} of {found.lists:,}",
        f"{found.diversity:.3f}",
        f"{found.empty:,}",
    )
