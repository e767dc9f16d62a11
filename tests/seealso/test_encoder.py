import socket
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from seealso.encoder import (
    BUNDLED_MODEL,
    LOT_PASSAGES,
    TRIAL_TEXTS,
    SentenceEncoder,
    batched,
    digest_of_files,
    fetch_encoder,
    halve,
    load_encoder,
    model_folder,
    nearness,
)
from seealso.errors import ModelUnavailable


def test_vectors_are_unit_length_and_in_the_order_of_the_texts(model: SentenceEncoder) -> None:
    texts = ["The harbour at dawn. " * 20, "Bread", "A chess opening for beginners."]
    vectors = model.encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(model.encode([text])[0], vectors[row], atol=1e-5)


def test_near_texts_have_near_vectors(model: SentenceEncoder) -> None:
    ferry, boat, bread = model.encode(["Ferry crews go on strike.", "Boat workers walk out.", "How to bake a loaf."])
    assert ferry @ boat > ferry @ bread + 0.2


def test_batches_are_reported(model: SentenceEncoder) -> None:
    done: list[int] = []
    model.encode([f"text {number}" for number in range(LOT_PASSAGES + 2)], done.append)
    assert done == [LOT_PASSAGES, 2]


def test_a_text_has_the_same_vector_bit_for_bit_whatever_is_encoded_beside_it(model: SentenceEncoder) -> None:
    texts = ["Tides.", "The harbour floods at spring tide. " * 12, "Bread " * 90]
    together = model.encode(texts)
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(model.encode([text])[0], together[row])
    np.testing.assert_array_equal(model.encode(texts[::-1])[::-1], together)


def test_no_texts_give_no_vectors(model: SentenceEncoder) -> None:
    assert model.encode([]).shape == (0, 384)


def test_identity_names_the_model_and_its_files(model: SentenceEncoder) -> None:
    assert model.identity.name == BUNDLED_MODEL
    assert model.identity.digest == digest_of_files(model_folder(BUNDLED_MODEL))
    assert (model.identity.dimension, model.identity.window, model.window) == (384, 256, 254)


def test_another_file_is_another_identity(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"1")
    before = digest_of_files(tmp_path)
    (tmp_path / "README.md").write_text("says nothing about vectors")
    assert digest_of_files(tmp_path) == before
    (tmp_path / "weights").write_bytes(b"2")
    assert digest_of_files(tmp_path) != before


def test_tokens_are_counted_without_being_cut(model: SentenceEncoder) -> None:
    spans = model.token_spans("tide " * 5_000)
    assert len(spans) == 5_000
    assert spans[-1] == (24_995, 24_999)


def test_threads_may_encode_and_count_at_once(model: SentenceEncoder) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                model.encode([f"thread {number} " * (number + 1)])
                model.token_spans("words " * 300)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=str(tmp_path)):
        load_encoder(str(tmp_path))


def test_unknown_name_without_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match=r"no-such/model.*model hub"):
        fetch_encoder("no-such/model")


def test_model_is_fetched_for_who_named_it_and_for_no_snapshot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: SentenceEncoder
) -> None:
    asked: list[bool] = []

    def download(name: str, local_files_only: bool) -> str:
        asked.append(local_files_only)
        if local_files_only and False not in asked:
            raise FileNotFoundError(name)
        return str(model_folder(BUNDLED_MODEL))

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(ModelUnavailable, match="hf download some/model"):
        load_encoder("some/model")
    assert asked == [True]
    identity = fetch_encoder("some/model").identity
    assert (identity.name, identity.digest) == ("some/model", model.identity.digest)
    assert asked == [True, False, True]


def test_who_loads_a_model_of_this_machine_finds_what_was_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--some--model"
    for folder in ("refs", "snapshots/abc"):
        (kept / folder).mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc")
    (kept / "snapshots" / "abc" / "config.json").write_text("{}")
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network is asked"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the network is asked"))
    assert model_folder("some/model") == kept / "snapshots" / "abc"
    with pytest.raises(ModelUnavailable, match="hf download another/model"):
        model_folder("another/model")


def test_on_a_cpu_each_text_is_encoded_alone_in_full_precision(model: SentenceEncoder) -> None:
    assert str(model.device) == "cpu, float32"
    assert model.device.batch == 1


def test_half_precision_is_taken_where_vectors_stay_what_they_are(model: SentenceEncoder) -> None:
    exact = load_encoder(BUNDLED_MODEL, "cpu")._model
    halved = halve(exact)
    assert halved is not None
    assert {weights.dtype for weights in halved.parameters()} == {torch.float16}
    assert {weights.dtype for weights in exact.parameters()} == {torch.float32}
    near = batched(halved, TRIAL_TEXTS, 2)
    assert near.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(near, axis=1), 1.0, atol=1e-6)
    assert nearness(near, model.encode(TRIAL_TEXTS)) > 0.999


def test_model_whose_numbers_are_too_great_for_half_precision_keeps_its_own() -> None:
    great = load_encoder(BUNDLED_MODEL, "cpu")._model
    with torch.no_grad():
        next(weights for name, weights in great.named_parameters() if "intermediate.dense.weight" in name).mul_(1e6)
    assert halve(great) is None


def test_nearness_is_none_where_there_are_no_numbers() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert nearness(vectors, vectors) == 1.0
    assert nearness(vectors, vectors[:2]) == 0.0
    assert nearness(vectors, vectors * np.float32("nan")) == 0.0
