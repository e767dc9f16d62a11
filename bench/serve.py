"""How many page views a second the service answers, beside a bare Flask 'hello' on the same server.

    python -m bench.serve [--index DIR] [--seconds N] [--rounds N]

Needs wrk (Debian: apt-get install wrk). Each way of asking is measured in turn, several rounds, in one run on one
machine that also runs wrk; the ratios are what counts. 'miss' asks each time for a block nobody has asked for before:
Redis is asked, the block is ranked from the snapshot, and the answer is put into Redis.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import click

from seealso.snapshot.reader import open_current

WORKERS, THREADS = 2, 4
HELLO_PORT, SERVICE_PORT = 8091, 8092
CONNECTIONS = 32
IDS_MAX = 5_000

# Every request another article; `miss` adds an exclusion that no request before had.
SCRIPT = """
local ids = {}
for line in io.lines("%(ids)s") do ids[#ids + 1] = line end
local number = math.random(1, 1000000) * 1000
math.randomseed(os.time())
request = function()
  number = number + 1
  local id = ids[number %% #ids + 1]
  return wrk.format("GET", "/v1/articles/" .. id .. "/%(path)s" .. %(suffix)s)
end
"""


@click.command()
@click.option("--index", type=click.Path(path_type=Path, exists=True), default=Path("var/demo"), show_default=True)
@click.option("--seconds", default=4, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(index: Path, seconds: int, rounds: int) -> None:
    """Print requests a second, the ratio to Flask 'hello', latencies, and the memory of a worker."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed (Debian: apt-get install wrk)")
    snapshot = open_current(index)
    with tempfile.TemporaryDirectory() as folder, hello(), service(index):
        ids = Path(folder) / "ids"
        ids.write_text("\n".join(snapshot.article_id(row) for row in range(min(len(snapshot), IDS_MAX))))
        ways = {
            "Flask hello": (HELLO_PORT, None),
            "JSON, from Redis": (SERVICE_PORT, script(folder, ids, "hit", "related", '""')),
            "HTML, from Redis": (SERVICE_PORT, script(folder, ids, "html", "related.html", '""')),
            "JSON, miss": (SERVICE_PORT, script(folder, ids, "miss", "related", '"?exclude=x" .. number')),
            "HTML, miss": (SERVICE_PORT, script(folder, ids, "html-miss", "related.html", '"?exclude=x" .. number')),
        }
        for port, lua in ways.values():  # everything warm, every answer kept once
            wrk(port, lua, 2)
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (port, lua) in ways.items():
                found[name].append(wrk(port, lua, seconds))
        memory = worker_memory()
    base = median(rate for rate, _, _ in found["Flask hello"])
    print(f"{len(snapshot):,} articles, {WORKERS} workers x {THREADS} threads, {CONNECTIONS} connections, "
          f"{rounds} rounds of {seconds} s in turn, medians")  # fmt: skip
    print(f"{'':18} {'requests/s':>10} {'ratio':>6} {'p50 ms':>7} {'p99 ms':>7}")
    for name, rows in found.items():
        rate, p50, p99 = (median(column) for column in zip(*rows, strict=True))
        print(f"{name:18} {rate:10,.0f} {rate / base:6.2f} {p50:7.2f} {p99:7.2f}")
    print("memory of a worker: " + ", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in memory.items()))


def script(folder: str, ids: Path, name: str, path: str, suffix: str) -> Path:
    """Write a wrk script and return its file."""
    file = Path(folder) / f"{name}.lua"
    file.write_text(SCRIPT % {"ids": ids, "path": path, "suffix": suffix})
    return file


def wrk(port: int, lua: Path | None, seconds: int) -> tuple[float, float, float]:
    """Return requests a second and the latencies p50 and p99 in milliseconds. Raises if an answer was no success."""
    options = ["-s", str(lua)] if lua else []
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", *options, f"http://127.0.0.1:{port}/"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise click.ClickException(f"not every request was answered well:\n{output}")
    found = re.findall(r"(?:50|99)%\s+([\d.]+)(us|ms|s)\s", output)
    p50, p99 = (float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit] for value, unit in found)
    return float(output.split("Requests/sec:")[1].split()[0]), p50, p99


@contextmanager
def hello() -> Iterator[None]:
    """Run Flask 'hello' on granian, as the service runs."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--backlog", "2048"]
    command += ["--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--port", str(HELLO_PORT)]
    with running([*command, "--log-level", "error", "bench.hello:app"], f"http://127.0.0.1:{HELLO_PORT}/"):
        yield


@contextmanager
def service(index: Path) -> Iterator[None]:
    """Run the service with its own Redis."""
    seealso = Path(sys.executable).with_name("seealso")
    command = [str(seealso), "serve", "--index", str(index), "--port", str(SERVICE_PORT)]
    with running(
        [*command, "--workers", str(WORKERS), "--threads", str(THREADS)], f"http://127.0.0.1:{SERVICE_PORT}/readyz"
    ):
        yield


@contextmanager
def running(command: list[str], url: str) -> Iterator[None]:
    """Run a server until the block ends, from when it answers."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise click.ClickException(f"does not start: {' '.join(command)}") from None
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def worker_memory() -> dict[str, float]:
    """Return the memory of one of the service's workers in megabytes: resident, its proportional share, its own."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            line = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if (
                str(SERVICE_PORT).encode() in line
                and str(SERVICE_PORT).encode() in Path(f"/proc/{parent}/cmdline").read_bytes()
            ):
                rollup = (folder / "smaps_rollup").read_text()
                found = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.MULTILINE)}
                own = found["Private_Clean"] + found["Private_Dirty"]
                return {"resident": found["Rss"] / 1024, "proportional": found["Pss"] / 1024, "its own": own / 1024}
        except (OSError, KeyError):
            continue
    return {}


if __name__ == "__main__":
    os.environ.pop("SEEALSO_REDIS_URL", None)
    main()
