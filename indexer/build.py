"""The pipeline: sources -> articles -> passages -> vectors -> neighbours -> snapshot -> published.

Read `build_index` top to bottom; each stage is a function of its own. Nothing of it is visible to readers until the
last step, which is one rename.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from indexer.lock import lock_index
from indexer.neighbours import find_neighbours
from indexer.progress import Reporter
from indexer.publish import clear_remains, current_or_none, prune, publish
from indexer.report import Report
from indexer.sources.source import Found, PageCard, Quarantined, Source
from seealso.article import Article
from seealso.encoder import Encoder, Vectors
from seealso.errors import NothingToIndex, SnapshotRefused
from seealso.passages import Passage, Tokenizer, cut_passages
from seealso.relatedness import RECIPE, article_vectors
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.manifest import read_manifest
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.vectors import VectorIndex
from seealso.snapshot.writer import SnapshotContent, write_snapshot

# Tags that a content system writes and no journalist does.
_MARKUP = re.compile(r"</?(?:p|div|br|a|span|strong|em|ul|li|h[1-6]|img|script|figure)\b[^<>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run keeps to; see IndexerSettings."""

    keep: int
    quarantined_share_max: float


def build_index(
    sources: Iterable[Source],
    index: Path,
    load_encoder: Callable[[], Encoder],
    limits: Limits,
    report: Report,
    reporter: Reporter,
) -> None:
    """Index the sources and publish the result; `report` is filled in on the way.

    Raises IndexLocked, SourceUnreadable, NothingToIndex, ModelUnavailable, or OSError. After each of them, and after a
    kill at any point, the snapshot that was current before still is, whole.
    """
    with lock_index(index):
        clear_remains(index)
        report.parent = current_or_none(index)
        report.articles_before = _articles_of(index, report.parent)
        with report.timed("read"):
            articles = read_articles(sources, report, reporter)
        check_quarantine(report, limits.quarantined_share_max)
        reporter.stage("Model", 1, "models")
        with report.timed("load model"):
            encoder = load_encoder()
        report.model = str(encoder.identity)
        reporter.advance()
        with report.timed("cut"):
            passages = cut_all(articles, encoder, report, reporter)
        with report.timed("embed"):
            vectors = embed(articles, passages, encoder, report, reporter)
        with report.timed("neighbours"):
            reporter.stage("Neighbours", len(articles), "articles")
            searchable = VectorIndex.of(vectors)
            neighbours, scores = find_neighbours(searchable, vectors, reporter.advance)
        with report.timed("write"):
            reporter.stage("Snapshot", 1, "snapshots")
            content = SnapshotContent(
                articles=articles,
                vectors=searchable,
                neighbours=neighbours,
                scores=scores,
                model=encoder.identity,
                recipe=RECIPE,
                passages=report.passages,
                tokens=report.tokens,
            )
            report.snapshot = write_snapshot(index, content, datetime.now(UTC), report.parent)
        with report.timed("check"):
            report.content = open_snapshot(snapshot_folder(index, report.snapshot)).manifest.content
        publish(index, report.snapshot)
        reporter.advance()
        report.removed_snapshots = prune(index, limits.keep)


def _articles_of(index: Path, snapshot_id: str | None) -> int:
    """Return how many articles a snapshot says it has; 0 if there is none, or it cannot be read."""
    try:
        return read_manifest(snapshot_folder(index, snapshot_id)).counts.articles if snapshot_id else 0
    except SnapshotRefused:
        return 0


