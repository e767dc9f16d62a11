"""What this machine is called, which start of it this is, and how many CPUs this process may use: the least of its
affinity mask and the quotas of its control groups.

A container that may use two of a host's 64 CPUs mostly sees all 64; what it may use stands in its control group. More
busy threads than the quota allows are worse than fewer: the kernel stops the whole group until the next period.
"""

import math
import os
import socket
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# How many processes of one program share what `usable_cpus` counts; a number of this process, as FAISS's threads are.
_sharing = 1


def machine_name(folder: Path) -> str:
    """Return what this machine is called where several answer together: processes that share a folder are one."""
    return f"{socket.gethostname()}:{folder.absolute()}"


def start_id(file: Path = Path("/proc/sys/kernel/random/boot_id")) -> str | None:
    """Return what tells this start of this machine from all others; None where that cannot be read (random(4))."""
    return _text(file).strip() or None


def usable_cpus(process: Path = Path("/proc/self"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many CPUs this process may use, a part of one counted as a whole; at least 1.

    `process` is the folder of a process in /proc, `groups` where the control groups are mounted. The quotas of version
    2 (cpu.max) and version 1 (cpu.cfs_quota_us) are read, of the process's own group and of every group around it.
    What cannot be read or understood is no quota.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(process, groups))]))


def share_cpus(processes: int) -> None:
    """Say that so many processes like this one share the CPUs, for `own_cpus` to count its part."""
    global _sharing
    _sharing = max(1, processes)


def own_cpus() -> int:
    """Return how many threads this process should keep busy: its part of the usable CPUs; at least 1."""
    return max(1, usable_cpus() // _sharing)


def _quotas(process: Path, groups: Path) -> Iterator[float]:
    """Yield the quotas, in CPUs, of all groups that this process is in."""
    for line in _text(process / "cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            for mount in (groups, groups / "unified"):  # the second where version 1 stands beside it
                yield from (quota for folder in _around(mount, path) for quota in _quota_of_2(folder))
        elif "cpu" in controllers.split(","):
            for mount in {groups / controllers, groups / "cpu"}:
                yield from (quota for folder in _around(mount, path) for quota in _quota_of_1(folder))


def _around(mount: Path, path: str) -> Iterator[Path]:
    """Yield the folders of a group and of all groups around it.

    A container may be told its path on the host, which it does not see; its own group is then the root of what it sees.
    """
    parts = [part for part in PurePosixPath(path).parts if part != "/"]
    if ".." in parts:  # it was moved out of what it sees
        parts = []
    for length in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _quota_of_2(folder: Path) -> Iterator[float]:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    yield from _ratio(quota, period)


def _quota_of_1(folder: Path) -> Iterator[float]:
    yield from _ratio(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> Iterator[float]:
    try:
        numbers = int(quota), int(period)
    except ValueError:  # `max`, an empty file, or nothing we know
        return
    if min(numbers) > 0:  # version 1 writes 'no quota' as -1
        yield numbers[0] / numbers[1]


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""
