"""A real Milvus for tests: Milvus Lite, the embedded form of the same API, in a process of its own, asked over gRPC.

What it is not: distributed, and guarded by keys. It is a part of the dev extra; without it, these tests fail.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seealso.errors import EngineUnavailable
from seealso.snapshot.milvus import Address, Milvus
from tests.servers import free_port

START_SECONDS_MAX = 60.0


@dataclass
class Running:
    """A Milvus that runs, or ran."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def address(self, name: str = "seealso") -> Address:
        return Address(self.uri, None, name)

    def pause(self) -> None:
        """Have it hang: connections are taken, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it, or start it again over what it kept."""
        program = Path(sys.executable).with_name("milvus-lite")
        listening = ["--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [program, "server", "--data-dir", self.folder, *listening],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        end = time.monotonic() + START_SECONDS_MAX
        while True:
            assert self.process.poll() is None, "it ended"
            try:
                Milvus(self.address(), 2.0).close()
                return
            except EngineUnavailable:
                assert time.monotonic() < end, "it does not answer"
                time.sleep(0.2)


@contextmanager
def running_milvus(folder: Path) -> Iterator[Running]:
    """Run a Milvus until the block ends."""
    running = Running(folder, free_port(), None)  # type: ignore[arg-type]
    running.start()
    try:
        yield running
    finally:
        running.resume()
        running.kill()
