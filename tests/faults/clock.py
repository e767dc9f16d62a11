"""The wall clock, set while programs run: of this process, or by a C shim (set_clock.c) of processes that are started.

The monotonic clock goes on in both, as it does on a machine whose clock is set.
"""

import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("set_clock.c")


class OwnClock:
    """The wall clock of this process, as Python tells it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = time.time
        self._ahead_s = 0.0
        monkeypatch.setattr(time, "time", self.time)

    def step(self, seconds: float) -> None:
        """Set it forward, or back."""
        self._ahead_s += seconds

    def time(self) -> float:
        """Return what time it is, as time.time does."""
        return self._real() + self._ahead_s


class TheirClock:
    """The wall clock of processes that are started with `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)
        self.environment = {"LD_PRELOAD": str(_built(folder)), "SET_CLOCK_FILE": str(self._file)}

    def set(self, ahead_s: int) -> None:
        """Set it so many seconds before the true time."""
        # In place: it is mapped.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", ahead_s))


def _built(folder: Path) -> Path:
    """Build the shim. Without a C compiler the test that asks for it is skipped, in CI it fails."""
    compiler = shutil.which("cc")
    if compiler is None:
        reason = "no C compiler (cc), so no clock can be set"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    library = folder / "set_clock.so"
    command = [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return library
