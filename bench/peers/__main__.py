"""How many page views a second the service answers, beside others that could: txtai, LanceDB, Qdrant.

    make bench-peers                          # the peers, in .venv-peers, and this with the demo's articles
    python -m bench.peers [--index DIR] [--seconds N] [--rounds N] [--kept DIR]

Needs wrk, and `.venv-peers`. All answer from the same articles, in one run on one machine that also runs wrk, in turn,
with as many workers and threads; medians. What is asked of each, and why, is told in docs/performance.md. Their indexes
are built once and kept in a folder, by snapshot and version.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from urllib.parse import quote

import click
import numpy as np

from bench.load import CONNECTIONS, NUMBER, Measured, answers, get, middle, wrk
from bench.peers.corpus import Corpus, read_corpus, write_corpus
from bench.peers.route import FOLDER, LIMIT
from bench.servers import THREADS, WORKERS, granian, running, service
from seealso.snapshot.reader import open_current

PYTHON = Path(".venv-peers/bin/python")
COPY_PORT, COMPUTED_PORT, TXTAI_PORT, ALONE_PORT = 8101, 8102, 8103, 8107
# Where nothing answers: a service whose Redis is there has none.
NO_REDIS = "redis://127.0.0.1:9"
# Our answers from the process's copy are those of so many articles; all others' are of all.
HOT = 500
# The model reads 256 tokens, and no token is longer than this on average: what is cut off would not be read.
QUERY_CHARACTERS = 2_000
CHECKED = 50
# On as many cores as there are workers, threads of numpy and torch would take them from each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
READY_SECONDS_MAX = 120
# It embeds every query: on as many connections as the others', an answer takes a second and more.
TXTAI_SECONDS_MIN = 10


@dataclass(frozen=True, slots=True)
class Engine:
    """A vector engine behind the Flask route: its name, the module that builds and serves, its package, its port."""

    name: str
    module: str
    package: str
    port: int


ENGINES = (
    Engine("Qdrant Edge", "qdrant_engine", "qdrant-edge-py", 8104),
    Engine("LanceDB", "lance", "lancedb", 8105),
    Engine("Qdrant local", "qdrant_local", "qdrant-client", 8106),
)
TXTAI = Engine("txtai", "txtai_index", "txtai", TXTAI_PORT)


@dataclass(frozen=True, slots=True)
class Way:
    """How related articles are asked for: where, what for which articles, and how an answer's body gives their ids.

    `by_vectors`: whether those nearest by the snapshot's vectors are what is wanted; `seconds_min`: how long a round is
    at least.
    """

    port: int
    asked: Sequence[str]
    requests: Sequence[bytes]
    ids_in: Callable[[bytes], list[str]]
    by_vectors: bool = False
    seconds_min: int = 1


@dataclass(frozen=True, slots=True)
class Checked:
    """What answers hold: how many articles, and which share of the exact nearest by vectors, if those are wanted."""

    articles: float
    found: float | None


@click.command()
@click.option("--index", type=click.Path(path_type=Path, exists=True), default=Path("var/demo"), show_default=True)
@click.option("--seconds", default=4, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--kept", type=click.Path(path_type=Path), default=Path("var/peers"), show_default=True)
def main(index: Path, seconds: int, rounds: int, kept: Path) -> None:
    """Print requests a second, latencies, and how many times as many Seealso answers."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed (Debian: apt-get install wrk)")
    if not PYTHON.exists():
        raise click.ClickException(f"{PYTHON} is not there; make .venv-peers/.ready makes it")
    snapshot = open_current(index)
    home = kept.resolve() / snapshot.id
    if not (home / "corpus").exists():
        aside = home / "corpus.new"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        write_corpus(snapshot, aside)
        aside.rename(home / "corpus")
    corpus = read_corpus(home / "corpus")
    versions = {engine.name: version(engine.package) for engine in (*ENGINES, TXTAI)}
    folders = {engine.name: built(engine, home, versions[engine.name]) for engine in (*ENGINES, TXTAI)}
    with ExitStack() as servers:
        servers.enter_context(service(index, COPY_PORT))
        servers.enter_context(service(index, COMPUTED_PORT))
        servers.enter_context(service(index, ALONE_PORT, redis_url=NO_REDIS, copies_mb=0))
        copies = servers.enter_context(tempfile.TemporaryDirectory())  # for workers that need files of their own
        for engine in ENGINES:
            command = granian(f"bench.peers.{engine.module}:app", engine.port, str(PYTHON), factory=True)
            variables = ONE_THREAD | {FOLDER: str(folders[engine.name]), "TMPDIR": copies}
            url = f"http://127.0.0.1:{engine.port}/"
            servers.enter_context(running(command, url, variables, READY_SECONDS_MAX))
        servers.enter_context(txtai_server(folders[TXTAI.name]))
        ways = ways_of(corpus, versions)
        print(f"{len(corpus.ids):,} articles; {WORKERS} workers x {THREADS} threads, {CONNECTIONS} connections; "
              f"{rounds} rounds of {seconds} s in turn, medians\n")  # fmt: skip
        checked = {name: check(name, way, corpus) for name, way in ways.items()}
        print_table(measure(ways, seconds, rounds), checked)


def version(package: str) -> str:
    """Return a package's version in the peers' environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def built(engine: Engine, home: Path, release: str) -> Path:
    """Return the folder with an engine's index, built if it is not there yet."""
    folder = home / f"{engine.package}-{release}"
    if not folder.exists():
        print(f"building {folder.name}")
        where = [str(home / "corpus"), str(folder)]
        subprocess.run([PYTHON, "-m", "bench.peers.build", engine.module, *where], check=True)
    return folder


