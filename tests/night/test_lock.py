"""N5: of two nights at once the second ends at once, and a killed night leaves the lock free."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seealso.snapshot.reader import open_current
from tests.night.run import Night, Nights
from tests.servers import SEEALSO

pytestmark = pytest.mark.row("N5")

Sources = Callable[[int], Path]
LOCKED = 10
WAIT_SECONDS_MAX = 60.0


class Held:
    """A night that holds the lock of an index until it is let go."""

    def __init__(self, nights: Nights, index: Path, source: Path) -> None:
        self._nights = nights
        self._door = index.with_name("door")
        self._ended: Night | None = None
        self.process = nights.begin(index, source, model=f"wait-{self._door}")
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not self._door.with_suffix(".asked").exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self) -> Night:
        """Let it go on, and return what came of it."""
        if self._ended is None:
            self._door.touch()
            self._ended = self._nights.end()
        return self._ended


@contextmanager
def held(nights: Nights, index: Path, source: Path) -> Iterator[Held]:
    """Have a night hold the lock of an index meanwhile."""
    night = Held(nights, index, source)
    try:
        yield night
    finally:
        night.end()


def second(index: Path, source: Path) -> subprocess.CompletedProcess[str]:
    """Run the real program over the same index."""
    command = [str(SEEALSO), "index", str(source), "--index", str(index)]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS_MAX, check=False)


def test_of_two_nights_at_once_the_second_ends_with_its_code(nights: Nights, source: Sources, tmp_path: Path) -> None:
    index = tmp_path / "index"
    with held(nights, index, source(0)) as first:
        before = {path: path.stat().st_mtime_ns for path in index.rglob("*")}
        refused = second(index, source(1))  # ends while the first still waits, or never
        assert refused.returncode == LOCKED, refused.stderr
        assert f"process {first.process}" in refused.stderr.strip().rpartition("\n")[2]
        assert {path: path.stat().st_mtime_ns for path in index.rglob("*")} == before  # it leaves no trace
    assert open_current(index).id == first.end().snapshot
    assert nights.run(index, source(1)).code == 0


def test_a_night_killed_while_it_holds_the_lock_leaves_it_free(nights: Nights, source: Sources, tmp_path: Path) -> None:
    index = tmp_path / "index"
    with held(nights, index, source(0)) as first:
        os.kill(first.process, signal.SIGKILL)
    assert first.end().code == -signal.SIGKILL
    snapshot_id = nights.run(index, source(1)).snapshot
    assert open_current(index).id == snapshot_id


def test_a_stopped_night_still_holds_the_lock(nights: Nights, source: Sources, tmp_path: Path) -> None:
    index = tmp_path / "index"
    with held(nights, index, source(0)) as first:
        os.kill(first.process, signal.SIGSTOP)
        try:
            assert second(index, source(1)).returncode == LOCKED
        finally:
            os.kill(first.process, signal.SIGCONT)
    assert first.end().code == 0
