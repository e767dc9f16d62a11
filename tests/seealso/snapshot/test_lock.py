import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seealso.cli import message_of
from seealso.errors import IndexLocked
from seealso.snapshot.lock import lock_index

HOLD = """
import sys, time
from pathlib import Path
from seealso.snapshot.lock import lock_index
with lock_index(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_run_ends_at_once_and_names_the_first(tmp_path: Path) -> None:
    with lock_index(tmp_path), pytest.raises(IndexLocked, match=f"process {os.getpid()}"), lock_index(tmp_path):
        pass


def test_lock_is_free_after_the_run(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_index(tmp_path / "new/folder"):
            pass


def test_lock_is_free_after_a_kill(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(IndexLocked), lock_index(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with lock_index(tmp_path):
            pass


def test_file_system_without_locks_is_told_by_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError, match="cannot be locked: No locks available") as raised, lock_index(tmp_path):
        pass
    assert message_of(raised.value) == f"the machine refused: cannot be locked: No locks available ({tmp_path}/lock)"
