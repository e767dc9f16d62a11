"""N9: a snapshot of an earlier format opens whole or is refused by name, and the night after an update is a night."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from seealso.errors import SnapshotRefused
from seealso.snapshot.layout import MANIFEST, POINTER, SNAPSHOTS
from seealso.snapshot.manifest import FORMAT, FORMATS, LISTED_SINCE, MAP_SINCE, PLAIN_SINCE
from seealso.snapshot.reader import open_current, open_snapshot
from tests.night.keep_format import ARTICLES, KEPT_IN
from tests.night.run import Nights

pytestmark = pytest.mark.row("N9")

Sources = Callable[[int], Path]
KEPT = sorted(KEPT_IN.iterdir())


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An index folder as a version with that format left it."""
    [snapshot] = request.param.iterdir()
    shutil.copytree(snapshot, tmp_path / "index" / SNAPSHOTS / snapshot.name)
    (tmp_path / "index" / POINTER).write_text(f"{snapshot.name}\n")
    return tmp_path / "index"


def number_of(index: Path) -> int:
    return int(orjson.loads((snapshot_of(index) / MANIFEST).read_bytes())["format"])


def snapshot_of(index: Path) -> Path:
    return index / SNAPSHOTS / (index / POINTER).read_text().strip()


def test_of_every_format_up_to_this_one_a_snapshot_is_kept() -> None:
    """If this fails: python -m tests.night.keep_format."""
    assert [path.name for path in KEPT] == [f"format-{number}" for number in range(1, FORMAT + 1)]
    assert all(sum(path.stat().st_size for path in kept.rglob("*")) < 200_000 for kept in KEPT)


def test_it_opens_whole_or_is_refused_by_name(index: Path) -> None:
    number = number_of(index)
    if number in FORMATS:
        snapshot = open_current(index)
        assert len(snapshot) == ARTICLES
        assert (snapshot.map is None) is (number < MAP_SINCE)
        assert (snapshot.plain_blocks is None) is (number < PLAIN_SINCE)
        assert (snapshot.tags is None) is (snapshot.authors is None) is (number < LISTED_SINCE)
        assert snapshot.row_at("https://news.example/a003") == (3 if number >= LISTED_SINCE else None)
        assert all(len(snapshot.neighbours_of(row)[0]) == ARTICLES - 1 for row in range(ARTICLES))
    else:
        with pytest.raises(SnapshotRefused, match=rf"has the format {number}; .*index anew"):
            open_current(index)


def test_the_night_after_an_update_succeeds(index: Path, nights: Nights, source: Sources) -> None:
    before = snapshot_of(index).name
    night = nights.run(index, source(0))
    assert open_current(index).id == night.snapshot
    assert open_current(index).manifest.parent == before
    assert nights.run(index, source(1)).code == 0


@pytest.mark.parametrize(
    "number",
    [99, FORMAT + 1, 1, -1, 0, None, True, "2", str(FORMAT), FORMAT + 0.5, [FORMAT], {"format": FORMAT}, "x" * 9_999],
)
def test_the_first_format_one_of_the_future_and_nonsense_are_refused_by_name(number: Any, tmp_path: Path) -> None:
    [kept] = KEPT[-1].iterdir()
    folder = tmp_path / kept.name
    shutil.copytree(kept, folder)
    fields = orjson.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(orjson.dumps(fields | {"format": number}))
    with pytest.raises(SnapshotRefused, match="has the format") as refused:
        open_snapshot(folder)
    assert repr(number)[:20] in refused.value.reason
    assert len(refused.value.reason) < 500


def test_a_manifest_without_a_format_is_refused_by_name(tmp_path: Path) -> None:
    [kept] = KEPT[-1].iterdir()
    folder = tmp_path / kept.name
    shutil.copytree(kept, folder)
    fields = orjson.loads((folder / MANIFEST).read_bytes())
    del fields["format"]
    (folder / MANIFEST).write_bytes(orjson.dumps(fields))
    with pytest.raises(SnapshotRefused, match="has the format None"):
        open_snapshot(folder)


def test_a_night_over_a_snapshot_of_the_future_succeeds(nights: Nights, source: Sources, tmp_path: Path) -> None:
    """An operator went back to an earlier version: it indexes anew, and says nothing of an error."""
    first = nights.run(tmp_path, source(0)).snapshot
    manifest = tmp_path / SNAPSHOTS / first / MANIFEST
    manifest.chmod(0o644)
    manifest.write_bytes(orjson.dumps(orjson.loads(manifest.read_bytes()) | {"format": 99}))
    night = nights.run(tmp_path, source(1))
    assert open_current(tmp_path).id == night.snapshot
    assert night.report["parent"] == first
