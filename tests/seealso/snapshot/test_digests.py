"""What a check of files says; that each kind of damage is found is in test_reader.py."""

from pathlib import Path

import pytest

from seealso.errors import SnapshotRefused
from seealso.snapshot import files
from seealso.snapshot.digests import check_digests
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import read_manifest
from tests.makers import articles, index_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A snapshot whose files may be changed."""
    index_of(tmp_path, articles(30))
    folder = snapshot_folder(tmp_path, current_id(tmp_path))
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


def test_of_several_damaged_files_the_first_is_named(folder: Path) -> None:
    manifest = read_manifest(folder)
    check_digests(folder, manifest)
    for name in (files.SCORES, files.COHORTS, files.WHITENING):
        (folder / name).write_bytes(bytes((folder / name).stat().st_size))
    with pytest.raises(SnapshotRefused, match=r"cohorts\.npy: is not as it was written \(SHA-256\)"):
        check_digests(folder, manifest)
