"""The real server: what it does with connections, as they come from outside."""

import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest

from seealso.machine import usable_cpus
from seealso.settings import ServiceSettings
from seealso.snapshot.layout import POINTER
from seealso.snapshot.whole import STEP_NS
from service.lanes import blocking_threads
from service.parts import BLOCKS_SECONDS_MAX
from service.processes import raise_descriptors
from service.server import (
    DESCRIPTORS_OF_SITE,
    DESCRIPTORS_RESERVED,
    HEADER_BYTES_MAX,
    STOP_SECONDS_MAX,
    worker_count,
)
from tests import waiting
from tests.makers import articles, index_of
from tests.servers import SEEALSO, START_SECONDS_MAX, Running, command_of, free_port, serving, wait_until

pytestmark = pytest.mark.row("F4")

PATH = "/v1/articles/a001/related"
IDLE = 2_000


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, articles(6))
    return folder


@pytest.fixture(scope="module")
def service(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(index, tmp_path_factory.mktemp("log") / "log", workers=1) as running:
        yield running


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process open as many connections as it needs, while the test lasts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if raise_descriptors() < IDLE + 500:
        pytest.skip(f"this process may open {before[1]} files; the test needs {IDLE + 500} (ulimit -Hn)")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect(service: Running) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def to_the_end(connection: socket.socket) -> bytes:
    """Return all that still comes, until the server closes the connection, as it may also by a reset."""
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionResetError:
        pass
    return received


def test_idle_connections_do_not_keep_a_new_client_from_an_answer(service: Running, many_descriptors: None) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(service)) for _ in range(IDLE)]
        assert service.get(PATH, timeout=30).status == 200
        for each in idle[::10]:  # those that stay open after an answer are idle, too
            each.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert each.recv(65_536).startswith(b"HTTP/1.1 200")
        assert service.get(PATH, timeout=30).status == 200


