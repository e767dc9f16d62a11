"""What archives of growing size cost: built by the real pipeline, published, opened, and asked.

    python -m bench.scale --articles 10000 100000 --keep DIR

The articles are made up, see bench/made_up.py; vectors are given, not encoded, which by itself would take 20 passages
a second on two cores. Each size is built once, in a process of its own, and stays in DIR; each is then asked in turn,
in a process of its own that does nothing else, in one thread: blocks of articles as page views miss them (all sizes by
turns, in a new process each time, and the medians count: how long memory takes changes by the minute); narrowed to some
sections, which lie together, every second time the article's own among them (all is searched where the candidates do
not suffice), beside what looking at all that passes finds; and drafts by all parts without encoding. Memory is what
stays resident after all of it beyond the mapped files: of a snapshot as the night left it, and of one beside which an
article was taken down and some were put, while the service goes over from one state of them to the next; and what is
resident of the mapped files, after page views alone, and after all. The night's own is what no file backs, what lies on
a swap file with it. Then how the figures grow.

`--given-neighbours` builds archives of which the neighbours are made up, too, which are most of a night: for what does
not depend on which they are, such as memory and opening.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import service.wsgi  # noqa: F401 - so that there is in memory what a worker has loaded
from bench.made_up import build_made_up, texts, vectors_of
from bench.memory import Peak, memory_of
from indexer.searching import recall_of
from seealso.arrays import Rows
from seealso.article import Article
from seealso.editorial.articles import Embedded, place_in, put_article_in
from seealso.editorial.store import Store
from seealso.live.edition import Live
from seealso.live.place import place
from seealso.live.placing import encode_placing
from seealso.recipe import Recipe
from seealso.relatedness import CANDIDATES_MAX, NEAREST, Probes, cohorts_of, nearest, rank
from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.vectors import use_one_thread
from seealso.space import PASSAGE_DTYPE
from seealso.words import word_counts
from service.admission import Admission
from service.blocks import Asked, Blocks
from service.freshness import Lifetimes
from service.metrics import Metrics
from service.processes import hold_little_memory
from service.related import related_to_article
from service.wanted import Wanted

BLOCKS, NARROWED, DRAFTS = 2_000, 200, 100
MISS_ROUNDS = 9
ITEMS = 12
# To so many of the twenty sections, each of them a twentieth of the archive, blocks are narrowed.
TOGETHER = (1, 2, 4, 10)
# So many are also asked for by looking at all.
COMPARED = 40
LIVE = 2


def ask(index: Path) -> dict[str, Any]:
    """Return what an index that is there costs: bytes, seconds to open, milliseconds to answer, memory.

    `open_s`: as a worker opens what was found whole already, if it is as large as such that are marked; `check_s`: as
    the first does, which reads all of it. `beyond_map_mb`: of a snapshot as the night left it, and with live articles.
    """
    hold_little_memory()
    use_one_thread()
    folder = snapshot_folder(index, current_id(index))
    began = time.perf_counter()
    snapshot = open_current(index)
    snapshot.bring_in(folder)
    opened = time.perf_counter() - began
    count = len(snapshot)
    rows = np.random.default_rng(1).permutation(count)
    blocks = _blocks()
    for row in rows[:BLOCKS].tolist():
        _block(blocks, snapshot, row, Wanted(ITEMS))
    after_views = memory_of(os.getpid(), index)
    narrowed = {
        f"{len(wanted.sections)} of {len(snapshot.sections)} sections": told
        for wanted, told in narrowings(blocks, snapshot, rows)
    }
    drafts = list(zip(texts(DRAFTS, seed=4), vectors_of(DRAFTS, seed=3), strict=True))
    drafted = _milliseconds(DRAFTS, lambda number: _draft(snapshot, *drafts[number]))
    # Of all that it maps, a worker has read what it needed for these; checking what is whole reads everything.
    as_found = memory_of(os.getpid(), index)
    editions = list(served(snapshot))
    for edition in editions:
        for row in rows[:NARROWED].tolist():
            _block(blocks, edition, row, Wanted(ITEMS))
        _draft(edition, *drafts[0])
    memory = memory_of(os.getpid(), index)
    began = time.perf_counter()
    open_snapshot(folder, anew=True)
    checked = time.perf_counter() - began
    size = sum(path.stat().st_size for path in folder.iterdir())
    searched = snapshot.manifest.searched
    return {
        "articles": count,
        "bytes_per_article": round(size / count),
        "open_s": round(opened, 2),
        "check_s": round(checked, 2),
        "beyond_map_mb": [round(as_found.beyond), round(memory.beyond)],
        "mapped_bytes_per_article": [round(each.mapped * 2**20 / count) for each in (after_views, as_found)],
        "narrowed": narrowed,
        "draft_ms": drafted,
        "searched": searched.model_dump() if searched is not None else None,
    }


def missed(index: Path) -> list[float]:
    """Return what blocks take in a worker that has just opened an index: milliseconds, p50 and p99."""
    hold_little_memory()
    use_one_thread()
    snapshot, blocks = open_current(index), _blocks()
    snapshot.bring_in(snapshot_folder(index, snapshot.id))
    rows = np.random.default_rng(1).permutation(len(snapshot)).tolist()
    return _milliseconds(BLOCKS, lambda number: _block(blocks, snapshot, rows[number % len(snapshot)], Wanted(ITEMS)))


def _blocks() -> Blocks:
    return Blocks(Lifetimes(900, 86_400, 86_400), Metrics())


def narrowings(blocks: Blocks, snapshot: Snapshot, rows: Rows) -> Iterator[tuple[Wanted, dict[str, Any]]]:
    """Yield what blocks narrowed to some sections take, and which share they have of what looking at all finds.

    `vectors`: of the hundred nearest by vectors, on average and at worst; `blocks`: of what stands in the blocks.
    """
    whole = replace(snapshot.terms, postings_max=None, filtered_postings_max=None)
    exact = replace(snapshot, vectors=snapshot.vectors.by_all(), terms=whole)
    asked = rows[-min(NARROWED, len(rows)) :].tolist()
    for together in TOGETHER:
        wishes = [_in_sections(snapshot, row, together, number % 2 == 0) for number, row in enumerate(asked)]
        took = _milliseconds(len(asked), partial(_narrowed, blocks, snapshot, list(zip(asked, wishes, strict=True))))
        near, same = [], []
        for row, wanted in zip(asked[:COMPARED], wishes, strict=False):
            allowed = Admission(snapshot, wanted, (row,)).of(slice(None))
            vector = snapshot.vectors.vectors(np.array([row]))
            found, best = (each.vectors.search(vector, NEAREST, allowed)[0] for each in (snapshot, exact))
            near.append(recall_of(found, best))
            shown, best_shown = (
                {item.row for item in related_to_article(each, row, wanted)} for each in (snapshot, exact)
            )
            same.append(len(shown & best_shown) / max(1, len(best_shown)))
        told = {
            name: [round(float(np.mean(each)), 4), round(min(each), 4)]
            for name, each in (("vectors", near), ("blocks", same))
        }
        yield wishes[0], {"ms": took} | told


def served(snapshot: Snapshot) -> Iterator[Snapshot]:
    """Yield what a worker serves where an article was taken down, after each of some that are put."""
    hidden = frozenset({snapshot.article_id(0)})
    live, dimension = Live(snapshot), snapshot.vectors.dimension
    spans = np.array([[0, 9]], np.int32)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), f"sqlite:///{folder}/live.db")
        for number in range(LIVE):
            piece = Article.model_validate_json(snapshot.article(number + 1))
            piece = piece.model_copy(update={"id": f"live-{number}"})
            vectors = vectors_of(1, seed=6 + number)[:, :dimension].astype(PASSAGE_DTYPE)
            own = Embedded(snapshot.manifest.model.digest, vectors, spans)
            content = encode_placing(place(live.edition(), piece, own))
            with store.writing() as writing:
                kept = place_in(writing, snapshot.id, put_article_in(writing, piece, own, "bench"), content)
            assert live.take([kept]) == []
            yield live.edition().without(hidden)
        store.close()


def _milliseconds(times: int, call: Callable[[int], object]) -> list[float]:
    """Return the median and the 99th percentile of what calls take."""
    call(0)
    took = []
    for number in range(times):
        began = time.perf_counter()
        call(number)
        took.append(1_000 * (time.perf_counter() - began))
    return [round(float(np.percentile(took, share)), 3) for share in (50, 99)]


def _block(blocks: Blocks, snapshot: Snapshot, row: int, wanted: Wanted) -> object:
    return blocks.make(snapshot, Asked(snapshot.article_id(row), "json", wanted))


def _narrowed(blocks: Blocks, snapshot: Snapshot, asked: Sequence[tuple[int, Wanted]], number: int) -> object:
    return _block(blocks, snapshot, *asked[number])


def _in_sections(snapshot: Snapshot, row: int, together: int, with_own: bool) -> Wanted:
    """Return the wish for a block of so many sections in turn, from the article's own on or from the next."""
    known, first = snapshot.sections, int(snapshot.facts["section"][row]) + (not with_own)
    sections = tuple(known[(first + number) % len(known)] for number in range(together))
    return Wanted(ITEMS, sections=sections, min_probability=0.0)


