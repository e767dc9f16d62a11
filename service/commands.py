"""The service's commands: serve, related."""

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from seealso.errors import ServerUnavailable, SettingsInvalid, UnknownArticle
from seealso.logs import configure_logs, get_log
from seealso.project import read_block, read_placements, read_trial
from seealso.settings import WORKERS_FOLDER, ServiceSettings, as_environment, describe, load_settings
from seealso.sites import read_sites
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.store import SnapshotStore
from service.own_follower import OwnFollower
from service.own_redis import OwnRedis
from service.processes import noted_signals
from service.related import Item, related_to_article
from service.server import run_server, worker_count
from service.store_commands import index_option
from service.wanted import LIMIT_DEFAULT, LIMIT_MAX, Wanted


@click.command()
@index_option
@click.option("--host", help=describe(ServiceSettings, "host"))
@click.option("--port", type=int, help=describe(ServiceSettings, "port"))
@click.option("--workers", type=int, help=describe(ServiceSettings, "workers"))
@click.option("--threads", type=int, help=describe(ServiceSettings, "threads"))
@click.option("--sites", type=click.Path(path_type=Path), help=describe(ServiceSettings, "sites"))
def serve(
    index: Path | None, host: str | None, port: int | None, workers: int | None, threads: int | None, sites: Path | None
) -> None:
    """Answer with related articles over HTTP.

    \b
    seealso serve --index var/index
    seealso serve --index var/index --host 0.0.0.0 --port 8080 --workers 4
    seealso serve --sites sites.toml

    A snapshot that is published while it runs is picked up without a restart, and fetched from SEEALSO_SNAPSHOT_STORE
    where that names a snapshot store.
    """
    settings = load_settings(
        ServiceSettings, index=index, host=host, port=port, workers=workers, threads=threads, sites=sites
    )
    if index is not None and settings.sites is not None:
        raise click.UsageError(f"--index is of one site; {settings.sites} names several, each with its own")
    configure_logs(settings.log_format, settings.log_level, settings.site)
    served = read_sites(settings)
    for site in served:
        # One of several keeps no other back: its worker says so.
        if settings.sites is None and site.settings.index.exists() and not site.settings.index.is_dir():
            raise SettingsInvalid(f"the index folder {site.settings.index} is no folder; name one that is")
        for read in (read_placements, read_block, read_trial):
            read(site.settings.project)  # what is wrong in it is said here, once, not by each worker
    settings = settings.model_copy(update={"workers": worker_count(settings)})  # for the workers to know it too
    address = _free_address(settings.host, settings.port)
    told = noted_signals()
    with ExitStack() as running:
        environment = as_environment(settings)
        if settings.redis_url is None:
            server = running.enter_context(closing(OwnRedis()))
            server.keep_up()
            environment["SEEALSO_REDIS_URL"] = server.url  # also where it could not be started, for all to say so
        try:
            folder = running.enter_context(TemporaryDirectory(prefix="seealso-workers-", ignore_cleanup_errors=True))
            environment[WORKERS_FOLDER] = folder
        except OSError as error:
            get_log().warning("metrics_not_shared", reason=str(error))
        os.environ |= environment  # from which each worker reads its settings
        for site in served:
            if site.settings.snapshot_store is not None:
                SnapshotStore(site.settings.snapshot_store)  # what it lacks is said here, once
                try:
                    site.settings.index.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    reason = f"the index folder {site.settings.index} cannot be made ({error.strerror})"
                    if settings.sites is None:
                        raise SettingsInvalid(f"{reason}; name one that can") from None
                    get_log().error("site_not_followed", site=site.name, reason=f"{reason}; it is tried again")
                running.enter_context(closing(OwnFollower(site.name if settings.sites else None))).keep_up()
        get_log().info(
            "service_started",
            url=f"http://{settings.host}:{settings.port}",
            **({"index": str(settings.index)} if settings.sites is None else {"sites": str(settings.sites)}),
            workers=settings.workers,
        )
        run_server(settings, address, told)
        get_log().info("service_stopped")


@click.command()
@click.argument("article_id", required=False)
@index_option
@click.option("--all", "every", is_flag=True, help="Of every article, not of one.")
@click.option("--limit", type=click.IntRange(1), default=LIMIT_DEFAULT, show_default=True, help="At most so many.")
@click.option("--raw", is_flag=True, help="Relatedness alone: before any rule.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each article.")
def related(article_id: str | None, index: Path | None, every: bool, limit: int, raw: bool, as_json: bool) -> None:
    """Print the articles related to one, or to each.

    \b
    seealso related ARTICLE_ID --index var/index
    seealso related --all --limit 50 --json --raw --index var/index
    """
    if (article_id is None) != every:
        raise click.UsageError("name one article, or say --all")
    settings = load_settings(ServiceSettings, index=index)
    snapshot = open_current(settings.index, settings.model)
    limit_max = snapshot.manifest.counts.candidates if raw else LIMIT_MAX
    if limit > max(limit_max, LIMIT_MAX):
        raise click.BadParameter(f"at most {max(limit_max, LIMIT_MAX)} are kept for an article", param_hint="--limit")
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)
    for row in _rows(snapshot, article_id):
        items = _raw_items(snapshot, row, limit) if raw else related_to_article(snapshot, row, Wanted(limit=limit))
        if as_json:
            found = [
                {
                    "id": snapshot.article_id(item.row),
                    "score": round(item.score, 4),
                    "probability": round(item.probability, 4),
                }
                for item in items
            ]
            click.echo(orjson.dumps({"id": snapshot.article_id(row), "related": found}))
        elif items:
            console.print(_table(snapshot, row, items))
        else:
            console.print(f"nothing is to be shown under {snapshot.article_id(row)}")


def _rows(snapshot: Snapshot, article_id: str | None) -> Iterator[int]:
    if article_id is None:
        yield from range(len(snapshot))
        return
    row = snapshot.row_of(article_id)
    if row is None:
        raise UnknownArticle(article_id, snapshot.id)
    yield row


def _raw_items(snapshot: Snapshot, row: int, limit: int) -> list[Item]:
    rows, scores = snapshot.neighbours_of(row)
    chances = snapshot.recipe.probability(scores)
    return [Item(int(r), float(s), float(p)) for r, s, p in zip(rows[:limit], scores[:limit], chances, strict=False)]


def _table(snapshot: Snapshot, row: int, items: list[Item]) -> Table:
    def card(of: int) -> dict[str, Any]:
        fields: dict[str, Any] = orjson.loads(snapshot.card(of))
        return fields

    own = card(row)
    table = Table(
        title=f"{own['title']}  [{own['id']}]", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for name, justify in (
        ("chance", "right"),
        ("score", "right"),
        ("published", "left"),
        ("section", "left"),
        ("title", "left"),
        ("id", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold" if name in ("title", "id") else "ellipsis")  # type: ignore[arg-type]
    for item in items:
        shown = card(item.row)
        published = (shown["published"] or "")[:10]
        table.add_row(
            f"{item.probability:.0%}",
            f"{item.score:.2f}",
            published,
            shown["section"] or "",
            shown["title"],
            shown["id"],
        )
    return table


def _free_address(host: str, port: int) -> str:
    """Return the number of a host, on which the port is free.

    Raises ServerUnavailable if it is taken or not ours; the server would start beside what listens there.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            return str(place[0])
    except OSError as error:
        mend = "choose another with --host"
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            mend = "stop what listens there, or choose another with --port"
        raise ServerUnavailable(f"cannot listen on {host}:{port} ({error.strerror}); {mend}") from None
