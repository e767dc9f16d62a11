"""The map of the archive: which of its articles are sent to a page, packed, and which stand within an area.

In: a snapshot, a window or an area of the map. Out: bytes, or a mask. Live articles have no place before the night.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seealso.arrays import Mask
from seealso.snapshot.snapshot import Snapshot
from service.archive import NO_MONTH, months_of

# More points are neither told apart on a screen nor sent in a blink. Of more, so many are drawn by lot, the same each
# time: what is seen of the whole stays where it is when a part is looked at.
POINTS_MAX = 20_000
LOT_SEED = 11
NO_SECTION = 65_535
_STEPS = 65_535
# Edges of an area: enough for whatever a hand draws.
CORNERS_MAX = 100

Corners = Sequence[tuple[float, float]]


class Window(NamedTuple):
    """A part of the map, its edges included; the whole of it, where nothing else is said."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0


def pack(snapshot: Snapshot, window: Window) -> bytes:
    """Return the articles within a window, twelve bytes each, after two numbers: how many follow, how many there are.

    All little-endian: two uint32; then, one after the other, all rows (uint32), how far from the left and from the top
    (uint16, 0 to 65,535), sections (uint16, NO_SECTION where none) and months since 1970 (int16, NO_MONTH where none).
    """
    places = snapshot.map
    assert places is not None
    within = (places >= (window.left, window.top)).all(axis=1) & (places <= (window.right, window.bottom)).all(axis=1)
    found = np.flatnonzero(within)
    rows = found
    if len(found) > POINTS_MAX:
        lots = np.random.default_rng(LOT_SEED).permutation(len(places))[found]
        rows = np.sort(found[np.argpartition(lots, POINTS_MAX)[:POINTS_MAX]])
    sections = snapshot.facts["section"][rows]
    return b"".join(
        (
            np.array([len(rows), len(found)], "<u4").tobytes(),
            rows.astype("<u4").tobytes(),
            np.rint(places[rows, 0] * _STEPS).astype("<u2").tobytes(),
            np.rint(places[rows, 1] * _STEPS).astype("<u2").tobytes(),
            np.where((sections < 0) | (sections >= NO_SECTION), NO_SECTION, sections).astype("<u2").tobytes(),
            np.clip(months_of(snapshot)[rows], NO_MONTH, np.iinfo(np.int16).max).astype("<i2").tobytes(),
        )
    )


def within_area(snapshot: Snapshot, corners: Corners) -> Mask:
    """Return for each row whether its article stands within an area: bool; live articles stand in none.

    An edge that crosses another makes an area of two parts (even-odd rule).
    """
    inside: Mask = np.zeros(len(snapshot), np.bool_)
    places = snapshot.map
    if places is None:
        return inside
    edges = np.array(corners, np.float64)
    near = np.flatnonzero((places >= edges.min(axis=0)).all(axis=1) & (places <= edges.max(axis=0)).all(axis=1))
    across, down = places[near, 0].astype(np.float64), places[near, 1].astype(np.float64)
    odd = np.zeros(len(near), np.bool_)
    for (x, y), (other_x, other_y) in zip(edges, np.roll(edges, -1, axis=0), strict=True):
        if y != other_y:  # what is level is crossed by nothing that is level
            odd ^= ((y > down) != (other_y > down)) & (across < x + (down - y) * (other_x - x) / (other_y - y))
    inside[near] = odd
    return inside
