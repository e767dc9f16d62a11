"""What the tests under load share: an index of several editions, and descriptors for thousands of connections."""

import os
import resource
from collections.abc import Callable, Iterator

import pytest

from seealso.snapshot.layout import current_id
from tests.load.editions import Editions, made_editions


@pytest.fixture(scope="session")
def all_editions(tmp_path_factory: pytest.TempPathFactory) -> Editions:
    """An index with several snapshots, made once a process."""
    return made_editions(tmp_path_factory.mktemp("editions") / "index")


@pytest.fixture
def editions(all_editions: Editions) -> Editions:
    """The same, the last one current."""
    while current_id(all_editions.index) != all_editions.ids[-1]:
        all_editions.switch()
    return all_editions


@pytest.fixture(autouse=True)
def many_descriptors() -> Iterator[None]:
    """As many open files as this process may have: each client is a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def lasting() -> Callable[[float], float]:
    """How many seconds a full form lasts: as stated, or TORTURE_SECONDS, to try it."""
    given = os.environ.get("TORTURE_SECONDS")
    return lambda stated: float(given) if given else stated