def _draft(snapshot: Snapshot, told: tuple[str, str, str], vector: Any) -> object:
    title, text, language = told
    terms = snapshot.terms
    probes = Probes(
        vector[np.newaxis], terms.vector(word_counts(title, text), language), terms.title_vector(title, language)
    )
    found = nearest(snapshot.vectors, terms, probes)
    return rank(snapshot, Recipe(), probes, found.rows, cohorts_of(found, probes, len(snapshot)), CANDIDATES_MAX)


def build(folder: Path, count: int, given: bool) -> None:
    """Build an index of so many articles, and write down beside it what the night took."""
    from indexer.progress import PlainReporter  # as in bench.made_up

    with PlainReporter() as reporter, Peak() as peak:
        report = build_made_up(folder / str(count), count, reporter, given)
    told = {
        "given_neighbours": given,
        "build_s": report.seconds,
        "forced": report.forced,
        "own_peak_mb": round(peak.megabytes),
        "peak_mb": round(max(report.memory_mb.values())),
        # Then all that was written is read anew: the files that are mapped count as well, which a machine may drop.
        "peak_before_check_mb": round(report.memory_mb["write"]),
    }
    (folder / f"{count}.json").write_text(json.dumps(told))


def main() -> None:
    """Build what is not there, ask each, and print a line for each, with the growth from one to the next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--given-neighbours", action="store_true")
    parser.add_argument("--build", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ask", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--miss", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.keep, arguments.build, arguments.given_neighbours)
        return
    if arguments.ask:
        print(json.dumps(ask(arguments.keep / str(arguments.ask))))
        return
    if arguments.miss:
        print(json.dumps(missed(arguments.keep / str(arguments.miss))))
        return
    command = [sys.executable, "-m", "bench.scale", "--keep", str(arguments.keep)]
    found = []
    for count in arguments.articles:
        built = arguments.keep / f"{count}.json"
        if not built.exists():
            given = ["--given-neighbours"] if arguments.given_neighbours else []
            subprocess.run([*command, "--build", str(count), *given], check=True)
        night = json.loads(built.read_text())
        if night.get("given_neighbours", False) != arguments.given_neighbours:
            other = "without" if arguments.given_neighbours else "with"
            parser.error(f"{built} was built {other} --given-neighbours; say so, or keep another folder")
        found.append(_told([*command, "--ask", str(count)]) | night)
        print(json.dumps(found[-1]), flush=True)
    rounds = [[_told([*command, "--miss", str(count)]) for count in arguments.articles] for _ in range(MISS_ROUNDS)]
    for each, misses in zip(found, zip(*rounds, strict=True), strict=True):
        each["miss_ms"] = [round(float(np.median(times)), 3) for times in zip(*misses, strict=True)]
        print(f"{each['articles']:,} articles: a miss takes {each['miss_ms'][0]} ms (p50), {each['miss_ms'][1]} (p99); "
              f"p50 of each round {[round_[0] for round_ in misses]}")  # fmt: skip
    for small, large in pairwise(found):
        grown = np.log(large["articles"] / small["articles"])
        seconds = [sum(each["build_s"].values()) for each in (small, large)]
        more = [large["beyond_map_mb"][place] - small["beyond_map_mb"][place] for place in range(2)]
        of_each = [each * 2**20 / (large["articles"] - small["articles"]) for each in more]
        print(
            f"{small['articles']:,} -> {large['articles']:,} articles: "
            f"building grows as articles^{np.log(seconds[1] / seconds[0]) / grown:.2f}, "
            f"a draft as articles^{np.log(large['draft_ms'][0] / small['draft_ms'][0]) / grown:.2f}; "
            f"a page-view miss takes {large['miss_ms'][0] / small['miss_ms'][0]:.2f} times as long; "
            f"a worker keeps {of_each[0]:.0f} bytes of an article more, {of_each[1]:.0f} with live ones"
        )


def _told(command: Sequence[str]) -> Any:
    """Return what a process prints as JSON."""
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
