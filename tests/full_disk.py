"""A disk with little room, for a command: a file system in memory, which it alone sees."""

import os
import subprocess
from pathlib import Path

import pytest


def with_room(folder: Path, kilobytes: int) -> list[str]:
    """Return the beginning of a command that finds a file system at a folder, empty, with room for so much.

    Skips the test where none can be mounted, but in CI, where it fails for it.
    """
    mount = f"mount -t tmpfs -o size={kilobytes}k none '{folder}'"
    command = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$0" "$@"']
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        assert "CI" not in os.environ, f"no file system can be mounted here (unshare -rm): {tried.stderr}"
        pytest.skip("no file system can be mounted here (unshare -rm)")
    return command
