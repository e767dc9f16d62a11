"""What a night costs in which little changed, beside embedding everything.

    python -m bench.night --articles articles.jsonl.gz [--base INDEX] [--share 0.01]

A share of the articles is edited, as large a share is new, as large a share is gone. The same articles are then indexed
twice by `seealso index`, each time as a process of its own: over an index of the unedited ones (the night), and into
an empty folder. Wall times, their ratio, and whether both snapshots' contents are the same. `--base` names an index of
the unedited articles that is there already; it is copied, and its folder left alone.
"""

import gzip
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import orjson

from seealso.snapshot.reader import open_current

SEEALSO = Path(sys.executable).with_name("seealso")


@click.command()
@click.option("--articles", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--base", type=click.Path(path_type=Path, exists=True))
@click.option("--share", default=0.01, show_default=True)
def main(articles: Path, base: Path | None, share: float) -> None:
    """Print both times, their ratio, and whether contents are identical."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        if base is None:
            index(articles, folder / "night")
        else:
            shutil.copytree(base, folder / "night")
        edited = folder / "edited.jsonl"
        edited.write_bytes(b"\n".join(orjson.dumps(each) for each in edit(read(articles), share)))
        night_s, night = index(edited, folder / "night")
        full_s, full = index(edited, folder / "full")
        print(f"{full['articles']:,} articles, {full['passages']:,} passages; {share:.0%} edited, new, gone each")
        print(f"  full   {full_s:8.1f} s  ({full['embedded']:,} passages embedded)")
        print(f"  night  {night_s:8.1f} s  ({night['embedded']:,} embedded, {night['reused']:,} reused)")
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in night["seconds"].items())
        print(f"         of which {stages}")
        print(f"  ratio  {night_s / full_s:8.3f}")
        same = open_current(folder / "night").manifest.content == open_current(folder / "full").manifest.content
        print(f"  contents {'identical' if same else 'DIFFER'}")
        sys.exit(0 if same else 1)


def read(path: Path) -> list[dict[str, Any]]:
    """Return the articles of a file."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return [orjson.loads(line) for line in file]


def edit(articles: list[dict[str, Any]], share: float) -> list[dict[str, Any]]:
    """Return the articles with a share of them edited, a share gone, and as many new ones of others' paragraphs."""
    rng = random.Random(7)
    count = max(1, round(len(articles) * share))
    order = rng.sample(range(len(articles)), len(articles))
    edited, gone, sources = set(order[:count]), set(order[count : 2 * count]), order[2 * count : 3 * count]
    kept = []
    for number, article in enumerate(articles):
        if number in gone:
            continue
        added = {"body": article["body"] + "\n\nThis sentence was added today."} if number in edited else {}
        kept.append(article | added)
    for number in sources:
        source = articles[number]
        paragraphs = source["body"].split("\n\n")
        rng.shuffle(paragraphs)
        new = {"id": f"new/{number}", "title": f"{source['title']}, told anew", "body": "\n\n".join(paragraphs)}
        kept.append(source | new | {"url": None, "editor_related": None})
    return kept


def index(source: Path, folder: Path) -> tuple[float, dict[str, Any]]:
    """Index a source by the command; return the wall time in seconds, and the report."""
    began = time.perf_counter()
    command = [str(SEEALSO), "index", str(source), "--index", str(folder), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began, orjson.loads(done.stdout)


if __name__ == "__main__":
    main()
