import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from seealso.encoder import Encoder, Vectors
from seealso.errors import InvalidRequest, ModelMismatch, ModelUnavailable, ServiceBusy, TextLate
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.texts import Texts, title_and_text
from tests.makers import HashEncoder, articles, index_of

DEADLINE_S = 60.0


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    index_of(tmp_path, articles(6))
    return open_current(tmp_path)


def test_article_pasted_as_text_is_what_it_is_in_the_index(snapshot: Snapshot) -> None:
    piece = articles(6)[4]
    draft = Texts(HashEncoder, 2, DEADLINE_S).draft(snapshot, piece.title, piece.text, piece.language)
    np.testing.assert_allclose(draft.probes.vectors[0], snapshot.vectors.vector(4), atol=1e-6)
    own = snapshot.terms.articles.row(4)
    assert draft.probes.terms.terms.tolist() == own.terms.tolist()
    assert draft.probes.terms.weights.tolist() == own.weights.tolist()


@pytest.mark.parametrize(
    ("pasted", "title", "text"),
    [
        ("A headline\n\nThe text.\nMore.", "A headline", "The text.\nMore."),
        ("One line only", "", "One line only"),
        ("x" * 201 + "\nmore", "", "x" * 201 + "\nmore"),
        ("\n A headline \n text", "A headline", "text"),
        ("", "", ""),
    ],
)
def test_short_first_line_of_a_pasted_text_is_its_title(pasted: str, title: str, text: str) -> None:
    assert title_and_text(pasted) == (title, text)


def test_model_is_loaded_once_and_when_first_needed(snapshot: Snapshot) -> None:
    loaded: list[str] = []

    def load(name: str) -> Encoder:
        loaded.append(name)
        return HashEncoder(name)

    texts = Texts(load, 2, DEADLINE_S)
    assert loaded == []
    for _ in range(3):
        texts.draft(snapshot, "", "tides", None)
    assert loaded == ["hash"]


def test_snapshot_of_another_model_loads_that_model(snapshot: Snapshot, tmp_path: Path) -> None:
    loaded: list[str] = []

    def load(name: str) -> Encoder:
        loaded.append(name)
        return HashEncoder(name)

    texts = Texts(load, 2, DEADLINE_S)
    texts.draft(snapshot, "", "tides", None)
    index_of(tmp_path / "other", articles(6), HashEncoder("other"))
    texts.draft(open_current(tmp_path / "other"), "", "tides", None)
    assert loaded == ["hash", "other"]


def test_model_whose_files_changed_is_refused(snapshot: Snapshot) -> None:
    def load(name: str) -> Encoder:
        encoder = HashEncoder("something else")
        return encoder

    with pytest.raises(ModelMismatch, match="something else"):
        Texts(load, 2, DEADLINE_S).draft(snapshot, "", "tides", None)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_text_without_words_is_the_callers_mistake(snapshot: Snapshot, text: str) -> None:
    with pytest.raises(InvalidRequest, match="no words"):
        Texts(HashEncoder, 2, DEADLINE_S).draft(snapshot, "", text, None)


def test_service_is_wired_without_importing_torch(tmp_path: Path) -> None:
    index_of(tmp_path, articles(6))
    script = (
        "import sys; from pathlib import Path; from service.app import create_app\n"
        "from seealso.settings import ServiceSettings\n"
        f"client = create_app(ServiceSettings(index=Path({str(tmp_path)!r}))).test_client()\n"
        "assert client.get('/v1/articles/a001/related').status_code == 200\n"
        "assert client.get('/v1/articles/a001/related.html').status_code == 200\n"
        "assert not {'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


class Hanging(HashEncoder):
    """Does not end with a text until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        self.go_on.wait()
        return super().encode(texts, on_batch)


def test_encoder_that_hangs_is_waited_for_until_the_deadline(snapshot: Snapshot) -> None:
    encoder = Hanging()
    texts = Texts(lambda _: encoder, at_once_max=1, deadline_s=0.05)
    with pytest.raises(TextLate, match=r"0\.05 seconds"):
        texts.draft(snapshot, "", "tides", None)
    # It still has the text, and is given no other; nobody waits for that to change.
    with pytest.raises(ServiceBusy, match="1 texts"):
        texts.draft(snapshot, "", "tides", None)
    encoder.go_on.set()
    while True:
        try:
            assert texts.draft(snapshot, "", "tides", None).text == "tides"
            break
        except (ServiceBusy, TextLate):
            time.sleep(0.01)


def test_what_the_encoder_raises_is_raised_where_it_is_waited_for(snapshot: Snapshot) -> None:
    class Broken(HashEncoder):
        def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
            raise RuntimeError("out of memory")

    with pytest.raises(ModelUnavailable, match="out of memory"):
        Texts(lambda _: Broken(), 1, DEADLINE_S).draft(snapshot, "", "tides", None)


def test_encoding_is_timed(snapshot: Snapshot) -> None:
    told: list[float] = []
    Texts(HashEncoder, 1, DEADLINE_S, told.append).draft(snapshot, "", "tides", None)
    assert len(told) == 1
    assert told[0] > 0
