"""Sources -> the articles of the index: merged by id, ordered by id, and what could not be one counted.

The order in which sources are named is their order of precedence: of an article that several have, each field is that
of the first source which has it.
"""

import re
from collections.abc import Collection, Iterable

from indexer.progress import Reporter
from indexer.report import Report, SourceTally, count_bounded
from indexer.sources.source import Found, LeftOut, Noted, Quarantined, Source
from seealso.article import Article, folded, printable
from seealso.page import PageCard

# Tags that a content system writes and no journalist does.
_MARKUP = re.compile(r"</?(?:p|div|br|a|span|strong|em|ul|li|h[1-6]|img|script|figure)\b[^<>]*>", re.IGNORECASE)


def read_articles(
    sources: Iterable[Source], report: Report, reporter: Reporter, sections_left_out: Collection[str] = ()
) -> list[Found]:
    """Return all sources' usable articles with their picks, ordered by id.

    `sections_left_out`: articles of these sections are no part of the index, however their names are cased. Of two
    articles with the same id in one source, the first is taken.
    """
    unwanted = {folded(section) for section in sections_left_out}
    found: dict[str, Found] = {}
    for source in sources:
        reporter.stage(f"Read {source.name[-40:]}", None, "articles")
        tally = SourceTally(printable(source.name))
        report.sources.append(tally)
        for article_id, item in _read_source(source, tally, unwanted, report, reporter).items():
            earlier = found.get(article_id)
            found[article_id] = item if earlier is None else merged(earlier, item)
    found = {article_id: item for article_id, item in found.items() if not _is_of(unwanted, item)}
    report.articles = len(found)
    report.without_url = sum(item.article.url is None for item in found.values())
    report.with_markup = sum(_MARKUP.search(item.article.body) is not None for item in found.values())
    return [with_picks for _, with_picks in sorted(take_page_cards(found.values(), report).items())]


def _is_of(sections: set[str], item: Found) -> bool:
    return folded(item.article.section or "") in sections


def _read_source(
    source: Source, tally: SourceTally, unwanted: set[str], report: Report, reporter: Reporter
) -> dict[str, Found]:
    """Return a source's articles, those of unwanted sections included: they go once the sources are merged."""
    found: dict[str, Found] = {}
    for item in source.read():
        reporter.advance()
        if isinstance(item, LeftOut):
            tally.left_out += 1
            report.left_out[item.reason] += 1
        elif isinstance(item, Quarantined):
            tally.quarantined += 1
            report.quarantine(item)
        elif isinstance(item, Noted):
            report.notices.append(f"{item.where}: {item.says}")
        elif item.article.id in found:
            tally.quarantined += 1
            first = found[item.article.id].where
            report.quarantine(Quarantined(item.where, f"id: {item.article.id!r} is taken already by {first}"))
        elif _is_of(unwanted, item):
            tally.left_out += 1
            report.left_out[f"section {item.article.section}"] += 1
            found[item.article.id] = item
        else:
            tally.carried += item.earlier
            tally.read += not item.earlier
            count_bounded(report.unknown_keys, item.unknown_keys)
            found[item.article.id] = item
    report.carried += tally.carried
    return found


def merged(first: Found, later: Found) -> Found:
    """Return an article of two sources: the first's, with what it leaves empty as the later one has it."""
    ours, theirs = first.article, later.article
    missing = [name for name in Article.model_fields if getattr(ours, name) in (None, "", [])]
    if ours.image not in (None, theirs.image):  # what is said of another picture
        missing = [name for name in missing if not name.startswith("image_")]
    filled = {name: value for name in missing if (value := getattr(theirs, name)) not in (None, "", [])}
    return Found(
        ours.model_copy(update=filled) if filled else ours,
        first.where,
        tuple(dict.fromkeys(first.unknown_keys + later.unknown_keys)),
        first.cards or later.cards,
    )


def take_page_cards(found: Iterable[Found], report: Report) -> dict[str, Found]:
    """Return the articles by id; the cards of a page's own block become its `editor_related`.

    A card counts where it is an article of this index: known by its address, else by its title or summary.
    """
    found = list(found)
    by_url = {item.article.url: item.article.id for item in found if item.article.url}
    by_text = {text: item.article.id for item in found for text in (item.article.summary, item.article.title) if text}

    def known(card: PageCard) -> str | None:
        return by_url.get(card.url or "") or by_text.get(card.title or "") or by_text.get(card.summary or "")

    with_picks = {}
    for item in found:
        article = item.article
        picks = [pick for pick in map(known, item.cards) if pick and pick != article.id]
        report.page_cards += len(item.cards)
        report.page_cards_known += len(picks)
        if picks and not article.editor_related:
            article = article.model_copy(update={"editor_related": list(dict.fromkeys(picks))})
        with_picks[article.id] = Found(article, item.where)
    return with_picks
