import os
import threading
from pathlib import Path

from seealso.editorial.counter import Counter


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
