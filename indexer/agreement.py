"""Whether a process on another machine may encode for a run, and the lots that it then encodes.

It has to have the same versions, the same model, and to make the same vectors of a few texts. Of how it is reached
nothing is known here. A run's agreement goes there with every lot; what comes back is vectors, or why there are none.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from seealso.encoder import TRIAL_COSINE_MIN, TRIAL_TEXTS, Encoder, ModelIdentity, Vectors, nearness
from seealso.errors import ModelUnavailable
from seealso.machine import share_cpus, usable_cpus
from seealso.space import PASSAGE_DTYPE

# What may change the last digits of a vector.
COMPUTING = ("seealso", "torch", "transformers", "sentence-transformers", "tokenizers", "numpy")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What every process must agree with before its vectors count.

    `load`: how it gets its encoder; `versions`: of what computes; `vectors`: those of TRIAL_TEXTS, as the run's own
    encoder makes them.
    """

    load: Callable[[], Encoder]
    identity: ModelIdentity
    versions: dict[str, str]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Encoded:
    """A lot's vectors: float32, texts x dimension; on which device, and in how many seconds of encoding alone.

    `exact`: whether the vectors of TRIAL_TEXTS are the run's own there, bit for bit as they are kept.
    """

    vectors: Vectors
    device: str
    seconds: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a process must not encode; `of_model`: because of its model."""

    reason: str
    of_model: bool


_ready: tuple[Encoder, bool] | None = None


def agreement_of(load: Callable[[], Encoder], encoder: Encoder) -> Agreement:
    """Return what all are to agree with, as the run's own encoder and this machine have it."""
    return Agreement(load, encoder.identity, versions(), encoder.encode(TRIAL_TEXTS))


def encode_lot(agreement: Agreement, texts: list[str]) -> Encoded | Refused:
    """Return texts' vectors, or why this process must make none. It keeps its encoder for the lots that follow."""
    global _ready
    if _ready is None:
        share_cpus(usable_cpus())  # each CPU of the machine has such a process
        agreed = agree(agreement)
        if isinstance(agreed, Refused):
            return agreed
        _ready = agreed
    encoder, exact = _ready
    began = time.monotonic()
    vectors = encoder.encode(texts)
    return Encoded(vectors, str(encoder.device), time.monotonic() - began, exact)


def agree(agreement: Agreement) -> tuple[Encoder, bool] | Refused:
    """Return this machine's encoder, and whether it agrees to the last bit that is kept; or why it must not encode."""
    ours = versions()
    for name, wanted in agreement.versions.items():
        if ours[name] != wanted:
            return Refused(f"has {name} {ours[name]}, here it is {wanted}; install the same on both", of_model=False)
    try:
        encoder = agreement.load()
    except ModelUnavailable as error:
        return Refused(f"has none that can be used ({error}); put the same there as here", of_model=True)
    if encoder.identity.digest != agreement.identity.digest:
        return Refused(
            f"has another by that name, {encoder.identity}, and here it is {agreement.identity}; put the same on both",
            of_model=True,
        )
    vectors = encoder.encode(TRIAL_TEXTS)
    cosine = nearness(vectors, agreement.vectors)
    if cosine < TRIAL_COSINE_MIN:
        return Refused(f"makes other vectors of the same texts by it (a cosine of {cosine:.4f})", of_model=True)
    return encoder, np.array_equal(vectors.astype(PASSAGE_DTYPE), agreement.vectors.astype(PASSAGE_DTYPE))


def versions() -> dict[str, str]:
    """Return the versions of what computes vectors, without what a build for one kind of machine adds."""
    return {name: version(name).split("+")[0] for name in COMPUTING}
