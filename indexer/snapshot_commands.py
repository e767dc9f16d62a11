"""The indexer's commands about snapshots: snapshots, rollback, verify."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table

from indexer.progress import print_table, width_of
from seealso.errors import SnapshotMissing
from seealso.settings import IndexerSettings, describe, load_settings
from seealso.snapshot.layout import current_or_none, publish, published_ids
from seealso.snapshot.manifest import Manifest
from seealso.snapshot.rollback import manifest_or_reason, open_named, rolling_back

MODEL_SHOWN_COLUMNS = 120

index_option = click.option("--index", type=click.Path(path_type=Path), help=describe(IndexerSettings, "index"))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.command()
@index_option
@json_option
def snapshots(index: Path | None, as_json: bool) -> None:
    """List the snapshots of an index folder.

    \b
    seealso snapshots --index var/index

    When each was made, of how many articles, how its gates stood, by which model, and which one is served.
    """
    settings = load_settings(IndexerSettings, index=index)
    current = current_or_none(settings.index)
    rows = [
        (snapshot_id, manifest_or_reason(settings.index, snapshot_id)) for snapshot_id in published_ids(settings.index)
    ]
    if as_json:
        for snapshot_id, manifest in rows:
            said = manifest.model_dump() if isinstance(manifest, Manifest) else {"refused": manifest}
            click.echo(orjson.dumps({"id": snapshot_id, "current": snapshot_id == current} | said))
        return
    if not rows:
        raise SnapshotMissing(settings.index, "make one with `seealso index SOURCE --index DIR`")
    console = Console(highlight=False, markup=False, width=width_of(sys.stdout))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "snapshot", "made", "articles", "gates", "model"):
        table.add_column(column, justify="right" if column == "articles" else "left", no_wrap=column != "gates")
    for snapshot_id, manifest in rows:
        mark = "current" if snapshot_id == current else ""
        if isinstance(manifest, Manifest):
            facts = [_age_of(manifest), f"{manifest.counts.articles:,}", _gates_of(manifest)]
            # The first to go where there is little room.
            facts += [str(manifest.model.identity())] if console.width >= MODEL_SHOWN_COLUMNS else []
            table.add_row(mark, snapshot_id, *facts)
        else:
            table.add_row(mark, snapshot_id, "", "", manifest)
    print_table(console, table)


@click.command()
@click.argument("snapshot_id", required=False)
@index_option
@json_option
def rollback(snapshot_id: str | None, index: Path | None, as_json: bool) -> None:
    """Serve an earlier snapshot again.

    \b
    seealso rollback --index var/index                                     the one served before the current
    seealso rollback 20261124T061500Z-0123456789ab --index var/index       this one

    The service follows within a second, and nothing is removed. The next night publishes anew, and compares itself with
    the one rolled back to.
    """
    settings = load_settings(IndexerSettings, index=index)
    with rolling_back(settings.index, snapshot_id) as (wanted, current):
        publish(settings.index, wanted)
    if as_json:
        click.echo(orjson.dumps({"current": wanted, "before": current}))
    else:
        click.echo(f"{wanted} is served now; it was {current}. Next: seealso snapshots --index {settings.index}")


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
    manifest = open_named(settings.index, snapshot_id).manifest
    size = sum(entry.bytes for entry in manifest.files.values())
    if as_json:
        click.echo(orjson.dumps({"id": manifest.id, "files": len(manifest.files), "bytes": size, "whole": True}))
    else:
        click.echo(
            f"{manifest.id} is whole: {manifest.counts.articles:,} articles, "
            f"{len(manifest.files)} files, {size:,} bytes"
        )


def _age_of(manifest: Manifest) -> str:
    """Return when a snapshot was made, and how long ago that is."""
    hours = (datetime.now(UTC) - datetime.fromisoformat(manifest.created)).total_seconds() / 3600
    return f"{manifest.created[:16].replace('T', ' ')}  ({f'{hours / 24:.0f} d' if hours >= 48 else f'{hours:.0f} h'})"


def _gates_of(manifest: Manifest) -> str:
    """Return how many gates were passed, and which did not hold the night back though they failed."""
    if not manifest.gates:
        return "none" if not manifest.forced else f"forced: {', '.join(manifest.forced)}"
    measured = [gate for gate in manifest.gates if gate.value is not None]
    passed = sum(gate.passed for gate in measured)
    forced = f", forced: {', '.join(manifest.forced)}" if manifest.forced else ""
    return f"{passed} of {len(measured)} passed{forced}"
