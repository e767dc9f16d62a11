"""The night: sources -> articles -> passages -> vectors -> neighbours -> gates -> snapshot -> published.

Read `build_index` top to bottom; each stage is a function of its own. Nothing of it is visible to readers until the
last step, which is one rename.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from indexer.coming_back import coming_back, taken_down
from indexer.delivery import Delivery
from indexer.distribute import Distribution, distributing, tidy_engine
from indexer.embedding import (
    Alone,
    Embedder,
    Passages,
    cut_articles,
    embed_missing,
    look_up,
    seconds_to_embed,
    usable_vectors,
)
from indexer.eventful import EVENTFUL_RECIPE, eventful
from indexer.gates import (
    GateLimits,
    articles_gate,
    check_gates,
    for_manifest,
    kept_gate,
    note_gates,
    quarantine_gate,
    takedowns_gate,
    texts_gate,
)
from indexer.judging import (
    FindDead,
    check_sources,
    count_kept,
    judge_lists,
    key_of,
    open_yesterday,
    try_links,
    words_of,
)
from indexer.lists import lists_of_articles, lists_of_snapshot
from indexer.live import LiveTaken, forget_taken, keep_vectors, take_live_in
from indexer.map import MAP_RECIPE, STEPS, draw_map
from indexer.plain import plain_blocks
from indexer.progress import Reporter
from indexer.reading import read_articles
from indexer.recipe_file import kept_recipe
from indexer.relating import relate
from indexer.report import Report
from indexer.reuse import VectorStore
from indexer.sources.source import Found, Quarantined, Source
from indexer.stories import STORY_RECIPE
from seealso.editorial.store import Store
from seealso.encoder import Encoder
from seealso.errors import NothingToIndex, SnapshotMissing, SnapshotRefused, SnapshotStoreUnavailable, StoreUnavailable
from seealso.order import ORDER_RECIPE
from seealso.relatedness import described
from seealso.snapshot.facts import facts_of
from seealso.snapshot.layout import VECTORS, current_or_none, publish, published_ids, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.manifest import read_manifest
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.retention import clear_remains, prune, remove_snapshot
from seealso.snapshot.snapshot import Snapshot
from seealso.snapshot.writer import Origin, SnapshotContent, write_snapshot
from seealso.space import PassageVectors


@dataclass(frozen=True, slots=True)
class Limits:
    """What a night keeps to; see IndexerSettings. `dry_run`: publish nothing; `force`: publish whatever gates say."""

    keep: int = 3
    gates: GateLimits = field(default_factory=GateLimits)
    sections_left_out: tuple[str, ...] = ()
    dry_run: bool = False
    force: bool = False


def build_index(
    sources: Iterable[Source],
    index: Path,
    load_encoder: Callable[[], Encoder],
    limits: Limits,
    report: Report,
    reporter: Reporter,
    find_dead: FindDead | None = None,
    live: Store | None = None,
    embedder_of: Callable[[Encoder], Embedder] = Alone,
    delivery: Delivery | None = None,
    distribution: Distribution | None = None,
) -> None:
    """Index the sources, and the articles that were put into the store `live`, and publish the result.

    `embedder_of`: who embeds what is missing; `delivery`: to the machines that take their snapshots from a store;
    `distribution`: the search engine that is to have the snapshot, too. `report` is filled in on the way. Raises
    IndexLocked, StoreUnavailable, SourceUnreadable, SourceShrunk, NothingToIndex, GateFailed, ModelUnavailable,
    ClusterUnavailable, SnapshotStoreUnavailable, or OSError. After each of them, and after a kill at any point, the
    snapshot that was current before still is, whole.
    """
    sources = list(sources)
    with lock_index(index) if index.exists() or not limits.dry_run else nullcontext():
        if not limits.dry_run:
            clear_remains(index)
            if delivery is not None:
                delivery.take_up(index, report, limits.force)
            make_room(index, limits.keep, report)
        recipe = kept_recipe(index)
        yesterday, before = open_yesterday(index, report)
        with report.timed("read"):
            found = read_articles(sources, report, reporter, limits.sections_left_out)
            check_sources(sources, report, before, limits.gates, limits.force)
            found, taken = take_live_in(found, live, before, report, limits.sections_left_out, limits.force)
        if not found:
            raise NothingToIndex(f"no usable article in {_names(sources)}{_first_fault(report)}")
        hidden = taken_down(live)
        # What the articles tell already is judged before hours of embedding.
        early = [
            articles_gate(len(found), report.articles_before, limits.gates),
            kept_gate(count_kept(found, yesterday), len(yesterday or ()), limits.gates),
            quarantine_gate(report, limits.gates),
            takedowns_gate(coming_back([item.article for item in found], yesterday, hidden), len(hidden)),
        ]
        if limits.dry_run:
            note_gates(early, report)
        else:
            check_gates(early, report, limits.force)
        reporter.stage("Model", None, "")
        with report.timed("load model"):
            encoder = load_encoder()
        report.model = str(encoder.identity)
        with report.timed("cut"):
            passages = cut_articles([item.article for item in found], encoder, report, reporter)
        store = index / VECTORS
        if limits.dry_run:
            foresee(passages, store if store.exists() else None, encoder, embedder_of(encoder), report)
            return
        with VectorStore(store, encoder.identity) as vectors_kept, report.timed("embed"):
            keep_vectors(taken, vectors_kept, encoder)
            passage_vectors = look_up(passages, vectors_kept, report)
            embed_missing(passages, passage_vectors, vectors_kept, embedder_of(encoder), report, reporter)
            if vectors_kept.damaged:
                report.notices.append(f"{store} was damaged and has been begun anew; all was embedded")
        found, passages, passage_vectors = without_broken(found, passages, passage_vectors, encoder, report)
        articles = [item.article for item in found]
        related = relate(articles, passages, passage_vectors, recipe, report, reporter)
        with report.timed("compare"):
            reporter.stage("Gates", None, "")
            tonight = lists_of_articles(articles, related.neighbours.rows, related.neighbours.scores, recipe)
            last = lists_of_snapshot(yesterday) if yesterday is not None else None
            late = judge_lists(tonight, last, report, limits.gates)
            late += [
                texts_gate(related.words / len(articles), words_of(before), limits.gates),
                quarantine_gate(report, limits.gates),
                try_links(articles, find_dead, limits.gates),
            ]
        check_gates(late, report, limits.force)
        with report.timed("map"), threadpool_limits(1, user_api="blas"):
            reporter.stage("Map", STEPS, "steps")
            places = draw_map(related.vectors, related.neighbours.rows, reporter.advance)
        with report.timed("blocks"), threadpool_limits(1, user_api="blas"):
            found_eventful = eventful(articles, related.neighbours.rows, related.shared)
            facts = facts_of(articles, related.stories, found_eventful)
            plain = plain_blocks(facts, related.neighbours, related.searchable, recipe, reporter)
        with report.timed("write"):
            reporter.stage("Snapshot", None, "")
            content = SnapshotContent(
                articles=articles,
                passage_counts=passages.counts,
                passage_spans=passages.spans,
                passage_vectors=passage_vectors,
                tokens=int(passages.tokens.sum()),
                space=related.space,
                vectors=related.searchable,
                terms=related.terms,
                words=related.words,
                neighbours=related.neighbours.rows,
                scores=related.neighbours.scores,
                plain_blocks=plain,
                cohorts=related.neighbours.cohorts,
                map=places,
                searched=related.searched,
                facts=facts,
                model=encoder.identity,
                recipe=described(recipe)
                | {"stories": STORY_RECIPE, "eventful": EVENTFUL_RECIPE, "map": MAP_RECIPE, "order": ORDER_RECIPE},
            )
            origin = Origin(
                parent=report.parent,
                sources={key_of(tally.name): tally.given for tally in report.sources},
                gates=for_manifest(report),
                forced=report.forced,
                live=taken.upto,
            )
            report.snapshot = write_snapshot(index, content, datetime.now(UTC), origin)
        with report.timed("check"):
            whole = checked(index, report.snapshot)
            report.content = whole.manifest.content
        with distributing(distribution, whole, report, reporter):
            if delivery is not None:
                with report.timed("deliver"):
                    delivery.deliver(index, report.snapshot, report, reporter)
            make_current(index, whole, report)
        with report.timed("clean up"):
            # What leaves the store is still here, should it be rolled back to in that moment.
            stored = [] if delivery is None else delivery.clear_up(index, report.snapshot, report)
            clean_up(index, limits.keep, passages, encoder, report)
            forget_live(index, live, taken, report, delivery)
            if stored is not None:
                tidy_engine(distribution, {*published_ids(index), *stored}, report)


def make_room(index: Path, keep: int, report: Report) -> None:
    """Remove what nights left that did not end: if each left a snapshot, the disk would be full one day, and stay so.

    The newest one stays, which may still be delivered.
    """
    ids = published_ids(index)
    if current_or_none(index) in ids:
        try:
            report.removed_snapshots = prune(index, keep, besides=ids[-1])
        except OSError as error:
            report.notices.append(f"not all that is old could be removed: {error}; the next run tries again")


def foresee(passages: Passages, store: Path | None, encoder: Encoder, embedder: Embedder, report: Report) -> None:
    """Fill in what a night would embed, and how long that would take; nothing is written."""
    if store is None:
        report.embedded, report.reused = len(passages.missing), len(passages.digests) - len(passages.missing)
    else:
        with VectorStore(store, encoder.identity, look_only=True) as vectors_kept:
            look_up(passages, vectors_kept, report)
    with report.timed("sample"):
        report.embed_seconds_expected = round(seconds_to_embed(passages, encoder, embedder), 1)
        report.notices += embedder.notices


def without_broken(
    found: list[Found], passages: Passages, vectors: PassageVectors, encoder: Encoder, report: Report
) -> tuple[list[Found], Passages, PassageVectors]:
    """Quarantine the articles that the model gave a vector which is none, and return the others.

    Raises NothingToIndex if it has no vector for any.
    """
    owners = np.repeat(np.arange(len(found)), passages.counts)
    usable = np.ones(len(found), np.bool_)
    usable[owners[~usable_vectors(vectors)]] = False
    if usable.all():
        return found, passages, vectors
    for row in np.flatnonzero(~usable):
        item = found[row]
        reason = f"{item.article.id!r}: the model {encoder.identity} gives it no usable vector"
        report.quarantine(Quarantined(item.where, reason))
    if not usable.any():
        raise NothingToIndex(f"the model {encoder.identity} gives no article a usable vector")
    kept = [item for item, good in zip(found, usable, strict=True) if good]
    report.articles = len(kept)
    return kept, passages.of_articles(usable), vectors[usable[owners]]


def checked(index: Path, snapshot_id: str) -> Snapshot:
    """Open the snapshot that was just written. Raises SnapshotRefused, and leaves nothing of it, if it is not whole."""
    try:
        return open_snapshot(snapshot_folder(index, snapshot_id), anew=True)
    except SnapshotRefused:
        remove_snapshot(index, snapshot_id)
        raise


def make_current(index: Path, snapshot: Snapshot, report: Report) -> None:
    """Publish a snapshot, and note that it is served. Raises OSError if readers do not see it."""
    try:
        publish(index, snapshot.id)
    except BaseException as error:
        # The last step makes the pointer durable; readers see it already.
        if current_or_none(index) != snapshot.id:
            raise
        _note_served(snapshot, report)
        if not isinstance(error, OSError):
            raise
        report.notices.append(
            f"published, but the disk has not confirmed it ({error}); it may be gone after a power cut"
        )
    _note_served(snapshot, report)


def _note_served(snapshot: Snapshot, report: Report) -> None:
    report.served, report.snapshot_created = snapshot.id, snapshot.manifest.created


def clean_up(index: Path, keep: int, passages: Passages, encoder: Encoder, report: Report) -> None:
    """Remove old snapshots, and vectors that no article has any more. What cannot be removed fails no night."""
    try:
        report.removed_snapshots += prune(index, keep)
        with VectorStore(index / VECTORS, encoder.identity) as vectors_kept:
            vectors_kept.compact(passages.digests, models_of(index))
    except (OSError, SnapshotMissing) as error:
        report.notices.append(f"published, but not all that is old could be removed: {error}; the next run tries again")


def forget_live(index: Path, live: Store | None, taken: LiveTaken, report: Report, delivery: Delivery | None) -> None:
    """Remove what was taken in from the store, as far as it is of no use any more. It fails no night."""
    try:
        kept = [read_manifest(snapshot_folder(index, each)) for each in published_ids(index)]
        kept += [] if delivery is None or live is None else delivery.manifests()
        forget_taken(live, taken, kept)
    except (StoreUnavailable, SnapshotRefused, SnapshotStoreUnavailable) as error:
        report.notices.append(f"published, but what was taken in still stands in the store: {error}")


def models_of(index: Path) -> set[str]:
    """Return the digests of the models that made the snapshots which are kept."""
    digests = set()
    for snapshot_id in published_ids(index):
        try:
            digests.add(read_manifest(snapshot_folder(index, snapshot_id)).model.digest)
        except SnapshotRefused:
            continue
    return digests


def _names(sources: Collection[Source]) -> str:
    return ", ".join(source.name for source in sources)


def _first_fault(report: Report) -> str:
    if not report.quarantined:
        return ""
    first = report.quarantined[0]
    return f" ({report.quarantined_count:,} quarantined; the first: {first['where']}: {first['reason']})"
