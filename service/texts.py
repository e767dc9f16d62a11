"""A text that is not in the index -> a draft; an article -> its passages with their vectors.

The model is loaded when the first text comes, not before.

The encoder works on a thread of its own for each text: whoever waits for it stops waiting at the deadline, whatever it
does.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seealso.article import Article
from seealso.editorial.articles import Embedded
from seealso.encoder import Encoder
from seealso.errors import InvalidRequest, ModelMismatch, ModelUnavailable, SeealsoError, ServiceBusy, TextLate
from seealso.logs import get_log
from seealso.passages import cut_passages
from seealso.relatedness import Probes
from seealso.snapshot.snapshot import Snapshot
from seealso.space import PASSAGE_DTYPE, PassageVectors
from seealso.words import word_counts
from service.why import Draft

PassageVector = NDArray[np.float16]
Made = TypeVar("Made")

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

    def __init__(
        self,
        load_encoder: Callable[[str], Encoder],
        at_once_max: int,
        deadline_s: float,
        encoded: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._load_encoder = load_encoder
        self._at_once_max = at_once_max
        self._deadline_s = deadline_s
        self._told_encoded = encoded
        self._free = threading.BoundedSemaphore(at_once_max)
        self._encoder: Encoder | None = None
        self._loading = threading.Lock()

    @property
    def loaded(self) -> str | None:
        """Return which model is loaded, None while none is."""
        encoder = self._encoder
        return None if encoder is None else str(encoder.identity)

    def warm(self, snapshot: Snapshot) -> None:
        """Load the model beside whatever is done, if nobody has yet; who needs it will be told why it cannot be."""
        if self._encoder is None and not self._loading.locked() and self._free.acquire(blocking=False):

            def load() -> None:
                try:
                    with suppress(SeealsoError):
                        self._encoder_of(snapshot)
                finally:
                    self._free.release()

            threading.Thread(target=load, name="warm", daemon=True).start()

    def draft(self, snapshot: Snapshot, title: str, text: str, language: str | None) -> Draft:
        """Return a text with all that is compared of it, made as the indexer makes an article's.

        Raises InvalidRequest if no word is in it; ModelUnavailable; ModelMismatch if the model at hand is not the one
        that made the snapshot; TextLate at the deadline; ServiceBusy if so many texts hang in the encoder that no more
        are given to it.
        """
        return self._in_time(lambda: self._made(snapshot, title, text, language))

    def embedded(self, snapshot: Snapshot, article: Article) -> Embedded:
        """Return an article's passages with their vectors, as a night embeds them.

        What the snapshot holds of the article keeps its vectors where its passages are the same. Raises as `draft`
        does.
        """
        return self._in_time(lambda: self._embedded(snapshot, article))

    def _in_time(self, make_it: Callable[[], Made]) -> Made:
        """Return what is made on a thread of its own, or raise what that raises; see `draft`."""
        if not self._free.acquire(blocking=False):
            raise ServiceBusy("texts", self._at_once_max)
        made: list[Made | BaseException] = []

        def make() -> None:
            try:
                made.append(make_it())
            except BaseException as error:  # whatever it is, it is raised where it is waited for
                made.append(error)
            finally:
                self._free.release()

        thread = threading.Thread(target=copy_context().run, args=(make,), name="text", daemon=True)
        thread.start()
        thread.join(self._deadline_s)
        if not made:
            raise TextLate(self._deadline_s)
        if isinstance(made[0], BaseException):
            raise made[0]
        return made[0]

    def _embedded(self, snapshot: Snapshot, article: Article) -> Embedded:
        encoder = self._encoder_of(snapshot)
        passages = cut_passages(article.title, article.text, article.language, encoder)
        known = self._known(snapshot, article.id, encoder)
        missing = [passage.text for passage in passages if passage.text not in known]
        if missing:
            known |= dict(zip(missing, self._encode(encoder, missing), strict=True))
        vectors = np.array([known[passage.text] for passage in passages], PASSAGE_DTYPE)
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise InvalidRequest("body", f"the model {encoder.identity.name} gives it no usable vector")
        spans = np.array([(passage.start, passage.end) for passage in passages], np.int32)
        return Embedded(encoder.identity.digest, vectors, spans)

    def _known(self, snapshot: Snapshot, article_id: str, encoder: Encoder) -> dict[str, PassageVector]:
        """Return the vectors of an article's passages as it is in the snapshot, by their texts."""
        row = snapshot.row_of(article_id)
        if row is None:
            return {}
        before = Article.model_validate_json(snapshot.article(row))
        passages = cut_passages(before.title, before.text, before.language, encoder)
        vectors, _ = snapshot.passages_of(row)
        if len(vectors) != len(passages):  # cut otherwise, by another version
            return {}
        return {passage.text: vector for passage, vector in zip(passages, vectors.astype(PASSAGE_DTYPE), strict=True)}

    def _encode(self, encoder: Encoder, texts: list[str]) -> PassageVectors:
        began = time.perf_counter()
        try:
            with np.errstate(over="ignore"):  # what is too great to be a vector becomes infinite, and is found
                vectors = encoder.encode(texts).astype(PASSAGE_DTYPE)
        except Exception as error:  # out of memory, or whatever else a model and its libraries can meet
            get_log().error("encoding_failed", exc_info=error)
            raise ModelUnavailable(
                encoder.identity.name, f"it failed at a text, {type(error).__name__}: {error}"
            ) from error
        self._told_encoded(time.perf_counter() - began)
        return vectors

    def _made(self, snapshot: Snapshot, title: str, text: str, language: str | None) -> Draft:
        encoder = self._encoder_of(snapshot)
        passages = cut_passages(title, text, language, encoder)
        if not any(passage.tokens for passage in passages):
            raise InvalidRequest("text", "has no words; send the text of an article")
        vectors = self._encode(encoder, [passage.text for passage in passages])
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