@pytest.fixture(scope="module")
def impatient(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("log") / "log"
    with serving(index, log, workers=1, SEEALSO_CONNECTION_IDLE_S="2") as running:
        yield running


def test_header_sent_byte_by_byte_is_cut_off_and_disturbs_nobody(impatient: Running) -> None:
    with connect(impatient) as slow:
        cut = threading.Event()

        def send() -> None:
            try:
                for byte in f"GET {PATH} HTTP/1.1\r\nX-Slow: ".encode() + b"x" * 1_000:
                    slow.sendall(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                cut.set()

        sending = threading.Thread(target=send)
        sending.start()
        while sending.is_alive():
            assert impatient.get(PATH, timeout=30).status == 200
        assert cut.is_set()


def test_silent_connections_are_closed_before_their_first_request_and_after_their_last(impatient: Running) -> None:
    with connect(impatient) as silent, connect(impatient) as served:
        served.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert to_the_end(served).startswith(b"HTTP/1.1 200")
        assert to_the_end(silent) == b""


def test_header_beyond_the_limit_is_refused(service: Running) -> None:
    with connect(service) as connection:
        filler = b"x" * (4 * HEADER_BYTES_MAX)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + filler)
        assert to_the_end(connection).startswith(b"HTTP/1.1 431 ")


def test_head_has_the_length_of_the_body_and_no_body(service: Running) -> None:
    body = service.get(PATH).body
    with connect(service) as connection:
        connection.sendall(f"HEAD {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = to_the_end(connection)
    head, second = received.split(b"\r\n\r\n", 1)  # were there a body, it would stand before the second answer
    assert head.startswith(b"HTTP/1.1 200")
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert second.startswith(b"HTTP/1.1 200")
    assert second.endswith(body)


def test_stop_answers_what_is_in_flight_and_closes_what_is_idle(index: Path, tmp_path: Path) -> None:
    # One worker: that it has closed what is idle shows that it was told to stop, before the rest of the body is sent.
    with serving(index, tmp_path / "log", workers=1) as service, connect(service) as idle, connect(service) as busy:
        idle.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200")
        head = "POST /v1/similar HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
        busy.sendall(head.encode())
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:  # until the worker has begun to read it
            assert time.monotonic() < deadline
            time.sleep(0.2)
            if service.get(PATH).status == 200:
                break
        service.process.send_signal(signal.SIGTERM)
        assert to_the_end(idle) == b""
        busy.sendall(b"}")
        answer = to_the_end(busy)
        assert answer.startswith(b"HTTP/1.1 400 ")  # an empty object is no text
        assert b"connection: close" in answer.lower()
        assert service.process.wait(20) == 0


# The service, whose workers hold each request with an X-Held: they make a file so named, and wait for one "go on".
HOLDING = """
import sys, time
from pathlib import Path
import service.wsgi
from seealso.cli import main

folder, create_worker = Path(sys.argv.pop(1)), service.wsgi.create_worker

def create_holding_worker():
    app = create_worker()

    def hold(environ, start_response):
        if "HTTP_X_HELD" in environ:
            (folder / environ["HTTP_X_HELD"]).touch()
            while not (folder / "go on").exists():
                time.sleep(0.01)
        return app(environ, start_response)

    return hold

service.wsgi.create_worker = create_holding_worker  # as the workers find it after the fork
main()
"""


def test_stop_answers_whole_each_of_many_that_workers_have_begun(index: Path, tmp_path: Path) -> None:
    script, begun = tmp_path / "holding.py", tmp_path / "begun"
    script.write_text(HOLDING)
    begun.mkdir()
    paths = [f"/v1/articles/a00{number % 6}/related{'.html' if number % 4 == 0 else ''}" for number in range(16)]
    program = (sys.executable, str(script), str(begun))
    with serving(index, tmp_path / "log", workers=2, program=program) as service, ExitStack() as stack:
        waiting.wait_until(lambda: service.listening() == 2)  # else one might have no idle connection
        bodies = [service.get(path).body for path in paths]
        idle = [stack.enter_context(connect(service)) for _ in paths]
        for each in idle:
            each.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert each.recv(65_536).startswith(b"HTTP/1.1 200")
        held = [stack.enter_context(connect(service)) for _ in paths]
        for number, (each, path) in enumerate(zip(held, paths, strict=True)):
            each.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Held: {number}\r\n\r\n".encode())
        deadline = time.monotonic() + START_SECONDS_MAX
        while len(list(begun.iterdir())) < len(held):
            assert time.monotonic() < deadline, service.log.read_text()
            time.sleep(0.02)
        service.process.send_signal(signal.SIGTERM)
        assert [to_the_end(each) for each in idle] == [b""] * len(idle)  # all workers have heard it
        (begun / "go on").touch()
        for each, body in zip(held, bodies, strict=True):
            head, answered = to_the_end(each).split(b"\r\n\r\n", 1)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" in head.lower()
            assert answered == body
        assert service.process.wait(20) == 0


def test_stop_under_load_loses_nothing_that_a_worker_has_begun(index: Path, tmp_path: Path) -> None:
    """What reached the app stands in the log: just that is answered, and whole.

    Each client's last request may have no answer, its connection having been closed while idle.
    """
    answered: list[str] = []
    wrong: list[object] = []
    ends: list[str] = []

    def ask(service: Running, client: int) -> None:
        connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=60)
        for number in count():
            name = f"{client}-{number}"
            try:
                connection.request("GET", PATH, headers={"X-Request-Id": name})
                answer = connection.getresponse()
                body = answer.read()
            except http.client.IncompleteRead as error:
                wrong.append(error)
                break
            except ConnectionError:  # http.client.RemoteDisconnected is one
                ends.append("no answer")
                break
            if (answer.status, body) != (200, first.body):
                wrong.append((answer.status, body))
            answered.append(name)
            if answer.will_close:
                ends.append("answered")
                break
        connection.close()

    with serving(index, tmp_path / "log", workers=2, SEEALSO_LOG_REQUESTS="true") as service:
        first = service.get(PATH)
        clients = [threading.Thread(target=ask, args=(service, client)) for client in range(16)]
        for each in clients:
            each.start()
        time.sleep(0.5)
        service.process.send_signal(signal.SIGTERM)
        for each in clients:
            each.join()
        assert service.process.wait(20) == 0
    begun = [
        line["request_id"] for line in service.logged() if line["event"] == "request_answered" and line["path"] == PATH
    ]
    assert wrong == []
    assert len(ends) == 16
    assert sorted(begun) == sorted([first.headers["x-request-id"], *answered])


@contextmanager
def limited(index: Path | None, log: Path, soft: int, hard: int, **settings: str) -> Iterator[Running]:
    """Run the service with limits of open files; `index`: None where `settings` name several sites."""
    port = free_port()
    command = [str(SEEALSO), "serve", "--port", str(port), "--workers", "1"]
    command += [] if index is None else ["--index", str(index)]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with log.open("w") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdout=output, stderr=output, text=True, env=os.environ | settings, preexec_fn=limit
        )
        try:
            wait_until(f"http://127.0.0.1:{port}/readyz", process, began, log)
            yield Running(process, f"http://127.0.0.1:{port}", 0.0, log)
        finally:
            process.terminate()
            process.wait(30)


def test_workers_may_open_as_much_as_the_hard_limit_allows(index: Path, tmp_path: Path) -> None:
    most = 1_500
    with limited(index, tmp_path / "log", 300, most, SEEALSO_CONNECTIONS_MAX="1000") as service:
        limits = Path(f"/proc/{service.workers()[0]}/limits").read_text()
        assert f"Max open files            {most}" in limits
        assert "descriptors_few" not in service.log.read_text()


def test_too_few_descriptors_are_said_and_fewer_connections_taken(index: Path, tmp_path: Path) -> None:
    taken = 350
    hard = DESCRIPTORS_RESERVED + taken
    with limited(index, tmp_path / "log", hard, hard) as service, ExitStack() as stack:
        (line,) = [json.loads(each) for each in service.log.read_text().splitlines() if "descriptors_few" in each]
        assert (line["limit"], line["needed"], line["connections"]) == (hard, 10_000 + DESCRIPTORS_RESERVED, taken)
        for _ in range(taken + 50):  # more than it takes: they wait, and it does not run out of descriptors
            stack.enter_context(connect(service))
        stack.close()
        assert service.get(PATH, timeout=30).status == 200


