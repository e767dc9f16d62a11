"""The command `seealso clicks`: what readers were shown and clicked, as a table for other programs."""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from seealso.editorial.clicks import Count, Spot, read_counts
from service.store_commands import index_option, open_kept_store

COLUMNS = (*Spot._fields, *Count._fields)
ROWS_AT_ONCE = 10_000
_day = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "first", type=_day, help="The first day, as 2026-11-28; all, if it is left out.")
@click.option("--to", "last", type=_day, help="The last day.")
@index_option
def clicks(file: Path, first: datetime | None, last: datetime | None, index: Path | None) -> None:
    """Write what readers were shown and clicked to a table.

    \b
    seealso clicks clicks.parquet --from 2026-11-01 --index var/index

    FILE ends with .csv or .parquet. A row has day, article, item, slot, block and team, and how often the item was
    shown and clicked there.
    """
    counts = read_counts(open_kept_store(index), _date(first), _date(last))
    rows = ((*spot, *count) for spot, count in counts)
    match file.suffix.lower():
        case ".csv":
            written = _write_csv(file, rows)
        case ".parquet":
            written = _write_parquet(file, rows)
        case _:
            raise click.BadParameter(f"{file} must end with .csv or .parquet", param_hint="FILE")
    click.echo(f"{file} has {written:,} rows")


def _date(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _write_csv(file: Path, rows: Iterator[tuple[Any, ...]]) -> int:
    written = 0
    with file.open("w", newline="", encoding="utf-8") as output:
        table = csv.writer(output)
        table.writerow(COLUMNS)
        for row in rows:
            table.writerow(row)
            written += 1
    return written


def _write_parquet(file: Path, rows: Iterator[tuple[Any, ...]]) -> int:
    import pyarrow
    from pyarrow import parquet

    kinds = {"day": pyarrow.string(), "article": pyarrow.string(), "item": pyarrow.string(), "slot": pyarrow.int32()}
    kinds |= {"block": pyarrow.string(), "team": pyarrow.string(), "shown": pyarrow.int64(), "clicked": pyarrow.int64()}
    schema = pyarrow.schema([(name, kinds[name]) for name in COLUMNS])
    written = 0
    with parquet.ParquetWriter(file, schema) as table:
        for some in _batches(rows):
            columns = dict(zip(COLUMNS, map(list, zip(*some, strict=True)), strict=True))
            table.write_table(pyarrow.table(columns, schema=schema))
            written += len(some)
    return written


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while some := list(islice(rows, ROWS_AT_ONCE)):
        yield some
