from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from indexer.sources.source import Quarantined
from seealso.editorial.store import Store
from seealso.snapshot.layout import POINTER
from tests.deciding import take_down
from tests.makers import ANY_NIGHT, articles, index_of


def test_service_with_a_snapshot_is_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/livez").get_json() == {"status": "alive"}
    assert client.get("/readyz").get_json() == {"status": "ready"}


def test_version_says_what_is_served(client: FlaskClient) -> None:
    version = client.get("/version").get_json()
    assert version["articles"] == 27
    assert version["model"].startswith("hash (")
    assert version["cache"] == "up"
    assert version["snapshot"].startswith(version["made"][:4])


def test_service_without_a_snapshot_is_alive_not_ready_and_says_why(
    tmp_path: Path, make_app: Callable[..., APIFlask]
) -> None:
    app = make_app(tmp_path)
    client = app.test_client()
    assert client.get("/livez").status_code == 200
    assert client.get("/version").get_json()["snapshot"] is None
    for path in ("/readyz", "/v1/articles/a/related", "/v1/articles/a"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.get_json()["type"] == "urn:seealso:problem:no-snapshot"
        assert "seealso index" in answer.get_json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0
    index_of(tmp_path, articles(3))
    app.extensions["seealso"].current.refresh()
    assert client.get("/readyz").status_code == 200


def test_status_says_what_is_served_and_how_old_it_is(client: FlaskClient) -> None:
    status = client.get("/v1/status").get_json()
    assert (status["articles"], status["cache"], status["forced"], status["warnings"]) == (27, "up", [], [])
    assert 0 <= status["age_s"] < 600


def test_snapshot_that_is_too_old_is_warned_of(index: Path, make_app: Callable[..., APIFlask]) -> None:
    app = make_app(index, snapshot_age_warning_h=1e-9)
    (warning,) = app.test_client().get("/v1/status").get_json()["warnings"]
    assert "hours old, more than 1e-09; did the night run?" in warning
    assert samples(app.test_client().get("/metrics").text)["seealso_snapshot_old"] == 1


@pytest.mark.parametrize("pointer", ["garbage", None, "20990101T000000Z-000000000000"])
def test_what_is_published_and_cannot_be_served_is_warned_of_while_another_is(
    tmp_path: Path, make_app: Callable[..., APIFlask], pointer: str | None
) -> None:
    index_of(tmp_path, articles(3))
    app = make_app(tmp_path)
    client, current = app.test_client(), app.extensions["seealso"].current
    kept = (tmp_path / POINTER).read_text()
    (tmp_path / POINTER).unlink()
    if pointer is not None:
        (tmp_path / POINTER).write_text(pointer)
    current.refresh()
    status = client.get("/v1/status").get_json()
    (warning,) = status["warnings"]
    assert status["degraded"] == ["snapshot"]
    assert warning == f"{current.snapshot().id} goes on being served: {current.problem}"
    (tmp_path / POINTER).write_text(kept)
    current.refresh()
    status = client.get("/v1/status").get_json()
    assert (status["degraded"], status["warnings"]) == ([], [])


def test_another_store_than_the_snapshot_was_made_with_is_warned_of(
    tmp_path: Path, make_app: Callable[..., APIFlask]
) -> None:
    store = Store(tmp_path)
    take_down(store, ["a001"], "ann", "court order", None)
    index_of(tmp_path, articles(3), live=store)
    assert make_app(tmp_path).test_client().get("/v1/status").get_json()["warnings"] == []
    store.close()
    for file in tmp_path.glob("editorial.db*"):
        file.unlink()
    app = make_app(tmp_path)
    (warning,) = app.test_client().get("/v1/status").get_json()["warnings"]
    assert warning.startswith("the editorial store is not the one")


def test_snapshot_store_that_was_not_reached_is_warned_of(
    index: Path, make_app: Callable[..., APIFlask], tmp_path: Path
) -> None:
    client = make_app(index, snapshot_store=f"file://{tmp_path}/share").test_client()
    (warning,) = client.get("/v1/status").get_json()["warnings"]
    assert "the snapshot store has not been reached yet" in warning
    found = samples(client.get("/metrics").text)
    assert found["seealso_snapshot_store_silent_seconds"] > 60
    assert found["seealso_snapshot_store_behind"] == 0


def test_status_without_a_snapshot_says_why(tmp_path: Path, make_app: Callable[..., APIFlask]) -> None:
    client = make_app(tmp_path).test_client()
    status = client.get("/v1/status").get_json()
    assert (status["snapshot"], status["age_s"], status["articles"]) == (None, None, None)
    assert "seealso index" in status["warnings"][0]
    assert samples(client.get("/metrics").text)["seealso_snapshot_served"] == 0


def test_status_tells_that_a_snapshot_was_forced(tmp_path: Path, make_app: Callable[..., APIFlask]) -> None:
    index_of(tmp_path, [*articles(3), Quarantined("x", "bad")], gates=replace(ANY_NIGHT, quarantine_max=0), force=True)
    assert make_app(tmp_path).test_client().get("/v1/status").get_json()["forced"] == ["quarantine"]


def test_metrics_are_what_prometheus_reads(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.text)
    assert (found["seealso_snapshot_served"], found["seealso_snapshot_articles"]) == (1, 27)
    assert 0 <= found["seealso_snapshot_age_seconds"] < 600
    assert found["seealso_snapshot_old"] == 0
    assert found["seealso_snapshot_info"] == 1


def samples(text: str) -> dict[str, float]:
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}
