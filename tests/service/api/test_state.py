from collections.abc import Callable
from pathlib import Path

from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.makers import articles, index_of


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
