"""The night's report, a dictionary -> the sections of its page: what each is called, says and shows.

A section whose numbers the report lacks is None. It knows neither HTML nor how a plot is drawn.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from indexer.night_parts import (
    ROWS_MAX,
    Gate,
    Gates,
    Lists,
    Part,
    Section,
    Table,
    Verdict,
    part_of_histogram,
    part_of_months,
    rows_of,
    table_of,
)
from indexer.plots import Column, Estimate, Role, plot_columns, plot_estimates, plot_rows
from indexer.wording import NO_BREAK, count_text, cut_text, memory_text, plural, seconds_text, share_text, signed_text

Report = Mapping[str, Any]

LANGUAGES_MAX = 7
REASONS_MAX = 8
# As many quarantined records as are named; the report's JSON has more.
QUARANTINED_MAX = 200
# As many articles of a story as tell what it is about.
TITLES_MAX = 6
# Articles of more passages than these are one column.
PASSAGES_MAX = 12
# Gates whose value must not fall below the limit, and those where it must not rise above it.
AT_LEAST = {"articles", "kept", "texts", "overlap"}
AT_MOST = {"quarantine", "takedowns", "languages", "hubs", "links"}
# Gates of a change since yesterday, in points: which way it is held back.
CHANGES = {"empty-blocks": 1, "picks": -1}
FAILED = {"failed", "overridden"}

KINDS: Mapping[str, Role] = {"new": "better", "changed": "ours", "removed": "worse"}


def sections_of(report: Report) -> tuple[list[Section], list[str]]:
    """Return the sections that the report has numbers for, and the names of those it has none for."""
    found = {name: make(report) for name, make in SECTIONS.items()}
    return [each for each in found.values() if each], [name for name, each in found.items() if each is None]


def gates_of(report: Report) -> tuple[Gate, ...]:
    """Return the report's gates, those that failed first."""
    forced = set(report.get("forced", ()))
    gates = [_gate(each, forced) for each in report.get("gates", ())]
    return tuple(sorted(gates, key=lambda gate: gate.verdict not in FAILED))


def _gate(gate: Report, forced: set[str]) -> Gate:
    name, value, limit = str(gate.get("gate", "")), gate.get("value"), gate.get("limit")
    verdict: Verdict = "overridden" if name in forced else "failed"
    if gate.get("passed"):
        verdict = "not measured" if value is None else "passed"
    sign = "at least " if name in AT_LEAST else "at most " if name in AT_MOST else ""
    wanted = "" if limit is None else sign + _amount(limit).replace(f".0{NO_BREAK}%", f"{NO_BREAK}%")
    measured = _amount(value)
    if name in CHANGES:
        way = CHANGES[name]
        measured = "–" if value is None else f"{100 * way * value + 0.0:+.1f} points"
        wanted = "" if limit is None else f"a {'rise' if way > 0 else 'fall'} of at most {100 * limit:g} points"
    return Gate(
        name=name.replace("-", " "),
        verdict=verdict,
        value=measured,
        limit=wanted,
        said=cut_text(gate.get("says", "")).replace(" %", f"{NO_BREAK}%"),
        reason=cut_text(gate.get("reason", "")),
    )


def _amount(value: float | None) -> str:
    # A gate's value is a share, or a count where it is whole.
    if value is None:
        return "–"
    return share_text(value) if isinstance(value, float) else count_text(value)


def _section_of_gates(report: Report) -> Section | None:
    gates = gates_of(report)
    if not gates:
        return None
    return Section(
        "gates",
        "Gates",
        "What a new index has to be before it takes the place of the old one. Each limit but that of takedowns is a "
        "setting.",
        (Part(Gates(gates), place="wide"),),
    )


