"""The HTTP server: granian with our settings. Its workers load `service.wsgi` after the fork."""

import os
import signal

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from seealso.settings import ServiceSettings
from service.processes import end_with_parent

# What is in flight when the service is told to stop has this long to end: the first text query of a worker loads the
# model, which can take ten seconds.
STOP_SECONDS_MAX = 25


def run_server(settings: ServiceSettings, address: str) -> None:
    """Serve until the process is told to stop; `address` is the number of the host, which is all that granian takes."""
    os.register_at_fork(after_in_child=_end_when_told)
    Server(
        "service.wsgi:create_worker",
        factory=True,
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=2048,
        respawn_failed_workers=True,
        respawn_interval=0.1,
        workers_kill_timeout=STOP_SECONDS_MAX,
        log_level=LogLevels.error,
    ).serve()


def _end_when_told() -> None:
    """Let a worker end with its parent, and on a signal even while it is still loading.

    Until granian 2.8 sets the worker's own handlers, those of the parent stand in it and do nothing there: a worker
    told to stop while it loads went on until it was killed.
    """
    end_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
