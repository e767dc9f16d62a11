"""The expression holds for exactly the rows of the mask, whatever made it."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seealso.arrays import Mask
from seealso.snapshot import expression
from seealso.snapshot.expression import Expressions
from seealso.snapshot.files import FACT_ROW, NO_TIME

ROWS = 40


def facts_of(seed: int, rows: int = ROWS) -> NDArray[np.void]:
    random = np.random.default_rng(seed)
    facts = np.zeros(rows, FACT_ROW)
    facts["section"] = random.integers(-1, 4, rows)
    facts["language"] = random.integers(-1, 2, rows)
    facts["published"] = np.where(random.random(rows) < 0.2, NO_TIME, random.integers(-5, 5, rows) * 86_400)
    facts["sensitive"], facts["sponsored"] = random.random(rows) < 0.1, random.random(rows) < 0.1
    return facts


def expression_of(allowed: Mask, facts: NDArray[np.void]) -> str | None:
    return Expressions(facts).of(allowed)


def rows_of(told: str, facts: NDArray[np.void]) -> Mask:
    """Return for which rows an expression holds, as Python reads it, whose words are the same."""
    code = compile(told.replace("true", "True") or "True", "expression", "eval")
    names = [
        {
            "row": row,
            "section": int(fact["section"]),
            "language": int(fact["language"]),
            "published": int(fact["published"]),
            "shown": not (fact["sponsored"] or fact["sensitive"]),
        }
        for row, fact in enumerate(facts)
    ]
    return np.array([eval(code, {}, each) for each in names], np.bool_)


@given(st.integers(0, 1_000), st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).filter(any))
def test_any_mask_is_told_exactly(seed: int, chosen: list[bool]) -> None:
    allowed, facts = np.array(chosen), facts_of(seed)
    told = expression_of(allowed, facts)
    assert told is not None
    assert (rows_of(told, facts) == allowed).all()


@given(st.integers(0, 1_000), st.integers(-1, 3), st.integers(-6, 6), st.sets(st.integers(0, ROWS - 1), max_size=3))
def test_a_filter_is_told_by_facts_and_what_was_taken_down_by_name(
    seed: int, section: int, day: int, gone: set[int]
) -> None:
    facts = facts_of(seed)
    allowed = (facts["section"] == section) & (facts["published"] >= day * 86_400)
    allowed &= ~(facts["sponsored"] | facts["sensitive"])
    hidden = [row for row in gone if allowed[row]]
    allowed[hidden] = False
    if not allowed.any():
        return
    told = expression_of(allowed, facts)
    assert told is not None
    assert (rows_of(told, facts) == allowed).all()
    # Named are those alone that no fact tells from the others.
    named = re.findall(r"row not in \[([\d,]*)\]", told)
    assert {int(row) for row in ",".join(named).split(",") if row} <= set(hidden)


def test_all_rows_are_told_by_nothing() -> None:
    assert expression_of(np.ones(ROWS, np.bool_), facts_of(1)) == ""


def test_few_rows_are_named_and_so_are_the_few_that_are_missing() -> None:
    facts = np.zeros(ROWS, FACT_ROW)
    allowed = np.zeros(ROWS, np.bool_)
    allowed[[3, 7]] = True
    assert expression_of(allowed, facts) == "row in [3,7]"
    assert expression_of(~allowed, facts) == "row not in [3,7]"


def test_a_mask_that_no_fact_explains_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expression, "ROWS_NAMED_MAX", 5)
    facts = np.zeros(ROWS, FACT_ROW)
    assert expression_of(np.arange(ROWS) % 2 == 0, facts) is None
    assert expression_of(np.arange(ROWS) >= 5, facts) == "row not in [0,1,2,3,4]"


def test_what_has_no_date_is_never_told_by_its_number() -> None:
    facts = np.zeros(4, FACT_ROW)
    facts["published"] = [NO_TIME, NO_TIME, 5, 6]
    assert expression_of(np.array([True, True, False, False]), facts) == "row not in [2,3]"
    assert expression_of(np.array([False, False, True, True]), facts) == "published >= 5"
    assert expression_of(np.array([True, True, True, False]), facts) == "published <= 5"
