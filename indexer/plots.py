"""Numbers -> the geometry of plots, in per cent of the plot's width and height: what `templates/plots.html` draws.

It knows neither what the numbers mean nor what a plot looks like. Places are in per cent so that a plot fills whatever
width it is given while its text keeps its size; `top` is counted downwards, as a page does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# Whose colour a part has; the style sheet knows them.
Role = Literal["ours", "theirs", "better", "worse", "even"]
Values = NDArray[np.float64]

# A line of more points looks no different on any screen.
POINTS_MAX = 400
# Numbers above more columns than these would touch one another.
COLUMNS_WITH_NUMBERS = 12


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across a plot, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """From numbers to places: `low` is at 0 %, `high` at 100 %."""

    low: float
    high: float
    ticks: tuple[float, ...]
    form: str

    def place(self, value: float) -> float:
        """Return where a number stands, in per cent."""
        return round(100 * (value - self.low) / (self.high - self.low), 3)

    def across(self) -> tuple[Tick, ...]:
        """Return the ticks from left to right."""
        return tuple(Tick(self.place(value), self._text(value)) for value in self.ticks)

    def upwards(self) -> tuple[Tick, ...]:
        """Return the ticks of a scale that stands upright."""
        return tuple(Tick(100 - self.place(value), self._text(value)) for value in self.ticks)

    def _text(self, value: float) -> str:
        return format(value, self.form).replace("-", "−") if value or self.form.endswith("%") else "0"


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle; `said` is shown when it is pointed at, `text` stands above it."""

    left: float
    top: float
    width: float
    height: float
    role: Role
    said: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, or the area within them: "x,y x,y ..."."""

    points: str
    role: Role
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars and lines over two scales. `said` is what somebody hears who cannot see it."""

    said: str
    across: str
    upwards: str
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    bars: tuple[Bar, ...] = ()
    paths: tuple[Path, ...] = ()
    legend: tuple[tuple[Role, str], ...] = ()
    kind: Literal["chart"] = field(default="chart", init=False)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A named mean with its interval, to be plotted; `note` says in a few words what the name stands for."""

    name: str
    note: str
    low: float
    mean: float
    high: float
    role: Role


@dataclass(frozen=True, slots=True)
class Dot:
    """A mean and its interval in their places, and both as text."""

    name: str
    note: str
    low: float
    mean: float
    high: float
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Dots:
    """Means with intervals, one under the other, on one scale. `mark` is a line through all rows."""

    said: str
    across: str
    x: tuple[Tick, ...]
    dots: tuple[Dot, ...]
    mark: float | None
    kind: Literal["dots"] = field(default="dots", init=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A named amount: its bar's width in per cent, the amount as text, and a word on it."""

    name: str
    width: float
    text: str
    note: str
    role: Role


@dataclass(frozen=True, slots=True)
class Rows:
    """Named amounts, one under the other: a table whose middle column is bars, so that long names may wrap."""

    said: str
    rows: tuple[Row, ...]
    kind: Literal["rows"] = field(default="rows", init=False)


@dataclass(frozen=True, slots=True)
class Column:
    """One of a row of upright bars; `tick` is what stands under it, which may be nothing."""

    name: str
    amount: float
    tick: str


def scale_of(low: float, high: float, steps: int = 5, form: str = "g") -> Scale:
    """Return a scale that holds two numbers, with about so many steps, each 1, 2 or 5 times a power of ten."""
    width = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(width / steps))
    step = next(power * times for times in (1, 2, 5, 10) if width / (power * times) <= steps)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple(round(number * step, 10) for number in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks, form)


def plot_estimates(said: str, across: str, estimates: Sequence[Estimate], form: str = ".3f") -> Dots:
    """Plot means with intervals; the line through all rows stands at the first one's mean."""
    scale = scale_of(min(each.low for each in estimates), max(each.high for each in estimates))
    dots = tuple(
        Dot(
            each.name,
            each.note,
            scale.place(each.low),
            scale.place(each.mean),
            scale.place(each.high),
            each.role,
            format(each.mean, form),
        )
        for each in estimates
    )
    return Dots(said, across, scale.across(), dots, dots[0].mean if len(dots) > 1 else None)


