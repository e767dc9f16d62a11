"""What is counted, over one process and over several: real processes write to one folder, and any answers for all."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from seealso.settings import WORKERS_FOLDER
from seealso.snapshot.following import StoreState
from seealso.snapshot.layout import POINTER
from service.current import Current
from service.editorial import Editorial
from service.exposition import metrics_of
from service.metrics import LEVELS, OUTCOMES, ROUTES, Metrics
from tests.conftest import ROOT
from tests.full_disk import with_room
from tests.makers import articles, index_of
from tests.programs import needs
from tests.servers import SEEALSO, Running, serving
from tests.waiting import wait_until

# What a worker is told on standard input, a line of Python each; it prints the metrics when a line is empty.
WORKER = """
import sys
from pathlib import Path
from seealso.logs import configure_logs
from service.current import Current
from service.editorial import Editorial
from service.exposition import metrics_of
from service.metrics import LEVELS, OUTCOMES, ROUTES, Metrics
configure_logs("json", "info")
metrics, index = Metrics(), Path(sys.argv[1])
current = Current(index, None)
for line in sys.stdin:
    if line.strip():
        exec(line)
    else:
        print(metrics_of(metrics, current, Editorial(None), index).decode(), end="# EOF\\n", flush=True)
"""


class Worker:
    """A process that counts and answers as a worker of the service does."""

    def __init__(self, folder: Path, program: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*program, sys.executable, "-c", WORKER, str(folder / "index")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {WORKERS_FOLDER: str(folder)},
        )

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, float]:
        """Return the metrics as this worker gives them, after all it was told."""
        assert self.process.stdout is not None
        self.tell("")
        lines = list[str]()
        while (line := self.process.stdout.readline()) != "# EOF\n":
            assert line, "it has died"
            lines.append(line)
        return samples("".join(lines))

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Worker, Worker]]:
    workers = Worker(tmp_path), Worker(tmp_path)
    yield workers
    for worker in workers:
        worker.close()


def samples(text: str) -> dict[str, float]:
    """Return all samples by their name, with the labels' values in brackets, in the order of the labels' names."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            found[sample.name + "".join(f"[{value}]" for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def answer_of(metrics: Metrics, folder: Path) -> dict[str, float]:
    return samples(metrics_of(metrics, Current(folder, None), Editorial(None), folder).decode())


# one process


