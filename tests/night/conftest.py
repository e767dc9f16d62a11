"""What the tests of a night share: the shim, and newsrooms that differ by an edition."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seealso.article import Article
from tests.makers import articles
from tests.night.run import Nights, write_lines
from tests.night.shim import built_shim

ARTICLES = 24


def edition(number: int) -> list[Article]:
    """Return the articles of one night: two of each edition are its own, the others are always the same."""
    lines = articles(ARTICLES)
    lines[3] = lines[3].model_copy(update={"body": f"{lines[3].body} and in edition {number} this, too"})
    return [*lines, lines[5].model_copy(update={"id": f"new-{number}", "title": f"New in {number}"})]


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes the disk fail."""
    return built_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def nights(shim: Path) -> Iterator[Nights]:
    """A process that runs nights and can be made to fail."""
    with Nights(shim) as running:
        yield running


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The file of an edition."""
    folder = tmp_path_factory.mktemp("editions")

    def of(number: int) -> Path:
        path = folder / f"{number}.jsonl"
        return path if path.exists() else write_lines(path, edition(number))

    return of
