"""What was looked through ahead is not again, unless anything of it has changed; and then it is refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seealso.snapshot import files
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.reader import open_current
from tests.makers import articles, index_of

pytestmark = pytest.mark.row("M3")

# What a service is: a process that reads ahead while it imports, and a worker forked from it, which opens the snapshot
# and says how much it read, in shares of the snapshot's length; or why it refuses it.
SERVICE = """
import os, sys
from multiprocessing import active_children
from pathlib import Path
from seealso.errors import SnapshotRefused
from seealso.snapshot import ahead, files, whole
from seealso.snapshot.reader import open_snapshot

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
whole.STEP_NS = {step_ns}  # the times of this machine's files move in smaller steps
{before}
with ahead.reading_ahead(folder.parents[1]):
    {meanwhile}
{afterwards}
sys.stdout.flush()
if os.fork() == 0:
    before = bytes_read()
    try:
        snapshot = open_snapshot(folder)
        print((bytes_read() - before) / sum(entry.bytes for entry in snapshot.manifest.files.values()))
    except SnapshotRefused as error:
        print(error.path.name, error.reason)
    sys.stdout.flush()
    os._exit(0)
os.wait()
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of which the headers of files are a small part."""
    index = tmp_path_factory.mktemp("index")
    index_of(index, articles(300))
    return index


@pytest.fixture
def folder(index: Path, tmp_path: Path) -> Path:
    """A snapshot whose files may be changed."""
    shutil.copytree(index, tmp_path / "index")
    folder = snapshot_folder(tmp_path / "index", current_id(index))
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


def worker_of(folder: Path, before: str = "", meanwhile: str = "pass", afterwards: str = "", step_ns: int = 0) -> str:
    """Return what a worker says of a snapshot that was read ahead; files may be changed on the way."""
    script = SERVICE.format(before=before, meanwhile=meanwhile, afterwards=afterwards, step_ns=step_ns)
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_worker_does_not_read_again_what_was_read_ahead(folder: Path) -> None:
    assert float(worker_of(folder)) < 0.5


def test_worker_opens_the_same_snapshot(folder: Path) -> None:
    said = worker_of(folder, afterwards="print([bytes(open_snapshot(folder).card(row)) for row in (0, 299)])")
    snapshot = open_current(folder.parents[1])
    assert said.splitlines()[0] == repr([snapshot.card(row) for row in (0, 299)])


def test_snapshot_written_just_now_is_read_again(folder: Path) -> None:
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
    hold = "import time, seealso.snapshot.reader as reader; reader.open_snapshot = lambda _: time.sleep(60)"
    assert float(worker_of(folder, before=hold, meanwhile="[child.kill() for child in active_children()]")) >= 1


def test_block_that_fails_fails_as_it_would_without(folder: Path) -> None:
    failing = "try:\n with ahead.reading_ahead(folder.parents[1]): 1 / 0\nexcept ZeroDivisionError: print('failed')"
    said = worker_of(folder, before=failing)
    assert said.splitlines()[0] == "failed"


def test_index_without_a_snapshot_is_no_error(folder: Path) -> None:
    (folder.parents[1] / "CURRENT").unlink()
    assert float(worker_of(folder)) >= 1


def test_another_snapshot_than_the_current_one_is_read(folder: Path) -> None:
    (folder.parents[1] / "CURRENT").write_text("20000101T000000Z-000000000000\n")
    assert float(worker_of(folder)) >= 1
