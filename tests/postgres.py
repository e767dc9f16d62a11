"""A real PostgreSQL for tests: the one that answers, at PGHOST and its kin, else on 127.0.0.1:5432; else one we start.

Tests get an address whose schema is theirs alone, and which is dropped afterwards.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.servers import START_SECONDS_MAX, free_port

NAMED = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSERVICE")
USUAL = [f"postgresql://{user}@127.0.0.1:5432/{name}" for user, name in (("postgres", "postgres"), ("root", "test"))]
BINARIES = "/usr/lib/postgresql/*/bin"


@contextmanager
def postgres_schema() -> Iterator[str]:
    """Give the address of a server with an empty schema of its own; skip where there is none, but fail under CI."""
    with postgres_server() as address, psycopg.connect(address, autocommit=True) as connection:
        schema = sql.Identifier(name := f"seealso_test_{secrets.token_hex(8)}")
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        try:
            yield f"{address}{'&' if '?' in address else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


@contextmanager
def postgres_server() -> Iterator[str]:
    """Give the address of a server that is here or is started."""
    named = any(variable in os.environ for variable in NAMED)
    for address in ["postgresql://"] if named else USUAL:
        if answers(address):
            yield address
            return
    assert not named, "the environment names a PostgreSQL that does not answer"
    binaries = find_binaries()
    if binaries is None:
        assert "CI" not in os.environ, "no PostgreSQL answers on 127.0.0.1:5432, and none is installed"
        pytest.skip("no PostgreSQL answers on 127.0.0.1:5432, and none is installed")
    with own_server(binaries) as address:
        yield address


def answers(address: str) -> bool:
    try:
        with psycopg.connect(address, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def find_binaries() -> Path | None:
    """Return the folder with initdb and postgres, the newest of several."""
    folders = sorted(Path("/").glob(BINARIES.lstrip("/")), key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    folders += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


@contextmanager
def own_server(binaries: Path) -> Iterator[str]:
    """Start a server in a temporary folder, on a free port of the loopback interface, and stop it at the end."""
    as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="seealso-postgres-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        if as_other:
            shutil.chown(folder, "postgres")
        data, log = folder / "data", folder / "log"
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*as_other, *initdb], check=True, capture_output=True, cwd=folder)
        port = free_port()
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*as_other, str(binaries / "postgres"), "-D", str(data), *options],
                stdout=output,
                stderr=output,
                cwd=folder,
            )
        address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        began = time.monotonic()
        try:
            while not answers(address):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() - began < START_SECONDS_MAX, log.read_text()
                time.sleep(0.05)
            yield address
        finally:
            process.send_signal(signal.SIGINT)  # its fast way to stop: no waiting for connections
            process.wait(20)
