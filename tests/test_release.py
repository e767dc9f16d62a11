"""What `make release` does to what it has built, which takes minutes; the whole of it is `python -m tests.release`."""

import json
import os
import tarfile
from pathlib import Path

from tests.release import PACKAGES, SOURCE, digest_of, git, leave_out_places, pack_anew


def archive(folder: Path, names: list[str], moment: int) -> Path:
    """Return a source archive of some files as setuptools makes one."""
    folder.mkdir()
    path = folder / "seealso-1.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        for name in names:
            file = folder / name
            file.write_text(f"This is {name}.")
            file.chmod(0o600 if moment % 2 else 0o664)
            os.utime(file, (moment, moment))
            made.add(file, f"seealso-1/{name}")
    return path


def test_source_archives_say_nothing_of_when_and_by_whom_they_were_made(tmp_path: Path) -> None:
    first = archive(tmp_path / "first", ["a", "b"], 1_700_000_001)
    second = archive(tmp_path / "second", ["b", "a"], 1_800_000_000)
    assert digest_of(first) != digest_of(second)
    for path in (first, second):
        pack_anew(path, 1_790_000_000)
    assert digest_of(first) == digest_of(second)
    with tarfile.open(first) as packed:
        assert packed.getnames() == ["seealso-1/a", "seealso-1/b"]
        assert {member.mtime for member in packed} == {1_790_000_000}
        file = packed.extractfile("seealso-1/b")
        assert file is not None
        assert file.read() == b"This is b."


def test_bill_of_materials_names_no_place_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "bill.json"
    places = [{"type": "distribution", "url": "file:///var/a.whl"}, {"type": "website", "url": "https://a.example"}]
    path.write_text(json.dumps({"components": [{"name": "a"}, {"name": "b", "externalReferences": places}]}))
    leave_out_places(path)
    assert json.loads(path.read_text())["components"][1]["externalReferences"] == places[1:]


def test_what_a_release_is_made_of_is_here() -> None:
    assert set(SOURCE) >= set(PACKAGES)
    assert all(git("ls-files", name) for name in SOURCE)
