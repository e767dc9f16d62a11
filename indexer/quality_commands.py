"""The indexer's commands about how good lists are: evaluate, tune."""

import sys
from pathlib import Path

import click
import orjson
from rich.console import Console

from indexer.baselines import BASELINES
from indexer.evaluation import Evaluation
from indexer.evaluation_page import render_evaluation
from indexer.gold import picks_of, read_gold
from indexer.progress import reporter_for, width_of
from indexer.rankings import ALL_BASELINES, encode_as, ranking_of, rankings_named
from indexer.recipe_file import keep_recipe
from indexer.snapshot_commands import index_option, json_option
from indexer.tune import tune as fit_recipe
from seealso.settings import IndexerSettings, load_settings
from seealso.snapshot.lock import lock_index
from seealso.snapshot.reader import open_current
from seealso.snapshot.rollback import open_named
from seealso.snapshot.snapshot import Snapshot


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
    ours = open_named(settings.index, snapshot_id)
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
    snapshot = open_named(settings.index, None)
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


def _open_against(index: Path, name: str) -> Snapshot:
    """Open the current snapshot of an index folder, or a snapshot of this one by its id."""
    return open_current(Path(name)) if Path(name).is_dir() else open_named(index, name)
