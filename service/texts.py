"""A text that is not in the index -> a draft. Loads the model when the first text comes, not before."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from seealso.encoder import Encoder
from seealso.errors import InvalidRequest, ModelMismatch, ServiceBusy
from seealso.lexical import word_counts
from seealso.passages import cut_passages
from seealso.relatedness import Probes
from seealso.snapshot.reader import Snapshot
from seealso.space import PASSAGE_DTYPE
from service.why import Draft

# Some 16,000 words; embedding that much takes a core several seconds.
TEXT_CHARACTERS_MAX = 100_000
# A longer first line is a paragraph.
TITLE_CHARACTERS_MAX = 200


def title_and_text(pasted: str) -> tuple[str, str]:
    """Return a pasted text's first line as its title, where it looks like one, and the rest."""
    title, _, text = pasted.strip().partition("\n")
    if len(title) <= TITLE_CHARACTERS_MAX and text.strip():
        return title.strip(), text.strip()
    return "", pasted


class Texts:
    """Makes drafts with the model that made the snapshot."""

    def __init__(self, load_encoder: Callable[[str], Encoder], at_once_max: int) -> None:
        self._load_encoder = load_encoder
        self._at_once_max = at_once_max
        self._places = threading.BoundedSemaphore(at_once_max)
        self._encoder: Encoder | None = None
        self._loading = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the few places for a text, from before its body is read: page views keep the other threads.

        Raises ServiceBusy at once if none is free.
        """
        if not self._places.acquire(blocking=False):
            raise ServiceBusy(self._at_once_max)
        try:
            yield
        finally:
            self._places.release()

    def draft(self, snapshot: Snapshot, title: str, text: str, language: str | None) -> Draft:
        """Return a text with all that is compared of it, made as the indexer makes an article's.

        Raises InvalidRequest if no word is in it, ModelUnavailable, and ModelMismatch if the model at hand is not the
        one that made the snapshot.
        """
        encoder = self._encoder_of(snapshot)
        passages = cut_passages(title, text, language, encoder)
        if not any(passage.tokens for passage in passages):
            raise InvalidRequest("text", "has no words; send the text of an article")
        vectors = encoder.encode([passage.text for passage in passages]).astype(PASSAGE_DTYPE)
        known = language or snapshot.space.language(vectors)
        vector = snapshot.space.article_vectors(vectors, np.array([len(passages)], np.int64), [known])
        terms = snapshot.terms
        return Draft(
            title=title,
            text=text,
            language=known,
            probes=Probes(vector, terms.vector(word_counts(title, text), known), terms.title_vector(title, known)),
            passage_vectors=vectors.astype(np.float32),
            spans=np.array([(passage.start, passage.end) for passage in passages], np.int32),
        )

    def _encoder_of(self, snapshot: Snapshot) -> Encoder:
        made_by = snapshot.manifest.model.identity()
        encoder = self._encoder
        if encoder is None or encoder.identity != made_by:
            with self._loading:
                if self._encoder is None or self._encoder.identity.name != made_by.name:
                    self._encoder = self._load_encoder(made_by.name)
                encoder = self._encoder
            if encoder.identity.digest != made_by.digest:
                raise ModelMismatch(snapshot.id, str(made_by), str(encoder.identity))
        return encoder
