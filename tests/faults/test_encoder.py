"""F5: an encoder that hangs, raises, or is absent: page views know nothing of it, text queries are refused in time."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.encoder import Encoder, Vectors
from seealso.errors import ModelUnavailable
from seealso.settings import ServiceSettings
from service.app import create_app
from tests.faults.trial import ARTICLES, FULL, PATHS, Form, answers_of, p99_ms, per_second, wrong_answers
from tests.figures import figure
from tests.load.rate import Rate, blocks
from tests.makers import HashEncoder, articles, index_of
from tests.servers import Answer, Running, serving
from tests.waiting import wait_until

TEXT = {"text": "tides moon sea harbour"}
# What a test waits for at its slowest, where nothing is to be waited for.
DEADLINE_S = 60.0
# A few texts a second: what is shown is what a failing one does to others, not a second load.
TEXT_PAUSE_S = 0.2
MakeApp = Callable[..., APIFlask]


class Hanging(HashEncoder):
    """Does not end with a text until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        self.go_on.wait()
        return super().encode(texts, on_batch)


class Broken(HashEncoder):
    """Fails with each text, until it is mended."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        if self.error:
            raise self.error
        return super().encode(texts, on_batch)


@pytest.fixture
def make_app(index: Path, redis_url: str) -> Iterator[MakeApp]:
    apps: list[APIFlask] = []

    def make(load: Callable[[str], Encoder], **settings: object) -> APIFlask:
        given: dict[str, object] = {"index": index, "redis_url": redis_url, "redis_timeout_ms": 1_000} | settings
        apps.append(create_app(ServiceSettings(**given), load))  # type: ignore[arg-type]
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["seealso"].cache.close()


def send(client: FlaskClient) -> TestResponse:
    return client.post("/v1/similar", json=TEXT)


def check_refusal(refused: TestResponse | Answer, *kinds: str) -> None:
    """Hold a refusal against what is documented of refusals."""
    status = refused.status if isinstance(refused, Answer) else refused.status_code
    headers = {name.lower(): value for name, value in dict(refused.headers).items()}
    body = refused.json() if isinstance(refused, Answer) else refused.get_json()
    assert (status, headers["content-type"]) == (503, "application/problem+json"), body
    assert int(headers["retry-after"]) > 0
    assert headers["cache-control"] == "no-store"
    assert body["type"].removeprefix("urn:seealso:problem:") in kinds
    assert body["status"] == 503
    assert body["request_id"] == headers["x-request-id"]


@contextmanager
def viewed(app: APIFlask) -> Iterator[list[int]]:
    """Have pages viewed meanwhile, some found and some made; yield the statuses as they come."""
    seen: list[int] = []
    ended = threading.Event()

    def view() -> None:
        client, number = app.test_client(), 0
        while not ended.is_set():
            number += 1
            seen.append(client.get(f"{PATHS[number % len(PATHS)]}&exclude=x{number % 100}").status_code)

    thread = threading.Thread(target=view)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def go_on_viewing(seen: list[int]) -> None:
    """Return once more pages have been viewed, all of them well."""
    begun = len(seen)
    wait_until(lambda: len(seen) > begun + 20)
    assert set(seen) == {200}


# in the process


def test_text_that_hangs_is_refused_at_its_deadline_and_pages_go_on(make_app: MakeApp) -> None:
    encoder = Hanging()
    app = make_app(lambda _: encoder, text_deadline_s=0.2)
    client = app.test_client()
    with viewed(app) as seen:
        check_refusal(send(client), "text-late")
        go_on_viewing(seen)
        # Texts hang until no more are given to the encoder; then they are refused at once.
        while send(client).get_json()["type"] != "urn:seealso:problem:busy":
            pass
        for _ in range(5):
            check_refusal(send(client), "busy")
        go_on_viewing(seen)
        encoder.go_on.set()
        wait_until(lambda: send(client).status_code == 200)
        go_on_viewing(seen)


def test_batches_and_pages_are_answered_while_texts_hang(make_app: MakeApp) -> None:
    encoder = Hanging()
    app = make_app(lambda _: encoder, text_deadline_s=DEADLINE_S)
    texts = [threading.Thread(target=lambda: send(app.test_client())) for _ in range(8)]
    for text in texts:
        text.start()
    try:
        wait_until(lambda: sum(thread.name == "text" for thread in threading.enumerate()) > 0)
        client = app.test_client()
        wait_until(lambda: send(client).status_code == 503)  # as many hang as are let in
        asked = {"articles": ["a000", "a001"]}
        page = {"article": "a000", "blocks": [{"name": "below"}]}
        assert client.post("/v1/related", json=asked).status_code == 200
        assert client.post("/v1/page", json=page).status_code == 200
    finally:
        encoder.go_on.set()
        for text in texts:
            text.join()


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error"), MemoryError(), OSError("no space"), ValueError("NaN"), KeyError("weights")]
)
def test_encoder_that_raises_is_said_to_be_unavailable(make_app: MakeApp, error: Exception) -> None:
    encoder = Broken(error)
    app = make_app(lambda _: encoder)
    client = app.test_client()
    with viewed(app) as seen:
        check_refusal(send(client), "model-unavailable")
        go_on_viewing(seen)
        encoder.error = None
        assert send(client).status_code == 200


def test_model_that_cannot_be_loaded_is_tried_again(make_app: MakeApp) -> None:
    tries: list[str] = []

    def load(name: str) -> Encoder:
        tries.append(name)
        if len(tries) < 3:
            raise ModelUnavailable(name, "it is not here")
        return HashEncoder(name)

    app = make_app(load)
    client = app.test_client()
    with viewed(app) as seen:
        for _ in range(2):
            check_refusal(send(client), "model-unavailable")
        assert send(client).status_code == 200
        go_on_viewing(seen)
    assert tries == ["hash"] * 3


def test_model_that_hangs_while_it_is_loaded_holds_nobody_else(make_app: MakeApp) -> None:
    loaded = threading.Event()

    def load(name: str) -> Encoder:
        loaded.wait()
        return HashEncoder(name)

    app = make_app(load, text_deadline_s=0.2)
    client = app.test_client()
    with viewed(app) as seen:
        check_refusal(send(client), "text-late")
        for _ in range(5):
            check_refusal(send(client), "text-late", "busy")
        go_on_viewing(seen)
        loaded.set()
        wait_until(lambda: send(client).status_code == 200)


def test_every_refusal_of_a_text_is_in_the_document(make_app: MakeApp) -> None:
    document = make_app(HashEncoder).test_client().get("/openapi.json").get_json()
    assert "application/problem+json" in document["paths"]["/v1/similar"]["post"]["responses"]["503"]["content"]


# real processes


@contextmanager
def without_model(folder: Path, log: Path, model: str, **settings: str) -> Iterator[Running]:
    """Run a service over an index that a model made which is not here any more."""
    index_of(folder, articles(ARTICLES, section="News", language="en"), HashEncoder(model))
    own = {"SEEALSO_TEXT_DEADLINE_S": "10", "SEEALSO_RATE_LIMIT": "10000/minute", "SEEALSO_COPIES_MB": "0"}
    variables = own | settings
    with serving(folder, log, 2, True, **variables) as running:
        yield running


def check_under_load(running: Running, form: Form, *kinds: str) -> float:
    """Send texts while pages are viewed; return how long the slowest refusal took."""
    expected = answers_of(running)
    slowest_s = 0.0
    rate_per_second = per_second(running, expected, form)
    with Rate(running.port, blocks(expected), rate_per_second) as rate:
        time.sleep(form.steady_s)
        began = time.monotonic()
        while not slowest_s or time.monotonic() < began + form.fault_s:
            sent = time.monotonic()
            check_refusal(running.post("/v1/similar", TEXT), *kinds)
            slowest_s = max(slowest_s, time.monotonic() - sent)
            time.sleep(TEXT_PAUSE_S)
    wrong = [*wrong_answers(rate.outcomes, expected, began)]
    before, meanwhile = p99_ms(rate.outcomes, 0, began), p99_ms(rate.outcomes, began, time.monotonic())
    figure(
        f"{len(rate.outcomes):,} page views, {rate_per_second:.0f} a second, {len(wrong)} failed; p99 {before:.1f} ms, "
        f"{meanwhile:.1f} ms while texts fail; the slowest refusal after {slowest_s:.1f} s"
    )
    assert not wrong, f"{len(wrong)} of {len(rate.outcomes)}: {wrong[0]} ... {wrong[-1]}"
    return slowest_s


def test_service_whose_model_is_gone_goes_on_with_page_views(tmp_path: Path) -> None:
    gone = str(tmp_path / "no" / "model")
    with without_model(tmp_path / "index", tmp_path / "log", gone, SEEALSO_WAIT_MS="20000") as running:
        # The first text of each worker loads libraries, which may take it to the deadline.
        check_under_load(running, Form(20.0, 0.2, 1.0), "model-unavailable", "text-late")
        wait_until(lambda: gone in running.post("/v1/similar", TEXT).json()["detail"])


@pytest.mark.torture
@pytest.mark.row("F5")
def test_service_whose_model_is_gone_under_heavy_load(tmp_path: Path) -> None:
    gone = str(tmp_path / "no" / "model")
    with without_model(tmp_path / "index", tmp_path / "log", gone) as running:
        assert check_under_load(running, FULL, "model-unavailable", "text-late") <= 10 + 1


@pytest.mark.torture
@pytest.mark.row("F5")
def test_service_whose_model_is_broken_under_heavy_load(tmp_path: Path) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    (broken / "modules.json").write_text("this is no JSON")
    (broken / "config.json").write_bytes(b"\0")
    with without_model(tmp_path / "index", tmp_path / "log", str(broken)) as running:
        assert check_under_load(running, FULL, "model-unavailable", "text-late") <= 10 + 1


@pytest.mark.torture
@pytest.mark.row("F5")
def test_service_whose_model_hangs_under_heavy_load(tmp_path: Path) -> None:
    """Its files are on a disk that does not answer: a pipe into which nobody writes."""
    hanging = tmp_path / "model"
    hanging.mkdir()
    os.mkfifo(hanging / "modules.json")
    os.mkfifo(hanging / "config.json")
    with without_model(tmp_path / "index", tmp_path / "log", str(hanging)) as running:
        assert check_under_load(running, FULL, "text-late", "busy") <= 10 + 1
