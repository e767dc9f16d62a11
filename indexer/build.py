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

from indexer.eventful import EVENTFUL_RECIPE, eventful
from indexer.lock import lock_index
from indexer.neighbours import find_neighbours
from indexer.progress import Reporter
from indexer.publish import clear_remains, current_or_none, kept_recipe, prune, publish
from indexer.report import Report
from indexer.sources.source import Found, PageCard, Quarantined, Source
from indexer.stories import STORY_RECIPE, find_stories
from seealso.article import Article
from seealso.encoder import Encoder, Vectors
from seealso.errors import NothingToIndex, SnapshotRefused
from seealso.lexical import build_terms
from seealso.passages import Passage, Tokenizer, cut_passages
from seealso.relatedness import described
from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.manifest import read_manifest
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.vectors import VectorIndex
from seealso.snapshot.writer import SnapshotContent, write_snapshot
from seealso.space import PASSAGE_DTYPE, PassageVectors, Space, fit_space

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
        recipe = kept_recipe(index)
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
            passage_vectors = embed(passages, encoder, report, reporter)
            space, vectors = place(articles, passages, passage_vectors, encoder)
        with report.timed("terms"):
            reporter.stage("Terms", len(articles), "articles")
            texts = ((article.title, article.text, article.language) for article in articles)
            terms, words = build_terms(texts, reporter.advance)
        with report.timed("neighbours"):
            reporter.stage("Neighbours", len(articles), "articles")
            searchable = VectorIndex.of(vectors)
            neighbours = find_neighbours(searchable, vectors, terms, recipe, reporter.advance)
        with report.timed("stories"):
            shared = neighbours.shared(terms.articles.squares())
            stories = find_stories(articles, neighbours, shared)
        with report.timed("write"):
            reporter.stage("Snapshot", 1, "snapshots")
            content = SnapshotContent(
                articles=articles,
                passages=passages,
                passage_vectors=passage_vectors,
                space=space,
                vectors=searchable,
                terms=terms,
                words=words,
                neighbours=neighbours.rows,
                scores=neighbours.scores,
                cohorts=neighbours.cohorts,
                stories=stories,
                eventful=eventful(articles, neighbours.rows, shared),
                model=encoder.identity,
                recipe=described(recipe) | {"stories": STORY_RECIPE, "eventful": EVENTFUL_RECIPE},
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


def embed(passages: list[list[Passage]], encoder: Encoder, report: Report, reporter: Reporter) -> PassageVectors:
    """Return all passages' vectors in order: float16, passages x dimension."""
    reporter.stage("Embedding", report.passages, "passages")
    texts = [passage.text for cut in passages for passage in cut]
    return encoder.encode(texts, reporter.advance).astype(PASSAGE_DTYPE)


def place(
    articles: list[Article], passages: list[list[Passage]], passage_vectors: PassageVectors, encoder: Encoder
) -> tuple[Space, Vectors]:
    """Return the space of this archive, and one vector an article: float32, articles x dimension, unit length.

    Raises NothingToIndex, naming the article, if the model gave it a vector that is not finite, or none at all.
    """
    counts = np.array([len(cut) for cut in passages], np.int64)
    usable = np.isfinite(passage_vectors).all(axis=1) & passage_vectors.any(axis=1)
    broken = np.unique(np.repeat(np.arange(len(counts)), counts)[~usable])
    if len(broken):
        names = ", ".join(articles[row].id for row in broken[:5])
        raise NothingToIndex(
            f"the model {encoder.identity} gives no usable vector for {len(broken):,} articles ({names})"
        )
    languages = [article.language for article in articles]
    space = fit_space(passage_vectors, counts, languages)
    return space, space.article_vectors(passage_vectors, counts, languages)
