"""The indexer's commands about snapshots: snapshots, rollback, verify, distribute."""

import sys
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table

from indexer.distribute import distribution_of
from indexer.progress import print_table, reporter_for, width_of
from seealso.editorial.rollbacks import tell_rollback_in
from seealso.editorial.store import by_command, find_store
from seealso.errors import EngineUnavailable, SettingsInvalid, SnapshotMissing, SnapshotRefused, StoreUnavailable
from seealso.settings import IndexerSettings, describe, load_settings
from seealso.snapshot.fetch import fetch
from seealso.snapshot.layout import current_or_none, published_ids
from seealso.snapshot.lock import lock_index, one_upload
from seealso.snapshot.manifest import Manifest
from seealso.snapshot.rollback import manifest_or_reason, open_named, rolling_back, serve_again, served_by_all
from seealso.snapshot.store import SnapshotStore

WIDE_COLUMNS = 120

index_option = click.option("--index", type=click.Path(path_type=Path), help=describe(IndexerSettings, "index"))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.command()
@index_option
@json_option
def snapshots(index: Path | None, as_json: bool) -> None:
    """List the snapshots of an index folder.

    \b
    seealso snapshots --index var/index

    When each was made, of how many articles, how its gates stood, by which model, and which one is served. With
    SEEALSO_SNAPSHOT_STORE, those in the snapshot store too: it says which one is served.
    """
    settings = load_settings(IndexerSettings, index=index)
    store = _store_of(settings)
    here, stored = published_ids(settings.index), [] if store is None else store.ids()
    current = current_or_none(settings.index) if store is None else store.current()
    rows = [
        (
            snapshot_id,
            manifest_or_reason(settings.index, snapshot_id) if snapshot_id in here else _told_by(store, snapshot_id),
        )
        for snapshot_id in sorted({*here, *stored})
    ]
    if as_json:
        for snapshot_id, manifest in rows:
            said = manifest.model_dump() if isinstance(manifest, Manifest) else {"refused": manifest}
            places = {} if store is None else {"here": snapshot_id in here, "stored": snapshot_id in stored}
            click.echo(orjson.dumps({"id": snapshot_id, "current": snapshot_id == current} | places | said))
        return
    if not rows:
        raise SnapshotMissing(settings.index, "make one with `seealso index SOURCE --index DIR`")
    console = Console(highlight=False, markup=False, width=width_of(sys.stdout))
    table = Table(box=None, padding=(0, 2, 0, 0))
    wide = console.width >= WIDE_COLUMNS  # else the model stands below the snapshot, and gates below the time
    for column in ("", "snapshot", "made", "articles", *(["gates", "model"] if wide else [])):
        wraps = column == ("gates" if wide else "made")
        table.add_column(column, justify="right" if column == "articles" else "left", no_wrap=not wraps)
    for snapshot_id, manifest in rows:
        mark = "current" if snapshot_id == current else ""
        if store is not None and (snapshot_id in here) != (snapshot_id in stored):
            mark = f"{mark} only {'here' if snapshot_id in here else 'stored'}".strip()
        if isinstance(manifest, Manifest):
            made, articles = _age_of(manifest), f"{manifest.counts.articles:,}"
            gates, model = _gates_of(manifest), str(manifest.model.identity())
            if wide:
                table.add_row(mark, snapshot_id, made, articles, gates, model)
            else:
                table.add_row(mark, f"{snapshot_id}\n{model}", f"{made}\n{gates}", articles)
        else:
            table.add_row(mark, snapshot_id, *(["", "", manifest] if wide else [manifest]))
    print_table(console, table)


@click.command()
@click.argument("snapshot_id", required=False)
@index_option
@click.option("--reason", default="", help="Why, for the log of changes.")
@json_option
def rollback(snapshot_id: str | None, index: Path | None, reason: str, as_json: bool) -> None:
    """Serve an earlier snapshot again.

    \b
    seealso rollback --index var/index                                     the one served before the current
    seealso rollback 20261124T061500Z-0123456789ab --index var/index       this one

    The service follows within seconds, and nothing is removed. The next night publishes anew, and compares itself with
    the one rolled back to. With SEEALSO_SNAPSHOT_STORE, all machines that take their snapshots from it follow. It
    stands in the log of changes, where there is one; with SEEALSO_PURGE_WEBHOOK, a service tells caches in front.
    """
    settings = load_settings(IndexerSettings, index=index)
    store, distribution = _store_of(settings), distribution_of(settings)
    with rolling_back(settings.index, snapshot_id, store=store) as (wanted, current):
        left = serve_again(settings.index, wanted, store)
        if left is not None:
            click.echo(f"rolled back, but not here: {left}", err=True)
        if distribution is not None:
            try:
                distribution.lead(wanted)
            except EngineUnavailable as error:  # services search for themselves: it is rolled back all the same
                click.echo(f"rolled back, but not in the search engine: {error}", err=True)
        try:
            _tell(settings, wanted, current, reason)
        except (StoreUnavailable, SettingsInvalid) as error:
            click.echo(f"rolled back, but neither the log nor caches are told: {error}", err=True)
    if as_json:
        click.echo(orjson.dumps({"current": wanted, "before": current}))
    else:
        click.echo(
            f"{wanted} is served now; it was {current or 'none'}. Next: seealso snapshots --index {settings.index}"
        )


