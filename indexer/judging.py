"""Tonight's articles and lists, and yesterday's snapshot -> the numbers of the report, and the gates' results.

What the numbers are is in `comparison`, what is good enough in `gates`.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.comparison import Changes, changes_between, picks_in, probabilities_of, shown_in
from indexer.gates import (
    ARTICLES_LOST_MIN,
    Gate,
    GateLimits,
    empty_blocks_gate,
    hubs_gate,
    languages_gate,
    links_gate,
    overlap_gate,
    picks_gate,
)
from indexer.lists import Lists
from indexer.report import SHORT_WORDS_MAX, Report
from indexer.sources.source import Found, Source
from seealso.article import Article
from seealso.errors import SnapshotRefused, SourceShrunk
from seealso.snapshot.layout import current_or_none, published_ids, snapshot_folder
from seealso.snapshot.manifest import Manifest, read_manifest
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.snapshot import Snapshot

SHORT_LISTED = 50
STORIES_LISTED = 12

# Addresses -> those that lead nowhere, each with its reason.
FindDead = Callable[[list[str]], list[str]]


def open_yesterday(index: Path, report: Report) -> tuple[Snapshot | None, Manifest | None]:
    """Return the snapshot that tonight is compared with, and takes for its parent, with its manifest; None before the
    first.

    It is the current one. If that cannot be opened, it is the newest that can. Where none can, there may be a manifest
    alone, which says how many articles each source gave.
    """
    report.parent = current_or_none(index)
    ids = published_ids(index)
    ordered = list(dict.fromkeys([*([report.parent] if report.parent else []), *reversed(ids)]))
    for snapshot_id in ordered:
        try:
            yesterday = open_snapshot(snapshot_folder(index, snapshot_id))
        except SnapshotRefused as error:
            report.notices.append(f"tonight cannot be compared with {snapshot_id}: {error}")
            continue
        if snapshot_id != report.parent:
            report.notices.append(
                f"tonight is compared with {snapshot_id}, not with {report.parent or 'the current one'}"
            )
            report.parent = snapshot_id
        report.articles_before, report.snapshot_created = len(yesterday), yesterday.manifest.created
        return yesterday, yesterday.manifest
    for snapshot_id in ordered:
        with suppress(SnapshotRefused):
            manifest = read_manifest(snapshot_folder(index, snapshot_id))
            report.articles_before, report.snapshot_created = manifest.counts.articles, manifest.created
            report.notices.append(f"tonight is held against what {snapshot_id} says of itself, not against its lists")
            return None, manifest
    return None, None


def check_sources(
    sources: Sequence[Source], report: Report, before: Manifest | None, limits: GateLimits, force: bool
) -> None:
    """Raise SourceShrunk if a complete source gives far less than it did; see GateLimits.source_min.

    What it gives is what it lists and what it remembers.
    """
    for source, tally in zip(sources, report.sources, strict=True):
        tally.before = before.sources.get(key_of(tally.name)) if before else None
        if not source.complete or not tally.before or tally.before - tally.given < ARTICLES_LOST_MIN:
            continue
        if tally.given >= limits.source_min * tally.before:
            continue
        if not force:
            raise SourceShrunk(tally.name, tally.given, tally.before, limits.source_min)
        report.forced.append(f"source {tally.name}")


def key_of(name: str) -> str:
    """Return what a source's count is kept under: a file is the same however its path is spelt."""
    return os.path.abspath(name) if os.path.exists(name) else name


def count_kept(found: Sequence[Found], yesterday: Snapshot | None) -> int:
    """Return how many articles of a snapshot are there tonight by their ids."""
    return sum(yesterday.row_of(item.article.id) is not None for item in found) if yesterday is not None else 0


def describe_articles(articles: Sequence[Article], stories: NDArray[np.int32], report: Report) -> None:
    """Fill in what the articles are: sections, months, languages, the short ones, stories."""
    report.by_section = dict(Counter(article.section or "" for article in articles).most_common())
    months = Counter(f"{article.published:%Y-%m}" for article in articles if article.published)
    report.by_month = dict(sorted(months.items()))
    report.undated = sum(article.published is None for article in articles)
    report.by_language = dict(Counter(article.language or "" for article in articles).most_common())
    lengths = sorted((len(article.text.split()), article.id, article.title) for article in articles)
    short = [each for each in lengths if each[0] < SHORT_WORDS_MAX]
    report.too_short_count = len(short)
    report.too_short = [{"id": each, "title": title, "words": words} for words, each, title in short[:SHORT_LISTED]]
    numbers, sizes = np.unique(stories, return_counts=True)
    several = numbers[sizes > 1]
    largest = several[np.argsort(-sizes[sizes > 1], kind="stable")][:STORIES_LISTED]
    report.stories = {
        "count": len(several),
        "articles": int(sizes[sizes > 1].sum()),
        "largest": [
            {"size": len(rows), "titles": [articles[row].title for row in rows]}
            for rows in (np.flatnonzero(stories == number).tolist() for number in largest)
        ],
    }


def judge_lists(tonight: Lists, yesterday: Lists | None, report: Report, limits: GateLimits) -> list[Gate]:
    """Fill in what changed and how all blocks look, and return the gates that judge it."""
    changes: Changes | None = changes_between(yesterday, tonight) if yesterday is not None else None
    if changes:
        report.new, report.changed = changes.new, changes.changed
        report.removed, report.unchanged = changes.removed, changes.unchanged
        report.churn = changes.as_report(tonight)
    shown = shown_in(tonight)
    shown_before = shown_in(yesterday) if yesterday is not None else None
    report.empty_blocks, report.shown = shown.empty, shown.as_report(tonight)
    report.probabilities = probabilities_of(tonight)
    picks = picks_in(tonight, yesterday)
    report.picks = picks.as_report()
    return [
        empty_blocks_gate(shown, shown_before, limits),
        overlap_gate(changes, len(tonight), limits),
        picks_gate(picks, len(tonight), limits),
        languages_gate(shown, shown_before, len(tonight), limits),
        hubs_gate(shown, len(tonight), limits),
    ]


def words_of(before: Manifest | None) -> float:
    """Return how many words an article of a snapshot has on average; 0 without a snapshot."""
    return before.counts.words / before.counts.articles if before is not None else 0.0


def try_links(articles: Sequence[Article], find_dead: FindDead | None, limits: GateLimits) -> Gate:
    """Return the gate of dead links; a sample of addresses is asked, if that is wanted."""
    addresses = [article.url for article in articles if article.url]
    if find_dead is None or not limits.links_sample or not addresses:
        return links_gate([], 0, limits)
    # Evenly over the archive, other ones each night.
    rng = np.random.default_rng()
    sample = rng.choice(len(addresses), min(limits.links_sample, len(addresses)), replace=False)
    return links_gate(find_dead([addresses[place] for place in sample]), len(sample), limits)
