"""What a second machine gives: passages embedded over a Ray cluster of two nodes, beside one.

    python -m bench.cluster [--passages N] [--rounds N]

Real Ray nodes of one CPU each, all on this machine, and a fixed cost for each passage, on one thread: a chain of
additions, which two threads of one core do in the time of one, where a model would only share the core. How far that
goes here is measured beside, by plain processes without Ray; Ray's are as urgent as they are. Wall times are whole:
connecting, starting processes, all vectors back; but a node is there, and quiet, before it is measured. At the end one
of two nodes is killed in the middle, and it is counted what was lost.
"""

import multiprocessing
import os
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

import click
import numpy as np

from indexer.cluster import Cluster
from seealso.encoder import Vectors
from tests.ray_nodes import FixedCost, Nodes, ray_nodes

# Nodes are measured once they do next to nothing by themselves.
QUIET_SHARE, QUIET_SECONDS_MAX = 0.85, 60.0


@click.command()
@click.option("--passages", default=3_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--additions", default=2_000_000, show_default=True, help="What each passage costs.")
def main(passages: int, rounds: int, additions: int) -> None:
    """Print passages a second of one node and of two, and their ratio."""
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - Ray's name
    texts = [f"passage {number} of {number % 97} and {number % 89}" for number in range(passages)]
    expected = FixedCost(0).encode(texts)
    print(f"{passages:,} passages of {additions:,} additions in a row, {rounds} rounds in turn")
    alone = _plain(1, texts[: passages // 4], additions)
    both = _plain(2, texts[: passages // 4], additions)
    print(f"  plain processes: one {passages // 4 / alone:6.1f} passages/s, two {passages // 2 / both:6.1f}", end="")
    print(f", ratio {2 * alone / both:.2f}: what two CPUs of this machine give at all")
    ratios = []
    with ray_nodes() as nodes:
        nodes.add("one")
        for number in range(rounds):
            seconds = {}
            for count in (1, 2) if number % 2 == 0 else (2, 1):
                if count == 2:
                    nodes.add("two")
                _wait_until_quiet()
                seconds[count] = _over(nodes, texts, additions, expected)
                if count == 2:
                    nodes.kill("two")
            ratios.append(seconds[1] / seconds[2])
            print(f"  one node {passages / seconds[1]:6.1f} passages/s, two {passages / seconds[2]:6.1f}", end="")
            print(f", ratio {ratios[-1]:.2f}")
        print(f"  ratio {median(ratios):.2f} (median)")
        nodes.add("two")
        seconds_killed = _over(nodes, texts, additions, expected, kill="two")
        print(f"  of two nodes one killed in the middle: {seconds_killed:.1f} s, nothing lost, every vector the same")
    sys.exit(0 if median(ratios) >= 1.8 else 1)


def _over(nodes: Nodes, texts: list[str], additions: int, expected: Vectors, kill: str | None = None) -> float:
    """Return the wall time of embedding texts over the nodes; one of them is killed when half is done."""
    load = partial(FixedCost, additions)
    began = time.perf_counter()
    vectors, done = np.zeros_like(expected), 0
    cluster = Cluster(nodes.address, load, FixedCost(0))
    for lot in cluster.embed(texts):
        vectors[lot.places] = lot.vectors
        done += len(lot.places)
        if kill is not None and done >= len(texts) // 2:
            nodes.kill(kill)
            kill = None
    seconds = time.perf_counter() - began
    assert done == len(texts)
    np.testing.assert_array_equal(vectors, expected)
    for notice in cluster.notices:
        print(f"  {notice}")
    return seconds


def _wait_until_quiet() -> None:
    """Wait until the nodes' processes have come up, or are gone: Ray starts some ten for each, which takes seconds."""
    end = time.monotonic() + QUIET_SECONDS_MAX
    while time.monotonic() < end:
        before = _idle_ticks()
        time.sleep(1.0)
        if _idle_ticks() - before > QUIET_SHARE * os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1):
            return


def _idle_ticks() -> int:
    return int(Path("/proc/stat").read_text().split()[4])  # proc(5)


def _plain(processes: int, texts: list[str], additions: int) -> float:
    """Return the wall time in which so many processes each embed the texts."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        pool.map(_encode, [(additions, texts[:1])] * processes, 1)  # all are started
        began = time.perf_counter()
        pool.map(_encode, [(additions, texts)] * processes, 1)
        return time.perf_counter() - began


def _encode(given: tuple[int, list[str]]) -> None:
    additions, texts = given
    FixedCost(additions).encode(texts)


if __name__ == "__main__":
    main()