def _section_of_articles(report: Report) -> Section | None:
    kinds = {kind: report[kind] for kind in KINDS if kind in report}
    if "articles" not in report and not kinds:
        return None
    said = [plural(report["articles"], "article") + "." if "articles" in report else ""]
    if "unchanged" in report:
        said.append(f"{count_text(report['unchanged'])} are as they were the night before.")
    if report.get("carried"):
        said.append(f"{count_text(report['carried'])} are kept from earlier nights: a feed gives only its latest.")
    if report.get("undated"):
        said.append(f"{plural(report['undated'], 'has', 'have')} no date.")
    parts = []
    if kinds:
        of = [(kind, count, count_text(count), "") for kind, count in kinds.items()]
        parts.append(Part(plot_rows("Against the night before", of, KINDS)))
    if by_section := report.get("by_section"):
        parts.append(Part(rows_of(by_section, "By section", sum(by_section.values())), "tall"))
    if by_language := report.get("by_language"):
        parts.append(Part(rows_of(by_language, "By language", sum(by_language.values()), LANGUAGES_MAX)))
    if by_month := report.get("by_month"):
        parts.append(part_of_months(by_month))
    return Section("articles", "Articles", " ".join(filter(None, said)), tuple(parts))


def _section_of_sources(report: Report) -> Section | None:
    sources = report.get("sources")
    if not sources:
        return None
    rows = tuple(
        (
            cut_text(each.get("name", "")),
            *(_amount(each.get(key)) for key in ("read", "carried", "before")),
            _change(each.get("read"), each.get("carried"), each.get("before")),
            *(_amount(each.get(key)) for key in ("left_out", "quarantined")),
        )
        for each in sources
    )
    head = ("Source", "read", "of earlier nights", "the night before", "change", "left out", "quarantined")
    return Section(
        "sources",
        "Sources",
        "What each source gave. One that suddenly gives much less is more often broken than emptied.",
        (Part(Table("Records by source", head, rows, frozenset(range(1, 7))), place="wide"),),
    )


def _change(read: int | None, carried: int | None, before: int | None) -> str:
    if read is None or before is None:
        return "–"
    return signed_text(read + (carried or 0) - before)


def _section_of_quarantine(report: Report) -> Section | None:
    quarantined = report.get("quarantined")
    if quarantined is None:
        return None
    if not quarantined:
        return Section("quarantine", "Quarantined", "Nothing: every record that is an article could be read as one.")
    count = report.get("quarantined_count") or len(quarantined)
    rest = count - QUARANTINED_MAX
    rows = tuple(
        (cut_text(each.get("where", "")), cut_text(each.get("reason", ""))) for each in quarantined[:QUARANTINED_MAX]
    )
    reasons = Counter(cut_text(each.get("reason", "")) for each in quarantined)
    said = f"{plural(count, 'record')} could not be read as an article and stayed out of the index."
    parts = [
        Part(
            Table(f"The first {QUARANTINED_MAX}, and {rest:,} more" if rest > 0 else "All", ("Where", "Why"), rows),
            place="wide",
        )
    ]
    if 1 < len(reasons) < len(quarantined):
        parts.insert(0, Part(rows_of(reasons, "By reason", len(quarantined), REASONS_MAX), place="wide"))
    return Section("quarantine", "Quarantined", said, tuple(parts))


def _section_of_leavings(report: Report) -> Section | None:
    if "left_out" not in report and "unknown_keys" not in report:
        return None
    left_out, unknown = report.get("left_out", {}), report.get("unknown_keys", {})
    said = []
    if count := report.get("without_url"):
        said.append(f"{plural(count, 'article has', 'articles have')} no address: their cards cannot be links.")
    if count := report.get("with_markup"):
        said.append(f"The bodies of {plural(count, 'article')} hold HTML, which is embedded as if it were words.")
    if not left_out and not unknown:
        said.append("No record was left out, and every key was known.")
    parts = [
        Part(rows_of(counts, caption, role="theirs"))
        for counts, caption in ((left_out, "Records, by why"), (unknown, "Unknown keys, by records that have them"))
        if counts
    ]
    return Section("left-out", "Left out", " ".join(said), tuple(parts))


