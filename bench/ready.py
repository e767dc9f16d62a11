"""How soon the service is ready with a large archive, what memory a worker takes, and whether switching leaves any.

    python -m bench.ready [--articles 100000] [--keep DIR] [--rounds N] [--switches N]

The archive is made up (bench/made_up.py) and indexed by the real pipeline, which takes minutes for 100,000 articles;
`--keep` names a folder in which it stays, and is found again. A second snapshot, to which the service switches and from
which it switches back, is a copy of the first under a later id. Linux only: memory is read from /proc.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

import click
import orjson

from bench.made_up import build_made_up
from bench.memory import memory_of
from bench.servers import THREADS, WORKERS, listens
from indexer.progress import PlainReporter
from seealso.article import format_time
from seealso.snapshot.digests import check_digests
from seealso.snapshot.layout import ID_TIME, MANIFEST, SNAPSHOTS, current_id, publish, published_ids, snapshot_folder
from seealso.snapshot.manifest import encode_manifest, read_manifest
from seealso.snapshot.reader import open_snapshot

SECONDS_MAX = 60.0
# What a worker allocates once, by its first requests and switches, is no growth.
WARM_SWITCHES = 10
# The same ones each time: answers that a worker keeps are no growth either.
VIEWS_OF_SWITCH = 20


@dataclass(frozen=True, slots=True)
class Server:
    """A running service: its process, where it answers, and when, in seconds from its start, it said what."""

    process_id: int
    address: str
    seconds: dict[str, float]
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Held:
    """What the workers hold, summed: megabytes beyond the index's files, descriptors, threads, mappings of those.

    `private_mb`: of `beyond_mb`, what they do not share with the process they were forked from.
    """

    beyond_mb: float
    private_mb: float
    descriptors: int
    threads: int
    mappings: int


@click.command()
@click.option("--articles", default=100_000, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Where the index stays, or is already.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--switches", default=500, show_default=True)
def main(articles: int, keep: Path | None, rounds: int, switches: int) -> None:
    """Print the time to ready, the steps of opening, the memory of the workers, and the same after switches."""
    with tempfile.TemporaryDirectory() as folder:
        index = keep or Path(folder)
        prepare(index, articles)
        size = sum(path.stat().st_size for path in snapshot_folder(index, current_id(index)).iterdir())
        print(f"{articles:,} articles, a snapshot of {size / 2**20:,.0f} MB; {WORKERS} workers x {THREADS} threads; "
              f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; medians of {rounds}")  # fmt: skip
        print_opening(index, rounds)
        print_starts(index, rounds)
        with served(index) as server:
            print_memory(settled_workers(server, index), index)
            print_switches(server, index, switches)


def prepare(index: Path, articles: int) -> None:
    """Make the index and its second snapshot, where they are not there already."""
    if not published_ids(index):
        with PlainReporter() as reporter:
            build_made_up(index, articles, reporter)
    first = published_ids(index)[0]
    if (found := read_manifest(snapshot_folder(index, first)).counts.articles) != articles:
        raise click.ClickException(f"{index} holds {found:,} articles; say --articles {found}, or keep another folder")
    if len(published_ids(index)) == 1:
        copy_snapshot(index, first)
    publish(index, first)


def copy_snapshot(index: Path, snapshot_id: str) -> None:
    """Copy a snapshot under the id it would have had a minute later."""
    folder = snapshot_folder(index, snapshot_id)
    manifest = read_manifest(folder)
    moment = datetime.fromisoformat(manifest.created) + timedelta(minutes=1)
    copied = manifest.model_copy(
        update={"id": f"{moment:{ID_TIME}}-{manifest.content[:12]}", "created": format_time(moment)}
    )
    aside = folder.with_name(".copy")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(folder, aside, ignore=shutil.ignore_patterns(MANIFEST))
    (aside / MANIFEST).write_bytes(encode_manifest(copied))
    aside.rename(folder.with_name(copied.id))


def print_opening(index: Path, rounds: int) -> None:
    """Print what each step of opening takes, by itself in this process."""
    folder = snapshot_folder(index, current_id(index))
    names = ("manifest", "digests", "map and check the numbers")
    steps: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        clocks = [(time.perf_counter(), time.process_time())]
        manifest = read_manifest(folder)
        clocks.append((time.perf_counter(), time.process_time()))
        check_digests(folder, manifest)
        clocks.append((time.perf_counter(), time.process_time()))
        open_snapshot(folder, anew=True)  # all three
        clocks.append((time.perf_counter(), time.process_time()))
        parts = [(wall - wall_0, cpu - cpu_0) for (wall_0, cpu_0), (wall, cpu) in pairwise(clocks)]
        parts[2] = (parts[2][0] - parts[0][0] - parts[1][0], parts[2][1] - parts[0][1] - parts[1][1])
        for name, part in zip(names, parts, strict=True):
            steps[name].append(part)
    print("opening, alone, seconds (of CPU):", end=" ")
    print(", ".join(f"{name} {_medians(found)}" for name, found in steps.items()))


def print_starts(index: Path, rounds: int) -> None:
    """Print how long after its start the service said what, and first that it is ready."""
    starts = []
    for _ in range(rounds):
        with served(index) as server:
            starts.append(server)
    print("from the start of the process, seconds:", end=" ")
    for name in ("service_started", "snapshot_opened", "ready"):
        found = sorted(server.seconds[name] for server in starts)
        print(f"{name} {median(found):.2f} ({found[0]:.2f}-{found[-1]:.2f})", end=", ")
    print(f"CPU of all processes until then {median(server.cpu_seconds for server in starts):.2f}")


def print_memory(workers: list[int], index: Path) -> None:
    """Print each worker's memory."""
    for memory in (memory_of(worker, index) for worker in workers):
        print(f"worker {memory.process_id}: resident {memory.resident:.0f} MB, proportional {memory.proportional:.0f}, "
              f"private {memory.private:.0f}; of the snapshot's files {memory.mapped:.0f}, "
              f"beyond them {memory.beyond:.0f}")  # fmt: skip


