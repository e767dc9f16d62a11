"""A file that has changed is refused, however it was changed; one that was read ahead and has not is not read again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seealso.errors import SnapshotRefused
from seealso.snapshot import files
from seealso.snapshot.digests import check_files
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import read_manifest
from tests.makers import articles, index_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A snapshot whose files may be changed."""
    index_of(tmp_path, articles(30))
    folder = snapshot_folder(tmp_path, current_id(tmp_path))
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


# What a service is: a process that reads ahead while it imports, and workers forked from it. `meanwhile` and
# `afterwards` change files; what is said is how much of the files' length a worker has read, or why they are refused.
SERVICE = """
import os, sys
from multiprocessing import active_children
from pathlib import Path
from seealso.errors import SnapshotRefused
from seealso.snapshot import digests, files
from seealso.snapshot.manifest import read_manifest

def bytes_read():
    return int(Path("/proc/self/io").read_text().split()[1])

def damage(name):
    path, times = folder / name, (folder / name).stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\\x7f")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

def replace(name):
    path, times = folder / name, (folder / name).stat()
    other = path.with_name("other")
    other.write_bytes(bytes(times.st_size))
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)

folder = Path(sys.argv[1])
digests.STEP_NS = {step_ns}  # the times of this machine's files move in smaller steps
manifest = read_manifest(folder)
{before}
with digests.reading_ahead(folder.parents[1]):
    {meanwhile}
{afterwards}
sys.stdout.flush()
if os.fork() == 0:
    before = bytes_read()
    try:
        digests.check_files(folder, manifest)
        print((bytes_read() - before) / sum(entry.bytes for entry in manifest.files.values()), end="", flush=True)
    except SnapshotRefused as error:
        print(error.path.name, error.reason, end="", flush=True)
    os._exit(0)
os.wait()
"""


def worker_of(folder: Path, before: str = "", meanwhile: str = "pass", afterwards: str = "", step_ns: int = 0) -> str:
    """Return what a worker says of a snapshot that was read ahead."""
    script = SERVICE.format(before=before, meanwhile=meanwhile, afterwards=afterwards, step_ns=step_ns)
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_of_several_damaged_files_the_first_is_named(folder: Path) -> None:
    manifest = read_manifest(folder)
    for name in (files.SCORES, files.COHORTS, files.WHITENING):
        (folder / name).write_bytes(bytes((folder / name).stat().st_size))
    with pytest.raises(SnapshotRefused, match=r"cohorts\.npy"):
        check_files(folder, manifest)


def test_worker_does_not_read_again_what_was_read_ahead(folder: Path) -> None:
    assert float(worker_of(folder)) < 0.1


def test_file_written_just_now_is_read_again(folder: Path) -> None:
    assert float(worker_of(folder, step_ns=60 * 10**9)) >= 1


@pytest.mark.parametrize("change", ["damage", "replace"])
def test_file_that_changed_since_is_refused_even_with_its_old_times(folder: Path, change: str) -> None:
    said = worker_of(folder, afterwards=f"{change}(files.NEIGHBOURS)")
    assert said == "neighbours.npy is not as it was written (SHA-256)"


def test_file_that_changes_while_it_is_read_is_refused(folder: Path) -> None:
    assert worker_of(folder, meanwhile="damage(files.SCORES)") == "scores.npy is not as it was written (SHA-256)"


def test_file_damaged_before_is_refused(folder: Path) -> None:
    assert worker_of(folder, before="damage(files.COHORTS)") == "cohorts.npy is not as it was written (SHA-256)"


def test_file_that_was_missing_is_refused_and_nothing_else_said(folder: Path) -> None:
    (folder / files.FACTS).unlink()
    assert worker_of(folder).startswith("facts.npy cannot be read")


def test_process_that_reads_ahead_may_be_killed(folder: Path) -> None:
    said = worker_of(folder, meanwhile="[child.kill() for child in active_children()]")
    assert float(said) >= 0


def test_index_without_a_snapshot_is_no_error(folder: Path) -> None:
    (folder.parents[1] / "CURRENT").unlink()
    assert float(worker_of(folder)) >= 1


def test_another_snapshot_than_the_current_one_is_read(folder: Path) -> None:
    other = folder.with_name("20000101T000000Z-000000000000")
    shutil.copytree(folder, other)
    assert float(worker_of(other)) >= 1
