"""What several sites in one service cost: the choice among them, memory and time to ready for each, a busy neighbour.

    python -m bench.sites --index DIR [--sites 10] [--requests 20000] [--rounds 7] [--seconds 4]

The choice is measured in this process, on page views that the copy answers: of the app alone, and through the choice,
in turn. Memory and time to ready are those of services of one and of so many sites, whose folders are copies of DIR.
Beside a neighbour (needs wrk): one site's page views from the copy on two connections, alone and while another site is
asked on 64 for blocks that nobody has asked for before.
"""

import gc
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import click
import orjson
from apiflask import APIFlask

from bench.load import NUMBER, Measured, middle, wrk
from bench.memory import workers_of
from bench.servers import running
from seealso.encoder import load_encoder
from seealso.logs import configure_logs
from seealso.settings import ServiceSettings
from seealso.sites import Site, read_sites
from seealso.snapshot.reader import open_current
from service.app import create_app
from service.metrics import Families
from service.sites import Sites

PORT = 8107
QUIET, LOUD = 2, 64
SEEALSO = "seealso"


@click.command()
@click.option("--index", type=click.Path(path_type=Path), required=True, help="Any index folder.")
@click.option("--sites", default=10, show_default=True)
@click.option("--requests", default=20_000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--seconds", default=4, show_default=True)
def main(index: Path, sites: int, requests: int, rounds: int, seconds: int) -> None:
    """Print nanoseconds for a page view, megabytes and seconds for a worker, and latencies beside a neighbour."""
    configure_logs("auto", "error")
    snapshot = open_current(index)
    print(f"{len(snapshot):,} articles; {sites} sites; medians of {rounds} rounds in turn")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        many = file_of(folder / "many", index, sites)
        print_choice(many, f"/v1/articles/{snapshot.article_id(0)}/related", requests, rounds)
        alone = file_of(folder / "alone", index, 1)
        for name, path in (("one site", alone), (f"{sites} sites", many)):
            print_worker(name, path)
        print_neighbour(many, f"/v1/articles/{snapshot.article_id(0)}/related", seconds, rounds)


def file_of(folder: Path, index: Path, count: int) -> Path:
    """Write a file of sites, each with a copy of an index's snapshots."""
    tables = []
    for number in range(count):
        shutil.copytree(index / "snapshots", folder / f"site{number}" / "snapshots")
        shutil.copy(index / "CURRENT", folder / f"site{number}" / "CURRENT")
        tables.append(f'[sites.site{number}]\nhosts = ["{number}.example"]\nindex = "site{number}"\n')
    path = folder / "sites.toml"
    path.write_text("\n".join(tables))
    return path


def print_choice(path: Path, address: str, requests: int, rounds: int) -> None:
    """Print what a page view takes, of one app and through the choice."""
    families = Families(named=True)
    apps: list[tuple[Site, APIFlask]] = [
        (site, create_app(site.settings, load_encoder, families)) for site in read_sites(ServiceSettings(sites=path))
    ]
    chosen, app = Sites(apps, families), apps[0][1]
    ways: dict[str, tuple[Callable[..., Any], str]] = {
        "the site's app alone": (app.wsgi_app, "0.example"),
        "chosen by its host": (chosen, "0.example"),
        "chosen by its host with a port": (chosen, "0.example:8080"),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, (answer, host) in ways.items():
            taken[name].append(seconds_of(answer, host, address, requests) / requests * 1e9)
    for name, values in taken.items():
        print(f"{name}: {median(values[1:]):,.0f} ns")


def seconds_of(answer: Callable[..., Any], host: str, address: str, requests: int) -> float:
    """Return what so many page views take of a CPU."""
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": address, "QUERY_STRING": "", "HTTP_HOST": host}
    environs = [asked.copy() for _ in range(requests)]
    told: set[str] = set()
    gc.collect()
    gc.disable()
    began = time.thread_time()
    for environ in environs:
        answer(environ, lambda status, _: told.add(status))
    taken = time.thread_time() - began
    gc.enable()
    assert told == {"200 OK"}, told
    return taken


def print_worker(name: str, path: Path) -> None:
    """Print how soon a service is ready, and what its worker has in memory."""
    command = [SEEALSO, "serve", "--sites", str(path), "--port", str(PORT), "--workers", "1"]
    began = time.monotonic()
    with running(command, f"http://127.0.0.1:{PORT}/readyz") as server:
        ready = time.monotonic() - began
        (worker,) = workers_of(server, path.parent)
        facts = {"ready_s": round(ready, 2), "resident_mb": round(worker.resident), "private_mb": round(worker.private)}
        print(f"{name}: {orjson.dumps(facts).decode()}")


def print_neighbour(path: Path, address: str, seconds: int, rounds: int) -> None:
    """Print how one site is answered alone, and while another is asked for all that a machine can ask."""
    quiet = f"GET {address} HTTP/1.1\r\nHost: 1.example\r\n\r\n".encode()
    loud = f"GET {address}?exclude={NUMBER} HTTP/1.1\r\nHost: 0.example\r\n\r\n".encode()
    alone, beside, neighbour = list[Measured](), list[Measured](), list[Measured]()
    command = [SEEALSO, "serve", "--sites", str(path), "--port", str(PORT), "--workers", "2"]
    with running(command, f"http://127.0.0.1:{PORT}/readyz"), ThreadPoolExecutor(1) as other:
        for _ in range(rounds):
            alone.append(wrk(PORT, [quiet], seconds, QUIET))
            flood = other.submit(wrk, PORT, [loud], seconds + 2, LOUD)
            time.sleep(1)
            beside.append(wrk(PORT, [quiet], seconds, QUIET))
            neighbour.append(flood.result())
    for name, measured in (("alone", alone), ("beside a busy one", beside), ("the busy one", neighbour)):
        print(f"{name}: {middle(measured)}")


if __name__ == "__main__":
    main()