def read_articles(sources: Iterable[Source], report: Report, reporter: Reporter) -> list[Article]:
    """Return all sources' usable articles, ordered by id. Of articles with the same id the first is kept."""
    reporter.stage("Articles", None, "articles")
    found: dict[str, Found] = {}
    for source in sources:
        for item in source.read():
            reporter.advance()
            if isinstance(item, Quarantined):
                report.quarantine(item)
            elif item.article.id in found:
                first = found[item.article.id].where
                report.quarantine(Quarantined(item.where, f"id: {item.article.id!r} is taken already by {first}"))
            else:
                report.unknown_keys.update(item.unknown_keys)
                found[item.article.id] = item
    report.articles = len(found)
    report.without_url = sum(item.article.url is None for item in found.values())
    report.with_markup = sum(_MARKUP.search(item.article.body) is not None for item in found.values())
    with_picks = take_page_cards(found.values(), report)
    return [with_picks[article_id] for article_id in sorted(with_picks)]


def take_page_cards(found: Iterable[Found], report: Report) -> dict[str, Article]:
    """Return the articles by id; the cards of a page's own block become its `editor_related`.

    A card counts where it is an article of this index: known by its address, else by its title or summary.
    """
    found = list(found)
    by_url = {item.article.url: item.article.id for item in found if item.article.url}
    by_text = {text: item.article.id for item in found for text in (item.article.summary, item.article.title) if text}

    def known(card: PageCard) -> str | None:
        return by_url.get(card.url or "") or by_text.get(card.title or "") or by_text.get(card.summary or "")

    articles = {}
    for item in found:
        article = item.article
        picks = [pick for pick in map(known, item.cards) if pick and pick != article.id]
        report.page_cards += len(item.cards)
        report.page_cards_known += len(picks)
        if picks and not article.editor_related:
            article = article.model_copy(update={"editor_related": list(dict.fromkeys(picks))})
        articles[article.id] = article
    return articles


def check_quarantine(report: Report, share_max: float) -> None:
    """Raise NothingToIndex if no article is usable, or too large a share is not."""
    bad = len(report.quarantined)
    if report.articles == 0:
        example = f"; the first: {report.quarantined[0]['where']}: {report.quarantined[0]['reason']}" if bad else ""
        raise NothingToIndex(f"no usable article in {', '.join(report.sources)} ({bad:,} quarantined{example})")
    share = bad / (bad + report.articles)
    if share > share_max:
        first = report.quarantined[0]
        raise NothingToIndex(
            f"{bad:,} of {bad + report.articles:,} articles are unusable, {share:.1%}; more than {share_max:.1%} stops "
            f"publishing. The first: {first['where']}: {first['reason']}. All are in the report's file; mend the "
            f"source, or allow more: SEEALSO_QUARANTINED_SHARE_MAX={math.ceil(share * 100) / 100} would do"
        )


def cut_all(articles: list[Article], tokenizer: Tokenizer, report: Report, reporter: Reporter) -> list[list[Passage]]:
    """Return each article's passages."""
    reporter.stage("Passages", len(articles), "articles")
    cut = []
    for article in articles:
        passages = cut_passages(article.title, article.text, article.language, tokenizer)
        report.passages += len(passages)
        report.tokens += sum(passage.tokens for passage in passages)
        if len(passages) > report.passages_of_longest:
            report.passages_of_longest, report.longest = len(passages), article.id
        cut.append(passages)
        reporter.advance()
    return cut


def embed(
    articles: list[Article], passages: list[list[Passage]], encoder: Encoder, report: Report, reporter: Reporter
) -> Vectors:
    """Return one vector an article: float32, articles x dimension, unit length.

    Raises NothingToIndex, naming the article, if the model gives it a vector that is not finite.
    """
    reporter.stage("Embedding", report.passages, "passages")
    texts = [passage.text for cut in passages for passage in cut]
    counts = np.array([len(cut) for cut in passages], np.int64)
    vectors = article_vectors(encoder.encode(texts, reporter.advance), counts)
    broken = np.flatnonzero(~(np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < 1e-3))
    if len(broken):
        names = ", ".join(articles[row].id for row in broken[:5])
        raise NothingToIndex(
            f"the model {encoder.identity} gives no usable vector for {len(broken):,} articles ({names})"
        )
    return vectors
