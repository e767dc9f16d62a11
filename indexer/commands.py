"""The indexer's commands about the night: index, check."""

import signal
import sys
from contextlib import nullcontext
from pathlib import Path

import click
import orjson
from rich.console import Console

from indexer.check import check_sources, show_checked
from indexer.night import Night, run_night, tell_unstarted
from indexer.progress import reporter_for, width_of
from indexer.snapshot_commands import index_option, json_option
from indexer.sources.fetch import Fetcher
from indexer.sources.open import fetch_limits
from seealso.errors import SettingsInvalid
from seealso.extract import PageExtractor
from seealso.logs import configure_logs, get_log
from seealso.project import Project, read_project
from seealso.settings import IndexerSettings, describe, load_settings
from seealso.snapshot.lock import lock_index

project_option = click.option("--project", type=click.Path(path_type=Path), help=describe(IndexerSettings, "project"))


@click.command()
@click.argument("sources", nargs=-1)
@index_option
@project_option
@click.option("--model", help=describe(IndexerSettings, "model"))
@click.option("--on", metavar="ADDRESS", help=describe(IndexerSettings, "on"))
@click.option("--keep", type=int, help=describe(IndexerSettings, "keep"))
@click.option("--dry-run", is_flag=True, help="Say what would be embedded and how long it would take; change nothing.")
@click.option("--force", is_flag=True, help="Publish though a gate fails, or a source shrank; the manifest records it.")
@json_option
def index(
    sources: tuple[str, ...],
    index: Path | None,
    project: Path | None,
    model: str | None,
    on: str | None,
    keep: int | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Read articles, embed what is new, and publish a snapshot.

    \b
    seealso index --index var/index                              what seealso.toml names
    seealso index articles.jsonl.gz --index var/index
    zcat articles.jsonl.gz | seealso index - --index var/index
    seealso index saved-pages/ more.jsonl --dry-run --index var/index
    seealso index articles.jsonl.gz --index var/index --on ray://head.example:10001

    A SOURCE is a file of JSON lines (.jsonl, .jsonl.gz), a table (.csv, .tsv, .parquet), a saved web page (.html), a
    page copied as text (.txt), a folder of these, or '-' for JSON lines on standard input. Sources that have an address
    (feeds, sitemaps, databases) are named in seealso.toml. A run replaces what was indexed before; name all sources.
    What is worse than yesterday is not published: docs/night.md.
    """
    console = Console(stderr=True, highlight=False, markup=False, width=width_of(sys.stderr))
    bare = load_settings(IndexerSettings, index=index, project=project, model=model, on=on, keep=keep)
    try:
        settings, wanted = _load(project, index=index, model=model, on=on, keep=keep)
    except SettingsInvalid as error:
        if not dry_run:
            tell_unstarted(error, bare, console)
        raise
    configure_logs(settings.log_format, settings.log_level)
    signal.signal(signal.SIGTERM, _stop)
    report, page = run_night(Night(settings, wanted, sources, dry_run, force), console)
    program = sys.argv[0]
    if dry_run:
        report.show(console, ("next", "the same without --dry-run"))
    else:
        get_log().debug("snapshot_published", snapshot_id=report.snapshot, articles=report.articles)
        kept = [("report", str(page))] if page else []
        report.show(console, *kept, ("next", f"{program} serve --index {settings.index}"))
    if as_json:
        click.echo(orjson.dumps(report.as_json()))


@click.command()
@click.argument("sources", nargs=-1)
@index_option
@project_option
@json_option
def check(sources: tuple[str, ...], index: Path | None, project: Path | None, as_json: bool) -> None:
    """Read the sources, and show five articles as they are understood.

    \b
    seealso check                              what seealso.toml names
    seealso check --project desk.toml
    seealso check articles.csv

    The sources are read to their end. Nothing is embedded, nothing published.
    """
    settings, wanted = _load(project, index=index)
    # What feeds and crawls remember is the night's: not while one runs.
    remembers = not sources and settings.index.exists()
    with (
        lock_index(settings.index) if remembers else nullcontext(),
        PageExtractor(settings.page_seconds_max) as extractor,
        Fetcher(fetch_limits(wanted.crawl)) as fetcher,
        reporter_for(Console(stderr=True, highlight=False, markup=False, width=width_of(sys.stderr))) as reporter,
    ):
        opened = Night(settings, wanted, sources).sources(extractor, fetcher)
        checked = check_sources(opened, wanted.sections_left_out, reporter)
    if as_json:
        click.echo(orjson.dumps(checked.as_json()))
    else:
        console = Console(highlight=False, markup=False, width=width_of(sys.stdout))
        show_checked(checked, settings.gate_quarantine_max, console)


def _stop(number: int, frame: object) -> None:
    """End the night as an error does, so that it is told."""
    raise SystemExit(128 + number)


def _load(project: Path | None, **options: object) -> tuple[IndexerSettings, Project]:
    """Return the settings and the project's file; its limits stand below environment and options."""
    named = load_settings(IndexerSettings, project=project).project
    wanted = read_project(named)
    return load_settings(IndexerSettings, wanted.limits, project=project, **options), wanted