def _section_of_passages(report: Report) -> Section | None:
    passages = report.get("passages")
    if passages is None:
        return None
    dry = report.get("outcome") == "dry run"
    said = [plural(passages, "passage") + (f" of {count_text(report['tokens'])} tokens" if "tokens" in report else "")]
    said[0] += ", nothing cut."
    if "longest" in report and "passages_of_longest" in report:
        said.append(
            f"The longest article, {cut_text(report['longest'])}, has {count_text(report['passages_of_longest'])}."
        )
    parts = []
    if counts := report.get("passages_per_article"):
        folded: Counter[int] = Counter()
        for number, count in counts.items():
            folded[min(int(number), PASSAGES_MAX)] += count
        last = f"{PASSAGES_MAX}+"
        per_article = {
            last if number == PASSAGES_MAX else str(number): folded[number]
            for number in range(min(folded), max(folded) + 1)
        }
        columns = [Column(plural_name(name), count, name) for name, count in per_article.items()]
        parts.append(
            Part(
                plot_columns("Articles by their number of passages", "passages of an article", "articles", columns),
                numbers=table_of("Articles by passages", "passages", "articles", per_article),
            )
        )
    if "embedded" in report or "reused" in report:
        names = ("would be embedded" if dry else "embedded", "known already")
        counts = {name: report[key] for name, key in zip(names, ("embedded", "reused"), strict=True) if key in report}
        parts.append(Part(rows_of(counts, "Vectors of the passages", passages)))
    return Section("passages", "Passages", " ".join(said), tuple(parts))


def plural_name(count: str) -> str:
    """Return a number of passages, which may be "12+", with its word."""
    return f"{count} passage" + ("" if count == "1" else "s")


def _section_of_short(report: Report) -> Section | None:
    short = report.get("too_short")
    if short is None:
        return None
    count = report.get("too_short_count", len(short))
    if not count:
        return Section("too-short", "Too short", "No article is too short to tell what it is about.")
    said = f"{plural(count, 'article has', 'articles have')} too few words for a list worth showing."
    caption = f"The shortest {len(short)} of {count:,}" if count > len(short) else "The shortest first"
    rows = tuple((_name(each), cut_text(each.get("id", "")), _amount(each.get("words"))) for each in short)
    return Section(
        "too-short",
        "Too short",
        said,
        (Part(Table(caption, ("Article", "id", "words"), rows, frozenset({2})), place="wide"),) if rows else (),
    )


def _section_of_stories(report: Report) -> Section | None:
    stories = report.get("stories")
    if stories is None:
        return None
    if not stories.get("count"):
        return Section("stories", "Stories told twice", "No two articles tell the same story in nearly the same words.")
    said = (
        f"{plural(stories['count'], 'story', 'stories')} told in nearly the same words by "
        f"{plural(stories.get('articles', 0), 'article')}. A block shows one article of each."
    )
    lists = tuple(
        (plural(each.get("size", len(each.get("titles", ()))), "article"), _titles(each))
        for each in stories.get("largest", ())
    )
    return Section("stories", "Stories told twice", said, (Part(Lists(lists), place="wide"),) if lists else ())


def _titles(story: Report) -> tuple[str, ...]:
    titles = [cut_text(title) for title in story.get("titles", ())]
    rest = story.get("size", len(titles)) - min(len(titles), TITLES_MAX)
    return (*titles[:TITLES_MAX], *((f"… and {rest:,} more",) if rest > 0 else ()))


def _section_of_probabilities(report: Report) -> Section | None:
    found = report.get("probabilities")
    if not found or not found.get("counts") or not found.get("edges"):
        return None
    said = "How likely each article’s best candidate is to be called related; on the left are those that stand alone."
    if "empty_blocks" in report:
        said += f" {plural(report['empty_blocks'], 'block is', 'blocks are')} empty."
    return Section(
        "probabilities",
        "The best candidates",
        said,
        (part_of_histogram(found, "Articles by their best candidate", "probability", 1, "wide"),),
    )


