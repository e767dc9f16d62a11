"""What live articles cost: page views with and without a store, and with thousands of articles put since the night.

    python -m bench.live --keep DIR [--articles 100000] [--live 5000] [--seconds N] [--rounds N]

Needs wrk. The archive is made up (bench/made_up.py) and stays in DIR, as for bench.ready; so does the store with the
live articles, which are placed one after the other as the API places them: minutes. Three services are measured in
turn, in one run: without a store, with an empty one, and with the live
articles; then how long each takes to start, and how long one more article takes to be placed.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click
import numpy as np

from bench.load import NUMBER, Measured, get, middle, wrk
from bench.made_up import MadeUpArticles, MadeUpEncoder, build_made_up
from bench.serve import Way, warm
from bench.servers import THREADS, WORKERS, service
from indexer.progress import PlainReporter
from seealso.article import Article
from seealso.editorial.articles import Embedded, place_in, put_article_in, read_placed
from seealso.editorial.store import Store
from seealso.live.edition import Live
from seealso.live.place import place
from seealso.live.placing import encode_placing
from seealso.passages import cut_passages
from seealso.snapshot.layout import published_ids
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from seealso.space import PASSAGE_DTYPE

NONE_PORT, EMPTY_PORT, LIVE_PORT = 8101, 8102, 8103
ASKED = 5_000
STORE = "live.db"
MORE = 20


@click.command()
@click.option("--keep", type=click.Path(path_type=Path), required=True, help="Where the archive is, or is to stay.")
@click.option("--articles", default=100_000, show_default=True)
@click.option("--live", default=5_000, show_default=True)
@click.option("--seconds", default=4, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(keep: Path, articles: int, live: int, seconds: int, rounds: int) -> None:
    """Print page views a second, ratios, times to start, and the time to place an article."""
    if not published_ids(keep):
        with PlainReporter() as reporter:
            build_made_up(keep, articles, reporter)
    snapshot = open_current(keep)
    print(f"{len(snapshot):,} articles, {live:,} live; {WORKERS} workers x {THREADS} threads; {rounds} rounds of "
          f"{seconds} s in turn, medians")  # fmt: skip
    store = Store(keep, f"sqlite:///{(keep / STORE).absolute()}")
    print_placing(fill(store, snapshot, live))
    store.close()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as services:
        settings: dict[str, tuple[int, dict[str, Any]]] = {
            "no store": (NONE_PORT, {"store": False}),
            "empty store": (EMPTY_PORT, {"editorial": f"sqlite:///{folder}/empty.db"}),
            f"{live:,} live": (LIVE_PORT, {"editorial": f"sqlite:///{(keep / STORE).absolute()}"}),
        }
        for name, (port, given) in settings.items():
            began = time.monotonic()
            services.enter_context(service(keep, port, **given))
            print(f"{name}: ready after {time.monotonic() - began:.2f} s")
        print_views({name: ways_of(snapshot, port) for name, (port, _) in settings.items()}, seconds, rounds)


def fill(store: Store, snapshot: Snapshot, wanted: int) -> list[float]:
    """Put made-up articles until there are so many; return how long it took to find the place of each of the last."""
    live = Live(snapshot)
    with store.reading() as connection:
        live.take(read_placed(connection, snapshot.id, snapshot.manifest.live)[1])
    took = []
    if len(live.cards) < wanted:
        archive = MadeUpArticles(len(snapshot))
        archive.rows = {snapshot.title(row): row for row in range(len(snapshot))}
        encoder = MadeUpEncoder(archive)
        for number in range(len(live.cards), wanted):
            piece = retold(snapshot, number)
            own = embedded(piece, encoder)
            began = time.perf_counter()
            content = encode_placing(place(live.edition(), piece, own))
            took.append(time.perf_counter() - began)
            with store.writing() as writing:
                kept = place_in(writing, snapshot.id, put_article_in(writing, piece, own, "bench"), content)
            live.take([kept])
    return took[-MORE:]


def retold(snapshot: Snapshot, number: int) -> Article:
    """Return an article like one of the archive, told in other words' order, of today."""
    piece = Article.model_validate_json(snapshot.article(number * 7_919 % len(snapshot)))
    words = piece.body.split()
    words = [*words[: len(words) // 2], *(f"live{number}n{place}" for place in range(40))]
    return piece.model_copy(update={"id": f"live-{number}", "body": " ".join(reversed(words)), "published": None})


def embedded(piece: Article, encoder: MadeUpEncoder) -> Embedded:
    """Return an article's passages with made-up vectors."""
    passages = cut_passages(piece.title, piece.text, piece.language, encoder)
    vectors = encoder.encode([passage.text for passage in passages]).astype(PASSAGE_DTYPE)
    return Embedded(encoder.identity.digest, vectors, np.array([(each.start, each.end) for each in passages], np.int32))


def ways_of(snapshot: Snapshot, port: int) -> dict[str, Way]:
    """Return the ways of asking for blocks of the archive's articles: kept in the copy, and never asked for before."""
    ids = [snapshot.article_id(row) for row in range(0, len(snapshot), max(1, len(snapshot) // ASKED))]
    page = "/v1/articles/{}/related"
    return {
        "copy": Way(port, [get(page.format(article_id)) for article_id in ids[::10]]),
        "miss": Way(port, [get(f"{page.format(article_id)}?exclude=x{NUMBER}") for article_id in ids]),
    }


def print_placing(took: Sequence[float]) -> None:
    """Print how long finding a place takes, with all the others there."""
    if took:
        print(
            f"an article's place found in {1_000 * median(took):.0f} ms (p95 {1_000 * quantiles(took, n=20)[-1]:.0f})"
        )


def print_views(ways: Mapping[str, Mapping[str, Way]], seconds: int, rounds: int) -> None:
    """Print page views a second of each service, beside the first."""
    for kind in ("copy", "miss"):
        for way in ways.values():
            warm(kind, way[kind])
        found: dict[str, list[Measured]] = {name: [] for name in ways}
        for number in range(rounds):
            names = [*ways]
            for name in names[number % len(names) :] + names[: number % len(names)]:  # none is always the first
                way = ways[name]
                found[name].append(wrk(way[kind].port, way[kind].requests, seconds))
        measured = {name: middle(each) for name, each in found.items()}
        first = next(iter(measured.values())).per_second
        for name, each in measured.items():
            print(f"{kind:6} {name:14} {each.per_second:10,.0f}/s {each.per_second / first:6.2f} "
                  f"p50 {each.p50_ms:6.2f} p99 {each.p99_ms:6.2f} ms, {each.failed} failed")  # fmt: skip


if __name__ == "__main__":
    main()
