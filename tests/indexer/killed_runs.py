"""Run the indexer again and again over copies of one index folder, each time killed (SIGKILL) at the next point.

A point is every moment at which the run is about to open, name, rename, remove or change a file of the index folder,
and every moment before and after an fsync. `python -m tests.indexer.killed_runs WORK` writes WORK/<n>/index and
WORK/<n>/point, the name of the point; the last run goes through. The runs are forks of one process that never searched,
so that each costs milliseconds.
"""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from tests.makers import articles, index_of

POINTS_MAX = 500
EVENTS = frozenset({"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate"})
BEFORE, AFTER = 7, 9


def main(work: Path) -> None:
    for number in range(1, POINTS_MAX):
        folder = work / str(number)
        shutil.copytree(work / "base", folder / "index")
        child = os.fork()
        if child == 0:
            kill_at(number, folder)
            index_of(folder / "index", articles(AFTER), keep=1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            return
    raise AssertionError(f"more than {POINTS_MAX} points")


def kill_at(number: int, folder: Path) -> None:
    """Have this process killed at the n-th point from now on."""
    passed = 0
    fsync = os.fsync
    index = str(folder / "index")

    def point(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            handle = os.open(folder / "point", os.O_WRONLY | os.O_CREAT)
            os.write(handle, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and arguments and str(arguments[0]).startswith(index):
            place = str(arguments[0]).removeprefix(index)
            if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wxa")):
                return  # reading changes nothing
            point(f"{event} {place}")

    def watched_fsync(handle: Any) -> None:
        name = os.readlink(f"/proc/self/fd/{handle}").removeprefix(index)
        point(f"before fsync {name}")
        fsync(handle)
        point(f"after fsync {name}")

    os.fsync = watched_fsync  # type: ignore[assignment]
    sys.addaudithook(hook)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
