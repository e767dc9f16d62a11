"""Live articles -> the night's: what was put and removed since the last one is taken in, beside what sources give.

Of an article that both have, the later version counts, by when it was `updated`; a live one that does not say it is of
the moment when it was put. Where a source does not say, the live version counts until a night has taken it in, and the
source's from then on. What was removed comes back only if a source has a later version.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from indexer.report import Report, SourceTally
from indexer.reuse import VectorStore, digest_of
from indexer.sources.source import Found
from seealso.article import Article, folded
from seealso.editorial.articles import LiveArticle, forget_articles, is_another_store, read_articles
from seealso.editorial.store import Store
from seealso.encoder import Encoder
from seealso.errors import StoreUnavailable
from seealso.passages import cut_passages
from seealso.snapshot.manifest import Manifest, TakenIn

NAME = "put and removed"
LOST = (
    "{where}, and what was put by the API would be gone from the index, what was removed be back. See to its path "
    "(SEEALSO_EDITORIAL) or its volume, put a copy back (`seealso store restore`), or go on without it (`--force`)"
)


@dataclass(slots=True)
class LiveTaken:
    """What was taken in: up to which change of the store, and what became of it.

    `since_last`: the articles that no night had taken in before; `of_sources`: ids of those that are as a source has
    them; `came`: all ids that sources gave.
    """

    upto: TakenIn | None = None
    since_last: list[LiveArticle] = field(default_factory=list)
    of_sources: set[str] = field(default_factory=set)
    came: set[str] = field(default_factory=set)


def take_live_in(
    found: list[Found],
    store: Store | None,
    before: Manifest | None,
    report: Report,
    sections_left_out: Collection[str] = (),
    force: bool = False,
) -> tuple[list[Found], LiveTaken]:
    """Return the articles of sources and store together, ordered by id.

    `before`: of the snapshot of the last night, None if there is none. Raises StoreUnavailable, also where that night
    had a store and now there is none, or another one, unless it is to be done by `force`.
    """
    taken, kept = LiveTaken(came={item.article.id for item in found}), list[LiveArticle]()
    if store is not None:
        taken.upto, kept = read_articles(store)
    if (where := _lost(store, taken.upto, before)) is not None:
        if not force:
            raise StoreUnavailable("of the last night", LOST.format(where=where))
        report.forced.append("editorial store")
    if taken.upto is None:
        return found, taken
    unwanted = {folded(section) for section in sections_left_out}
    every, tally = {item.article.id: item for item in found}, SourceTally(NAME)
    for live in kept:
        new = _is_new(live, before, taken.upto)
        if new:
            taken.since_last.append(live)
        article = None if live.record is None else Article.model_validate_json(live.record)
        source = every.get(live.id)
        if source is not None and _is_later(source.article, live, article, new):
            taken.of_sources.add(live.id)
        elif article is None or folded(article.section or "") in unwanted:
            tally.left_out += every.pop(live.id, None) is not None
        else:
            every[live.id] = Found(article, f"{NAME}, change {live.sequence}")
            tally.read += 1
    if kept:
        report.sources.append(tally)
    report.articles = len(every)
    return [item for _, item in sorted(every.items())], taken


def keep_vectors(taken: LiveTaken, vectors: VectorStore, encoder: Encoder) -> None:
    """Put what was embedded when articles came where the night looks for it, as far as its model did it."""
    identity = encoder.identity
    for live in taken.since_last:
        if live.record is None or live.embedded is None or live.embedded.model != identity.digest:
            continue
        article = Article.model_validate_json(live.record)
        passages = cut_passages(article.title, article.text, article.language, encoder)
        if len(passages) == len(live.embedded.vectors):
            vectors.keep([digest_of(passage.text, identity) for passage in passages], live.embedded.vectors)


def forget_taken(store: Store | None, taken: LiveTaken, kept: Iterable[Manifest]) -> None:
    """Remove from the store what no snapshot that is kept has need of. Raises StoreUnavailable."""
    if store is not None:
        snapshots = [(each.id, each.live) for each in kept]
        forget_articles(store, snapshots, taken.of_sources, taken.came, datetime.now(UTC))


def _lost(store: Store | None, upto: TakenIn | None, before: Manifest | None) -> str | None:
    """Return where the store of the last night is not; None if this is the one, or that night had none."""
    last = None if before is None else before.live
    if last is None:
        return None
    if store is None or upto is None:
        return "it is not there"
    return f"another one is in its place, {store.name}" if is_another_store(upto.generation, last) else None


def _is_new(live: LiveArticle, before: Manifest | None, now: TakenIn) -> bool:
    """Return whether the last night has not taken an article in as it is now."""
    last = before.live if before is not None else None
    if last is None or live.moment > datetime.fromisoformat(last.read):
        return True
    return last.generation == now.generation and live.sequence > last.sequence


def _is_later(source: Article, live: LiveArticle, article: Article | None, new: bool) -> bool:
    """Return whether a source's version of an article counts, and not what was put or removed."""
    if source.updated is not None:
        return source.updated > ((article and article.updated) or live.moment)
    return article is not None and not new
