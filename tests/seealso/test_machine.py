import os
import subprocess
import sys
from pathlib import Path

import pytest

from seealso.machine import own_cpus, share_cpus, start_id, usable_cpus


class FakeGroups:
    """A folder of a process and a tree of control groups, as files."""

    def __init__(self, folder: Path) -> None:
        self.process = folder / "proc"
        self.groups = folder / "groups"
        self.process.mkdir()
        self.groups.mkdir()

    def place(self, lines: str) -> None:
        (self.process / "cgroup").write_text(lines)

    def limit_2(self, path: str, text: str) -> None:
        self._write(path, "cpu.max", text)

    def limit_1(self, path: str, quota: str, period: str = "100000") -> None:
        self._write(path, "cpu.cfs_quota_us", quota)
        self._write(path, "cpu.cfs_period_us", period)

    def _write(self, path: str, name: str, text: str) -> None:
        folder = self.groups / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def usable(self) -> int:
        return usable_cpus(self.process, self.groups)


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGroups:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    return FakeGroups(tmp_path)


def test_without_a_quota_the_affinity_mask_counts(groups: FakeGroups) -> None:
    assert groups.usable() == 64
    groups.place("0::/\n")
    assert groups.usable() == 64
    groups.limit_2("", "max 100000\n")
    assert groups.usable() == 64


def test_affinity_mask_of_this_process_counts() -> None:
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from seealso.machine import usable_cpus; print(usable_cpus())"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("200000 100000", 2), ("150000 100000\n", 2), ("50000 100000", 1), ("1000 100000", 1), ("9900000 100000", 64)],
)
def test_quota_of_version_2_is_rounded_up(groups: FakeGroups, text: str, cpus: int) -> None:
    groups.place("0::/seealso.service\n")
    groups.limit_2("seealso.service", text)
    assert groups.usable() == cpus


def test_every_group_around_counts_and_the_least_holds(groups: FakeGroups) -> None:
    groups.place("0::/kubepods/pod1/container\n")
    groups.limit_2("kubepods/pod1/container", "400000 100000")
    assert groups.usable() == 4
    groups.limit_2("kubepods/pod1", "300000 100000")
    assert groups.usable() == 3
    groups.limit_2("kubepods", "800000 100000")
    assert groups.usable() == 3
    groups.limit_2("", "200000 100000")
    assert groups.usable() == 2


def test_group_beside_does_not_count(groups: FakeGroups) -> None:
    groups.place("0::/a/b\n")
    groups.limit_2("a/c", "100000 100000")
    groups.limit_2("a/b/c", "100000 100000")
    assert groups.usable() == 64


def test_container_that_is_told_its_path_on_the_host_finds_its_group_at_the_root(groups: FakeGroups) -> None:
    groups.place("5:memory:/docker/1f3a\n4:cpu,cpuacct:/docker/1f3a\n0::/docker/1f3a\n")
    groups.limit_1("cpu,cpuacct", "250000")
    assert groups.usable() == 3


def test_container_that_is_moved_out_of_what_it_sees_finds_its_group_at_the_root(groups: FakeGroups) -> None:
    groups.place("0::/../other\n")
    groups.limit_2("", "200000 100000")
    (groups.groups.parent / "other").mkdir()
    (groups.groups.parent / "other" / "cpu.max").write_text("100000 100000")
    assert groups.usable() == 2


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_quota_of_version_1_counts_under_either_name(groups: FakeGroups, mount: str) -> None:
    groups.place("8:pids:/a\n4:cpu,cpuacct:/a/b\n")
    groups.limit_1(f"{mount}/a/b", "-1")
    assert groups.usable() == 64
    groups.limit_1(f"{mount}/a", "60000", "20000")
    assert groups.usable() == 3


def test_both_versions_beside_each_other_count(groups: FakeGroups) -> None:
    groups.place("1:cpu:/\n0::/\n")
    groups.limit_2("unified", "500000 100000")
    assert groups.usable() == 5
    groups.limit_1("cpu", "400000")
    assert groups.usable() == 4


MALFORMED = ["", "max", "x y", "0 100000", "100000 0", "-1 -1", "1e5 1e5", "1 2 3", "\0"]


@pytest.mark.parametrize("text", [*MALFORMED, "100000"])
def test_malformed_quota_of_version_2_is_none(groups: FakeGroups, text: str) -> None:
    groups.place("0::/\n")
    groups.limit_2("", text)
    assert groups.usable() == 64


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_quota_of_version_1_is_none(groups: FakeGroups, text: str) -> None:
    groups.place("4:cpu:/\n")
    groups.limit_1("cpu", text)
    assert groups.usable() == 64
    groups.limit_1("cpu", "100000", text)
    assert groups.usable() == 64


def test_unreadable_files_are_no_quota(groups: FakeGroups) -> None:
    groups.place("0::/\n")
    (groups.groups / "cpu.max").mkdir()
    assert groups.usable() == 64
    (groups.process / "cgroup").write_bytes(b"\xff\xfe0::/\n")
    assert groups.usable() == 64
    (groups.process / "cgroup").unlink()
    assert groups.usable() == 64


@pytest.mark.parametrize("lines", ["nonsense\n", ":::\n", "0:\n", "0::\n", "\n\n"])
def test_malformed_list_of_groups_is_none(groups: FakeGroups, lines: str) -> None:
    groups.place(lines)
    groups.limit_1("cpu", "100000")
    assert groups.usable() == 64


def test_processes_that_share_the_machine_have_a_part_each_and_at_least_one_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seealso.machine.usable_cpus", lambda: 8)
    monkeypatch.setattr("seealso.machine._sharing", 1)
    assert own_cpus() == 8
    share_cpus(3)
    assert own_cpus() == 2
    share_cpus(20)
    assert own_cpus() == 1


def test_each_start_of_the_machine_has_its_own_name(tmp_path: Path) -> None:
    assert start_id() == start_id()
    assert start_id(tmp_path / "missing") is None
    (tmp_path / "one").write_text("5c0d\n")
    assert start_id(tmp_path / "one") == "5c0d"