def plot_shares(said: str, across: str, ours: Values, theirs: Values | None, names: tuple[str, str]) -> Chart:
    """Plot how numbers from 0 to 1 are spread: ours as bars, theirs as a stepped line."""
    shares = shares_by_tenth(ours)
    other = shares_by_tenth(theirs) if theirs is not None else None
    top = scale_of(0.0, max(shares.max(), other.max() if other is not None else 0.0), 4, ".0%")
    bars = tuple(
        Bar(
            left=10 * number + 0.6,
            top=100 - top.place(share),
            width=8.8,
            height=top.place(share),
            role="ours",
            said=f"{number / 10:.1f} to {number / 10 + 0.1:.1f}: {share:.1%} of queries",
        )
        for number, share in enumerate(shares)
    )
    paths: tuple[Path, ...] = ()
    if other is not None:
        corners = [
            (10 * (number + side), 100 - top.place(share)) for number, share in enumerate(other) for side in (0, 1)
        ]
        paths = (Path(_points(corners), "theirs"),)
    return Chart(
        said=said,
        across=across,
        upwards="share of queries",
        x=scale_of(0.0, 1.0).across(),
        y=top.upwards(),
        bars=bars,
        paths=paths,
        legend=(("ours", names[0]), ("theirs", names[1])) if paths else (),
    )


def shares_by_tenth(values: Values) -> Values:
    """Return which share of numbers from 0 to 1 falls into each tenth; 1 belongs to the last."""
    counts, _ = np.histogram(values, bins=10, range=(0.0, 1.0))
    return counts / max(1, len(values))


def plot_sorted(said: str, across: str, upwards: str, differences: Values) -> Chart:
    """Plot differences from the largest gain to the largest loss, as areas above and below nought."""
    ordered = np.sort(differences)[::-1]
    reach = max(0.1, float(np.abs(ordered).max()))
    scale = scale_of(-reach, reach, 4, "+.1f")
    places = np.linspace(0, 100, len(ordered) + 1)
    zero = 100 - scale.place(0.0)
    paths = []
    for role, part in (("better", np.maximum(ordered, 0.0)), ("worse", np.minimum(ordered, 0.0))):
        corners = [(0.0, zero)]
        for number in _thinned(len(ordered)):
            end = min(number + _stride(len(ordered)), len(ordered))
            height = 100 - scale.place(float(part[number:end].mean()))
            corners += [(float(places[number]), height), (float(places[end]), height)]
        paths.append(Path(_points([*corners, (100.0, zero)]), "better" if role == "better" else "worse", filled=True))
    return Chart(
        said=said,
        across=across,
        upwards=upwards,
        x=scale_of(0.0, 1.0, 4, ".0%").across(),
        y=scale.upwards(),
        paths=tuple(paths),
        legend=(("better", "ours is better"), ("worse", "ours is worse")),
    )


def plot_concentration(
    said: str, across: str, upwards: str, counts: Sequence[tuple[Role, str, NDArray[np.int64]]]
) -> Chart:
    """Plot which share of a whole the largest x per cent have (Lorenz's curve, from the top); even: a straight line."""
    paths = [Path("0,100 100,0", "even")]
    for role, _, numbers in reversed(counts):
        held = np.concatenate(([0.0], np.cumsum(np.sort(numbers)[::-1]))) / max(1, numbers.sum())
        picked = sorted({*_thinned(len(held)), len(held) - 1})
        paths.append(
            Path(_points([(100 * number / max(1, len(held) - 1), 100 - 100 * held[number]) for number in picked]), role)
        )
    percents = scale_of(0.0, 1.0, 4, ".0%")
    return Chart(
        said=said,
        across=across,
        upwards=upwards,
        x=percents.across(),
        y=percents.upwards(),
        paths=tuple(paths),
        legend=(*((role, name) for role, name, _ in counts), ("even", "if all were shown equally often")),
    )


