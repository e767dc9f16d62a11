"""How many page views a second the service answers, beside the least that the same server can answer.

    python -m bench.serve [--index DIR] [--seconds N] [--rounds N]

Needs wrk (Debian: apt-get install wrk). Each way of asking is measured in turn, several rounds, in one run on one
machine that also runs wrk; the ratios are what counts. Then latencies at 70 % of what can be answered, at a fixed rate,
and the memory of each worker. 'miss' asks for each article's block once, as when all caches are cold: a rule is made
and undone before, after which all blocks are made anew. 'narrowed' asks each time with another `exclude`, so that the
query is new as well, and the block is not the one that the night chose. Either time Redis is asked in vain, the block
is made of the snapshot, and given to Redis.
"""

import shutil
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import quote

import click
import orjson
from prometheus_client.parser import text_string_to_metric_families

from bench.load import (
    CONNECTIONS,
    NUMBER,
    Measured,
    answers,
    at_rate,
    get,
    middle,
    saturation,
    shares,
    wrk,
)
from bench.memory import Memory, workers_of
from bench.servers import THREADS, WORKERS, granian, running, service
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot

BARE_PORT, BARE_LONG_PORT, HELLO_PORT = 8091, 8092, 8093
# With the process's copy; without it, so that Redis answers; and one whose caches the misses fill. A copy has no room
# for the hot answers in both forms.
OURS = COPY_PORT, REDIS_PORT, MISS_PORT, COPY_HTML_PORT = 8094, 8095, 8096, 8097
# So many articles are hot, and stand in each process's copy; in Redis there are more.
HOT, KEPT = 500, 5_000
LOAD = 0.7
CACHE_HEADER = "x-seealso-cache"
WARM_ROUNDS_MAX = 10
# In which no more than KEPT blocks are made.
ONCE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Way:
    """A way of asking: where, for what, the status of its answers, and what is done before each round.

    `once`: no more is asked for in a round than there is, each once.
    """

    port: int
    requests: Sequence[bytes]
    status: int = 200
    before: Callable[[], None] = lambda: None
    once: bool = False


