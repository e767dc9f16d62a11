"""Fixtures that several test files share."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from hypothesis import settings

from seealso.encoder import BUNDLED_MODEL, SentenceEncoder, load_encoder
from seealso.extract import PageExtractor
from service.own_redis import OwnRedis
from tests.figures import PROFILE, Record, Unhurried
from tests.indexer.sources.web_server import Site, serve_site

if TYPE_CHECKING:
    from tests.s3 import S3Server

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"

# How long a case takes says nothing where much else runs at once.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
settings.register_profile(PROFILE, max_examples=10_000, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Have full forms write their figures; not those that are shortened, to try them (tests/load/conftest.py)."""
    config.pluginmanager.register(Unhurried())
    if not hasattr(config, "workerinput") and "TORTURE_SECONDS" not in os.environ:
        config.pluginmanager.register(Record(ROOT / "docs" / "reliability.md"))


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see none of the SEEALSO_ variables of the shell they run in."""
    for variable in [name for name in os.environ if name.startswith("SEEALSO_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def model() -> SentenceEncoder:
    """The real model, loaded once a process."""
    return load_encoder(BUNDLED_MODEL)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis of this process's tests."""
    with closing(OwnRedis()) as server:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("service.own_redis.START_SECONDS_MAX", 60.0)  # where all tests begin at once
            server.start()
        yield server.url


@pytest.fixture
def empty_redis(redis_url: str) -> None:
    """Nothing of others is in Redis: indexes of the same articles, made in the same second, have the same answers."""
    redis.Redis.from_url(redis_url).flushall()


@pytest.fixture
def shared() -> Path:
    """The folder with data that is no part of the project; a test that needs it skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    return SHARED


@pytest.fixture(scope="session")
def extractor() -> Iterator[PageExtractor]:
    """What finds articles on pages, one child process for all of this process's tests."""
    with PageExtractor(60.0) as shared:
        yield shared


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on loopback that answers as a test sets it."""
    with serve_site() as served:
        yield served


@pytest.fixture(scope="session")
def s3_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator["S3Server"]:
    """A real S3-compatible server of this process's tests."""
    from tests.s3 import s3_serving

    with s3_serving(tmp_path_factory.mktemp("s3") / "log") as server:
        yield server


@pytest.fixture
def s3(s3_running: "S3Server", monkeypatch: pytest.MonkeyPatch) -> "S3Server":
    """The same, found by this process and those it starts; its wire is whole."""
    wire = s3_running.wire
    wire.cut_after, wire.pause_s, wire.gone = None, 0.0, False
    for name, value in s3_running.environment().items():
        monkeypatch.setenv(name, value)
    return s3_running


@pytest.fixture(params=["file", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an empty snapshot store, of each kind."""
    if request.param == "file":
        return f"file://{tmp_path_factory.mktemp('store')}"
    s3: S3Server = request.getfixturevalue("s3")
    return f"s3://{s3.bucket()}/seealso"
