"""An app over a small index, with a real Redis behind it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.article import Article
from seealso.settings import ServiceSettings
from service.app import create_app
from service.link import Link
from tests.makers import HashEncoder, article, articles, index_of
from tests.waiting import WAIT_SECONDS_MAX, wait_until

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
def patient() -> Iterator[None]:
    """A Redis that answers is waited for until it does: a busy machine is no Redis that is gone."""
    with pytest.MonkeyPatch.context() as patched:  # of its own: a test may undo what it has patched itself
        patched.setattr("service.link.START_SECONDS_MAX", WAIT_SECONDS_MAX)
        yield


def wait_for_connections(app: APIFlask) -> None:
    """Wait until all connections to Redis are open that can be: one that comes later is taken before the others.

    What was put over another may then not be found yet.
    """
    links = app.extensions["seealso"].cache._links
    if isinstance(links, Link):
        wait_until(lambda: not links.up or links._failures > 0 or len(links._ready) >= links._least)


@pytest.fixture
def make_app(redis_url: str, patient: None) -> Iterator[Callable[[Path], APIFlask]]:
    apps: list[APIFlask] = []

    def make(index: Path, **settings: object) -> APIFlask:
        given: dict[str, object] = {"index": index, "redis_url": redis_url, "redis_timeout_ms": 10_000} | settings
        apps.append(create_app(ServiceSettings(**given), HashEncoder, taken_s=WAIT_SECONDS_MAX))  # type: ignore[arg-type]
        wait_for_connections(apps[-1])
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
