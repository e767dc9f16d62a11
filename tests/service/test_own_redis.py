import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

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
        folder = Path(server.url.removeprefix("unix://")).parent
        assert folder.stat().st_mode & 0o077 == 0
    assert not alive(server.process_id)
    assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends it with its parent on Linux alone")
def test_it_ends_with_the_process_that_started_it_even_by_a_kill() -> None:
    script = (
        "from service.own_redis import OwnRedis; import time; print(OwnRedis().process_id, flush=True); time.sleep(60)"
    )
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
    with pytest.raises(OSError, match="/bin/false"):
        OwnRedis()
    assert os.listdir(tmp_path) == []