def test_answers_are_counted_and_timed_by_route_outcome_and_level(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.answered("related", "ok", "copy", 0.00005)
    metrics.answered("related", "ok", "copy", 0.2)
    metrics.answered("batch", "busy", "none", 7.0)
    found = answer_of(metrics, tmp_path)
    assert found["seealso_request_seconds_count[copy][ok][related]"] == 2
    assert found["seealso_request_seconds_sum[copy][ok][related]"] == pytest.approx(0.20005)
    assert found["seealso_request_seconds_bucket[copy][0.0001][ok][related]"] == 1
    assert found["seealso_request_seconds_bucket[copy][0.25][ok][related]"] == 2
    assert found["seealso_request_seconds_bucket[none][5.0][busy][batch]"] == 0
    assert found["seealso_request_seconds_bucket[none][+Inf][busy][batch]"] == 1


def test_short_and_empty_blocks_are_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    for shown in (12, 11, 0):
        metrics.block(12, shown)
    found = answer_of(metrics, tmp_path)
    assert found["seealso_blocks_total"] == 3
    assert found["seealso_blocks_short_total"] == 2
    assert found["seealso_blocks_empty_total"] == 1


def test_encoder_snapshots_and_redis_are_told_of(tmp_path: Path) -> None:
    metrics = Metrics()
    assert answer_of(metrics, tmp_path)["seealso_redis_down"] == 0
    metrics.encoded(0.03)
    metrics.swapped()
    metrics.redis_failed("timeout")
    metrics.breaker(True)
    found = answer_of(metrics, tmp_path)
    assert found["seealso_encode_seconds_bucket[0.05]"] == found["seealso_encode_seconds_count"] == 1
    assert found["seealso_snapshot_switches_total"] == 1
    assert found["seealso_redis_failures_total[timeout]"] == 1
    assert found["seealso_redis_down"] == 1
    metrics.breaker(False)
    assert answer_of(metrics, tmp_path)["seealso_redis_down"] == 0


def test_snapshot_store_is_told_of_as_the_machine_knows_it(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    known = StoreState(
        reached=time.time() - 90,
        current="20261128T000000Z-0123456789ab",
        failures={"refused": 2, "disk": 0, "unreachable": 7},
        fetched_bytes=12_345,
    )
    (tmp_path / "store.json").write_text(known.model_dump_json())
    current = Current(tmp_path, None)
    text = metrics_of(Metrics(), current, Editorial(None), tmp_path, shared=True).decode()
    assert 'seealso_snapshot_store_failures_total{kind="unreachable"} 7.0' in text
    assert 'seealso_snapshot_store_failures_total{kind="refused"} 2.0' in text
    found = samples(text)
    assert 90 <= found["seealso_snapshot_store_silent_seconds"] < 1_000
    assert (found["seealso_snapshot_store_behind"], found["seealso_snapshot_fetched_bytes_total"]) == (1, 12_345)
    assert "snapshot_store" not in metrics_of(Metrics(), current, Editorial(None), tmp_path).decode()


def test_snapshot_is_behind_while_another_is_published(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    current, metrics = Current(tmp_path, None), Metrics()
    current.refresh()

    def behind() -> float:
        return samples(metrics_of(metrics, current, Editorial(None), tmp_path).decode())["seealso_snapshot_behind"]

    assert behind() == 0
    index_of(tmp_path, articles(4))
    assert behind() == 1
    current.refresh()
    assert behind() == 0
    (tmp_path / POINTER).unlink()
    assert behind() == 1


def test_who_cannot_use_the_folder_counts_alone(tmp_path: Path) -> None:
    worker = Worker(tmp_path / "absent" / "folder")
    worker.tell("metrics.block(12, 3)")
    assert worker.answer()["seealso_blocks_short_total"] == 1
    worker.close()


def test_who_finds_no_more_room_in_the_folder_counts_on_alone(tmp_path: Path) -> None:
    worker = Worker(tmp_path, with_room(tmp_path, 256))  # for the three files, and for one of them to be doubled
    for level in LEVELS:
        worker.tell(f"for name in ROUTES: [metrics.answered(name, outcome, {level!r}, 0.2) for outcome in OUTCOMES]")
    found = worker.answer()
    counted = {name: value for name, value in found.items() if name.startswith("seealso_request_seconds_count")}
    assert len(counted) == len(ROUTES) * len(OUTCOMES) * len(LEVELS)
    assert set(counted.values()) == {1}
    worker.close()


# several processes


def test_any_worker_answers_for_all(two: tuple[Worker, Worker]) -> None:
    one, other = two
    for _ in range(3):
        one.tell("metrics.answered('related', 'ok', 'copy', 0.0002)")
    other.tell("metrics.answered('related', 'ok', 'copy', 0.0002)")
    other.tell("metrics.answered('related', 'ok', 'miss', 0.002)")
    other.tell("metrics.block(12, 3)")
    one.answer()
    found = other.answer()
    assert found == one.answer()
    assert found["seealso_request_seconds_count[copy][ok][related]"] == 4
    assert found["seealso_request_seconds_bucket[copy][0.00025][ok][related]"] == 4
    assert found["seealso_request_seconds_count[miss][ok][related]"] == 1
    assert found["seealso_blocks_short_total"] == 1


def test_what_a_killed_worker_counted_stays_and_how_it_was_goes(two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.tell("metrics.answered('page', 'failed', 'none', 0.002)")
    one.tell("metrics.breaker(True)")
    one.tell("metrics.swapped()")
    before = one.answer()
    assert before["seealso_redis_down"] == 1
    other.answer()
    one.process.kill()
    os.waitid(os.P_PID, one.process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet taken note of
    assert other.answer() == before | {"seealso_redis_down": 0}
    one.process.wait()
    assert other.answer() == before | {"seealso_redis_down": 0}


def test_next_worker_counts_on_in_the_place_of_a_dead_one(tmp_path: Path, two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.tell("metrics.swapped()")
    one.tell("metrics.breaker(True)")
    one.answer()
    other.answer()
    before = sorted(tmp_path.glob("*.db"))
    assert len(before) == 6
    for _ in range(3):
        one.close()
        one = Worker(tmp_path)
        one.tell("metrics.swapped()")
        assert one.answer()["seealso_redis_down"] == 0
    found = other.answer()
    one.close()
    assert found["seealso_snapshot_switches_total"] == 4
    assert sorted(tmp_path.glob("*.db")) == before


def test_file_of_a_worker_killed_while_it_made_it_is_passed_over(tmp_path: Path, two: tuple[Worker, Worker]) -> None:
    one, _ = two
    one.tell("metrics.block(1, 1)")
    one.answer()
    (tmp_path / "counter_9.db").touch()
    assert one.answer()["seealso_blocks_total"] == 1


@needs("systemd-tmpfiles", "systemd")
def test_folder_is_left_alone_by_who_tidies_up_while_a_worker_counts_in_it(tmp_path: Path) -> None:
    def tidy_up() -> None:
        everything = f"d {tmp_path} - - - 0"  # however new
        subprocess.run(["systemd-tmpfiles", "--clean", "-"], input=everything, text=True, check=True)

    (tmp_path / "numbers").mkdir()
    one = Worker(tmp_path / "numbers")
    one.tell("metrics.block(1, 1)")
    before = one.answer()
    tidy_up()
    assert one.answer() == before
    one.close()
    tidy_up()
    assert not (tmp_path / "numbers").exists()


def test_what_was_tidied_away_is_not_told_and_all_else_is(tmp_path: Path, two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.tell("metrics.block(1, 1)")
    one.answer()
    assert other.answer()["seealso_redis_down"] == 0
    for lock in tmp_path.glob("*.lock"):
        lock.unlink()
    found = other.answer()
    assert found["seealso_blocks_total"] == 1
    assert "seealso_redis_down" not in found


def test_folder_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "numbers").mkdir()
    first = Worker(tmp_path / "numbers")
    first.answer()
    shutil.rmtree(tmp_path / "numbers")
    first.close()
    workers = Worker(tmp_path / "numbers"), Worker(tmp_path / "numbers")
    for worker in workers:
        worker.tell("metrics.block(1, 1)")
        worker.answer()
    assert [worker.answer()["seealso_blocks_total"] for worker in workers] == [2, 2]
    for worker in workers:
        worker.close()


# the service


def both_started(service: Running) -> bool:
    return [line["event"] for line in service.logged()].count("worker_started") == 2


def test_service_counts_over_its_workers_and_over_their_deaths(tmp_path: Path) -> None:
    temporary, index = tmp_path / "tmp", tmp_path / "index"
    temporary.mkdir()
    index_of(index, articles(6))
    counted = "seealso_request_seconds_count[{}][ok][related]"

    with serving(index, tmp_path / "log", TMPDIR=str(temporary)) as service:

        def related() -> float:
            found = samples(service.get("/metrics").body.decode())
            return sum(found.get(counted.format(level), 0) for level in ("copy", "redis", "miss", "shared"))

        wait_until(lambda: both_started(service))
        for number in range(40):
            assert service.get(f"/v1/articles/a00{number % 6}/related").status == 200
        assert related() == 40
        (folder,) = temporary.glob("seealso-workers-*")
        assert len(list(folder.glob("histogram_*.db"))) == 2
        before = service.workers()
        os.kill(before[0], signal.SIGKILL)
        while before[0] in service.workers() or len(service.workers()) < 2:
            assert related() == 40
        for number in range(40):
            assert service.get(f"/v1/articles/a00{number % 6}/related").status == 200
        assert {related() for _ in range(10)} == {80}
        assert len(list(folder.glob("histogram_*.db"))) == 2
    assert not folder.exists()


def test_full_temporary_folder_stops_no_page_view(tmp_path: Path) -> None:
    temporary, index = tmp_path / "tmp", tmp_path / "index"
    temporary.mkdir()
    index_of(index, articles(6))
    program = (*with_room(temporary, 4), str(SEEALSO))
    with serving(index, tmp_path / "log", program=program, TMPDIR=str(temporary)) as service:
        wait_until(lambda: both_started(service))
        for number in range(13):
            assert service.get(f"/v1/articles/a00{number % 6}/related").status == 200
        assert samples(service.get("/metrics").body.decode())["seealso_snapshot_served"] == 1
    lost = [line["reason"] for line in service.logged() if line["event"] == "metrics_not_shared"]
    assert len(lost) == 2  # one of each worker, which lives
    assert "worker_died" not in {line["event"] for line in service.logged()}
