"""A store of each kind, both real: every test of this folder runs on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seealso.editorial.store import Store
from tests.postgres import postgres_schema


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | None]:
    """Where a store may be: None is SQLite in the index folder."""
    if request.param == "sqlite":
        yield None
        return
    with postgres_schema() as given:
        yield given


@pytest.fixture
def store(tmp_path: Path, address: str | None) -> Iterator[Store]:
    opened = Store(tmp_path, address)
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path: Path, address: str | None, store: Store) -> Iterator[Store]:
    """The same store, as another process has it."""
    store.sequence()
    opened = Store(tmp_path, address)
    yield opened
    opened.close()
