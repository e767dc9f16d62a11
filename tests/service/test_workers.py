"""Workers that die, in real processes."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.workers import FAILURES_MAX
from tests.makers import articles, index_of
from tests.servers import START_SECONDS_MAX, Running, free_port, serving

PATH = "/v1/articles/a001/related"
CLIENTS = 6
TIMES = 6


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, articles(6))
    return folder


@dataclass
class Asked:
    """What became of the requests: how many were answered, how each lost one was, and those lost to the last try.

    `wrong`: what was answered otherwise than by the block, whole.
    """

    answered: int = 0
    lost: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def asking(service: Running, tries: int = 2) -> Iterator[Asked]:
    """Ask from several clients, each keeping its connection; what is lost is asked once more, as a proxy would.

    `tries` is more where several workers are killed in a row: a request may be in each of them. What is answered is the
    block: no other status, and nothing else.
    """
    asked, stop = Asked(), threading.Event()
    block = service.get(PATH)
    assert block.status == 200
    assert block.json()["related"]

    def client() -> None:
        connection: http.client.HTTPConnection | None = None
        while not stop.is_set():
            for attempt in range(1, tries + 1):
                connection = connection or http.client.HTTPConnection(place(service), timeout=60)
                try:
                    connection.request("GET", PATH)
                    answer = connection.getresponse()
                    body = answer.read()
                    with asked.guard:
                        if (answer.status, body) == (200, block.body):
                            asked.answered += 1
                        else:
                            asked.wrong.append(f"{answer.status} {body!r}")
                    break
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    connection = None
                    with asked.guard:
                        asked.lost.append(repr(error))
                        if attempt == tries:
                            asked.failed.append(repr(error))
        if connection is not None:
            connection.close()

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        yield asked
    finally:
        stop.set()
        for each in clients:
            each.join()
    assert asked.wrong == []


def place(service: Running) -> str:
    return service.url.removeprefix("http://")


def lines(service: Running, event: str) -> list[dict[str, object]]:
    return [line for line in service.logged() if line["event"] == event]


def wait_for(what: Callable[[], bool], service: Running) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not what():
        assert service.process.poll() is None, service.log.read_text()
        assert time.monotonic() < deadline, service.log.read_text()
        time.sleep(0.02)


def test_workers_killed_as_soon_as_they_are_back_cost_only_what_was_in_flight(index: Path, tmp_path: Path) -> None:
    with serving(index, tmp_path / "log", workers=2) as service, asking(service) as asked:
        wait_for(lambda: len(lines(service, "worker_started")) == 2, service)
        for kill in range(2 * TIMES):
            os.kill(service.workers()[0], signal.SIGKILL)  # the one that has lived longest
            wait_for(lambda seen=kill: len(lines(service, "worker_started")) == 3 + seen, service)  # type: ignore[misc]
        wait_for(lambda now=asked.answered: asked.answered > now + 100, service)  # type: ignore[misc]
        assert service.process.poll() is None
        assert len(service.workers()) == 2
        assert len(lines(service, "worker_died")) == 2 * TIMES
    assert asked.failed == []
    assert len(asked.lost) <= 2 * TIMES * CLIENTS
    assert asked.answered > 0


def test_workers_killed_at_the_same_time_are_all_replaced_and_nobody_is_turned_away(
    index: Path, tmp_path: Path
) -> None:
    def opened() -> int:
        return len(lines(service, "worker_started"))

    with serving(index, tmp_path / "log", workers=3) as service, asking(service, tries=4) as asked:
        for round_ in range(1, 4):
            wait_for(lambda wanted=3 * round_: opened() == wanted, service)  # type: ignore[misc]
            for worker in service.workers():
                os.kill(worker, signal.SIGKILL)
        wait_for(lambda: opened() == 12, service)
        wait_for(lambda now=asked.answered: asked.answered > now + 100, service)  # type: ignore[misc]
        assert len(service.workers()) == 3
    assert asked.failed == []
    assert {line["level"] for line in lines(service, "worker_died")} == {"warning"}
    assert len(lines(service, "worker_died")) == 9
    assert not any("refused" in reason for reason in asked.lost)


def test_one_worker_alone_is_waited_for_while_it_is_replaced(index: Path, tmp_path: Path) -> None:
    with serving(index, tmp_path / "log", workers=1) as service, asking(service) as asked:
        for kill in range(TIMES):
            wait_for(lambda seen=kill: len(lines(service, "worker_started")) == 1 + seen, service)  # type: ignore[misc]
            wait_for(lambda now=asked.answered: asked.answered > now + 100, service)  # type: ignore[misc]
            os.kill(service.workers()[0], signal.SIGKILL)
        wait_for(lambda now=asked.answered: asked.answered > now + 100, service)  # type: ignore[misc]
    assert asked.failed == []
    assert not any("refused" in reason for reason in asked.lost)


@pytest.mark.parametrize(
    ("end", "field"),
    [
        ("raise RuntimeError('broken here')", "trace"),
        ("raise SettingsInvalid('broken here')", "reason"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", None),
    ],
)
def test_service_whose_workers_cannot_start_ends_with_an_error(
    index: Path, tmp_path: Path, end: str, field: str | None
) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "import os, signal, service.wsgi\n"
        "from seealso.errors import SettingsInvalid\n"
        f"def create_worker():\n    {end}\n"
        "service.wsgi.create_worker = create_worker  # as the workers find it after the fork\n"
        "from seealso.cli import main\nmain()\n"
    )
    command = ["serve", "--index", str(index), "--port", str(free_port()), "--workers", "2"]
    done = subprocess.run([sys.executable, script, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 12
    *lines, last = done.stderr.splitlines()
    assert last.startswith("seealso: no worker can be started")
    assert done.stdout == ""
    logged = [json.loads(line) for line in lines]
    assert sum(line["event"] == "worker_died" for line in logged) == FAILURES_MAX
    said = [line for line in logged if line["event"] == "worker_not_started"]
    assert len(said) >= (FAILURES_MAX if field else 0)
    assert all("broken here" in line[field or ""] for line in said)


def test_worker_that_cannot_start_does_not_end_what_another_answers(index: Path, tmp_path: Path) -> None:
    project = tmp_path / "seealso.toml"
    project.write_text("")
    with serving(index, tmp_path / "log", workers=2, SEEALSO_PROJECT=str(project)) as service:
        wait_for(lambda: len(lines(service, "worker_started")) == 2, service)
        project.write_text("no toml")
        # Lost with the worker, then with what waited for the next, then answered.
        with asking(service, tries=3) as asked:
            os.kill(service.workers()[0], signal.SIGKILL)
            wait_for(lambda: any(line["failures"] == FAILURES_MAX for line in lines(service, "worker_died")), service)
            wait_for(lambda now=asked.answered: asked.answered > now + 100, service)  # type: ignore[misc]
            project.write_text("")
            wait_for(lambda: len(lines(service, "worker_started")) == 3, service)
            wait_for(lambda now=asked.answered: asked.answered > now + 100, service)  # type: ignore[misc]
        assert asked.failed == []
        levels = [line["level"] for line in lines(service, "worker_died")]
        assert levels[0] == "warning"
        assert set(levels[1:]) == {"error"}


@pytest.mark.parametrize(("number", "times"), [("SIGTERM", 1), ("SIGINT", 1), ("SIGINT", 3), ("SIGHUP", 1)])
def test_signal_to_the_whole_group_ends_all_without_failure(
    index: Path, tmp_path: Path, number: str, times: int
) -> None:
    """As Ctrl-C and systemd do: the workers hear it themselves, and are told once more by the main process."""
    port = free_port()
    seealso = Path(sys.executable).with_name("seealso")
    command = [str(seealso), "serve", "--index", str(index), "--port", str(port), "--workers", "3"]
    with (tmp_path / "log").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, text=True, start_new_session=True)
    service = Running(process, f"http://127.0.0.1:{port}", 0.0, tmp_path / "log")
    try:
        wait_for(lambda: len(lines(service, "worker_started")) == 3, service)
        for _ in range(times):
            os.killpg(process.pid, signal.Signals[number])
        assert process.wait(20) == 0  # before workers that did not listen would be killed
    finally:
        process.kill()
        process.wait()
    assert len(lines(service, "service_stopped")) == 1
