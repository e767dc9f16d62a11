"""A process -> its memory: what it has in all, what of that is of a folder's files it maps, and what is its own.

From /proc/PID/smaps and smaps_rollup (proc(5)); megabytes of 2**20 bytes.
"""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process has in memory, in megabytes.

    `resident`: what lies on a swap file with it; `proportional`: what is shared, divided by those who share it (PSS);
    `private`: what nobody shares; `mapped`: of `resident`, the files of the folder, but for what the process wrote over
    them for itself.
    """

    process_id: int
    resident: float
    proportional: float
    private: float
    mapped: float

    @property
    def beyond(self) -> float:
        """Return what is resident beyond the mapped files."""
        return self.resident - self.mapped


def workers_of(server: int, folder: Path) -> list[Memory]:
    """Return the memory of each child process that maps files of a folder, in the order of their numbers."""
    found = (memory_of(child, folder) for child in _children(server))
    return sorted((memory for memory in found if memory.mapped), key=lambda memory: memory.process_id)


def memory_of(process_id: int, folder: Path) -> Memory:
    """Return the memory of a process, with what it maps of a folder's files."""
    proc = Path(f"/proc/{process_id}")
    kilobytes = _numbers((proc / "smaps_rollup").read_text())
    return Memory(
        process_id,
        resident=(kilobytes["Rss"] + kilobytes["Swap"]) / 1024,
        proportional=kilobytes["Pss"] / 1024,
        private=(kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]) / 1024,
        mapped=_mapped_kilobytes((proc / "smaps").read_text(), folder.resolve()) / 1024,
    )


class Peak:
    """The most memory of this process that no file backs, and that cannot be dropped, while a `with` lasts; megabytes.

    What lies on a swap file counts with it. Looked at every half second.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Peak":
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while True:
            kilobytes = _numbers(Path("/proc/self/status").read_text())
            self.megabytes = max(self.megabytes, (kilobytes["RssAnon"] + kilobytes["VmSwap"]) / 1024)
            if self._over.wait(0.5):
                return


def _children(parent: int) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(folder.name)
        except OSError:  # it has ended meanwhile
            continue


def _numbers(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}


def _mapped_kilobytes(smaps: str, folder: Path) -> int:
    total, inside = 0, False
    for line in smaps.splitlines():
        if head := _HEAD.match(line):
            inside = Path(head[1]).is_relative_to(folder)
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1])
        elif inside and line.startswith("Anonymous:"):
            total -= int(line.split()[1])
    return total
