import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

import service.own_redis
from service.own_redis import OwnRedis


def alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_it_is_a_real_redis_that_evicts_and_keeps_nothing_on_disk() -> None:
    with OwnRedis() as server:
        client = redis.Redis.from_url(server.url)
        assert client.ping()
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("port") == {"port": "0"}
        client.close()
        folder, process_id = Path(server.url.removeprefix("unix://")).parent, server.process_id
        assert folder.stat().st_mode & 0o077 == 0
    assert not alive(process_id)
    assert not folder.exists()


def test_it_runs_where_the_temporary_folder_is_too_deep_for_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with OwnRedis() as server:
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
        folder = Path(server.url.removeprefix("unix://")).parent
    assert not folder.exists()


def test_it_listens_once_connections_are_taken_and_not_once_its_socket_is_there() -> None:
    server = OwnRedis()
    assert not server.listens
    path = Path(server.url.removeprefix("unix://"))
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        assert not server.listens
        bound.listen()
        assert server.listens
    server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends it with its parent on Linux alone")
def test_it_ends_with_the_process_that_started_it_even_by_a_kill() -> None:
    script = """
import time
from service.own_redis import OwnRedis
with OwnRedis() as server:
    print(server.process_id, flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent, parent.stdout:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 20
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)


def test_server_that_does_not_start_is_an_error_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service.own_redis, "__redis_executable__", "/bin/false")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(OSError, match="/bin/false"), OwnRedis():
        pass
    assert os.listdir(tmp_path) == []


@pytest.fixture
def kept_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnRedis]:
    """A server that is looked after often."""
    monkeypatch.setattr(service.own_redis, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr("service.watching.PAUSE_SECONDS", 0.01)
    with closing(OwnRedis()) as server:
        yield server


def wait_until_it_answers(server: OwnRedis) -> None:
    client = redis.Redis.from_url(server.url)
    end = time.monotonic() + 20
    while True:
        try:
            assert client.ping()
            break
        except redis.exceptions.ConnectionError:
            assert time.monotonic() < end
            time.sleep(0.01)
    client.close()


def test_one_that_dies_is_started_again_at_the_same_place(kept_up: OwnRedis) -> None:
    kept_up.keep_up()
    for _ in range(2):
        wait_until_it_answers(kept_up)
        process_id = kept_up.process_id
        os.kill(process_id, signal.SIGKILL)
        while kept_up.process_id == process_id:
            time.sleep(0.001)
    wait_until_it_answers(kept_up)


def test_one_that_could_not_be_started_is_started_once_it_can_be(
    kept_up: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as logged, monkeypatch.context() as patch:
        patch.setattr(service.own_redis, "__redis_executable__", "/bin/false")
        kept_up.keep_up()
    assert logged[0]["event"] == "cache_not_started"
    wait_until_it_answers(kept_up)
