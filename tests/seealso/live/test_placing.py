"""A placing and its form in the store."""

import numpy as np

from seealso.live.place import place
from seealso.live.placing import decode_placing, encode_placing
from seealso.snapshot.snapshot import Snapshot
from tests.seealso.live.beside import Beside, embedded, newcomers


def test_a_placing_is_the_same_after_it_was_kept(snapshot: Snapshot) -> None:
    beside = Beside(snapshot).put(*newcomers(3))
    piece = newcomers(4)[-1]
    placing = place(beside.edition, piece, embedded(piece))
    again = decode_placing(encode_placing(placing))
    assert encode_placing(again) == encode_placing(placing)
    assert again.fellows == placing.fellows
    assert np.array_equal(again.candidates, placing.candidates)