def test_descriptors_are_kept_free_for_each_site(index: Path, tmp_path: Path) -> None:
    tables = []
    for name in ("coast", "city"):
        shutil.copytree(index / "snapshots", tmp_path / name / "snapshots")
        shutil.copy(index / POINTER, tmp_path / name / POINTER)
        tables.append(f'[sites.{name}]\nhosts = ["{name}.example"]\nindex = "{name}"\n')
    (tmp_path / "sites.toml").write_text("\n".join(tables))
    taken, reserved = 500, DESCRIPTORS_RESERVED + DESCRIPTORS_OF_SITE
    hard = taken + reserved
    with limited(None, tmp_path / "log", hard, hard, SEEALSO_SITES=str(tmp_path / "sites.toml")) as service:
        (line,) = [json.loads(each) for each in service.log.read_text().splitlines() if "descriptors_few" in each]
    assert (line["limit"], line["needed"], line["connections"]) == (hard, 10_000 + reserved, taken)


def test_there_is_a_worker_for_each_cpu_unless_it_is_said(index: Path, tmp_path: Path) -> None:
    assert worker_count(ServiceSettings()) == usable_cpus()
    assert worker_count(ServiceSettings(workers=7)) == 7
    with (tmp_path / "log").open("w") as output:
        command = [str(SEEALSO), "serve", "--index", str(index), "--port", str(free_port())]
        process = subprocess.Popen(command, stdout=output, stderr=output, text=True)
        service = Running(process, "", 0.0, tmp_path / "log")
        try:
            deadline = time.monotonic() + START_SECONDS_MAX
            while service.log.read_text().count("worker_started") < usable_cpus():
                assert time.monotonic() < deadline, service.log.read_text()
                time.sleep(0.02)
            assert len(service.workers()) == usable_cpus()
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize(("threads", "texts"), [(1, 1), (4, 2), (16, 8)])
def test_there_are_threads_for_those_who_work_wait_and_refuse(threads: int, texts: int) -> None:
    asides = 2 * (texts + 8 * texts) + (texts + 2 * texts)  # texts, lists of blocks; blocks with their reasons
    assert blocking_threads(ServiceSettings(threads=threads)) == threads + 8 * threads + asides + threads + 2


def test_what_takes_long_ends_before_a_stop_does() -> None:
    assert ServiceSettings().text_deadline_s < STOP_SECONDS_MAX
    assert BLOCKS_SECONDS_MAX < STOP_SECONDS_MAX


def test_server_is_not_loaded_for_the_sake_of_its_app() -> None:
    """What `service.wsgi` imports is loaded by `run_server`, once the environment is what the workers shall find."""
    script = "import sys, service.server; print('service.wsgi' in sys.modules or 'flask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"


def bytes_read_by_worker(index: Path, log: Path) -> int:
    """Return how many bytes the worker of a service over an index has read when it is ready."""
    with serving(index, log, workers=1) as running:
        (worker,) = running.workers()
        found = re.search(r"^rchar: (\d+)$", Path(f"/proc/{worker}/io").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def test_worker_does_not_read_again_what_was_looked_through_before_it(tmp_path: Path) -> None:
    index_of(tmp_path / "index", articles(400, summary="A long one. " * 200))
    size = sum(path.stat().st_size for path in (tmp_path / "index").rglob("*") if path.is_file())
    files = [path for path in (tmp_path / "index" / "snapshots").rglob("*") if path.is_file()]
    for path in files:  # as if it was still being written, however long the service takes to start
        os.utime(path, (time.time() + 3_600, time.time() + 3_600))
    being_written = bytes_read_by_worker(tmp_path / "index", tmp_path / "log")
    for path in files:
        os.utime(path, (0, 0))
    time.sleep(STEP_NS / 1e9)
    settled = bytes_read_by_worker(tmp_path / "index", tmp_path / "log")
    assert being_written - settled > 0.8 * size


def own_redis_of(service: Running) -> int | None:
    """Return the number of the redis-server process that a service has started."""
    threads = Path(f"/proc/{service.process.pid}/task").iterdir()
    children = [child for thread in threads for child in (thread / "children").read_text().split()]
    return next((int(each) for each in children if b"redis-server" in (command_of(each) or b"")), None)


def test_own_redis_that_dies_is_used_again(index: Path, tmp_path: Path) -> None:
    # A busy machine is no Redis that is gone.
    with serving(index, tmp_path / "log", workers=1, SEEALSO_REDIS_TIMEOUT_MS="10000") as running:
        before = own_redis_of(running)
        assert before is not None
        waiting.wait_until(lambda: running.get("/version").json()["cache"] == "up")
        os.kill(before, signal.SIGKILL)

        def used_again() -> bool:
            running.get("/v1/articles/a001/related?exclude=x")
            is_new = own_redis_of(running) not in (before, None)
            return bool(is_new and running.get("/version").json()["cache"] == "up")

        waiting.wait_until(used_again)
        # It is told once the new one listens: a worker may have found it by then.
        waiting.wait_until(lambda: "cache_started_again" in (tmp_path / "log").read_text())
