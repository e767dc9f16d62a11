"""The map as it is sent, and areas of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import service.map
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.archive import NO_MONTH
from service.map import NO_SECTION, Window, pack, within_area
from tests.makers import article, articles, index_of

Place = st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("map")
    items = [
        *articles(12, section="News", published="2025-03-01"),
        article("bare"),
        article("far", published="9999-01-01"),
    ]
    index_of(folder, items)
    return open_current(folder)


def unpacked(sent: bytes) -> tuple[int, dict[str, Any]]:
    count, total = np.frombuffer(sent, "<u4", 2)
    fields, place = {}, 8
    for name, kind in (("rows", "<u4"), ("across", "<u2"), ("down", "<u2"), ("sections", "<u2"), ("months", "<i2")):
        fields[name] = np.frombuffer(sent, kind, int(count), place)
        place += fields[name].nbytes
    assert place == len(sent)
    return int(total), fields


def test_all_articles_are_sent_with_what_colours_them(snapshot: Snapshot) -> None:
    total, sent = unpacked(pack(snapshot, Window()))
    assert total == len(snapshot) == 14
    assert sent["rows"].tolist() == list(range(14))
    assert snapshot.map is not None
    np.testing.assert_allclose(sent["across"] / 65_535, snapshot.map[:, 0], atol=1e-5)
    np.testing.assert_allclose(sent["down"] / 65_535, snapshot.map[:, 1], atol=1e-5)
    bare, far = snapshot.row_of("bare"), snapshot.row_of("far")
    assert (sent["sections"][bare], sent["months"][bare]) == (NO_SECTION, NO_MONTH)
    assert sent["months"][far] == np.iinfo(np.int16).max
    assert (sent["sections"][0], sent["months"][0]) == (0, 662)


def test_a_window_has_what_is_in_it(snapshot: Snapshot) -> None:
    assert snapshot.map is not None
    _, sent = unpacked(pack(snapshot, Window(right=0.5)))
    assert sent["rows"].tolist() == np.flatnonzero(snapshot.map[:, 0] <= 0.5).tolist()
    assert unpacked(pack(snapshot, Window(left=0.9, right=0.1)))[0] == 0


def test_of_too_many_some_are_drawn_and_stay_when_a_part_is_looked_at(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.map, "POINTS_MAX", 5)
    total, sent = unpacked(pack(snapshot, Window()))
    assert (total, len(sent["rows"])) == (14, 5)
    assert pack(snapshot, Window()) == pack(snapshot, Window())
    assert snapshot.map is not None
    part = unpacked(pack(snapshot, Window(bottom=0.6)))[1]["rows"].tolist()
    inside = [row for row in sent["rows"].tolist() if snapshot.map[row, 1] <= 0.6]
    assert set(inside) <= set(part)


@given(st.lists(Place, min_size=3, max_size=7))
def test_an_area_holds_what_the_even_odd_rule_says(snapshot: Snapshot, corners: list[tuple[float, float]]) -> None:
    def odd(x: float, y: float) -> bool:
        crossed = False
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (ay > y) != (by > y):
                crossed ^= x < ax + (y - ay) * (bx - ax) / (by - ay)
        return crossed

    assert snapshot.map is not None
    assert within_area(snapshot, corners).tolist() == [odd(float(x), float(y)) for x, y in snapshot.map]


def test_an_area_around_all_holds_all_but_nothing_is_within_a_line(snapshot: Snapshot) -> None:
    assert within_area(snapshot, [(-1, -1), (2, -1), (2, 2), (-1, 2)]).all()
    assert not within_area(snapshot, [(0, 0), (1, 1), (0, 0)]).any()


def test_without_a_map_nothing_stands_anywhere(snapshot: Snapshot, tmp_path: Path) -> None:
    assert not within_area(replace(snapshot, map=None), [(0, 0), (1, 0), (1, 1)]).any()
