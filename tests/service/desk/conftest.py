"""A signed-in editor at a desk over a small newsroom of made-up articles."""

from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import Scope, create_key
from seealso.editorial.store import Store
from service.fetching import Fetcher
from tests.indexer.sources.web_server import Site
from tests.makers import article, articles, index_of

HOSTILE = "<img src=x onerror=alert(1)>'\"&"


@pytest.fixture
def index(tmp_path: Path, redis_url: str) -> Path:
    redis.Redis.from_url(redis_url).flushall()
    index_of(
        tmp_path,
        [
            *articles(30, section="News", language="en", published="2025-03-01", author="Ruth Okafor"),
            article("storm", title="A storm surge", body="tides moon storm surge", section="Weather", tags=["Sea"],
                    published="2025-05-02", url="https://news.example/storm", language="en"),
            article("gezeiten", title="Gezeiten", body="tides moon", section="Wissen", language="de",
                    author="Ida Bell"),
            article("hostile", title=HOSTILE, summary=HOSTILE, section=HOSTILE, author=HOSTILE,
                    body=f"tides {HOSTILE}"),
            article("a/b c", title="An id with a slash", body="tides moon sea", cut_away="Buy a boat"),
            article("secret", title="Not for all", body="tides moon sea", sensitive=True),
        ],
    )  # fmt: skip
    return tmp_path


@pytest.fixture
def sign_in(index: Path, make_app: Callable[..., APIFlask]) -> Callable[[Scope], FlaskClient]:
    app = make_app(index, rate_limit="none")

    def client_of(scope: Scope) -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {create_key(Store(index), 'Ann', scope, 'x')[1]}"
        return client

    return client_of


@pytest.fixture
def outside(site: Site) -> Callable[[FlaskClient], Site]:
    """Have the service of a client read pages of a site on loopback as if it were one of the internet."""

    def open_to(client: FlaskClient) -> Site:
        port = int(site.address.rpartition(":")[2])
        fetcher = Fetcher("127.0.0.1", ports={port}, admits=lambda _: True)
        client.application.extensions["seealso"].elsewhere.fetcher = fetcher
        return site

    return open_to


@pytest.fixture
def editor(sign_in: Callable[[Scope], FlaskClient]) -> FlaskClient:
    return sign_in("editor")
