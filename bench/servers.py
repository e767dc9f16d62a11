"""Servers that are measured: started, waited for until they answer, and ended. All on this machine, by port."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

WORKERS, THREADS = 2, 4


@contextmanager
def service(index: Path, port: int, store: bool = True, **settings: object) -> Iterator[int]:
    """Run Seealso with a Redis of its own, and yield its process id; `settings` as in the README, without prefix.

    `store`: whether it has a place for what editors decide.
    """
    seealso = [str(Path(sys.executable).with_name("seealso"))] if store else [sys.executable, "-m", "bench.storeless"]
    command = [*seealso, "serve", "--index", str(index), "--port", str(port)]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS)]
    variables = {f"SEEALSO_{name.upper()}": str(value) for name, value in settings.items()}
    with running(command, f"http://127.0.0.1:{port}/readyz", variables) as process_id:
        yield process_id


def granian(app: str, port: int, python: str = sys.executable, factory: bool = False) -> list[str]:
    """Return the command that runs a WSGI app as `seealso serve` runs its own; `factory`: `app` makes it."""
    command = [python, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--backlog", "2048"]
    command += ["--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--port", str(port)]
    return [*command, *(["--factory"] if factory else []), "--log-level", "error", app]


def listens(port: int) -> bool:
    """Return whether somebody takes connections at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: Sequence[str], url: str, variables: Mapping[str, str] | None = None, seconds_max: float = 30
) -> Iterator[int]:
    """Run a server until the block ends, from when it answers; yield its process id.

    No setting of Seealso's is taken from the environment but what `variables` has.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("SEEALSO_")}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=inherited | dict(variables or {}))
        try:
            deadline = time.monotonic() + seconds_max
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    words = said.read().decode(errors="replace")[-2_000:]
                    raise click.ClickException(f"does not answer at {url}: {' '.join(command)}\n{words}")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True