@click.command()
@click.argument("snapshot_id", required=False)
@index_option
@json_option
def verify(snapshot_id: str | None, index: Path | None, as_json: bool) -> None:
    """Check every byte of a snapshot.

    \b
    seealso verify --index var/index
    seealso verify 20261124T061500Z-0123456789ab --index var/index

    Without an id, it is the current one. It is read whole, whoever did so before.
    """
    settings = load_settings(IndexerSettings, index=index)
    manifest = open_named(settings.index, snapshot_id, anew=True).manifest
    size = sum(entry.bytes for entry in manifest.files.values())
    if as_json:
        click.echo(orjson.dumps({"id": manifest.id, "files": len(manifest.files), "bytes": size, "whole": True}))
    else:
        click.echo(
            f"{manifest.id} is whole: {manifest.counts.articles:,} articles, "
            f"{len(manifest.files)} files, {size:,} bytes"
        )


@click.command()
@click.argument("snapshot_id", required=False)
@index_option
@json_option
def distribute(snapshot_id: str | None, index: Path | None, as_json: bool) -> None:
    """Put a snapshot into the search engine.

    \b
    seealso distribute --index var/index

    Nights do it by themselves. This is for an engine that is new, or was gone: the current snapshot is uploaded where
    it is missing or not whole, the alias is led to it, and what no snapshot has is dropped. With the id of another,
    that is uploaded, as for a rollback to come, and the alias stays. See docs/scaling.md.
    """
    settings = load_settings(IndexerSettings, index=index)
    distribution = distribution_of(settings)
    if distribution is None:
        raise SettingsInvalid("SEEALSO_MILVUS_URI is not set: there is no search engine to put a snapshot into")
    store = _store_of(settings)
    with one_upload(settings.index):
        with lock_index(settings.index):
            if snapshot_id is None and store is not None and (served := store.current()) is not None:
                fetch(store, settings.index, served)  # this machine may not know yet of a rollback at another
                snapshot_id = served
            chosen = open_named(settings.index, snapshot_id)
        console = Console(stderr=True, highlight=False, markup=False, width=width_of(sys.stderr))
        # That may take hours, in which who rolls back, or the next night, waits for nobody; the snapshot is mapped.
        with reporter_for(console) as reporter:
            reporter.stage("Search engine", len(chosen), "articles")
            done = distribution.upload(chosen, reporter.advance)
        dropped = list[str]()
        console.print("uploaded; a night that runs now is waited for before the alias is led")
        with lock_index(settings.index, wait=True):
            if chosen.id == served_by_all(settings.index, store):
                distribution.lead(chosen.id)
                ids = {*published_ids(settings.index), *(store.ids() if store is not None else ())}
                loaded = [each for each in (chosen.id, chosen.manifest.parent) if each is not None]
                dropped = distribution.tidy(ids, loaded)
    if as_json:
        click.echo(orjson.dumps(asdict(done) | {"id": chosen.id, "dropped": dropped}))
    else:
        click.echo(f"{done.collection} is whole: {done.sent:,} articles sent, recall {done.recall:.3f}")


def _tell(settings: IndexerSettings, snapshot_id: str, before: str | None, reason: str) -> None:
    """Tell the log of changes of a rollback, if there is one. Raises StoreUnavailable, SettingsInvalid."""
    store = find_store(settings.index, settings.editorial)
    if store is None:
        return
    with closing(store), store.writing() as writing:
        tell_rollback_in(writing, snapshot_id, before, by_command(), reason, settings)


def _store_of(settings: IndexerSettings) -> SnapshotStore | None:
    return None if settings.snapshot_store is None else SnapshotStore(settings.snapshot_store, settings.site)


def _told_by(store: SnapshotStore | None, snapshot_id: str) -> Manifest | str:
    """Return what a snapshot that is only in the store says of itself, or why that cannot be read."""
    try:
        found = None if store is None else store.manifest(snapshot_id)
    except SnapshotRefused as error:
        return error.reason
    return "it has just been removed" if found is None else found[0]


def _age_of(manifest: Manifest) -> str:
    """Return when a snapshot was made, and how long ago that is."""
    hours = (datetime.now(UTC) - datetime.fromisoformat(manifest.created)).total_seconds() / 3600
    return f"{manifest.created[:16].replace('T', ' ')}  ({f'{hours / 24:.0f} d' if hours >= 48 else f'{hours:.0f} h'})"


def _gates_of(manifest: Manifest) -> str:
    """Return how many gates were passed, and which did not hold the night back though they failed."""
    if not manifest.gates:
        return "none" if not manifest.forced else f"forced: {', '.join(manifest.forced)}"
    measured = [gate for gate in manifest.gates if gate.value is not None or not gate.passed]
    passed = sum(gate.passed for gate in measured)
    forced = f", forced: {', '.join(manifest.forced)}" if manifest.forced else ""
    return f"{passed} of {len(measured)} passed{forced}"
