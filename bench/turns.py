"""Blocks made by several threads of one process at once, by turns (service.baton) and by no turns.

    python -m bench.turns [--index DIR] [--rounds N]

Microseconds of the process's CPU a block, of JSON with 12 cards, without cache or server; each way in turn, in one run.
"""

import threading
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import click

import service.blocks
from seealso.settings import ServiceSettings
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.vectors import use_one_thread
from service.blocks import Asked, Blocks
from service.freshness import Lifetimes
from service.metrics import Families, Metrics
from service.processes import hold_little_memory, leave_out_of_collection, use_one_thread_for_blas
from service.wanted import Wanted

BLOCKS_MAX = 5_000
THREADS = (1, 2, 4, 8)


@click.command()
@click.option("--index", type=click.Path(path_type=Path, exists=True), default=Path("var/demo"), show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(index: Path, rounds: int) -> None:
    """Print microseconds a block by number of threads."""
    hold_little_memory()
    use_one_thread()
    snapshot = open_current(index)
    settings = ServiceSettings(index=index)
    lifetimes = Lifetimes(settings.fresh_min_s, settings.fresh_max_s, settings.stale_if_error_s)
    blocks = Blocks(lifetimes, Metrics(None, Families(named=False)))
    use_one_thread_for_blas()
    leave_out_of_collection()
    modules: Any = service.blocks
    ways = {"by turns": modules.BATON, "by no turns": nullcontext()}
    taken: dict[tuple[int, str], list[float]] = {(threads, way): [] for threads in THREADS for way in ways}
    for _ in range(1 + rounds):
        for (threads, way), all_taken in taken.items():
            modules.BATON = ways[way]
            all_taken.append(microseconds(blocks, snapshot, threads))
    print(f"{len(snapshot):,} articles; microseconds of CPU a block, medians of {rounds} rounds\n")
    print(f"{'threads':>8} {'by turns':>10} {'by no turns':>12} {'ratio':>7}")
    for threads in THREADS:
        by, not_by = (median(taken[threads, way][1:]) for way in ways)  # the first warms up
        print(f"{threads:8} {by:10.0f} {not_by:12.0f} {not_by / by:7.2f}")


def microseconds(blocks: Blocks, snapshot: Snapshot, threads: int) -> float:
    """Return the CPU that a block takes where so many threads make them, each a part of all."""
    asked = [Asked(snapshot.article_id(row), "json", Wanted()) for row in range(min(len(snapshot), BLOCKS_MAX))]

    def make(own: list[Asked]) -> None:
        for each in own:
            blocks.make(snapshot, each)

    makers = [threading.Thread(target=make, args=(asked[place::threads],)) for place in range(threads)]
    began = time.process_time()
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    return (time.process_time() - began) / len(asked) * 1e6


if __name__ == "__main__":
    main()
