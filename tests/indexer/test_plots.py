import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.plots import (
    POINTS_MAX,
    Estimate,
    plot_concentration,
    plot_estimates,
    plot_shares,
    plot_sorted,
    scale_of,
    shares_by_tenth,
)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(\S+?),(\S+)", path)]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(2, 8))
def test_scale_holds_its_numbers_and_has_round_steps(one: float, other: float, steps: int) -> None:
    low, high = sorted((round(one, 3), round(other, 3)))
    scale = scale_of(low, high, steps)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert scale.low <= low + slack
    assert scale.high >= high - slack
    assert 2 <= len(scale.ticks) <= steps + 2
    digits = {f"{gap:.1e}".split("e")[0] for gap in np.diff(scale.ticks)}
    assert digits <= {"1.0", "2.0", "5.0"}


def test_scale_goes_from_nought_to_a_hundred() -> None:
    scale = scale_of(0.31, 0.66)
    assert scale.ticks == (0.3, 0.4, 0.5, 0.6, 0.7)
    assert [(tick.at, tick.text) for tick in scale.across()][:2] == [(0.0, "0.3"), (25.0, "0.4")]
    assert scale.upwards()[0].at == 100.0
    assert [tick.text for tick in scale_of(-1, 1, 4, "+.1f").across()] == ["−1.0", "−0.5", "0", "+0.5", "+1.0"]


def test_estimates_stand_at_their_places_with_a_line_at_the_first() -> None:
    ours = Estimate("ours", "", 0.5, 0.6, 0.7, "ours")
    found = plot_estimates("said", "nDCG", [ours, Estimate("theirs", "", 0.2, 0.3, 0.4, "theirs")])
    assert [(dot.low, dot.mean, dot.high) for dot in found.dots] == [(60, 80, 100), (0, 20, 40)]
    assert found.mark == 80
    assert plot_estimates("said", "nDCG", [ours]).mark is None


def test_shares_are_of_each_tenth_and_one_is_in_the_last() -> None:
    values = np.array([0.0, 0.05, 0.5, 1.0])
    assert shares_by_tenth(values).tolist() == [0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0.25]
    found = plot_shares("said", "nDCG", values, np.array([0.95]), ("ours", "theirs"))
    assert [bar.height > 0 for bar in found.bars] == [True, *[False] * 4, True, *[False] * 3, True]
    assert all(bar.top + bar.height == pytest.approx(100) for bar in found.bars)
    assert points(found.paths[0].points)[-1] == (100.0, 0.0)  # the scale ends where all of theirs are
    assert plot_shares("said", "nDCG", values, None, ("ours", "")).paths == ()


def test_gains_are_above_losses_below_and_the_areas_are_the_sums() -> None:
    differences = np.array([0.5, -0.5, 0.25, 0.0])
    better, worse = plot_sorted("said", "x", "y", differences).paths
    assert min(y for _, y in points(better.points)) == 0.0  # half is the top of the scale
    assert max(y for _, y in points(better.points)) == 50.0
    assert max(y for _, y in points(worse.points)) == 100.0
    assert (better.filled, better.role, worse.role) == (True, "better", "worse")


@pytest.mark.parametrize("count", [1, 399, 400, 401, 5_000])
def test_plots_of_any_number_of_queries_reach_from_edge_to_edge(count: int) -> None:
    numbers = np.random.default_rng(1).normal(0, 0.2, count).clip(-1, 1)
    for path in plot_sorted("said", "x", "y", numbers).paths:
        found = points(path.points)
        assert (found[0][0], found[-1][0]) == (0.0, 100.0)
        assert len(found) <= 2 * POINTS_MAX + 2
        assert all(-1e-6 <= y <= 100 + 1e-6 for _, y in found)


def test_concentration_is_the_diagonal_where_all_are_alike_and_above_it_elsewhere() -> None:
    even, one = np.full(10, 3, np.int64), np.array([30, *[0] * 9], np.int64)
    paths = plot_concentration("said", "x", "y", [("ours", "ours", even), ("theirs", "theirs", one)]).paths
    assert [path.role for path in paths] == ["even", "theirs", "ours"]  # ours is drawn last, on top
    assert all(x + y == pytest.approx(100) for x, y in points(paths[2].points))
    assert points(paths[1].points)[:2] == [(0.0, 100.0), (10.0, 0.0)]
    nothing = plot_concentration("said", "x", "y", [("ours", "ours", np.zeros(3, np.int64))])
    assert points(nothing.paths[1].points)[-1] == (100.0, 100.0)
