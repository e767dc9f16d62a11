"""One night from beginning to end: the sources opened, the index built, and then everybody told how it went.

Whatever becomes of the night is in its report; the report goes to the index folder, to Prometheus, and, if it is bad
news, to whom the settings name.
"""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from indexer.alarm import raise_alarm
from indexer.build import Limits, build_index
from indexer.delivery import Delivery
from indexer.distribute import distribution_of
from indexer.embedding import Alone, Embedder
from indexer.gates import GateLimits
from indexer.links import find_dead
from indexer.night_metrics import MetricsUnsent, push, write_textfile
from indexer.night_page import render_night
from indexer.progress import reporter_for
from indexer.report import Outcome, Report, write_report
from indexer.sources.choose import choose_source
from indexer.sources.fetch import Fetcher
from indexer.sources.open import fetch_limits, open_sources
from indexer.sources.source import Source
from seealso.cli import INTERRUPTED, exit_code_of, message_of
from seealso.editorial.store import find_store
from seealso.encoder import Encoder, fetch_encoder
from seealso.errors import GateFailed, IndexLocked, NothingToIndex, SeealsoError, SettingsInvalid, SourceShrunk
from seealso.extract import PageExtractor
from seealso.project import Project
from seealso.settings import IndexerSettings
from seealso.snapshot.store import SnapshotStore

REFUSALS = (GateFailed, SourceShrunk, NothingToIndex)


@dataclass(frozen=True, slots=True)
class Night:
    """What a night is to do. `named`: sources of the command line, in place of the project's."""

    settings: IndexerSettings
    project: Project
    named: Sequence[str] = ()
    dry_run: bool = False
    force: bool = False

    def limits(self) -> Limits:
        """Return what the settings allow."""
        fields = {
            name: getattr(self.settings, f"gate_{name}")
            for name in GateLimits.__dataclass_fields__
            if name != "source_min"
        }
        gates = replace(GateLimits(**fields), source_min=self.settings.source_min)
        left_out = tuple(self.project.sections_left_out)
        return Limits(self.settings.keep, gates, left_out, self.dry_run, self.force)

    def delivery(self) -> Delivery | None:
        """Return how other machines get the snapshot; None where there is no snapshot store."""
        settings = self.settings
        if settings.snapshot_store is None:
            return None
        store = SnapshotStore(settings.snapshot_store, settings.site)
        return Delivery(store, settings.snapshot_store_wait_s, settings.keep)

    def embedder(self) -> Callable[[Encoder], Embedder]:
        """Return what makes the embedder of an encoder. Raises ClusterUnavailable if no cluster can be asked at all."""
        if self.settings.on is None:
            return Alone
        from indexer.cluster import Cluster, check_installed

        check_installed(self.settings.on)
        return partial(Cluster, self.settings.on, partial(fetch_encoder, self.settings.model))

    def sources(self, extractor: PageExtractor, fetcher: Fetcher) -> list[Source]:
        """Return the sources. Raises SettingsInvalid if there are none, SourceUnreadable if one cannot be."""
        if self.named:
            for name in self.named:
                if self.named.count(name) > 1:
                    raise SettingsInvalid(f"{name} is named more than once; name each source once")
            return [choose_source(name, extractor) for name in self.named]
        if not self.project.source:
            raise SettingsInvalid(
                "no source is named, neither on the command line nor in a seealso.toml; see the README"
            )
        return open_sources(self.project, self.settings.index, extractor, fetcher)


def run_night(night: Night, console: Console) -> tuple[Report, Path | None]:
    """Run a night; return its report and the page it is on (None for a dry run).

    Raises what stopped it, after everybody has been told.
    """
    report = Report()
    settings = night.settings
    try:
        embedder_of = night.embedder()
        live = find_store(settings.index, settings.editorial, look_only=night.dry_run)
        if live is None and settings.editorial is not None:
            report.notices.append("SEEALSO_EDITORIAL names no file that is there: nothing put by the API is taken in")
        with (
            PageExtractor(settings.page_seconds_max) as extractor,
            Fetcher(fetch_limits(night.project.crawl)) as fetcher,
            reporter_for(console) as reporter,
        ):
            build_index(
                night.sources(extractor, fetcher),
                settings.index,
                lambda: fetch_encoder(settings.model),
                night.limits(),
                report,
                reporter,
                lambda addresses: find_dead(addresses, fetcher),
                live,
                embedder_of,
                night.delivery(),
                distribution_of(settings),
            )
        report.close("dry run" if night.dry_run else "published", 0)
    except BaseException as error:
        report.close(*_end_of(error))
        if not night.dry_run and not isinstance(error, IndexLocked):
            page = tell(report, settings, console)
            report.show(console, *([("report", str(page))] if page else []))
        raise
    return report, None if night.dry_run else tell(report, settings, console)


def tell_unstarted(error: SettingsInvalid, settings: IndexerSettings, console: Console) -> None:
    """Tell that a night could not begin, because the project's file is wrong."""
    report = Report()
    report.close(*_end_of(error))
    tell(report, settings, console)


def tell(report: Report, settings: IndexerSettings, console: Console) -> Path | None:
    """Keep the report, write and push its metrics, raise the alarm if it is bad news; return the report's page.

    What cannot be told is said on the console: it makes no night worse than it is.
    """
    facts = report.as_json()
    page = None
    try:
        page = write_report(settings.index, _name_of(report.started, report), facts, _page_of(facts))
    except OSError as error:
        console.print(f"the report could not be kept in {settings.index}: {error.strerror or error}")
    sends: list[Callable[[], None]] = []
    if settings.metrics_file:
        sends.append(partial(write_textfile, settings.metrics_file, facts, settings.site))
    if settings.metrics_push:
        sends.append(partial(push, settings.metrics_push, facts, site=settings.site))
    for send in sends:
        try:
            send()
        except MetricsUnsent as error:
            console.print(str(error))
    if report.outcome in ("refused", "failed"):
        told = raise_alarm(
            facts,
            settings.alarm_webhook,
            settings.alarm_command,
            report_file=page.resolve() if page else None,
            index=settings.index.resolve(),
        )
        for reason in told:
            console.print(reason)
    return page


def _page_of(facts: dict[str, Any]) -> str:
    """Return the report's page; if it cannot be drawn, one that says so: metrics and alarm go out all the same."""
    try:
        return render_night(facts)
    except Exception as error:  # whatever is wrong with the page, or missing for it
        return (
            "<!doctype html><title>seealso: a night</title><p>The page of this night could not be drawn, by a fault of "
            f"ours: {html.escape(repr(error))}. What is known of it is in the file beside, with the ending .json."
        )


def _end_of(error: BaseException) -> tuple[Outcome, int, str]:
    """Return how a night ended that an error ended: outcome, exit code, reason."""
    if isinstance(error, KeyboardInterrupt):
        return "failed", INTERRUPTED, "it was interrupted"
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return "failed", error.code, "it was told to stop (SIGTERM)"
    named = isinstance(error, SeealsoError | OSError)
    reason = message_of(error) if named else f"a fault of ours: {error!r}"
    return "refused" if isinstance(error, REFUSALS) else "failed", exit_code_of(error), reason


def _name_of(started: datetime, report: Report) -> str:
    return (
        report.snapshot
        if report.outcome == "published" and report.snapshot
        else f"{started:%Y%m%dT%H%M%SZ}-{report.outcome}"
    )