def print_switches(server: Server, index: Path, switches: int) -> None:
    """Switch to and fro, with some page views in between; print what the workers hold before, on the way, and after."""
    took = []
    for number in range(WARM_SWITCHES + switches + 1):
        since = number - WARM_SWITCHES
        if since >= 0 and since % max(1, switches // 5) == 0:
            held = held_by(settled_workers(server, index), index)
            print(f"after {since:4} switches: beyond the files {held.beyond_mb:.1f} MB, private {held.private_mb:.1f}; "
                  f"{held.descriptors} descriptors, {held.threads} threads, {held.mappings} mappings")  # fmt: skip
        if since < switches:
            began = time.monotonic()
            switch(server, index)
            took.append(time.monotonic() - began)
            for number_of_article in range(VIEWS_OF_SWITCH):
                ask(f"{server.address}/v1/articles/a{number_of_article:06}/related")
    print(f"from publishing until both workers have switched: {median(took):.2f} s")


def switch(server: Server, index: Path) -> None:
    """Publish the other snapshot, and wait until all workers have it alone."""
    ids = published_ids(index)
    publish(index, ids[1 - ids.index(current_id(index))])
    settled_workers(server, index)


def settled_workers(server: Server, index: Path) -> list[int]:
    """Return the processes of all workers, once each has mapped the current snapshot and no other."""
    current = str(snapshot_folder(index, current_id(index)).resolve())
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        found = {child: folders for child in _children(server.process_id) if (folders := _mapped_folders(child, index))}
        if len(found) == WORKERS and all(folders == {current} for folders in found.values()):
            return list(found)
        if time.monotonic() > deadline:
            raise click.ClickException(f"not all workers have {current} alone: {found}")
        time.sleep(0.02)


def held_by(workers: list[int], index: Path) -> Held:
    """Return what some workers hold."""
    folders = [Path(f"/proc/{worker}") for worker in workers]
    memories = [memory_of(worker, index) for worker in workers]
    return Held(
        sum(memory.beyond for memory in memories),
        sum(memory.private for memory in memories),
        sum(len(list((folder / "fd").iterdir())) for folder in folders),
        sum(len(list((folder / "task").iterdir())) for folder in folders),
        sum((folder / "maps").read_text().count(f"{index.resolve()}/") for folder in folders),
    )


@contextmanager
def served(index: Path) -> Iterator[Server]:
    """Run the service with its own Redis until the block ends, from when it first says that it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("seealso")), "serve", "--index", str(index), "--port", str(port)]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEEALSO_")}
    environment |= {"SEEALSO_LOG_FORMAT": "json", "SEEALSO_SNAPSHOT_POLL_MS": "100"}
    with tempfile.TemporaryFile() as said:
        began, started = time.perf_counter(), time.time()
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        try:
            # To ask by HTTP before anybody listens would take a tenth of a CPU from what is measured.
            while not (listens(port) and ask(f"http://127.0.0.1:{port}/readyz")):
                if process.poll() is not None or time.perf_counter() - began > SECONDS_MAX:
                    said.seek(0)
                    raise click.ClickException(f"does not start: {said.read().decode()[-2_000:]}")
                time.sleep(0.005)
            seconds = {"ready": time.perf_counter() - began}
            cpu_seconds = _cpu_seconds(process.pid)
            said.seek(0)
            for line in said.read().splitlines():
                if line.startswith(b"{"):
                    event = orjson.loads(line)
                    seconds.setdefault(event["event"], datetime.fromisoformat(event["timestamp"]).timestamp() - started)
            yield Server(process.pid, f"http://127.0.0.1:{port}", seconds, cpu_seconds)
        finally:
            process.terminate()
            process.wait()


def ask(url: str) -> bool:
    """Return whether a URL is answered well."""
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except OSError:
        return False
    return True


def _mapped_folders(process_id: int, index: Path) -> set[str]:
    maps = Path(f"/proc/{process_id}/maps").read_text()
    return set(re.findall(rf"{re.escape(str(index.resolve() / SNAPSHOTS))}/[^/\n]+", maps))


def _cpu_seconds(server: int) -> float:
    """Return the CPU time of a process and of its children, living or not."""
    own = sum(sum(map(int, fields[11:15])) for process, fields in _stats() if process == server)
    ticks = own + sum(int(fields[11]) + int(fields[12]) for _, fields in _stats() if int(fields[1]) == server)
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(parent: int) -> list[int]:
    return [process for process, fields in _stats() if int(fields[1]) == parent]


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Yield each process's number, and its fields of /proc/PID/stat from the third on (proc(5))."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            yield int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()


def _medians(found: list[tuple[float, float]]) -> str:
    wall, cpu = (median(column) for column in zip(*found, strict=True))
    return f"{wall:.3f} ({cpu:.3f})"


if __name__ == "__main__":
    main()