def _section_of_hubs(report: Report) -> Section | None:
    shown = report.get("shown")
    if not shown:
        return None
    said = []
    if "never" in shown:
        of = f", {share_text(shown['never'] / report['articles'])} of all," if report.get("articles") else ""
        said.append(f"{plural(shown['never'], 'article')}{of} in no block.")
    if "hub_share" in shown:
        said.append(
            f"Hubs, which are in far more blocks than others, take {share_text(shown['hub_share'])} of all places."
        )
    hubs = [(_name(each), each.get("blocks", 0), _amount(each.get("blocks")), "") for each in shown.get("hubs", ())]
    parts = (Part(plot_rows("The most shown, by blocks", hubs[:ROWS_MAX]), place="wide"),) if hubs else ()
    return Section("hubs", "Everywhere and nowhere", " ".join(said), parts)


def _section_of_churn(report: Report) -> Section | None:
    churn = report.get("churn")
    if not churn:
        return None
    said = []
    if "overlap" in churn:
        of = (
            f" of {plural(churn['articles'], 'unchanged article')}" if "articles" in churn else " of unchanged articles"
        )
        said.append(f"{share_text(churn['overlap'])} of the first ten{of} are those of the night before.")
    parts = []
    if churn.get("counts") and churn.get("edges"):
        what = "overlap with the night before, per cent"
        parts.append(part_of_histogram(churn, "Articles by how much of their list is the same", what, 100, "half"))
    if churn.get("most_changed"):
        rows = tuple((_name(each), _amount(float(each.get("overlap", 0)))) for each in churn["most_changed"][:ROWS_MAX])
        parts.append(Part(Table("The most changed lists", ("Article", "the same"), rows, frozenset({1}))))
    return Section("churn", "Against the night before", " ".join(said), tuple(parts))


def _section_of_picks(report: Report) -> Section | None:
    picks = report.get("picks")
    if not picks or "recall" not in picks:
        return None
    recall = picks["recall"]
    said = f"{share_text(recall)} of what editors chose is in the block that the index gives"
    said += f", over {plural(picks['queries'], 'article')} they chose for." if "queries" in picks else "."
    if "low" in picks and "high" in picks:
        said += " The bar is the 95\u00a0% interval."
    low, high = picks.get("low", recall), picks.get("high", recall)
    estimates = [Estimate("this night", "", 100 * low, 100 * recall, 100 * high, "ours")]
    if "before" in picks:
        before = 100 * picks["before"]
        estimates.append(Estimate("the night before", "", before, before, before, "theirs"))
    spoken = "Recall of the editors’ picks: " + ", ".join(f"{each.name} {each.mean:.1f} per cent" for each in estimates)
    plot = plot_estimates(spoken, "recall of the editors’ picks, per cent", estimates, ".1f")
    return Section("picks", "Editors’ picks", said, (Part(plot, place="wide"),))


def _section_of_costs(report: Report) -> Section | None:
    seconds, memory = report.get("seconds"), report.get("memory_mb")
    if not seconds and not memory:
        return None
    said, parts = [], []
    if seconds:
        said.append(f"{seconds_text(sum(seconds.values()))} in all.")
        rows = [(stage, float(value), seconds_text(value), "") for stage, value in seconds.items()]
        parts.append(Part(plot_rows("Time by stage", rows)))
    if memory:
        said.append(
            f"At most {memory_text(max(memory.values()))} of memory; each bar is the most up to its stage’s end."
        )
        rows = [(stage, float(value), memory_text(value), "") for stage, value in memory.items()]
        parts.append(Part(plot_rows("Memory by stage", rows)))
    return Section("costs", "Time and memory", " ".join(said), tuple(parts))


def _name(each: Report) -> str:
    return cut_text(each.get("title") or each.get("id") or "without a title")


SECTIONS: Mapping[str, Callable[[Report], Section | None]] = {
    "gates": _section_of_gates,
    "articles": _section_of_articles,
    "sources": _section_of_sources,
    "quarantined records": _section_of_quarantine,
    "what was left out": _section_of_leavings,
    "passages": _section_of_passages,
    "articles that are too short": _section_of_short,
    "stories told twice": _section_of_stories,
    "the best candidates": _section_of_probabilities,
    "how often articles are shown": _section_of_hubs,
    "lists against the night before": _section_of_churn,
    "editors’ picks": _section_of_picks,
    "time and memory": _section_of_costs,
}
