"""What tests of parts that fail share: an index, and a service whose Redis is a test's to break."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.redis_server import RedisServer
from tests.faults.trial import ARTICLES
from tests.makers import articles, index_of

TOLD = "A summary that says in two lines what the piece is about, so that a block is as long as a newspaper's are."


@pytest.fixture(scope="package")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, articles(ARTICLES, summary=TOLD, section="News", language="en", published="2025-03-01"))
    return folder


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server
