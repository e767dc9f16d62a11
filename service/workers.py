"""The worker processes of the server: each has a listening socket of its own, which outlives it, and is replaced.

What the workers do is granian's; when a dead one is replaced, and when that makes no sense any more, is decided here.
"""

import logging
import mmap
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from granian import _signals
from granian.net import SocketSpec  # type: ignore[attr-defined]
from granian.server.mp import MPServer, WorkerProcess

from seealso.errors import OperatorError
from seealso.logs import get_log
from service.processes import end_with_parent

# So many workers in a row that failed end the service, if none ever worked; with the pauses that takes some 3 seconds.
FAILURES_MAX = 5
# If some did work before, the reason may pass: it is tried for so long.
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.1, 5.0
# A worker that ends by itself this soon never worked.
TRIAL_SECONDS = 5.0


class Workers(MPServer):
    """granian's main process with other ways where workers die. Written for granian 2.8.7, which is pinned.

    granian gives up when a worker dies within 5.5 seconds of being replaced, whatever killed it; forgets one that dies
    while another is being replaced; and lets each worker make its listening socket, so that with a worker die the
    connections that wait to be accepted. Here the main process makes the sockets, one for each worker's place, over
    which the kernel spreads connections, and holds them: what comes while a place is empty waits for the next worker.

    A worker that was killed after it had loaded the app is replaced at once, without end. One that could not load it,
    or ended by itself within seconds, failed: the next is started after a pause that doubles, and until it has loaded,
    connections go to the other places. After several such in a row the service gives up, but not while a worker
    answers: half of a service is better than none.

    `told`: signals to stop that have come while the service started.
    """

    def __init__(self, told: Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        logging.getLogger("_granian").addFilter(_is_news)
        self._told = told
        self.gave_up = False
        self._listeners: list[Any] = []
        self._loaded: dict[WorkerProcess, mmap.mmap] = {}
        self._failures = 0
        self._worked: float | None = None  # when a worker was last known to

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        # granian's handlers do nothing in a worker until it has set its own: one that was told to stop while it loaded
        # went on until it was killed.
        os.register_at_fork(after_in_child=_end_when_told)
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]

    def shutdown(self, exit_code: int = 0) -> None:
        # Where a whole group of processes is told to stop, workers may end before we tell them; no failure of theirs.
        with suppress(SystemExit):
            super().shutdown(exit_code)  # type: ignore[no-untyped-call]

    def signal_handler_reload(self, *arguments: Any, **options: Any) -> None:
        # SIGHUP: the terminal is gone. granian would start workers anew, with the same settings and code.
        self.signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        self._ssp = self._sso = None
        self._listeners = [
            SocketSpec(self.bind_addr, self.bind_port, self.backlog).build() for _ in range(self.workers)
        ]

    def _drop_shared_socket(self) -> None:
        for listener in self._listeners:
            os.close(listener.get_fd())

    def _spawn_workers(self, spawn_target: Any, target_loader: Any) -> None:
        if self._told:
            self.signal_handler_interrupt()  # type: ignore[no-untyped-call]
        else:
            super()._spawn_workers(spawn_target, target_loader)  # type: ignore[no-untyped-call]

    def _spawn_worker(  # type: ignore[override]  # as granian's own does
        self, idx: int, target: Any, callback_loader: Any
    ) -> WorkerProcess:
        loaded = mmap.mmap(-1, 1)  # one byte that the worker shares with us
        others = [listener.get_fd() for place, listener in enumerate(self._listeners) if place != idx]
        self._shd = self._listeners[idx]
        worker: WorkerProcess = super()._spawn_worker(idx, target, partial(_load, callback_loader, idx, loaded, others))
        self._loaded = {each: byte for each, byte in self._loaded.items() if each in self.wrks} | {worker: loaded}
        return worker

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        while not self.interrupt_signal:
            # Not only when woken: a signal that another thread gets does not wake this one.
            self.main_loop_interrupt.wait(1.0)
            self.main_loop_interrupt.clear()  # before looking: whoever dies from here on sets it again
            while self.interrupt_children and not self.interrupt_signal:
                place = self.interrupt_children.pop(0)
                if self.wrks[place].inner.is_alive():
                    continue  # the one that died has been replaced already
                self._judge(self.wrks[place])
                if self.gave_up:
                    return
                if self._failures:
                    self._close(place)
                    self.main_loop_interrupt.wait(min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN * 2 ** (self._failures - 1)))
                if not self.interrupt_signal:
                    self._respawn_workers([place], spawn_target, target_loader)

    def _judge(self, dead: WorkerProcess) -> None:
        """Say that a worker died, and decide whether it failed, and whether that was one too many."""
        code, now = dead.inner.exitcode or 0, time.monotonic()
        killed, loaded, lived = code < 0, self._has_loaded(dead), now - dead.birth
        worked = loaded and (killed or lived > TRIAL_SECONDS)
        self._failures = 0 if worked else self._failures + 1
        if worked or any(self._answers(worker) for worker in self.wrks):
            self._worked = now
        (get_log().warning if worked else get_log().error)(
            "worker_died",
            worker=dead.idx + 1,
            process=dead.inner.pid,
            by=signal.Signals(-code).name if killed else f"exit code {code}",
            loaded=loaded,
            lived_s=round(lived, 1),
            failures=self._failures,
        )
        patient = self._worked is not None and now - self._worked < PATIENCE_SECONDS
        self.gave_up = self._failures >= FAILURES_MAX and not patient

    def _has_loaded(self, worker: WorkerProcess) -> bool:
        return bool(self._loaded[worker][0])

    def _answers(self, worker: WorkerProcess) -> bool:
        lived = time.monotonic() - worker.birth
        return worker.inner.is_alive() and self._has_loaded(worker) and lived > TRIAL_SECONDS

    def _close(self, place: int) -> None:
        """Send connections to the other places, until a worker listens at this one again."""
        with socket.socket(fileno=os.dup(self._listeners[place].get_fd())) as listener:
            # To shut one that does not listen leaves a mark: connections it takes later are at their end at once.
            if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                listener.shutdown(socket.SHUT_RDWR)


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of granian's says what no line of ours does: that a worker died, `worker_died` says."""
    return not record.getMessage().startswith("Unexpected exit from worker-")


