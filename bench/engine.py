"""A search engine beside FAISS, on one machine: what it finds of the nearest, under filters, and how long it takes.

    .venv/bin/python -m bench.engine --rows 20000                     # Milvus Lite, started for it
    .venv/bin/python -m bench.engine --rows 20000 --uri http://...    # one of yours, where bench_... is made

Vectors are made up as an archive has them (bench/made_up.py); what is asked for are articles that are not in it. FAISS
is asked exactly, on one thread. Of Milvus Lite the times say nothing about Milvus: it is another engine behind the same
client.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.made_up import DIMENSION, vectors_of
from seealso.arrays import Mask
from seealso.relatedness import NEAREST
from seealso.snapshot.expression import Expressions, shown_of
from seealso.snapshot.files import FACT_ROW
from seealso.snapshot.milvus import Address, Milvus
from seealso.snapshot.vectors import VectorIndex, use_one_thread
from service.searched import SearchedVectors
from tests.milvus import running_milvus

QUERIES, AT_ONCE = 100, 1_000
DAY = 86_400


def main() -> None:
    """Measure, and print one line of JSON for each kind of index and filter."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--uri")
    options.add_argument("--kinds", nargs="+", default=["FLAT", "HNSW"])
    given = options.parse_args()
    use_one_thread()
    random = np.random.default_rng(1)
    every = vectors_of(given.rows + QUERIES, seed=1)
    vectors, queries = every[:-QUERIES], every[-QUERIES:]
    facts = made_facts(random, given.rows)
    local = VectorIndex.of(vectors)
    with engine_at(given.uri) as engine:
        for kind in given.kinds:
            seconds = upload(engine, f"bench_{kind}", kind, vectors, facts)
            print(json.dumps({"index": kind, "rows": given.rows, "rows_per_s": round(given.rows / seconds)}))
            for name, mask in masks_of(facts).items():
                print(json.dumps(measured(engine, f"bench_{kind}", name, local, facts, queries, mask)))
            engine.drop(f"bench_{kind}")


def measured(
    engine: Milvus, collection: str, name: str, local: VectorIndex, facts: Any, queries: Any, mask: Mask | None
) -> dict[str, Any]:
    """Return the recall of one filter, and how long a query takes by the engine and by the snapshot."""

    def ask(vectors: Any, limit: int, told: str, share: float) -> Any:
        return engine.search(collection, vectors, limit, told, 60.0, share)

    by: list[str] = []
    searched = SearchedVectors(local, facts, ask, lambda who, _: by.append(who))
    found, engine_ms = timed(searched, queries, mask)
    wanted, local_ms = timed(local, queries, mask)
    shared = sum(len(np.intersect1d(ours[ours >= 0], theirs)) for ours, theirs in zip(found, wanted, strict=True))
    told = 0 if mask is None else len(Expressions(facts).of(mask) or "")
    return {
        "filter": name,
        "share": 1.0 if mask is None else round(float(mask.mean()), 4),
        "expression_bytes": told,
        "recall": round(shared / int((wanted >= 0).sum()), 4),
        "by_engine": by.count("engine") / len(by),
        "engine_ms_p50_p99": engine_ms,
        "faiss_ms_p50_p99": local_ms,
    }


def timed(vectors: VectorIndex, queries: Any, mask: Mask | None) -> tuple[Any, list[float]]:
    """Return what each query finds, and how long one took: the median, and 99 of 100."""
    rows, times = [], []
    vectors.search(queries[:1], NEAREST, mask)  # the first is another's time
    for query in queries:
        began = time.perf_counter()
        rows.append(vectors.search(query[np.newaxis], NEAREST, mask)[0][0])
        times.append((time.perf_counter() - began) * 1_000)
    return np.stack(rows), [round(float(each), 2) for each in np.percentile(times, [50, 99])]


def masks_of(facts: Any) -> dict[str, Mask | None]:
    """Return filters as a service has them."""
    shown, rows = shown_of(facts), np.arange(len(facts))
    return {
        "everything": None,
        "what may be shown": shown,
        "a section": shown & (facts["section"] == 3),
        "a section since a day": shown & (facts["section"] == 3) & (facts["published"] >= 900 * DAY),
        "all but 100 taken down": shown & ~np.isin(rows, rows[:: max(1, len(rows) // 100)]),
    }


def made_facts(random: np.random.Generator, rows: int) -> Any:
    """Return facts of ten sections, two languages, a thousand days, one in fifty not to be shown."""
    facts = np.zeros(rows, FACT_ROW)
    facts["section"], facts["language"] = random.integers(0, 10, rows), random.integers(0, 2, rows)
    facts["published"] = random.integers(0, 1_000, rows) * DAY
    facts["sensitive"] = random.random(rows) < 0.02
    return facts


def upload(engine: Milvus, collection: str, kind: str, vectors: Any, facts: Any) -> float:
    """Put all rows into a collection; return how many seconds that took, indexing included."""
    began, shown = time.perf_counter(), shown_of(facts)
    engine.create(collection, DIMENSION)
    for first in range(0, len(vectors), AT_ONCE):
        entities = [
            {
                "row": row,
                "article": f"a{row}",
                "card": "{}",
                "shown": bool(shown[row]),
                "vector": vectors[row],
                **{name: int(facts[name][row]) for name in ("section", "language", "published")},
            }
            for row in range(first, min(first + AT_ONCE, len(vectors)))
        ]
        engine.put(collection, entities, 60.0)
    engine.finish(collection, kind)
    engine.load(collection, 3_600.0)
    return time.perf_counter() - began


@contextmanager
def engine_at(uri: str | None) -> Iterator[Milvus]:
    """Connect to a Milvus, or to a Milvus Lite that is started for it."""
    if uri is not None:
        yield Address(uri, None, "bench").connect(10.0)
        return
    with tempfile.TemporaryDirectory() as folder, running_milvus(Path(folder) / "data") as running:
        yield running.address("bench").connect(10.0)


if __name__ == "__main__":
    main()
