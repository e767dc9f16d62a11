from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.calibration import BINS, CANDIDATES_JUDGED, queries_of, reliability
from seealso.recipe import RECIPE_DEFAULT
from seealso.snapshot.reader import open_current
from tests.makers import article, articles, index_of


def test_probabilities_that_keep_their_word_have_no_error() -> None:
    said = np.repeat(np.arange(10) / 10, 1_000)
    found = np.concatenate([np.arange(1_000) < 100 * tenth for tenth in range(10)])
    assert reliability(said, found).error == pytest.approx(0.0)


def test_probabilities_that_promise_too_much_are_found_out() -> None:
    curve = reliability(np.full(1_000, 0.9), np.arange(1_000) % 2 == 0)
    assert curve.error == pytest.approx(0.4)
    assert all(each.said == pytest.approx(0.9) and each.found == 0.5 for each in curve.bins)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=50))
def test_error_is_a_share_and_every_pair_is_in_a_bin(pairs: list[tuple[float, bool]]) -> None:
    curve = reliability(np.array([said for said, _ in pairs]), np.array([found for _, found in pairs], bool))
    assert 0 <= curve.error <= 1
    assert sum(each.pairs for each in curve.bins) == len(pairs)
    assert len(curve.bins) <= BINS


def test_query_scores_its_candidates_as_the_snapshot_does(tmp_path: Path) -> None:
    index_of(tmp_path, [*articles(60), article("paid", body="tides moon sea harbour", sponsored=True)])
    snapshot = open_current(tmp_path)
    rows, scores = snapshot.neighbours_of(0)
    kept = [place for place, row in enumerate(rows) if snapshot.article_id(int(row)) != "paid"]
    best = snapshot.article_id(int(rows[kept[0]]))
    gold = {"a000": {best: 2.0, "paid": 1.0, "gone": 1.0}, "gone": {"a000": 1.0}, "a001": {"gone": 1.0}}
    (query,) = queries_of(snapshot, gold)
    np.testing.assert_allclose(query.scores(RECIPE_DEFAULT), scores[kept], atol=1e-3)
    assert query.best.tolist() == [2.0, 1.0]
    # The best is found; the sponsored one never is, and stays missing.
    assert query.ndcg(RECIPE_DEFAULT) == pytest.approx(2.0 / (2.0 + 1.0 / np.log2(3)))
    judged, related = query.judged(RECIPE_DEFAULT)
    assert len(judged) == CANDIDATES_JUDGED
    assert related.tolist() == [True] + [False] * (CANDIDATES_JUDGED - 1)
