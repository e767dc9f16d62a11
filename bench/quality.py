"""How good our lists are beside every built-in baseline, on articles with gold: all queries, and those of prose.

    python -m bench.quality --data FOLDER --index DIR

FOLDER holds articles.jsonl.gz and gold.jsonl.gz; a line of the articles may have a key `kind`, of which "prose" is
measured by itself. DIR is indexed from FOLDER if it holds no snapshot. The first windows' vectors, which take minutes,
are kept beside DIR, by the model and the texts they are of. The ratios are what counts.
"""

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from indexer.baselines import Encode
from indexer.evaluation import LEADING, Evaluation, spread
from indexer.gold import read_gold
from indexer.progress import reporter_for
from indexer.rankings import ALL_BASELINES, encode_as, ranking_of, rankings_named
from seealso.encoder import Vectors
from seealso.snapshot.layout import published_ids
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot

PROSE = "prose"
FIRST_WINDOW = "embedding"


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--index", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def main(data: Path, index: Path, as_json: bool) -> None:
    """Print nDCG@10 of ours and of every baseline, and the ratios."""
    if not published_ids(index):
        program, articles = Path(sys.executable).with_name("seealso"), data / "articles.jsonl.gz"
        subprocess.run([str(program), "index", str(articles), "--index", str(index)], check=True)
    snapshot = open_current(index)
    with reporter_for(Console(stderr=True)) as reporter:
        encode = kept(encode_as(snapshot, reporter), snapshot, index)
        theirs = rankings_named([ALL_BASELINES], snapshot, encode, lambda name: snapshot)
    gold = read_gold(data / "gold.jsonl.gz")
    prose = ids_of_prose(data / "articles.jsonl.gz")
    subsets = {"all queries": gold, PROSE: {query: related for query, related in gold.items() if query in prose}}
    found = {name: Evaluation.of(ranking_of(snapshot), theirs, wanted) for name, wanted in subsets.items() if wanted}
    if as_json:
        answer = {name: each.as_json() | {"ratios": ratios(each)} for name, each in found.items()}
        click.echo(orjson.dumps({"snapshot": snapshot.id, "subsets": answer}))
        return
    for name, each in found.items():
        show(name, each)


def kept(encode: Encode, snapshot: Snapshot, index: Path) -> Encode:
    """Return a function that embeds as `encode` does, and keeps the vectors in a file beside the index."""

    def encode_once(texts: list[str]) -> Vectors:
        digest = hashlib.sha256(orjson.dumps([snapshot.manifest.model.digest, texts])).hexdigest()
        path = index.absolute().with_name(f"{index.name}-first-windows-{digest[:16]}.npy")
        if not path.exists():
            np.save(path, encode(texts))
        vectors: Vectors = np.load(path, allow_pickle=False)
        return vectors

    return encode_once


def ids_of_prose(articles: Path) -> set[str]:
    """Return the ids of the articles whose line says that they are prose."""
    with gzip.open(articles) as file:
        lines = [orjson.loads(line) for line in file]
    return {line["id"] for line in lines if line.get("kind") == PROSE}


def ratios(found: Evaluation) -> dict[str, Any]:
    """Return ours over the best baseline, and over the embedding of the first window."""
    best = found.best
    assert best is not None
    means = {each.name: each.means[LEADING].mean for each in found.theirs}
    ours = found.ours.means[LEADING].mean
    return {"best": best.name, "to_best": ours / means[best.name], "to_embedding": ours / means[FIRST_WINDOW]}


def show(name: str, found: Evaluation) -> None:
    """Print one subset's table and ratios."""
    table = Table(box=None, padding=(0, 2, 0, 0), title=f"{name}: {len(found.gold):,}", title_justify="left")
    for column in ("", LEADING, "ours less it", "p"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for each in (found.ours, *found.theirs):
        gap = each.differences.get(LEADING)
        label = "ours" if each is found.ours else each.name
        table.add_row(label, spread(each.means[LEADING]), *([spread(gap, sign="+"), f"{gap.p:.4f}"] if gap else []))
    Console(highlight=False, markup=False).print(table)
    told = ratios(found)
    print(f"ours / best ({told['best']})  {told['to_best']:.3f}")
    print(f"ours / embedding   {told['to_embedding']:.3f}\n")


if __name__ == "__main__":
    main()
