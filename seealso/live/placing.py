"""A placing: all that was worked out of a live article for one snapshot, and its form in bytes, as the store keeps it.

An article of the snapshot is meant by its row, another live article by -1 less its place among `fellows`, which are
ids: rows of live articles are each worker's own.
"""

from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.arrays import Scores
from seealso.encoder import Vectors
from seealso.relatedness import PARTS, Cohorts
from seealso.term_rows import TermRows

Kin = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Placing:
    """Where an article belongs.

    `vector`: float32, dimension; `terms` and `titles`: one row each; `cohorts`: PARTS x 2; `candidates` with
    `candidate_scores`: what is related to it, best first; `hosts` with `host_scores`: in whose lists of candidates it
    stands, with what it scores there; `story`: the name of the story that it tells, which is the id of an article.
    """

    vector: Vectors
    terms: TermRows
    titles: TermRows
    cohorts: Cohorts
    candidates: Kin
    candidate_scores: Scores
    hosts: Kin
    host_scores: Scores
    fellows: tuple[str, ...] = ()
    story: str = ""


def encode_placing(placing: Placing) -> bytes:
    """Return a placing as bytes: a line of JSON, and the arrays one after the other."""
    arrays = [
        placing.vector.astype("<f4"),
        placing.terms.terms.astype("<i4"),
        placing.terms.weights.astype("<f4"),
        placing.titles.terms.astype("<i4"),
        placing.titles.weights.astype("<f4"),
        placing.cohorts.astype("<f4").reshape(-1),
        placing.candidates.astype("<i4"),
        placing.candidate_scores.astype("<f4"),
        placing.hosts.astype("<i4"),
        placing.host_scores.astype("<f4"),
    ]
    head = {"lengths": [len(array) for array in arrays], "fellows": placing.fellows, "story": placing.story}
    return b"".join([orjson.dumps(head), b"\n", *(array.tobytes() for array in arrays)])


def decode_placing(content: bytes) -> Placing:
    """Return the placing that was encoded. Raises ValueError if it is none."""
    place = content.index(b"\n") + 1
    head = orjson.loads(content[:place])
    if not isinstance(head["story"], str):
        raise ValueError("its story has no name")
    arrays = []
    for number, length in enumerate(head["lengths"]):
        dtype = np.dtype("<i4" if number in (1, 3, 6, 8) else "<f4")
        arrays.append(np.frombuffer(content, dtype, length, place))
        place += length * dtype.itemsize
    vector, terms, weights, titles, title_weights, cohorts, candidates, scores, hosts, host_scores = arrays
    return Placing(
        vector=vector,
        terms=_row(terms, weights),
        titles=_row(titles, title_weights),
        cohorts=cohorts.reshape(PARTS, 2),
        candidates=candidates,
        candidate_scores=scores,
        hosts=hosts,
        host_scores=host_scores,
        fellows=tuple(head["fellows"]),
        story=head["story"],
    )


def _row(terms: NDArray[np.int32], weights: Scores) -> TermRows:
    return TermRows(np.array([0, len(terms)], np.int32), terms, weights)