def _stride(count: int) -> int:
    return max(1, -(-count // POINTS_MAX))


def plot_reliability(said: str, across: str, upwards: str, points: Sequence[tuple[float, float]]) -> Chart:
    """Plot what was found against what was said, both from 0 to the greatest of either; even: a straight line."""
    scale = scale_of(0.0, max((number for point in points for number in point), default=0.0) or 1.0, 5, ".0%")
    places = [(scale.place(x), 100 - scale.place(y)) for x, y in points]
    marks = tuple(
        Bar(
            min(max(x - 0.7, 0.0), 98.6),
            min(max(y - 1.4, 0.0), 97.2),
            1.4,
            2.8,
            "ours",
            f"said {one:.1%}, found {other:.1%}",
        )
        for (x, y), (one, other) in zip(places, points, strict=True)
    )
    return Chart(
        said=said,
        across=across,
        upwards=upwards,
        x=scale.across(),
        y=scale.upwards(),
        bars=marks,
        paths=(Path("0,100 100,0", "even"), Path(_points(places), "ours")),
        legend=(("ours", "found"), ("even", "as it was said")),
    )


def plot_histogram(said: str, across: str, upwards: str, edges: Sequence[float], counts: Sequence[int]) -> Chart:
    """Plot how many there are between each edge and the next; there is one more edge than there are counts."""
    x, y = scale_of(edges[0], edges[-1]), _scale_of_counts(counts)
    bars = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        left, width, height = x.place(low), x.place(high) - x.place(low), y.place(count)
        bars.append(_upright(left, width, height, f"{low:g} to {high:g}: {count:,}"))
    return Chart(said, across, upwards, x.across(), y.upwards(), bars=tuple(bars))


def plot_columns(said: str, across: str, upwards: str, columns: Sequence[Column]) -> Chart:
    """Plot amounts side by side; those of a few also have their number above them."""
    y, width = _scale_of_counts([each.amount for each in columns]), 100 / max(1, len(columns))
    bars, ticks = [], []
    for number, each in enumerate(columns):
        left, amount = number * width, f"{each.amount:,}"
        above = _short(each.amount) if len(columns) <= COLUMNS_WITH_NUMBERS else ""
        bars.append(_upright(left, width, y.place(each.amount), f"{each.name}: {amount}", above))
        if each.tick:
            ticks.append(Tick(round(left + width / 2, 3), each.tick))
    return Chart(said, across, upwards, tuple(ticks), y.upwards(), bars=tuple(bars))


def plot_rows(said: str, amounts: Sequence[tuple[str, float, str, str]], roles: Mapping[str, Role] = {}) -> Rows:
    """Plot named amounts (name, amount, its text, a word on it); a name that has no role is ours."""
    most = max((amount for _, amount, _, _ in amounts), default=0) or 1
    return Rows(
        said,
        tuple(
            Row(name, round(100 * amount / most, 3), text, note, roles.get(name, "ours"))
            for name, amount, text, note in amounts
        ),
    )


def _short(amount: float) -> str:
    if amount < 10_000:
        return f"{amount:,}"
    return f"{amount / 1e3:,.0f}k" if amount < 1e6 else f"{amount / 1e6:,.1f}M"


def _upright(left: float, width: float, height: float, said: str, text: str = "") -> Bar:
    # Some air on either side of it.
    return Bar(round(left + 0.06 * width, 3), 100 - height, round(0.88 * width, 3), height, "ours", said, text)


def _scale_of_counts(counts: Sequence[float]) -> Scale:
    # Of fewer than four, a step would be no whole number.
    return scale_of(0.0, max(4.0, *counts) if counts else 4.0, 4, ",.0f")


def _thinned(count: int) -> range:
    return range(0, count, _stride(count))


def _points(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
