"""A small index, and a copy of its snapshot that may be damaged."""

from pathlib import Path

import pytest

from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.reader import open_current
from tests.makers import article, articles, index_of


@pytest.fixture
def index(tmp_path: Path) -> Path:
    fields = {
        "section": "News",
        "published": "2025-01-02",
        "language": "en",
        "author": "Ann Reed",
        "tags": ["Sea", "Air"],
    }
    index_of(
        tmp_path,
        [*articles(30, **fields), article("ümlaut/…", author="Reed, Otto", tags=["sea"], url="https://a.example/ü")],
    )
    return tmp_path


@pytest.fixture
def folder(index: Path) -> Path:
    """A copy that may be damaged."""
    copy = snapshot_folder(index, open_current(index).id)
    for path in copy.iterdir():
        path.chmod(0o644)
    return copy
