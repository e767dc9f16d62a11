"""Articles' vectors and neighbours -> a map of the archive: where each article stands on a plane, near what is like it.

As UMAP has it (McInnes, Healy and Melville 2018), with the curve of LargeVis (Tang et al. 2016): it begins with the two
main directions of the vectors; then, step by step, neighbours draw each other near, and articles that meet by chance
push each other away. All of a step move at once, so that a step is a few operations on whole arrays. What the map is
for is not its business.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seealso.encoder import Vectors

Places = NDArray[np.float32]
# Two coordinates as one number: an operation on places or ways is one on one array.
_Plane = NDArray[np.complex64]

# So many of an article's candidates draw it near: with more, subjects run into each other.
DRAWN_TO = 10
# So many chance meetings push an article away at each step; with fewer it takes more steps.
MEETINGS = 5
STEPS = 300
# The first step is so long; each is shorter than the one before.
STEP_FIRST = 0.7
# So wide it begins. At a distance of 1 neighbours are half as near as can be.
WIDTH_FIRST = 20.0
# Nobody is pushed further by one meeting.
PUSH_MAX = 4.0
# Where all vectors are alike, they still part.
NOISE = 1e-2
SEED = 7
# The few outermost stand at the edge: far out, they would leave the others no room.
OUTERMOST = 0.002
MARGIN = 0.02
ROWS_AT_ONCE = 8_192

MAP_RECIPE: dict[str, Any] = {
    "drawn_to": DRAWN_TO,
    "meetings": MEETINGS,
    "steps": STEPS,
    "step_first": STEP_FIRST,
    "width_first": WIDTH_FIRST,
    "push_max": PUSH_MAX,
    "noise": NOISE,
    "seed": SEED,
    "outermost": OUTERMOST,
}


def draw_map(vectors: Vectors, neighbours: NDArray[np.int32], on_step: Callable[[int], None] | None = None) -> Places:
    """Return where each article stands: float32, articles x 2, in 0 to 1, to one scale both ways.

    `vectors`: float32, articles x dimension; `neighbours`: int32, articles x candidates, best first, -1 where there are
    fewer. The same articles make the same map. `on_step` is told of each step. Run it on one BLAS thread: several
    round otherwise.
    """
    rng = np.random.default_rng(SEED)
    plane = _first_places(vectors)
    noise = rng.normal(0.0, NOISE, (len(plane), 2)).astype(np.float32)
    plane += noise.view(np.complex64)[:, 0]
    ties = _ties(neighbours[:, :DRAWN_TO])
    for step in range(STEPS):
        met = rng.integers(0, len(plane), (len(plane), MEETINGS), np.int32)
        plane += np.float32(STEP_FIRST * (1.0 - step / STEPS)) * _moves(plane, ties, met)
        if on_step is not None:
            on_step(1)
    return _framed(plane)


def _first_places(vectors: Vectors) -> _Plane:
    """Return the vectors along their two main directions, the farthest at WIDTH_FIRST / 2 (Pearson 1901)."""
    centre = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.zeros((len(centre), len(centre)))
    for first in range(0, len(vectors), ROWS_AT_ONCE):
        block = vectors[first : first + ROWS_AT_ONCE] - centre
        spread += block.T @ block
    directions = np.linalg.eigh(spread)[1][:, : -min(2, len(centre)) - 1 : -1]
    # A direction may come out either way round: always the same one is taken.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), range(directions.shape[1])])
    places = np.zeros((len(vectors), 2), np.float32)
    for first in range(0, len(vectors), ROWS_AT_ONCE):
        block = vectors[first : first + ROWS_AT_ONCE] - centre
        places[first : first + len(block), : directions.shape[1]] = block @ directions.astype(np.float32)
    places *= np.float32(WIDTH_FIRST / 2 / max(float(np.abs(places).max()), 1e-6))
    return places.view(np.complex64)[:, 0]


class _Ties(NamedTuple):
    """Who is drawn to whom, both ways: `others` from `ends[row]` to `ends[row + 1]`; who is named by both, twice."""

    ends: NDArray[np.int64]
    others: NDArray[np.int32]


def _ties(neighbours: NDArray[np.int32]) -> _Ties:
    rows, columns = np.nonzero(neighbours >= 0)
    named = neighbours[rows, columns]
    owners = np.concatenate([rows.astype(np.int32), named])
    order = np.argsort(owners, kind="stable")
    ends = np.concatenate(([0], np.cumsum(np.bincount(owners, minlength=len(neighbours)))))
    return _Ties(ends, np.concatenate([named, rows.astype(np.int32)])[order])


def _moves(plane: _Plane, ties: _Ties, met: NDArray[np.int32]) -> _Plane:
    """Return how each article moves: as the mean of its ties draws it, and as those it met push it."""
    moves = np.empty_like(plane)
    for first in range(0, len(plane), ROWS_AT_ONCE):
        own = plane[first : first + ROWS_AT_ONCE]
        last = first + len(own)
        ways = own[:, np.newaxis] - plane[met[first:last]]
        squares = _squares(ways)
        pushes = np.float32(2) / ((np.float32(1e-3) + squares) * (np.float32(1) + squares))
        # A push is 2 / d at most: that of those who stand on each other is held back.
        ways *= np.minimum(pushes, np.float32(PUSH_MAX) / np.sqrt(np.maximum(squares, np.float32(1e-12))))
        moves[first:last] = ways.sum(axis=1)
        ends = ties.ends[first : last + 1]
        counts = np.diff(ends)
        tied = np.flatnonzero(counts)
        if len(tied):
            ways = np.repeat(own, counts) - plane[ties.others[ends[0] : ends[-1]]]
            ways *= np.float32(-2) / (np.float32(1) + _squares(ways))
            sums = np.add.reduceat(ways, ends[tied] - ends[0])
            moves[first + tied] += sums / counts[tied].astype(np.float32)
    return moves


def _squares(ways: _Plane) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = ways.real * ways.real + ways.imag * ways.imag
    return squares


def _framed(plane: _Plane) -> Places:
    """Return the same within 0 to 1, to one scale, its middle in the middle."""
    places = np.stack([plane.real, plane.imag], axis=1).astype(np.float64)
    low, high = (np.quantile(places, share, axis=0) for share in (OUTERMOST, 1 - OUTERMOST))
    width = max(float((high - low).max()), 1e-6) * (1 + 2 * MARGIN)
    framed: Places = np.clip(0.5 + (places - (low + high) / 2) / width, 0.0, 1.0).astype(np.float32)
    return framed
