import pytest

from service.metrics import OUTCOMES, ROUTES
from service.routes import is_read, outcome_of, route_of


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/articles/a000/related", "related"),
        ("/v1/articles/a000/related.html", "related_html"),
        ("/v1/articles/a000", "article"),
        ("/v1/articles/a000/takedown", "editorial"),
        ("/v1/articles", "editorial"),
        ("/v1/rules/7", "editorial"),
        ("/v1/related", "batch"),
        ("/v1/page", "page"),
        ("/v1/similar", "similar"),
        ("/v1/events", "events"),
        ("/desk/find", "desk"),
        ("/readyz", "state"),
        ("/docs/", "other"),
    ],
)
def test_route_is_named_by_what_is_asked(path: str, route: str) -> None:
    assert route_of(path) == route
    assert route in ROUTES


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"", "ok"),
        (304, b"", "ok"),
        (404, b"", "invalid"),
        (500, b"", "failed"),
        (503, b'{"type":"urn:seealso:problem:busy"}', "busy"),
        (503, b'{"type":"urn:seealso:problem:snapshot-missing"}', "unavailable"),
    ],
)
def test_outcome_is_named_by_status_and_problem(status: int, body: bytes, outcome: str) -> None:
    assert outcome_of(status, body) == outcome
    assert outcome in OUTCOMES


def test_what_gives_articles_is_a_read() -> None:
    for path in ("/v1/articles/a000/related", "/v1/related", "/v1/page", "/v1/similar", "/v1/articles/a000"):
        assert is_read(path), path
    for path in ("/v1/status", "/v1/events", "/v1/webhooks/ghost", "/readyz", "/desk/find"):
        assert not is_read(path), path
