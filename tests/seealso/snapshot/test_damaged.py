"""N3: whatever was done to a file of a snapshot, it is refused with file and reason, and no process dies of it."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from seealso.errors import SnapshotRefused
from seealso.snapshot.layout import MANIFEST
from seealso.snapshot.reader import open_snapshot
from tests.figures import figure
from tests.seealso.snapshot.damage import KINDS, two_generations

DAMAGED = 10_000
# Of one process that follows forged ones.
FOLLOWED = 1_000
SECONDS_MAX = 1.0


def refused(index: Path, count: int) -> float:
    """Damage so many files, one at a time; return how long it took to refuse any of them at most."""
    made, chance = two_generations(index), random.Random(count)
    tried: Counter[str] = Counter()
    longest = 0.0
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        name, content = made.damaged(kind, chance)
        path = made.folder / name
        path.unlink()
        if content is None:
            path.symlink_to(index.with_name(name))
            index.with_name(name).write_bytes(made.own[name])
        else:
            path.write_bytes(content)
        began = time.monotonic()
        with pytest.raises(SnapshotRefused) as error:
            open_snapshot(made.folder)
        longest = max(longest, time.monotonic() - began)
        assert error.value.path in (path, made.folder if name == MANIFEST else path), (kind, name)
        assert error.value.reason, (kind, name)
        tried[kind] += 1
        path.unlink()
        path.write_bytes(made.own[name])
    assert len(open_snapshot(made.folder)) == 36
    told(tried, longest)
    return longest


def forged(work: Path, count: int) -> float:
    """Have processes follow so many snapshots with digests that fit; return how long it took to refuse any at most."""
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for begun in range(0, count, FOLLOWED):
        folder = work / str(begun)
        folder.mkdir()
        own = min(FOLLOWED, count - begun)
        command = [sys.executable, "-m", "tests.seealso.snapshot.damage", str(folder), str(begun), str(own)]
        with (folder / "log").open("w") as log:
            process = subprocess.run(command, stdout=log, stderr=log)
        assert process.returncode == 0, (folder / "log").read_text()[-3_000:]
        result = json.loads((folder / "told.json").read_text())
        outcomes.update(result["outcomes"])
        longest = max(longest, result["longest_s"])
    assert sum(many for what, many in outcomes.items() if not what.startswith("answered")) == count
    told(outcomes, longest)
    return longest


def told(outcomes: Counter[str], longest: float) -> None:
    parts = ", ".join(f"{what} {many:,}" for what, many in sorted(outcomes.items()))
    figure(f"{parts}; refused within {longest:.3f} s")


def test_damage_of_every_kind_is_refused_with_file_and_reason(tmp_path: Path) -> None:
    refused(tmp_path / "index", 20 * len(KINDS))


def test_process_outlives_damage_with_digests_that_fit(tmp_path: Path) -> None:
    forged(tmp_path, 10 * len(KINDS))


@pytest.mark.torture
@pytest.mark.row("N3")
def test_ten_thousand_damaged_files_are_refused_each_within_a_second(tmp_path: Path) -> None:
    assert refused(tmp_path / "index", DAMAGED) < SECONDS_MAX


@pytest.mark.torture
@pytest.mark.row("N3")
def test_process_outlives_ten_thousand_damaged_files_with_digests_that_fit(tmp_path: Path) -> None:
    assert forged(tmp_path, DAMAGED) < SECONDS_MAX
