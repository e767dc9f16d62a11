import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import indexer.agreement
from indexer.agreement import Encoded, Refused, agreement_of, encode_lot, versions
from seealso.encoder import Encoder, Vectors
from seealso.errors import ModelUnavailable
from seealso.machine import own_cpus, share_cpus
from tests.makers import HashEncoder

TEXTS = ["Bread", "The ferry to the islands"]


@pytest.fixture(autouse=True)
def as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is agreed yet; what the process says of CPUs is taken back."""
    monkeypatch.setattr(indexer.agreement, "_ready", None)
    yield
    share_cpus(1)


class Changed(HashEncoder):
    """Is another model by its vectors alone: `by` a factor, towards a direction of its own."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self._by = by

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        vectors = super().encode(texts) + np.float32(self._by) * np.eye(1, self.identity.dimension, dtype=np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def absent() -> Encoder:
    raise ModelUnavailable("hash", "no such folder")


def test_lots_are_encoded_by_one_encoder_on_one_thread() -> None:
    loaded = []

    def load() -> Encoder:
        loaded.append(HashEncoder())
        return loaded[-1]

    agreement = agreement_of(load, HashEncoder())
    for _ in range(2):
        lot = encode_lot(agreement, TEXTS)
        assert isinstance(lot, Encoded)
        np.testing.assert_array_equal(lot.vectors, HashEncoder().encode(TEXTS))
        assert lot.exact
    assert len(loaded) == 1
    assert own_cpus() == 1


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (absent, "has none that can be used .*no such folder"),
        (partial(HashEncoder, "another"), r"has another by that name, another \(\w{12}\), and here it is hash"),
        (partial(Changed, 0.2), r"makes other vectors of the same texts by it \(a cosine of 0\.9"),
    ],
)
def test_another_model_is_refused_by_its_files_or_its_vectors(load: Callable[[], Encoder], said: str) -> None:
    lot = encode_lot(agreement_of(load, HashEncoder()), TEXTS)
    assert isinstance(lot, Refused)
    assert lot.of_model
    assert re.match(said, lot.reason)


def test_vectors_that_are_rounded_otherwise_count_and_are_told() -> None:
    lot = encode_lot(agreement_of(partial(Changed, 1e-3), HashEncoder()), TEXTS)
    assert isinstance(lot, Encoded)
    assert not lot.exact


def test_other_versions_are_refused_by_name() -> None:
    agreement = replace(agreement_of(HashEncoder, HashEncoder()), versions=versions() | {"torch": "1.0"})
    lot = encode_lot(agreement, TEXTS)
    assert isinstance(lot, Refused)
    assert not lot.of_model
    assert lot.reason.startswith(f"has torch {versions()['torch']}, here it is 1.0")
