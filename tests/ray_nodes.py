"""A real Ray cluster of several nodes on this machine, and an encoder whose cost is known.

Each node is a `ray start` of its own with all its processes, and one CPU; the head has none, and encodes nothing.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from seealso.encoder import TRIAL_TEXTS, Vectors
from tests.conftest import ROOT
from tests.makers import HashEncoder
from tests.servers import free_port

RAY = Path(sys.executable).with_name("ray")
# Held by the one process of this machine that has clusters; others wait, but not until pytest ends their test.
LOCK = Path(f"/tmp/seealso-ray-{os.getuid()}.lock")
ALONE_SECONDS_MAX = 300
_is_alone = False
START_SECONDS_MAX = 60.0
# A machine that runs all tests at once starts the head's process for a client later than Ray waits by itself. What gRPC
# does at a fork kills that process now and then.
PATIENT = {"RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "60", "GRPC_ENABLE_FORK_SUPPORT": "0"}
# A lost node is known to be after some two seconds, not twenty.
ALERT = {"RAY_health_check_period_ms": "500", "RAY_health_check_timeout_ms": "2000"}
COMMON = "--block --disable-usage-stats --object-store-memory=80000000 --min-worker-port=0 --max-worker-port=0"


class FixedCost(HashEncoder):
    """Gives the vectors of a HashEncoder; each text costs so many additions, each waiting for the one before.

    A chain leaves room in a core: two threads of one core work on two chains in the time of one.
    """

    def __init__(self, additions: int, name: str = "hash") -> None:
        super().__init__(name)
        self._additions = additions

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        numbers = np.ones(4_096)
        for _ in range(len(texts) * self._additions // len(numbers)):
            np.cumsum(numbers)
        return super().encode(texts, on_batch)


class FailsOnce(HashEncoder):
    """Gives the vectors of a HashEncoder, but has no memory for the first lot; `mark` stands where that has been."""

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self._mark = mark

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        if len(texts) > len(TRIAL_TEXTS) and not self._mark.exists():
            self._mark.touch()
            raise MemoryError("out of memory")
        return super().encode(texts, on_batch)


class Nodes:
    """The nodes of a cluster; `address` is what `--on` takes."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        self._port, client_port = free_port(), free_port()
        self.address = f"ray://127.0.0.1:{client_port}"
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        options = f"--head --num-cpus=0 --port={self._port} --ray-client-server-port={client_port}"
        self._start("head", f"{options} --include-dashboard=false --temp-dir={folder}", environment)

    def add(self, name: str, gpus: int = 0, **environment: str) -> None:
        """Start a node of one CPU, which says that it has GPUs; it is in the cluster when this returns."""
        options = f"--num-cpus=1 --num-gpus={gpus}"
        self._start(name, f"--address=127.0.0.1:{self._port} {options}", environment)

    def kill(self, name: str) -> None:
        """Kill a node with all its processes at once, as a power cut does."""
        process = self._nodes.pop(name)
        family = [process.pid, *_descendants(process.pid)]
        for number in family:
            _send(number, signal.SIGSTOP)  # none may see another die, and end in an orderly way
        for number in family:
            _send(number, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Kill all nodes, the head last."""
        for name in reversed(list(self._nodes)):
            self.kill(name)

    def encoding(self, *names: str) -> list[int]:
        """Return the processes that have a lot under way, of the nodes named, or of all."""
        nodes = [self._nodes[name] for name in names or self._nodes]
        family = [number for node in nodes for number in _descendants(node.pid)]
        return [number for number in family if _read(Path(f"/proc/{number}/cmdline")).startswith("ray::_encode_lot")]

    def _start(self, name: str, options: str, environment: dict[str, str]) -> None:
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            self._nodes[name] = subprocess.Popen(
                [RAY, "start", f"--node-name={name}", "--node-ip-address=127.0.0.1", *COMMON.split(), *options.split()],
                env=os.environ | {"PYTHONPATH": str(ROOT)} | PATIENT | ALERT | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while "Ray runtime started" not in log.read_text():
            assert self._nodes[name].poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


@contextmanager
def ray_nodes(**environment: str) -> Iterator[Nodes]:
    """Run a head, with these variables more; nodes are added to it. All are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets are in it: its path must be short
    with _alone():
        nodes = Nodes(folder, **environment)
        try:
            yield nodes
        finally:
            nodes.stop()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Have no other process run clusters meanwhile: two heads at once may give their clients the same port, for each
    takes the next of Ray's fixed thousand that is free, some time before it listens there.
    """
    global _is_alone
    if _is_alone:  # a second cluster beside the first
        yield
        return
    with LOCK.open("w") as lock:
        for _ in range(ALONE_SECONDS_MAX):
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(1)
        _is_alone = True
        try:
            yield
        finally:
            _is_alone = False


def _descendants(process: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        found = re.match(r"\d+ \(.*\) \S (\d+)", _read(folder / "stat"), re.DOTALL)
        if found:
            parents.setdefault(int(found[1]), []).append(int(folder.name))
    family = list(parents.get(process, []))
    for number in family:
        family += parents.get(number, [])
    return family


def _send(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
