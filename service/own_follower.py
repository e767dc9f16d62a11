"""The process that follows the snapshot store for all workers of a service: `seealso fetch --follow`, kept running."""

import math
import subprocess
import sys
import threading
import time

from seealso.logs import get_log
from service.processes import end, end_with_parent
from service.watching import keep_on

# So often it is looked whether it still runs.
LOOK_SECONDS = 1.0
# What ends by itself soon after its start is started again after two seconds, then four, and so on up to a minute.
SOON_SECONDS, PAUSE_SECONDS_MAX = 30.0, 60.0
STOP_SECONDS_MAX = 5.0
_PROGRAM = "from seealso.cli import main; main()"


class OwnFollower:
    """The process; what it is to follow stands in the environment, as a worker's settings do.

    `site`: whose snapshots, where the service has several sites.
    """

    def __init__(self, site: str | None = None) -> None:
        self._site = site
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def process_id(self) -> int:
        """Return the number of the process that was started last."""
        assert self._process is not None, "none has been started"
        return self._process.pid

    def keep_up(self) -> None:
        """Start it, and again whenever it has ended, until it is closed. Raises nothing."""
        # The kernel ends what this thread starts when the thread ends: it goes on until we close.
        self._thread = keep_on("own-follower", self._watch, self._ended)

    def close(self) -> None:
        """End it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._process is not None:
            end(self._process, STOP_SECONDS_MAX)

    def _watch(self) -> None:
        pause_s, began = LOOK_SECONDS, -math.inf
        while not self._ended.is_set():
            if self._process is None or self._process.poll() is not None:
                if self._process is not None:
                    ended_soon = time.monotonic() < began + SOON_SECONDS
                    pause_s = min(2 * pause_s, PAUSE_SECONDS_MAX) if ended_soon else LOOK_SECONDS
                    ended_with = self._process.returncode
                    get_log().warning("follower_ended", of=self._site, ended_with=ended_with, again_in_s=pause_s)
                    if self._ended.wait(pause_s):
                        return
                self._start()
                began = time.monotonic()
            self._ended.wait(LOOK_SECONDS)

    def _start(self) -> None:
        which = [] if self._site is None else ["--site", self._site]
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-c", _PROGRAM, "fetch", "--follow", *which],
            stdin=subprocess.DEVNULL,
            # Ctrl-C goes to the whole group; it is told to end when the workers have.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