def txtai_server(folder: Path) -> AbstractContextManager[int]:
    """Run txtai's API as its documentation does: uvicorn, and a file that says where the index is."""
    config = folder.with_name("txtai.yml")
    model = json.loads((folder / "config.json").read_text())["path"]
    config.write_text(f"path: {folder}\nwritable: false\nembeddings:\n  path: {model}\n")
    command = [str(PYTHON), "-m", "uvicorn", "txtai.api:app", "--port", str(TXTAI_PORT), "--workers", str(WORKERS)]
    url = f"http://127.0.0.1:{TXTAI_PORT}/count"
    variables = ONE_THREAD | {"CONFIG": str(config)}
    return running([*command, "--log-level", "warning"], url, variables, READY_SECONDS_MAX)


def ways_of(corpus: Corpus, versions: Mapping[str, str]) -> dict[str, Way]:
    """Return every way of asking by its name."""
    hot = corpus.ids[:: max(1, len(corpus.ids) // HOT)][:HOT]
    ours = f"/v1/articles/{{}}/related?limit={LIMIT}"
    unseen = f"{ours}&exclude=x{NUMBER}"
    ways = {
        "Seealso, copy": Way(COPY_PORT, hot, gets(ours, hot), ids_of_cards),
        "Seealso, computed and kept": Way(COMPUTED_PORT, corpus.ids, gets(unseen, corpus.ids), ids_of_cards),
        "Seealso, computed": Way(ALONE_PORT, corpus.ids, gets(unseen, corpus.ids), ids_of_cards),
    }
    for engine in ENGINES:
        requests = gets("/articles/{}/related", corpus.ids)
        ways[f"{engine.name} {versions[engine.name]}"] = Way(engine.port, corpus.ids, requests, ids_of_cards, True)
    for what, texts in (("title", titles(corpus)), ("text", corpus.texts)):
        requests = [get(f"/search?limit={LIMIT + 1}&query={quote(text[:QUERY_CHARACTERS])}") for text in texts]
        ways[f"txtai {versions[TXTAI.name]}, by {what}"] = Way(
            TXTAI_PORT, corpus.ids, requests, ids_of_results, seconds_min=TXTAI_SECONDS_MIN
        )
    return ways


def gets(path: str, ids: Sequence[str]) -> list[bytes]:
    """Return a request for each id."""
    return [get(path.format(quote(article_id, safe="/"))) for article_id in ids]


def titles(corpus: Corpus) -> list[str]:
    """Return the articles' titles."""
    return [json.loads(card)["title"] for card in corpus.cards]


def ids_of_cards(body: bytes) -> list[str]:
    """Return the ids of a block."""
    return [card["id"] for card in json.loads(body)["related"]]


def ids_of_results(body: bytes) -> list[str]:
    """Return the ids of txtai's answer."""
    return [result["id"] for result in json.loads(body)]


def check(name: str, way: Way, corpus: Corpus) -> Checked:
    """Return what the first answers hold. Raises ClickException if one is no success, or holds no article."""
    counts, shares = [], []
    for article_id, (status, _, body) in zip(way.asked, answers(way.port, way.requests, CHECKED), strict=False):
        ids = [other for other in way.ids_in(body) if other != article_id][:LIMIT] if status == 200 else []
        if not ids:
            raise click.ClickException(f"{name} answered {status} for {article_id!r}: {body[:200]!r}")
        counts.append(len(ids))
        shares.append(len(set(ids) & nearest(corpus, article_id)) / min(LIMIT, len(corpus.ids) - 1))
    return Checked(mean(counts), mean(shares) if way.by_vectors else None)


def nearest(corpus: Corpus, article_id: str) -> set[str]:
    """Return the ids of the articles whose vectors are nearest to an article's, itself left out."""
    own = corpus.ids.index(article_id)
    products = corpus.vectors @ corpus.vectors[own]
    products[own] = -np.inf
    return {corpus.ids[place] for place in np.argsort(-products)[:LIMIT]}


def measure(ways: Mapping[str, Way], seconds: int, rounds: int) -> dict[str, Measured]:
    """Return the median of each way's rounds, after one that only warms up."""
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    for way in ways.values():
        wrk(way.port, way.requests, max(2, way.seconds_min))
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(wrk(way.port, way.requests, max(seconds, way.seconds_min)))
    return {name: middle(measured) for name, measured in found.items()}


def print_table(measured: Mapping[str, Measured], checked: Mapping[str, Checked]) -> None:
    """Print each way's rate and latencies, how many times as many Seealso answers, and what the answers hold."""
    copy, computed = measured["Seealso, copy"].per_second, measured["Seealso, computed"].per_second
    print(f"{'':28} {'requests/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'failed':>7} {'copy is':>8} {'computed is':>12} "
          f"{'articles':>9} {'of nearest':>11}")  # fmt: skip
    for name, way in measured.items():
        holds = checked[name]
        found = "" if holds.found is None else f"{holds.found:.1%}"
        print(f"{name:28} {way.per_second:10,.1f} {way.p50_ms:8.2f} {way.p99_ms:8.2f} {way.failed:7} "
              f"{copy / way.per_second:7.1f}x {computed / way.per_second:11.1f}x "
              f"{holds.articles:9.1f} {found:>11}")  # fmt: skip


if __name__ == "__main__":
    main()
