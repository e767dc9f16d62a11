import os
import subprocess
import sys
import threading
from pathlib import Path

from seealso.editorial.counter import Counter
from tests.conftest import ROOT
from tests.full_disk import with_room

# One counter is made before the disk is full, and told; another after.
FILLING = """
import sys
from contextlib import suppress
from pathlib import Path
from seealso.editorial.counter import Counter
from seealso.errors import StoreUnavailable
folder = Path(sys.argv[1])
counter = Counter(folder / "count")
with suppress(OSError):
    (folder / "full").write_bytes(bytes(1_000_000))
counter.tell()
print(counter.numbers[0])
try:
    Counter(folder / "late")
except StoreUnavailable as error:
    print(error.reason)
"""


def test_what_one_process_says_another_sees(tmp_path: Path) -> None:
    counter = Counter(tmp_path / "index" / "count")
    assert counter.numbers[0] == 0
    child = os.fork()
    if not child:
        Counter(tmp_path / "index" / "count").tell()
        os._exit(0)
    os.waitpid(child, 0)
    assert counter.numbers[0] == 1


def test_nothing_that_is_said_is_lost(tmp_path: Path) -> None:
    counters = [Counter(tmp_path / "count") for _ in range(4)]
    threads = [
        threading.Thread(target=lambda each: [each.tell() for _ in range(200)], args=(each,)) for each in counters
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.numbers[0] for each in counters] == [800] * 4


def test_full_disk_stops_nobody_who_has_something_to_say(tmp_path: Path) -> None:
    command = [*with_room(tmp_path, 64), sys.executable, "-c", FILLING, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    first, second = told.stdout.splitlines()
    assert first == "1"
    assert second.startswith("it cannot be opened and mapped (No space left on device)")
