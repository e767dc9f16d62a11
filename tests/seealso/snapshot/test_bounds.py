"""Every answer is that of the plain way, wherever blocks begin and end."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seealso.snapshot import bounds

BLOCK = 4
Row = st.lists(st.integers(-2, 6), max_size=7)
Table = st.integers(0, 5).flatmap(lambda width: st.lists(st.lists(st.integers(-2, 6), min_size=width, max_size=width)))


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "BLOCK", BLOCK)
        yield


def as_rows(rows: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    ends = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int32)
    return np.array([number for row in rows for number in row], np.int32), ends


@given(st.lists(st.integers(-2, 6), max_size=20))
def test_numbers_within_are_those_from_low_to_below_high(numbers: list[int]) -> None:
    assert bounds.within(np.array(numbers, np.int32), 0, 5) == all(0 <= number < 5 for number in numbers)


@given(st.lists(Row, max_size=8))
def test_rising_is_said_of_each_row_alone(rows: list[list[int]]) -> None:
    numbers, ends = as_rows(rows)
    assert bounds.rising(numbers, ends) == all(row == sorted(set(row)) for row in rows)


@given(st.lists(st.lists(st.integers(0, 30), max_size=9).map(lambda row: sorted(set(row))), max_size=8))
def test_rows_that_rise_pass_wherever_they_end(rows: list[list[int]]) -> None:
    assert bounds.rising(*as_rows(rows))


@given(Table)
def test_repeats_are_found_in_one_row_and_not_across(table: list[list[int]]) -> None:
    array = np.array(table, np.int32).reshape(len(table), -1 if table and table[0] else 0)
    known = [[number for number in row if number >= 0] for row in table]
    assert bounds.repeating(array) == any(len(set(row)) < len(row) for row in known)


@given(Table)
def test_after_its_end_a_row_holds_nothing(table: list[list[int]]) -> None:
    array = np.array(table, np.int32).reshape(len(table), -1 if table and table[0] else 0)
    known = ["".join("x" if number >= 0 else " " for number in row) for row in table]
    assert bounds.ending(array) == all(" x" not in row for row in known)


@pytest.mark.parametrize(
    ("ends", "length", "good"),
    [([0], 0, True), ([0, 2, 2, 5], 5, True), ([0, 2], 3, False), ([1, 3], 3, False), ([0, 4, 3, 5], 5, False)],
)
def test_ends_divide_from_the_beginning_to_the_end(ends: list[int], length: int, good: bool) -> None:
    assert bounds.dividing(np.array(ends, np.uint64), length) is good


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("place", [0, BLOCK - 1, BLOCK, 2 * BLOCK])
def test_a_number_that_is_none_is_found_in_every_place(kind: type[Any], place: int) -> None:
    numbers = np.linspace(-1, 1, 2 * BLOCK + 1).astype(kind)
    numbers[2] = -0.0
    assert bounds.usable(numbers)
    for broken in (np.nan, -np.nan, np.inf, -np.inf):
        numbers[place] = broken
        assert not bounds.usable(numbers)


def test_every_number_of_half_precision_that_is_finite_is_usable() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    for number in every:
        assert bounds.usable(np.array([number])) == bool(np.isfinite(number))


@pytest.mark.parametrize(("number", "good"), [(1e6, True), (-1e6, True), (1.1e6, False), (-1.1e6, False)])
def test_a_number_beyond_all_measure_is_not_usable(number: float, good: bool) -> None:
    assert bounds.usable(np.array([0.0, number], np.float32)) is good


def test_a_field_of_records_is_looked_at_alone() -> None:
    records = np.zeros(9, [("one", "<i4"), ("other", "<f4")])
    records["other"][7] = np.nan
    assert bounds.within(records["one"], 0, 1)
    assert not bounds.usable(records["other"])


@given(st.lists(st.floats(width=32), max_size=20))
def test_shares_are_numbers_from_0_to_1(numbers: list[float]) -> None:
    assert bounds.shares(np.array(numbers, np.float32)) == all(0 <= number <= 1 for number in numbers)
