"""How much memory reading a source takes: a million articles stream through `seealso check`, by kind of source.

    python -m bench.stream [--articles 1000000] [--kinds jsonl,csv,parquet,sql]

Each kind's file is made first, of short made-up articles; then a process of its own reads it to its end. Peak resident
memory of that process, beside that of the same command over 1,000 articles: what is above is what the source's length
costs.
"""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

SEEALSO = Path(sys.executable).with_name("seealso")
BODY = "The ferry to the island leaves at high water, and not a minute later, whatever the timetable says. " * 4
SMALL = 1_000


@click.command()
@click.option("--articles", default=1_000_000, show_default=True)
@click.option("--kinds", default="jsonl,csv,parquet,sql", show_default=True)
def main(articles: int, kinds: str) -> None:
    """Print articles a second and peak memory for each kind."""
    print(f"{articles:,} articles of {len(BODY)} characters")
    with tempfile.TemporaryDirectory() as work:
        for kind in kinds.split(","):
            _, small_mb = check(make(kind, Path(work), SMALL))
            path = make(kind, Path(work), articles)
            size_mb = path.stat().st_size / 2**20
            seconds, peak_mb = check(path)
            path.unlink()
            print(
                f"  {kind:<8} {size_mb:7,.0f} MiB  {articles / seconds:9,.0f} articles/s  "
                f"peak {peak_mb:5,.0f} MiB, {small_mb:,.0f} for {SMALL:,} articles"
            )


def rows(count: int) -> Iterator[tuple[str, str, str]]:
    """Yield id, title and body of made-up articles."""
    for number in range(count):
        yield f"a{number}", f"Piece {number}", f"{number} {BODY}"


def make(kind: str, folder: Path, count: int) -> Path:
    """Write a file of a kind with so many articles, and return it."""
    path = folder / f"articles.{kind}"
    if kind == "jsonl":
        with path.open("w") as file:
            for article_id, title, body in rows(count):
                file.write(json.dumps({"id": article_id, "title": title, "body": body}) + "\n")
    elif kind == "csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("id", "title", "body"))
            writer.writerows(rows(count))
    elif kind == "parquet":
        _write_parquet(path, count)
    elif kind == "sql":
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            database.execute("create table posts (id text, title text, body text)")
            database.executemany("insert into posts values (?, ?, ?)", rows(count))
        database.close()
    else:
        raise click.BadParameter(f"no kind {kind!r}")
    return path


def check(path: Path) -> tuple[float, float]:
    """Read a file by `seealso check`; return seconds, and peak resident memory in MiB."""
    kind = path.suffix[1:]
    project = path.with_name("seealso.toml")
    place = f'path = "{path}"' if kind != "sql" else f'address = "sqlite:///{path}"\nquery = "select * from posts"'
    project.write_text(f'[[source]]\nkind = "{kind}"\n{place}\n')
    began = time.perf_counter()
    process = subprocess.Popen([SEEALSO, "check", "--project", project, "--json"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def _write_parquet(path: Path, count: int) -> None:
    import pyarrow
    from pyarrow import parquet

    names = ("id", "title", "body")
    schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        batch: list[tuple[str, str, str]] = []
        for row in rows(count):
            batch.append(row)
            if len(batch) == 10_000:
                writer.write_table(
                    pyarrow.table(dict(zip(names, zip(*batch, strict=True), strict=True)), schema=schema)
                )
                batch.clear()
        if batch:
            writer.write_table(pyarrow.table(dict(zip(names, zip(*batch, strict=True), strict=True)), schema=schema))


if __name__ == "__main__":
    main()
