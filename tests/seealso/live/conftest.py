"""A snapshot to lay live articles beside."""

import pytest

from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import articles, index_of


@pytest.fixture(scope="package")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, articles(150, language="en", published="2025-03-01"))
    return open_current(folder)
