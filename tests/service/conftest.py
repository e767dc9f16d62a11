"""An app over a small index, with a real Redis behind it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.article import Article
from seealso.settings import ServiceSettings
from service.app import create_app
from tests.makers import HashEncoder, article, articles, index_of

HOSTILE = "<script>alert('\"&')</script>"


def pieces() -> list[Article]:
    return [
        *articles(20, section="News", language="en", published="2025-03-01", author="Ruth Okafor"),
        article("de1", title="Gezeiten", body="tides moon", section="Science", language="de", published="2025-04-01"),
        article(
            "linked", url="https://news.example/a?b=1&c=2", summary="A summary.", section="A & B", updated="2025-05-05"
        ),
        article("/news/leading/", title="An id that is an address", body="tides"),
        article("http://news.example//x/y", title="An id that is an address", body="tides"),
        article(
            "hostile", title=HOSTILE, summary=HOSTILE, section=HOSTILE, author=HOSTILE, body="tides moon sea harbour"
        ),
        article("secret", body="tides moon sea harbour", sensitive=True),
        article("paid", body="tides moon sea harbour", sponsored=True),
    ]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, pieces())
    return folder


@pytest.fixture
def make_app(redis_url: str) -> Iterator[Callable[[Path], APIFlask]]:
    apps: list[APIFlask] = []

    def make(index: Path, **settings: object) -> APIFlask:
        given: dict[str, object] = {"index": index, "redis_url": redis_url, "redis_timeout_ms": 1_000} | settings
        apps.append(create_app(ServiceSettings(**given), HashEncoder))  # type: ignore[arg-type]
        return apps[-1]

    yield make
    for app in apps:
        here = app.extensions["seealso"]
        here.cache.close()
        here.engine.close()
        here.editorial.close()


@pytest.fixture
def app(index: Path, make_app: Callable[[Path], APIFlask]) -> APIFlask:
    return make_app(index)


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()
