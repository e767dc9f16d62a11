"""The indexer's commands: index, snapshots, verify."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table

from indexer.build import Limits, build_index
from indexer.extract import PageExtractor
from indexer.progress import reporter_for, width_of
from indexer.publish import current_or_none
from indexer.report import Report
from indexer.sources.choose import STANDARD_INPUT, choose_source
from seealso.encoder import load_encoder
from seealso.errors import SeealsoError, SnapshotMissing, SnapshotRefused
from seealso.logs import configure_logs, get_log
from seealso.settings import IndexerSettings, load_settings
from seealso.snapshot.layout import current_id, is_snapshot_id, published_ids, snapshot_folder
from seealso.snapshot.manifest import Manifest, read_manifest
from seealso.snapshot.reader import open_snapshot

index_option = click.option("--index", type=click.Path(path_type=Path), help="The index folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.command()
@click.argument("sources", nargs=-1, required=True)
@index_option
@click.option("--model", help="The sentence-transformers model: a name or a folder.")
@click.option("--keep", type=int, help="How many snapshots are kept.")
@json_option
def index(sources: tuple[str, ...], index: Path | None, model: str | None, keep: int | None, as_json: bool) -> None:
    """Read articles, embed them, and publish a new snapshot.

    \b
    seealso index articles.jsonl.gz --index var/index
    zcat articles.jsonl.gz | seealso index - --index var/index
    seealso index saved-pages/ more.jsonl --index var/index

    A SOURCE is a file of JSON lines (.jsonl, .jsonl.gz), a saved web page (.html), a page copied as text (.txt), a
    folder of these, or '-' for JSON lines on standard input.
    """
    settings = load_settings(IndexerSettings, index=index, model=model, keep=keep)
    configure_logs(settings.log_format, settings.log_level)
    console = Console(stderr=True, highlight=False, width=width_of(sys.stderr))
    report = Report(sources=["standard input" if name == STANDARD_INPUT else name for name in sources])
    started = datetime.now(UTC)
    with PageExtractor(settings.page_seconds_max) as extractor:
        chosen = [choose_source(name, extractor) for name in sources]
        try:
            with reporter_for(console) as reporter:
                build_index(
                    chosen,
                    settings.index,
                    lambda: load_encoder(settings.model),
                    Limits(settings.keep, settings.quarantined_share_max),
                    report,
                    reporter,
                )
        except SeealsoError:
            if report.quarantined:
                path = report.write(settings.index, f"{started:%Y%m%dT%H%M%SZ}-refused")
                console.print(f"report: {path}", soft_wrap=True)
            raise
    assert report.snapshot is not None
    path = report.write(settings.index, report.snapshot)
    get_log().debug("snapshot_published", snapshot_id=report.snapshot, articles=report.articles)
    report.show(console, ("report", str(path)), ("next", f"seealso serve --index {settings.index}"))
    if as_json:
        click.echo(orjson.dumps(report.as_json()))


@click.command()
@index_option
@json_option
def snapshots(index: Path | None, as_json: bool) -> None:
    """List the snapshots of an index folder.

    \b
    seealso snapshots --index var/index
    """
    settings = load_settings(IndexerSettings, index=index)
    current = current_or_none(settings.index)
    rows = [
        (snapshot_id, _manifest_or_reason(settings.index, snapshot_id)) for snapshot_id in published_ids(settings.index)
    ]
    if as_json:
        for snapshot_id, manifest in rows:
            facts = manifest.model_dump() if isinstance(manifest, Manifest) else {"refused": manifest}
            click.echo(orjson.dumps({"id": snapshot_id, "current": snapshot_id == current} | facts))
        return
    if not rows:
        raise SnapshotMissing(settings.index, "make one with `seealso index SOURCE --index DIR`")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("snapshot", "made", "articles", "model", ""):
        table.add_column(column, justify="right" if column == "articles" else "left", no_wrap=column == "snapshot")
    for snapshot_id, manifest in rows:
        mark = "current" if snapshot_id == current else ""
        if isinstance(manifest, Manifest):
            table.add_row(
                snapshot_id, manifest.created, f"{manifest.counts.articles:,}", str(manifest.model.identity()), mark
            )
        else:
            table.add_row(snapshot_id, "", "", manifest, mark)
    Console(highlight=False, width=width_of(sys.stdout)).print(table)


@click.command()
@click.argument("snapshot_id", required=False)
@index_option
@json_option
def verify(snapshot_id: str | None, index: Path | None, as_json: bool) -> None:
    """Check every byte of a snapshot.

    \b
    seealso verify --index var/index
    seealso verify 20261124T061500Z-0123456789ab --index var/index

    Without an id, it is the current one.
    """
    settings = load_settings(IndexerSettings, index=index)
    chosen = snapshot_id or current_id(settings.index)
    if not is_snapshot_id(chosen) or not snapshot_folder(settings.index, chosen).is_dir():
        raise SnapshotMissing(settings.index, f"none is called {chosen!r}; `seealso snapshots` lists them")
    manifest = open_snapshot(snapshot_folder(settings.index, chosen)).manifest
    size = sum(entry.bytes for entry in manifest.files.values())
    if as_json:
        click.echo(orjson.dumps({"id": chosen, "files": len(manifest.files), "bytes": size, "whole": True}))
    else:
        click.echo(
            f"{chosen} is whole: {manifest.counts.articles:,} articles, {len(manifest.files)} files, {size:,} bytes"
        )


def _manifest_or_reason(index: Path, snapshot_id: str) -> Manifest | str:
    try:
        return read_manifest(snapshot_folder(index, snapshot_id))
    except SnapshotRefused as error:
        return error.reason