@click.command()
@click.option("--index", type=click.Path(path_type=Path, exists=True), default=Path("var/demo"), show_default=True)
@click.option("--seconds", default=4, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(index: Path, seconds: int, rounds: int) -> None:
    """Print requests a second, ratios, latencies, and the memory of the workers."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed (Debian: apt-get install wrk)")
    snapshot = open_current(index)
    with ExitStack() as servers:
        address = f"sqlite:///{servers.enter_context(tempfile.TemporaryDirectory())}/editorial.db"
        cool = partial(make_all_cold, MISS_PORT, create_key(Store(index, address), "bench", "editor", "bench")[1])
        cached = servers.enter_context(service(index, COPY_PORT))
        servers.enter_context(service(index, COPY_HTML_PORT))
        servers.enter_context(service(index, REDIS_PORT, copies_mb=0))
        missed = servers.enter_context(service(index, MISS_PORT, editorial=address))
        ways = ways_of(snapshot, cool)
        block_bytes = round(median(len(body) for _, _, body in answers(COPY_PORT, ways["JSON, copy"].requests)))
        for port, size in ((BARE_PORT, None), (BARE_LONG_PORT, block_bytes)):
            variables = {"BENCH_BODY_BYTES": str(size)} if size else {}
            servers.enter_context(running(granian("bench.bare:app", port), f"http://127.0.0.1:{port}/", variables))
        url = f"http://127.0.0.1:{HELLO_PORT}/"
        servers.enter_context(running(granian("bench.hello:app", HELLO_PORT), url))
        print(f"{len(snapshot):,} articles, blocks of {block_bytes:,} bytes; {WORKERS} workers x {THREADS} threads, "
              f"{CONNECTIONS} connections; {rounds} rounds of {seconds} s in turn, medians\n")  # fmt: skip
        for name, way in ways.items():
            warm(name, way)
        print_rates(*measure(ways, seconds, rounds))
        # The first does nothing: what it is late by is the machine's, and the sender's.
        late = {name: ways[name] for name in ("bare WSGI, long", "JSON, copy", "JSON, Redis", "JSON, narrowed")}
        print_latencies({name: under_load(way, seconds, rounds) for name, way in late.items()})
        print("\nmemory of the workers, MB")
        print(f"{'':16} {'resident':>10} {'PSS':>8} {'private':>8} {'snapshot':>9} {'beyond it':>10}")
        print_memory("with hot answers", workers_of(cached, index))
        print_memory("with a full copy", workers_of(missed, index))


def ways_of(snapshot: Snapshot, cool: Callable[[], None]) -> dict[str, Way]:
    """Return every way of asking by its name; the service that copies is running. `cool`: makes all caches cold."""
    ids = [quote(snapshot.article_id(row), safe="/") for row in range(min(len(snapshot), KEPT))]
    hot = ids[:: max(1, len(ids) // HOT)][:HOT]
    page, html = "/v1/articles/{}/related", "/v1/articles/{}/related.html"
    unseen = f"?exclude=x{NUMBER}"
    return {
        "bare WSGI": Way(BARE_PORT, [get("/")]),
        "bare WSGI, long": Way(BARE_LONG_PORT, [get("/")]),
        "Flask hello": Way(HELLO_PORT, [get("/")]),
        "JSON, copy": Way(COPY_PORT, gets(page, hot)),
        "JSON, copy, br": Way(COPY_PORT, gets(page, hot, {"Accept-Encoding": "br"})),
        "JSON, copy, 304": Way(COPY_PORT, revalidations(page, hot), 304),
        "HTML, copy": Way(COPY_HTML_PORT, gets(html, hot)),
        "JSON, Redis": Way(REDIS_PORT, gets(page, ids)),
        "JSON, Redis, br": Way(REDIS_PORT, gets(page, ids, {"Accept-Encoding": "br"})),
        "HTML, Redis": Way(REDIS_PORT, gets(html, ids)),
        "JSON, miss": Way(MISS_PORT, gets(page, ids), before=cool, once=True),
        "JSON, miss, br": Way(MISS_PORT, gets(page, ids, {"Accept-Encoding": "br"}), before=cool, once=True),
        "HTML, miss": Way(MISS_PORT, gets(html, ids), before=cool, once=True),
        "JSON, narrowed": Way(MISS_PORT, gets(page + unseen, ids)),
    }


def make_all_cold(port: int, key: str) -> None:
    """Make a rule and undo it: blocks that were made before are out of date."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{port}/v1/rules"
    rule = {"action": "evergreen", "number": 1, "reason": "a measurement"}
    with urllib.request.urlopen(urllib.request.Request(url, orjson.dumps(rule), headers)) as answer:
        number = orjson.loads(answer.read())["id"]
    undo = urllib.request.Request(f"{url}/{number}?reason=over", headers=headers, method="DELETE")
    urllib.request.urlopen(undo).close()


def gets(path: str, ids: Sequence[str], headers: Mapping[str, str] | None = None) -> list[bytes]:
    """Return a request for each id."""
    return [get(path.format(article_id), headers) for article_id in ids]


def revalidations(path: str, ids: Sequence[str]) -> list[bytes]:
    """Return a request for each id that says which answer it has."""
    tags = (headers["etag"] for _, headers, _ in answers(COPY_PORT, gets(path, ids), len(ids)))
    return [get(path.format(article_id), {"If-None-Match": tag}) for article_id, tag in zip(ids, tags, strict=True)]


def warm(name: str, way: Way) -> None:
    """Ask until all that can be kept is kept, in every worker."""
    for _ in range(WARM_ROUNDS_MAX):
        wrk(way.port, way.requests, 2)
        way.before()
        found = answers(way.port, way.requests)
        levels = {headers.get(CACHE_HEADER) for _, headers, _ in found}
        if way.once or "narrowed" in name or "miss" not in levels:
            break
    statuses = {status for status, _, _ in found}
    if statuses != {way.status}:
        raise click.ClickException(f"{name}: answered {statuses}, not {way.status}")


def measure(ways: Mapping[str, Way], seconds: int, rounds: int) -> tuple[dict[str, Measured], dict[str, str]]:
    """Return the median of each way's rounds, and where all the answers of these came from."""
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    levels: dict[str, Counter[str]] = {name: Counter() for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            way.before()
            before = answered(way)
            found[name].append(wrk(way.port, way.requests, ONCE_SECONDS if way.once else seconds))
            levels[name] += answered(way) - before
            if way.once and found[name][-1].per_second * ONCE_SECONDS > len(way.requests):
                raise click.ClickException(f"{name}: all was asked for, some of it twice; index more articles")
    middles = {name: middle(measured) for name, measured in found.items()}
    return middles, {name: shares(counted) for name, counted in levels.items()}


def answered(way: Way) -> Counter[str]:
    """Return how many blocks a service has answered with so far, by the level of the cache, as its metrics tell."""
    counted: Counter[str] = Counter()
    if way.port not in OURS:
        return counted
    with urllib.request.urlopen(f"http://127.0.0.1:{way.port}/metrics") as told:
        families = list(text_string_to_metric_families(told.read().decode()))
    for sample in (sample for family in families for sample in family.samples):
        if sample.name == "seealso_request_seconds_count" and sample.labels["route"].startswith("related"):
            counted[sample.labels["cache"]] += int(sample.value)
    return counted


def under_load(way: Way, seconds: int, rounds: int) -> tuple[float, Measured]:
    """Return how much can be answered, and what came of `LOAD` of it."""
    most = median(saturation(way.port, way.requests, seconds) for _ in range(rounds))
    return most, middle([at_rate(way.port, way.requests, LOAD * most, seconds) for _ in range(rounds)])


def print_rates(measured: Mapping[str, Measured], levels: Mapping[str, str]) -> None:
    """Print a table of rates, beside both that they are held against."""
    bare, hello = measured["bare WSGI"].per_second, measured["Flask hello"].per_second
    print(f"{'':16} {'requests/s':>10} {'of bare':>8} {'of hello':>8} {'p50 ms':>7} {'p99 ms':>7} "
          f"{'failed':>7}  from")  # fmt: skip
    for name, way in measured.items():
        print(f"{name:16} {way.per_second:10,.0f} {way.per_second / bare:8.2f} {way.per_second / hello:8.2f} "
              f"{way.p50_ms:7.2f} {way.p99_ms:7.2f} {way.failed:7}  {levels[name]}")  # fmt: skip


def print_latencies(found: Mapping[str, tuple[float, Measured]]) -> None:
    """Print a table of latencies at a fixed rate."""
    print(f"\nat {LOAD:.0%} of saturation, a fixed rate, from when each request was due; both by one sender in Python")
    print(f"{'':16} {'saturation':>10} {'rate':>8} {'kept':>8} {'p50 ms':>7} {'p99 ms':>7} {'p99/p50':>8} "
          f"{'failed':>7}")  # fmt: skip
    for name, (most, way) in found.items():
        print(f"{name:16} {most:10,.0f} {LOAD * most:8,.0f} {way.per_second:8,.0f} {way.p50_ms:7.2f} {way.p99_ms:7.2f} "
              f"{way.p99_ms / way.p50_ms:8.1f} {way.failed:7}")  # fmt: skip


def print_memory(name: str, workers: Sequence[Memory]) -> None:
    """Print a row for each worker."""
    for worker in workers:
        print(f"{name:16} {worker.resident:10,.1f} {worker.proportional:8,.1f} {worker.private:8,.1f} "
              f"{worker.mapped:9,.1f} {worker.beyond:10,.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
