"""The C shim that makes the disk fail: built from fail_io.c, preloaded into a process, armed from inside it."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fail_io.c")
KINDS = ("open", "read", "write", "fsync", "rename", "mmap", "truncate", "unlink", "mkdir", "chmod")
# What else than an errno can happen at a call: the process is killed.
KILL_BEFORE, KILL_AFTER, KILL_HALFWAY = -1, -2, -3


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the n-th call of a kind (or of 'any') in the index folder: an errno, or a KILL_; n 0: nothing.

    `lasting`: at each call of the kind after it, too. `path`: only calls on what this glob below the folder names are
    counted; "" is the folder itself.
    """

    kind: str
    number: int
    action: int = 0
    lasting: bool = False
    path: str | None = None


class Shim:
    """The shim of this process."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        text, number = ctypes.c_char_p, ctypes.c_int
        library.arm.argtypes = [text, text, text, ctypes.c_long, number, number]
        library.count.restype = ctypes.c_long
        library.traced.argtypes = [ctypes.c_long]
        library.traced.restype = ctypes.c_char_p

    def arm(self, folder: Path, fault: Fault) -> None:
        """Count calls under a folder from now on, and have the fault happen."""
        path = None if fault.path is None else os.fsencode(fault.path)
        kind = fault.kind.encode()
        self._library.arm(os.fsencode(folder), path, kind, fault.number, fault.action, fault.lasting)

    def disarm(self) -> None:
        """Let everything pass."""
        self._library.disarm()

    def count(self) -> int:
        """Return how many calls of the armed kind there were."""
        return int(self._library.count())

    def trace(self) -> list[str]:
        """Return 'kind path' of each call of the armed kind, in order."""
        return [line.decode("utf-8", "replace") for line in self._traced()]

    def _traced(self) -> Iterator[bytes]:
        for number in count():
            line = self._library.traced(number)
            if line is None:
                return
            yield line


def loaded_shim() -> Shim | None:
    """Return the shim that is preloaded into this process, None if there is none."""
    library = ctypes.CDLL(None)
    return Shim(library) if hasattr(library, "traced") and hasattr(library, "disarm") else None


def built_shim(folder: Path) -> Path:
    """Build the shim. Without a C compiler the test that asks for it is skipped, in CI it fails."""
    compiler = shutil.which("cc")
    if compiler is None:
        reason = "no C compiler (cc), so the disk cannot be made to fail"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    library = folder / "fail_io.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", str(SOURCE), "-o", str(library), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library
