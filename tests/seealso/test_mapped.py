import errno
import os
import subprocess
import sys
from pathlib import Path

from seealso.mapped import take_room
from tests.conftest import ROOT
from tests.full_disk import with_room

# Room is asked for twice, in a file system that has less; what the second came to is printed.
ASKING = """
import os, sys
from seealso.mapped import take_room
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
take_room(file, 8192)
try:
    take_room(file, 1_000_000)
except OSError as error:
    print(error.errno)
"""


def test_every_block_of_a_file_is_there_and_what_it_held_stays(tmp_path: Path) -> None:
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.pwrite(file, b"held", 0)
    os.ftruncate(file, 100_000)  # mostly a hole
    for length, long in ((8, 100_000), (200_000, 200_000), (200_000, 200_000)):
        take_room(file, length)
        found = os.fstat(file)
        assert found.st_size == long <= found.st_blocks * 512
        assert os.pread(file, 5, 0) == b"held\0"
    os.close(file)


def test_no_room_is_an_error(tmp_path: Path) -> None:
    command = [*with_room(tmp_path, 64), sys.executable, "-c", ASKING, str(tmp_path / "file")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(told.stdout) == errno.ENOSPC