def _load(load: Any, place: int, loaded: mmap.mmap, others: list[int]) -> Any:
    """Load the app, in the worker, and tell the main process and the log. What cannot be loaded ends the process."""
    for listener in others:
        os.close(listener)  # else they would go on listening, for nobody, while this worker ends what is in flight
    _signals.set_main_signals = _listen_once  # which granian calls next
    try:
        app = load()
    except OperatorError as error:
        get_log().error("worker_not_started", worker=place + 1, reason=str(error))
        sys.exit(1)
    except Exception:
        get_log().error("worker_not_started", worker=place + 1, trace=traceback.format_exc())
        sys.exit(1)
    loaded[0] = 1
    get_log().info("worker_started", worker=place + 1, process=os.getpid())
    return app


def _listen_once(told: Any, _: Any = None) -> None:
    """Call what granian does on a signal to stop, at the first one, from a thread of its own.

    granian sets a handler, which Python runs in the main thread once that wakes. When two signals come at once, as on
    Ctrl-C, which all processes hear before the main process tells each, the kernel may give both to another thread, and
    the main one sleeps on; a third signal blocks it for good. To the socket Python writes from whichever thread it is.
    """
    heard, hear = socket.socketpair()
    hear.setblocking(False)
    signal.set_wakeup_fd(hear.detach(), warn_on_full_buffer=False)  # open as long as the process lives
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    def wait() -> None:
        told(heard.recv(1)[0], None)
        while heard.recv(1):
            pass

    threading.Thread(target=wait, name="signals", daemon=True).start()


def _end_when_told() -> None:
    """Let a worker end with its parent, and on a signal even while it is still loading."""
    end_with_parent()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the main process decides
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
