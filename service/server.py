"""The HTTP server: granian with our settings. Its workers load `service.wsgi` after the fork."""

import importlib
import multiprocessing
from collections.abc import Sequence
from contextlib import ExitStack

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from seealso.errors import ServerUnavailable
from seealso.logs import get_log
from seealso.machine import usable_cpus
from seealso.settings import ServiceSettings
from seealso.sites import Site, read_sites
from seealso.snapshot.ahead import reading_ahead
from service.lanes import PROBES, REFUSING, blocking_threads
from service.processes import raise_descriptors
from service.workers import Workers

# What is in flight when the service is told to stop has this long to end: the first text query of a worker loads the
# model, which can take ten seconds. Container platforms kill after 30.
STOP_SECONDS_MAX = 25
# A request's line and header together, roughly; what is longer is answered with 431. A connection takes as much while
# it sends a header: 10,000 of them 0.3 GB, and with granian's own limit 4 GB.
HEADER_BYTES_MAX = 32_768
# Connections that wait for a worker to take them; beyond, the kernel lets clients try again. Linux cuts it to
# net.core.somaxconn, which is 4,096 by default.
BACKLOG = 2_048
# What a worker opens beside connections: libraries, the snapshot's files, Redis, logs.
DESCRIPTORS_RESERVED = 256
# The same for each further site: some forty, and again as many while another snapshot takes over.
DESCRIPTORS_OF_SITE = 128


def run_server(settings: ServiceSettings, address: str, told: Sequence[int]) -> None:
    """Serve until the process is told to stop, or has been: by the signals of `told`.

    `address` is the number of the host, which is all that granian takes.
    Raises ServerUnavailable if no worker can be started.
    """
    sites = read_sites(settings)
    with ExitStack() as ahead:
        for site in sites:
            ahead.enter_context(reading_ahead(site.settings.index))
        # Imported here, once, so that workers share it in memory and a new one is there at once. It keeps nothing open.
        importlib.import_module("service.wsgi").prepare(sites)
    # Where fork is not the default, from Python 3.14 on, granian would start each worker from nothing.
    multiprocessing.set_start_method("fork", force=True)
    server = Workers(
        told,
        "service.wsgi:create_worker",
        factory=True,
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=worker_count(settings),
        blocking_threads=threads_of_worker(sites),
        backlog=BACKLOG,
        backpressure=_connections(settings, len(sites)),
        http1_settings=HTTP1Settings(
            # One limit for three things: the first request of a connection, each next one, and the sending of a header.
            # What is late is closed without an answer.
            header_read_timeout=settings.connection_idle_s * 1_000,
            keep_alive=True,
            max_buffer_size=HEADER_BYTES_MAX,
            pipeline_flush=False,  # proxies and browsers do not send a second request before the first is answered
        ),
        workers_kill_timeout=STOP_SECONDS_MAX,
        log_level=LogLevels.error,
    )
    server.serve()
    importlib.import_module("service.wsgi").end(sites)
    if server.gave_up:
        raise ServerUnavailable(
            "no worker can be started: several in a row ended before they could answer; the log above says why"
        )


def worker_count(settings: ServiceSettings) -> int:
    """Return how many worker processes there shall be."""
    return settings.workers or usable_cpus()


def threads_of_worker(sites: Sequence[Site]) -> int:
    """Return how many threads a worker needs: what each site may hold at once, and some for who asks for none."""
    held = sum(blocking_threads(site.settings) for site in sites)
    return held if len(sites) == 1 else held + PROBES + REFUSING


def _connections(settings: ServiceSettings, sites: int) -> int:
    """Return how many connections a worker may hold, as far as descriptors go; say so if they do not go far enough.

    Past its limit of descriptors, a worker would try to accept without end; past this number, it waits.
    """
    limit = raise_descriptors()
    reserved = DESCRIPTORS_RESERVED + (sites - 1) * DESCRIPTORS_OF_SITE
    needed = settings.connections_max + reserved
    if limit >= needed:
        return settings.connections_max
    connections = max(limit - reserved, limit // 2)
    get_log().warning(
        "descriptors_few",
        limit=limit,
        needed=needed,
        connections_max=settings.connections_max,
        connections=connections,
        mend=f"raise the hard limit of open files (ulimit -Hn) to {needed}, or lower SEEALSO_CONNECTIONS_MAX",
    )
    return connections
