from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from seealso.encoder import Vectors
from seealso.snapshot.cells import Cells, cells_for
from seealso.snapshot.vectors import ALLOWED_EXACT_MAX, VectorIndex

COUNT, DIMENSION, CELLS = 3_000, 30, 40


def made(count: int = COUNT, seed: int = 1) -> Vectors:
    """Return unit vectors around some centres, as an archive's lie around subjects."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((60, DIMENSION))
    vectors = centres[rng.integers(60, size=count)] + 0.7 * rng.standard_normal((count, DIMENSION))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


VECTORS = made()


def in_sections(sections: int = 8, seed: int = 5) -> tuple[Vectors, NDArray[np.int64]]:
    """Return vectors that lie together by section, far from those of others, and the number of each one's section."""
    rng = np.random.default_rng(seed)
    section = np.arange(COUNT) * sections // COUNT
    centres = rng.standard_normal((sections, DIMENSION))
    subjects = 0.9 * rng.standard_normal((sections, 20, DIMENSION))
    vectors = centres[section] + subjects[section, rng.integers(20, size=COUNT)]
    vectors += 0.6 * rng.standard_normal((COUNT, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), section


@pytest.fixture(scope="module")
def cells() -> Cells:
    return Cells.of(VECTORS, CELLS)


def reopened(cells: Cells, folder: Path) -> Cells:
    cells.write(folder / "cells.bin")
    return Cells.open(folder / "cells.bin", cells.ends, cells.centres, cells.ranges)


def test_each_article_is_in_one_cell(cells: Cells) -> None:
    assert len(cells) == CELLS
    assert int(cells.ends[-1]) == COUNT
    assert cells.hold_each_once(COUNT)
    assert not cells.hold_each_once(COUNT - 1)
    assert not cells.hold_each_once(COUNT + 1)


def test_all_cells_find_all_and_some_find_most(cells: Cells) -> None:
    exact = VectorIndex.of(VECTORS)
    wanted, scores = exact.search(VECTORS[:50], 20)
    rows, found = exact.by_cells(cells, CELLS).search(VECTORS[:50], 20)
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_allclose(found, scores, atol=1e-6)
    some, _ = exact.by_cells(cells, 8).search(VECTORS[:50], 20)
    shares = [len(np.intersect1d(ours, theirs)) / 20 for ours, theirs in zip(some, wanted, strict=True)]
    assert 0.8 < np.mean(shares) <= 1.0


def test_mapped_cells_answer_as_those_that_were_made(cells: Cells, tmp_path: Path) -> None:
    mapped = reopened(cells, tmp_path)
    assert str(tmp_path / "cells.bin") in Path("/proc/self/maps").read_text()
    assert mapped.hold_each_once(COUNT)
    for probed in (1, 7, CELLS):
        np.testing.assert_array_equal(mapped.search(VECTORS[:50], 30, probed), cells.search(VECTORS[:50], 30, probed))


def test_the_same_vectors_make_the_same_file(cells: Cells, tmp_path: Path) -> None:
    with threadpool_limits(1, user_api="blas"):
        for name in ("one", "two"):
            Cells.of(VECTORS, CELLS).write(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_only_allowed_articles_are_found(cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = np.arange(COUNT) % 5 == 2
    wanted, _ = VectorIndex.of(VECTORS).search(VECTORS[:40], 10, allowed)
    index = VectorIndex.of(VECTORS).by_cells(reopened(cells, tmp_path), 8, 8)
    assert np.count_nonzero(allowed) < ALLOWED_EXACT_MAX
    np.testing.assert_array_equal(index.search(VECTORS[:40], 10, allowed)[0], wanted)  # few: each is looked at
    monkeypatch.setattr("seealso.snapshot.vectors.ALLOWED_EXACT_MAX", 0)
    found, _ = index.search(VECTORS[:40], 10, allowed)  # a fifth, so five times as many cells: all of them
    np.testing.assert_array_equal(found, wanted)
    nobody, scores = index.search(VECTORS[:2], 3, np.arange(COUNT) == 7)
    assert nobody.tolist() == [[7, -1, -1]] * 2
    assert (scores[:, 1:] == -1).all()


@pytest.mark.parametrize("together", [1, 3, 6])
def test_filter_of_sections_that_lie_far_off_finds_what_lies_there(
    together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seealso.snapshot.vectors.ALLOWED_EXACT_MAX", 0)
    vectors, section = in_sections()
    exact = VectorIndex.of(vectors)
    index = exact.by_cells(reopened(Cells.of(vectors, 110), tmp_path), 8, 16)
    allowed = section < together
    for own in (allowed, ~allowed):  # articles of these sections, and of all others
        asked = vectors[np.flatnonzero(own)[::40]]
        wanted, scores = exact.search(asked, 20, allowed)
        found, found_scores = index.search(asked, 20, allowed)
        assert (found >= 0).all()
        assert allowed[found].all()
        shares = [len(np.intersect1d(ours, theirs)) / 20 for ours, theirs in zip(found, wanted, strict=True)]
        assert np.mean(shares) > 0.95
        assert (found_scores <= scores + 1e-6).all()


def test_no_cell_near_holds_what_is_allowed_and_all_of_it_is_found(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those farthest from what is wanted, and fewer than are asked for."""
    monkeypatch.setattr("seealso.snapshot.vectors.ALLOWED_EXACT_MAX", 0)
    exact = VectorIndex.of(VECTORS)
    order, _ = exact.search(VECTORS[:1], COUNT)
    for few in (1, 30, 400):
        allowed = np.zeros(COUNT, np.bool_)
        allowed[order[0, -few:]] = True
        found, _ = exact.by_cells(cells, 1, 1).search(VECTORS[:1], 30, allowed)
        assert np.count_nonzero(found >= 0) == min(few, 30)
        assert allowed[found[found >= 0]].all()
    nothing, _ = exact.by_cells(cells, 1, 1).search(VECTORS[:2], 3, np.zeros(COUNT, np.bool_))
    assert nothing.tolist() == [[-1] * 3] * 2


def test_under_a_filter_all_that_pass_are_looked_at_unless_cells_were_tried_under_filters(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seealso.snapshot.vectors.ALLOWED_EXACT_MAX", 100)
    allowed = np.arange(COUNT) % 2 == 0
    exact = VectorIndex.of(VECTORS)
    assert exact.by_cells(cells, 8).probed_under(allowed) == 0
    assert exact.by_cells(cells, 8, 16).probed_under(allowed) == 16
    assert exact.by_cells(cells, 8, 16).probed_under(None) == 8
    assert exact.by_cells(cells, 8, 16).probed_under(np.arange(COUNT) > 5) == 8  # all but some that were taken down
    assert exact.by_cells(cells, 8, 16).probed_under(np.arange(COUNT) < 100) == 0
    found, _ = exact.by_cells(cells, 1).search(VECTORS[:40], 10, allowed)
    np.testing.assert_array_equal(found, exact.search(VECTORS[:40], 10, allowed)[0])


def test_where_cells_hold_too_few_further_ones_are_looked_through(cells: Cells) -> None:
    index = VectorIndex.of(VECTORS).by_cells(cells, 1)
    found, _ = index.search(VECTORS[:20], 500)
    assert (found >= 0).all()
    assert found[:, 0].tolist() == list(range(20))
    np.testing.assert_array_equal(np.sort(index.search(VECTORS[:2], COUNT)[0]), [np.arange(COUNT)] * 2)


def test_a_file_of_another_length_is_refused(cells: Cells, tmp_path: Path) -> None:
    cells.write(tmp_path / "cells.bin")
    ends = cells.ends.copy()
    ends[-1] += 8
    with pytest.raises(ValueError, match="not as long"):
        Cells.open(tmp_path / "cells.bin", ends, cells.centres, cells.ranges)


def test_very_few_articles_have_cells_too(tmp_path: Path) -> None:
    few = made(3)
    cells = reopened(Cells.of(few, cells_for(3)), tmp_path)
    assert VectorIndex.of(few).by_cells(cells, 1).search(few, 5)[0][:, 0].tolist() == [0, 1, 2]
