"""All neighbours at once, of made-up archives of growing size: time, growth, memory, and a draft's candidates.

    python -m bench.neighbours --articles 10000 30000 100000

The articles are made up so that the work is that of real ones, see bench/made_up.py. Each size runs in a process of its
own, for its peak of memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np

from bench.made_up import texts, vectors_of
from indexer.neighbours import Archive, find_neighbours
from indexer.terms import build_terms
from seealso.recipe import Recipe
from seealso.relatedness import CANDIDATES_MAX, Probes, cohorts_of, nearest, rank
from seealso.snapshot.vectors import VectorIndex
from seealso.words import word_counts

DRAFTS = 200


def measure(count: int) -> dict[str, float]:
    """Return seconds, peak memory (MB, of the whole process) and a draft's milliseconds at a size."""
    started = time.perf_counter()
    terms, _ = build_terms(texts(count, seed=1))
    vectors = vectors_of(count, seed=2)
    made = time.perf_counter()
    searchable = VectorIndex.of(vectors)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    found = find_neighbours(searchable, vectors, terms, Recipe())
    seconds = time.perf_counter() - begun
    archive = Archive(searchable, terms, found.cohorts)
    drafts = vectors_of(DRAFTS, seed=3)
    took = []
    for number, (title, text, _) in enumerate(texts(DRAFTS, seed=4)):
        begun = time.perf_counter()
        vector = terms.vector(word_counts(title, text), "en")
        probes = Probes(drafts[number : number + 1], vector, terms.title_vector(title, "en"))
        nearby = nearest(archive.vectors, archive.terms, probes)
        rank(archive, Recipe(), probes, nearby.rows, cohorts_of(nearby, probes, count), CANDIDATES_MAX)
        took.append(1_000 * (time.perf_counter() - begun))
    return {
        "articles": count,
        "make_seconds": round(made - started, 1),
        "terms_per_article": round(len(terms.articles.terms) / count, 1),
        "seconds": round(seconds, 1),
        "peak_mb_before": before // 1_024,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
        "draft_p50_ms": round(float(np.percentile(took, 50)), 1),
        "draft_p99_ms": round(float(np.percentile(took, 99)), 1),
    }


def main() -> None:
    """Measure each size in a process of its own and print a line each, with the growth from one to the next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one)))
        return
    found = []
    for count in arguments.articles:
        command = [sys.executable, "-m", "bench.neighbours", "--one", str(count)]
        found.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
        print(json.dumps(found[-1]), flush=True)
    for small, large in pairwise(found):
        grown = np.log(large["seconds"] / small["seconds"]) / np.log(large["articles"] / small["articles"])
        print(f"{small['articles']:,} -> {large['articles']:,} articles: seconds grow as articles^{grown:.2f}")


if __name__ == "__main__":
    main()
