"""How far apart two machines switch that take their snapshots from one snapshot store, and how fast they fetch.

    python -m bench.skew --store s3://bucket/folder [--articles 2000] [--switches 20]

Two real services with the default settings, each on an index folder of its own, on this machine. A snapshot of made-up
articles and a copy of it under a later id take turns: half of the switches as a night does it (handed round, then the
pointer), half as a rollback (the pointer alone). Both machines are asked what they serve every few milliseconds.
Without `--store`, it is a folder; the S3 server of the tests: `make s3-server`, `.venv-s3/bin/moto_server`, and
AWS_ENDPOINT_URL.
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import click
import orjson

from bench.ready import prepare
from bench.servers import listens
from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.store import SnapshotStore

SECONDS_MAX = 120.0
LOOK_SECONDS = 0.005
# Each machine looks every 5 seconds by default, at moments of its own: the second is started this much later, and the
# pointer moves at any moment of the five.
APART_SECONDS = 2.3
PERIOD_SECONDS = 5.0


@click.command()
@click.option("--store", "url", help="The address of an empty snapshot store; left out: a folder.")
@click.option("--articles", default=2_000, show_default=True)
@click.option("--switches", default=20, show_default=True)
def main(url: str | None, articles: int, switches: int) -> None:
    """Print how long fetching takes, and how far apart two machines switch."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        (folder / "store").mkdir()
        store = SnapshotStore(url or f"file://{folder}/store")
        prepare(folder / "night", articles)
        ids = published_ids(folder / "night")
        size = sum(path.stat().st_size for path in snapshot_folder(folder / "night", ids[0]).iterdir())
        began = time.perf_counter()
        for each in ids:
            store.push(snapshot_folder(folder / "night", each))
        pushed_s = (time.perf_counter() - began) / len(ids)
        ports = [running.enter_context(served(folder / "one", store.url))]
        time.sleep(APART_SECONDS)
        ports.append(running.enter_context(served(folder / "two", store.url)))
        store.point(ids[0])
        began = time.perf_counter()
        wait_for(ports, ids[0], began)
        fetched_s = time.perf_counter() - began
        print(
            f"{articles:,} articles, a snapshot of {size / 2**20:,.1f} MB, {store.url.partition(':')[0]}; "
            f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
        )
        print(f"pushed in {pushed_s:.2f} s; fetched, checked and served by both within {fetched_s:.2f} s")
        store.hand_round(ids[1])
        wait_until(lambda: all(ids[1] in machine.holds for machine in store.machines()))
        store.hand_round(None)
        print_switches("as a night does it", store, ports, ids, switches // 2, handed_round=True)
        print_switches("as a rollback", store, ports, ids, switches - switches // 2, handed_round=False)


def print_switches(
    what: str, store: SnapshotStore, ports: list[int], ids: list[str], switches: int, handed_round: bool
) -> None:
    """Print how long after the pointer each machine serves, and how far apart they do."""
    last, apart = [], []
    moments = random.Random(7)
    for number in range(switches):
        wanted = ids[(number + 1) % 2]
        time.sleep(1 + moments.uniform(0, PERIOD_SECONDS))
        if handed_round:
            store.hand_round(wanted)
            # A night waits until all have fetched it, and so have seen it. These hold it already: give them the time.
            time.sleep(PERIOD_SECONDS + 2 + moments.uniform(0, 1))
        began = time.perf_counter()
        store.point(wanted)
        if handed_round:
            store.hand_round(None)
        after = wait_for(ports, wanted, began)
        last.append(max(after))
        apart.append(max(after) - min(after))
    if switches % 2:
        store.point(ids[0])
        wait_for(ports, ids[0], time.perf_counter())
    print(
        f"{what}, {switches} times: the last machine serves it {median(last):.2f} s after the pointer moved "
        f"(most: {max(last):.2f}), {median(apart):.2f} s after the first (most: {max(apart):.2f})"
    )


def wait_for(ports: list[int], snapshot_id: str, began: float) -> list[float]:
    """Return when each service first says that it serves a snapshot, in seconds since `began`."""
    found = [0.0] * len(ports)

    def watch(place: int) -> None:
        wait_until(lambda: served_by(ports[place]) == snapshot_id)
        found[place] = time.perf_counter() - began

    threads = [threading.Thread(target=watch, args=(place,)) for place in range(len(ports))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not all(found):
        raise click.ClickException(f"not all serve {snapshot_id}")
    return found


def wait_until(so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + SECONDS_MAX
    while not so():
        if time.monotonic() > end:
            raise click.ClickException("that took too long")
        time.sleep(LOOK_SECONDS)


def served_by(port: int) -> str | None:
    """Return which snapshot a service says that it serves; None while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=10) as answer:
            told: str | None = orjson.loads(answer.read())["snapshot"]
            return told
    except OSError:
        return None


@contextmanager
def served(index: Path, url: str) -> Iterator[int]:
    """Run a service of one worker that takes its snapshots from a store; give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [str(Path(sys.executable).with_name("seealso")), "serve", "--index", str(index), "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEEALSO_")}
    environment |= {"SEEALSO_SNAPSHOT_STORE": url, "SEEALSO_LOG_FORMAT": "json"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*command, "--workers", "1"], stdout=said, stderr=said, env=environment)
        try:
            wait_until(lambda: process.poll() is not None or listens(port))
            yield port
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
