import math
from pathlib import Path

import numpy as np
import pytest

from indexer.evaluate import difference, interval, lists_of, measure, shape
from seealso.snapshot.reader import open_current
from tests.makers import article, articles, index_of

LISTS = {"q": ["x", "a", "y", "b"], "a": ["q"], "b": [], "x": [], "y": [], "c": []}


def test_measures_are_what_a_hand_computes() -> None:
    found = measure(LISTS, {"q": {"a": 1.0, "b": 2.0, "c": 1.0, "gone": 3.0}})
    ideal = 2 + 1 / math.log2(3) + 1 / math.log2(4)
    gained = 1 / math.log2(3) + 2 / math.log2(5)
    assert found.queries == ("q",)
    assert found.values["nDCG@5"][0] == pytest.approx(gained / ideal)
    assert found.values["nDCG@10"][0] == pytest.approx(gained / ideal)
    assert found.values["MRR"][0] == pytest.approx(1 / 2)
    assert found.values["recall@50"][0] == pytest.approx(2 / 3)


def test_only_the_first_items_count_at_five_and_ten() -> None:
    lists = {"q": [f"n{number}" for number in range(9)] + ["a"], "a": []} | {f"n{number}": [] for number in range(9)}
    found = measure(lists, {"q": {"a": 1.0}})
    assert found.values["nDCG@5"][0] == 0.0
    assert found.values["nDCG@10"][0] == pytest.approx(1 / math.log2(11))


def test_best_order_is_one_and_nothing_found_is_nought() -> None:
    lists = {"q": ["b", "a"], "p": ["q"], "a": [], "b": []}
    found = measure(lists, {"q": {"a": 1.0, "b": 3.0}, "p": {"a": 1.0}})
    assert found.queries == ("p", "q")
    assert found.values["nDCG@5"].tolist() == [0.0, pytest.approx(1.0)]
    assert found.values["MRR"].tolist() == [0.0, 1.0]


def test_queries_that_nothing_can_be_said_of_are_counted_and_left_out() -> None:
    found = measure(LISTS, {"gone": {"a": 1.0}, "q": {"gone": 1.0}, "a": {"q": 1.0}, "b": {}})
    assert (found.queries, found.skipped) == (("a",), 3)
    assert measure(LISTS, {}).values["MRR"].shape == (0,)


def test_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    values = np.random.default_rng(1).random(400)
    wide, narrow = interval(values[:25]), interval(values)
    assert wide.low < wide.mean < wide.high
    assert narrow.high - narrow.low < wide.high - wide.low
    # The standard error of a mean of 400 uniform numbers is 0.289 / 20.
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert interval(values) == narrow


def test_a_real_difference_is_told_from_none() -> None:
    rng = np.random.default_rng(2)
    base = rng.random(200)
    assert difference(base + 0.05 + rng.normal(0, 0.1, 200), base).p < 0.001
    assert difference(base + rng.normal(0, 0.1, 200) * (rng.integers(0, 2, 200) * 2 - 1), base).p > 0.01
    same = difference(base, base)
    assert (same.mean, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_shape_counts_hubs_and_what_is_never_shown(tmp_path: Path) -> None:
    index_of(
        tmp_path, [article("a", title="x", body="same words"), article("b", title="x", body="same words"), article("c")]
    )
    snapshot = open_current(tmp_path)
    found = shape({"a": ["b"], "b": ["a"], "c": ["a", "b"]}, snapshot)
    assert (found.lists, found.empty, found.never_shown) == (3, 0, 1)
    assert found.coverage == pytest.approx(2 / 3)
    assert found.most_shown[1] == 2
    assert found.diversity == pytest.approx(0.0, abs=1e-5)  # the two articles of c's list are the same


def test_diversity_is_one_less_the_mean_cosine(tmp_path: Path) -> None:
    index_of(tmp_path, articles(6))
    snapshot = open_current(tmp_path)
    vectors = [snapshot.vectors.vector(row) for row in (1, 2, 3)]
    cosines = [float(vectors[i] @ vectors[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    found = shape({"a000": ["a001", "a002", "a003"]}, snapshot)
    assert found.diversity == pytest.approx(1 - np.mean(cosines), abs=1e-5)


def test_lists_are_those_of_the_snapshot(tmp_path: Path) -> None:
    index_of(tmp_path, articles(60))
    lists = lists_of(open_current(tmp_path))
    assert set(map(len, lists.values())) == {50}
    assert all(query not in items for query, items in lists.items())
