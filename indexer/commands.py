"""The indexer's commands: index, snapshots, verify, evaluate, tune."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table

from indexer.baselines import BASELINES
from indexer.build import Limits, build_index
from indexer.evaluation import Evaluation
from indexer.evaluation_page import render_evaluation
from indexer.extract import PageExtractor
from indexer.gold import picks_of, read_gold
from indexer.lock import lock_index
from indexer.progress import reporter_for, width_of
from indexer.publish import current_or_none, keep_recipe
from indexer.rankings import ALL_BASELINES, encode_as, ranking_of, rankings_named
from indexer.report import Report
from indexer.sources.choose import STANDARD_INPUT, choose_source
from indexer.tune import tune as fit_recipe
from seealso.encoder import load_encoder
from seealso.errors import SeealsoError, SnapshotMissing, SnapshotRefused
from seealso.logs import configure_logs, get_log
from seealso.settings import IndexerSettings, describe, load_settings
from seealso.snapshot.layout import current_id, is_snapshot_id, published_ids, snapshot_folder
from seealso.snapshot.manifest import Manifest, read_manifest
from seealso.snapshot.reader import Snapshot, open_current, open_snapshot

index_option = click.option("--index", type=click.Path(path_type=Path), help=describe(IndexerSettings, "index"))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.command()
@click.argument("sources", nargs=-1, required=True)
@index_option
@click.option("--model", help=describe(IndexerSettings, "model"))
@click.option("--keep", type=int, help=describe(IndexerSettings, "keep"))
@json_option
def index(sources: tuple[str, ...], index: Path | None, model: str | None, keep: int | None, as_json: bool) -> None:
    """Read articles, embed them, and publish a new snapshot.

    \b
    seealso index articles.jsonl.gz --index var/index
    zcat articles.jsonl.gz | seealso index - --index var/index
    seealso index saved-pages/ more.jsonl --index var/index

    A SOURCE is a file of JSON lines (.jsonl, .jsonl.gz), a saved web page (.html), a page copied as text (.txt), a
    folder of these, or '-' for JSON lines on standard input. A run replaces what was indexed before; name all sources.
    """
    settings = load_settings(IndexerSettings, index=index, model=model, keep=keep)
    configure_logs(settings.log_format, settings.log_level)
    console = Console(stderr=True, highlight=False, markup=False, width=width_of(sys.stderr))
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
                report.show(console, ("report", str(path)))
            raise
    assert report.snapshot is not None
    path = report.write(settings.index, report.snapshot)
    get_log().debug("snapshot_published", snapshot_id=report.snapshot, articles=report.articles)
    report.show(console, ("report", str(path)), ("next", f"{sys.argv[0]} serve --index {settings.index}"))
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
    Console(highlight=False, markup=False, width=width_of(sys.stdout)).print(table)


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
    manifest = _open_named(settings.index, snapshot_id).manifest
    size = sum(entry.bytes for entry in manifest.files.values())
    if as_json:
        click.echo(orjson.dumps({"id": manifest.id, "files": len(manifest.files), "bytes": size, "whole": True}))
    else:
        click.echo(
            f"{manifest.id} is whole: {manifest.counts.articles:,} articles, "
            f"{len(manifest.files)} files, {size:,} bytes"
        )


@click.command()
@click.argument("gold", required=False, type=click.Path(path_type=Path))
@index_option
@click.option("--snapshot", "snapshot_id", help="The snapshot to measure, if not the current one.")
@click.option(
    "--against",
    multiple=True,
    help="What to hold it against, on the same queries: a snapshot of the same folder, another index's folder, "
    f"a baseline ({', '.join(BASELINES)}), or '{ALL_BASELINES}' for every baseline. May be repeated.",
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with plots to this file.")
@json_option
def evaluate(
    gold: Path | None,
    index: Path | None,
    snapshot_id: str | None,
    against: tuple[str, ...],
    html: Path | None,
    as_json: bool,
) -> None:
    """Measure how good a snapshot's lists are.

    \b
    seealso evaluate --index var/index                     by the articles' own editor_related
    seealso evaluate gold.jsonl.gz --index var/index       by lines {"id": ..., "related": {id: grade}}
    seealso evaluate --index var/index --against all --html evaluation.html
    seealso evaluate --index var/index --against 20261124T061500Z-0123456789ab

    Lists are taken as they are before any rule. Each mean stands with its 95 % interval over queries, each difference
    with the p value of 'there is none'. The baselines embedding and rrf embed every article anew.
    """
    settings = load_settings(IndexerSettings, index=index)
    ours = _open_named(settings.index, snapshot_id)
    wanted = read_gold(gold) if gold else picks_of(ours)
    with reporter_for(Console(stderr=True, highlight=False, markup=False, width=width_of(sys.stderr))) as reporter:
        theirs = rankings_named(
            against, ours, encode_as(ours, reporter), lambda name: _open_against(settings.index, name)
        )
    evaluation = Evaluation.of(ranking_of(ours), theirs, wanted)
    if html:
        page = render_evaluation(evaluation, ours, str(gold) if gold else "the articles' own editor_related")
        html.write_text(page, encoding="utf-8")
        click.echo(f"the page is {html}", err=True)
    if as_json:
        click.echo(orjson.dumps(evaluation.as_json()))
    else:
        evaluation.show(Console(highlight=False, markup=False, width=width_of(sys.stdout)))


@click.command()
@click.argument("gold", required=False, type=click.Path(path_type=Path))
@index_option
@click.option("--dry-run", is_flag=True, help="Say what would come of it, and keep nothing.")
@json_option
def tune(gold: Path | None, index: Path | None, dry_run: bool, as_json: bool) -> None:
    """Fit weights and probabilities to a newsroom's own picks.

    \b
    seealso tune --index var/index                     to the articles' own editor_related
    seealso tune gold.jsonl.gz --index var/index       to lines {"id": ..., "related": {id: grade}}
    seealso tune --dry-run --index var/index

    Everything is judged on queries it was not fitted to; what does no better there than the recipe at hand is not
    taken. The recipe is kept in the index folder, and the next `seealso index` uses it.
    """
    settings = load_settings(IndexerSettings, index=index)
    snapshot = _open_named(settings.index, None)
    tuned = fit_recipe(snapshot, read_gold(gold) if gold else picks_of(snapshot))
    path = None
    if tuned.changed and not dry_run:
        with lock_index(settings.index):
            path = keep_recipe(settings.index, tuned.recipe)
    if as_json:
        click.echo(orjson.dumps(tuned.as_json()))
    else:
        tuned.show(Console(highlight=False, markup=False, width=width_of(sys.stdout)))
    if path:
        click.echo(f"kept in {path}; the next `seealso index` makes a snapshot by it", err=True)


def _open_named(index: Path, snapshot_id: str | None) -> Snapshot:
    """Open a snapshot by its id, the current one if none is given. Raises SnapshotMissing, SnapshotRefused."""
    chosen = snapshot_id or current_id(index)
    if not is_snapshot_id(chosen) or not snapshot_folder(index, chosen).is_dir():
        raise SnapshotMissing(index, f"none has the id {chosen!r}; `seealso snapshots` lists them")
    return open_snapshot(snapshot_folder(index, chosen))


def _open_against(index: Path, name: str) -> Snapshot:
    """Open the current snapshot of an index folder, or a snapshot of this one by its id."""
    return open_current(Path(name)) if Path(name).is_dir() else _open_named(index, name)


def _manifest_or_reason(index: Path, snapshot_id: str) -> Manifest | str:
    try:
        return read_manifest(snapshot_folder(index, snapshot_id))
    except SnapshotRefused as error:
        return error.reason
