"""An evaluation -> one HTML page with plots, for people who would rather look. It holds all it needs: no script, no
address that is fetched.

A section is a heading, what the plot shows, the plot, and the same numbers as a table; a new subject is one more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from indexer.calibration import Reliability
from indexer.evaluate import LIST_ITEMS_MAX, SHOWN_ITEMS, Difference, Lists, Values, times_shown
from indexer.evaluation import LEADING, Evaluation, Measured
from indexer.gold import Gold
from indexer.pages import render_page
from indexer.plots import (
    Chart,
    Dots,
    Estimate,
    Role,
    plot_concentration,
    plot_estimates,
    plot_reliability,
    plot_shares,
    plot_sorted,
    shares_by_tenth,
)
from seealso.snapshot.snapshot import Snapshot

OURS = "ours"
WORST_QUERIES = 20
# As many of a list as tell what went wrong.
WORST_SHOWN = 6
# Below this share of flips a difference is hardly chance.
P_MAX = 0.05


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers beside a plot; the first cell of a row is its heading."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One subject of the page; `anchor` is its address within it."""

    anchor: str
    title: str
    said: str
    plot: Chart | Dots
    table: Table


@dataclass(frozen=True, slots=True)
class Named:
    """An article by its title, and a word on it."""

    title: str
    note: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Worst:
    """A query that went badly: what people called related, and what the list has at its head."""

    article: str
    title: str
    value: float
    wanted: tuple[Named, ...]
    shown: tuple[Named, ...]


def render_evaluation(evaluation: Evaluation, snapshot: Snapshot, gold: str) -> str:
    """Return the page of an evaluation; `snapshot` holds the articles of ours, `gold` says where the gold is from."""
    sections = [_section_of_means(evaluation), _section_of_spread(evaluation)]
    if best := evaluation.best:
        sections.append(_section_of_differences(evaluation, best))
    sections += [_section_of_hubs(evaluation), _section_of_calibration(evaluation.calibration)]
    return render_page(
        "evaluation.html",
        manifest=snapshot.manifest,
        gold=gold,
        queries=len(evaluation.gold),
        skipped=evaluation.skipped,
        verdict=_verdict(evaluation),
        figures=_figures(evaluation.ours),
        sections=sections,
        worst=worst_queries(evaluation.gold, evaluation.ours, snapshot),
        leading=LEADING,
        shown_items=SHOWN_ITEMS,
        list_items=LIST_ITEMS_MAX,
    )


def worst_queries(gold: Gold, ours: Measured, snapshot: Snapshot) -> list[Worst]:
    """Return the WORST_QUERIES queries with the lowest LEADING measure, of equals those with the later first hit."""
    values, ranks = ours.quality.values[LEADING], ours.quality.values["MRR"]
    title = _titles(snapshot)
    order = np.lexsort((ranks, values))[:WORST_QUERIES]
    return [
        _worst(ours.quality.queries[place], float(values[place]), gold, ours.lists, title) for place in order.tolist()
    ]


def _worst(query: str, value: float, gold: Gold, lists: Lists, title: Callable[[str], str]) -> Worst:
    places = {article: place for place, article in enumerate(lists[query][:LIST_ITEMS_MAX], 1)}
    related = sorted(gold[query], key=lambda article: (-gold[query][article], places.get(article, len(places) + 1)))
    return Worst(
        article=query,
        title=title(query),
        value=value,
        wanted=tuple(
            Named(title(each), f"at {places[each]}" if each in places else f"not in the {LIST_ITEMS_MAX}", True)
            for each in related
        ),
        shown=tuple(Named(title(each), "", each in gold[query]) for each in lists[query][:WORST_SHOWN]),
    )


def _titles(snapshot: Snapshot) -> Callable[[str], str]:
    def title(article: str) -> str:
        row = snapshot.row_of(article)
        return str(orjson.loads(snapshot.card(row))["title"]) if row is not None else article

    return title


def _figures(ours: Measured) -> list[tuple[str, str, str]]:
    """Return the numbers at the head of the page: value, name, what it means."""
    recall = f"recall@{LIST_ITEMS_MAX}"
    return [
        (f"{ours.means[LEADING].mean:.3f}", LEADING, "how near the first ten are to the best possible ten"),
        (f"{ours.means['MRR'].mean:.3f}", "MRR", "one over the place of the first related article, on average"),
        (f"{ours.means[recall].mean:.1%}", recall, f"of what is related, found among the first {LIST_ITEMS_MAX}"),
        (f"{ours.shape.coverage:.1%}", "coverage", f"of the articles stand in some list of {SHOWN_ITEMS}"),
    ]


def _verdict(evaluation: Evaluation) -> str:
    best = evaluation.best
    if best is None:
        return ""
    gap, theirs = best.differences[LEADING], best.means[LEADING].mean
    other = best.name + (f", the best of {len(evaluation.theirs)} others," if len(evaluation.theirs) > 1 else "")
    chance = f"p = {_p_of(gap)}".replace("= <", "< ").replace(" ", "\u00a0")
    if gap.p > P_MAX:
        return f"Held against {other.rstrip(',')}: no difference that could not be chance ({chance})."
    share = f"{evaluation.ours.means[LEADING].mean / theirs - 1:+.0%}, ".replace("-", "−") if theirs else ""
    better = "Better" if gap.mean > 0 else "Worse"
    return f"{better} than {other} by {abs(gap.mean):.3f} {LEADING} ({share}{chance})."


def _p_of(gap: Difference) -> str:
    return "<0.001" if gap.p < 0.001 else f"{gap.p:.3f}"


def _section_of_means(evaluation: Evaluation) -> Section:
    all_of_them = (evaluation.ours, *evaluation.theirs)
    estimates = []
    rows = []
    for each in all_of_them:
        mean, gap = each.means[LEADING], each.differences.get(LEADING)
        name = _name(each, evaluation)
        estimates.append(Estimate(name, each.does, mean.low, mean.mean, mean.high, _role(each, evaluation)))
        cells: tuple[str, ...] = (name, f"{mean.mean:.3f}", f"{mean.low:.3f} to {mean.high:.3f}")
        if evaluation.theirs:
            cells += (_signed(gap.mean), _p_of(gap)) if gap else ("", "")
        rows.append(cells)
    said = "The dot is the mean over queries, the bar its 95 % interval: what other queries of the same kind may give."
    if evaluation.theirs:
        said += " Bars may overlap where the difference is sure all the same: p compares query by query."
    head = ("", LEADING, "95 % interval", *(("ours less it", "p") if evaluation.theirs else ()))
    return Section(
        anchor="means",
        title="How good the lists are",
        said=said,
        plot=plot_estimates(
            _spoken(f"{LEADING} with 95 % intervals", estimates), f"{LEADING}, more is better", estimates
        ),
        table=Table(f"{LEADING} over {len(evaluation.gold):,} queries", head, tuple(rows)),
    )


def _spoken(what: str, estimates: list[Estimate]) -> str:
    return f"{what}: " + ", ".join(f"{each.name} {each.mean:.3f}" for each in estimates)


def _section_of_spread(evaluation: Evaluation) -> Section:
    ours, best = evaluation.ours.quality.values[LEADING], evaluation.best
    theirs = best.quality.values[LEADING] if best else None
    columns = [shares_by_tenth(values) for values in (ours, theirs) if values is not None]
    return Section(
        anchor="spread",
        title="How the queries are spread",
        said="A mean hides whether all lists are middling or some are right and others hopeless. On the left are the "
        "queries whose first ten hold little that is related, on the right those that could hardly be better.",
        plot=plot_shares(
            f"Share of queries by {LEADING}; {columns[0][0]:.0%} of ours are below 0.1, {columns[0][-1]:.0%} above 0.9",
            f"{LEADING} of a query",
            ours,
            theirs,
            (OURS, best.name if best else ""),
        ),
        table=Table(
            f"Share of queries by {LEADING}",
            ("", OURS, *((best.name,) if best else ())),
            tuple(
                (f"{number / 10:.1f} to {number / 10 + 0.1:.1f}", *(f"{column[number]:.1%}" for column in columns))
                for number in range(10)
            ),
        ),
    )


def _section_of_differences(evaluation: Evaluation, best: Measured) -> Section:
    gaps = evaluation.ours.quality.values[LEADING] - best.quality.values[LEADING]
    better, worse = gaps[gaps > 1e-9], gaps[gaps < -1e-9]
    even = len(gaps) - len(better) - len(worse)
    rows = (
        ("ours is better", f"{len(better):,}", f"{len(better) / len(gaps):.1%}", _mean_of(better)),
        ("even", f"{even:,}", f"{even / len(gaps):.1%}", ""),
        ("ours is worse", f"{len(worse):,}", f"{len(worse) / len(gaps):.1%}", _mean_of(worse)),
        ("all", f"{len(gaps):,}", "", _mean_of(gaps)),
    )
    return Section(
        anchor="differences",
        title=f"Query by query against {best.name}",
        said=f"Every query's {LEADING} less that of {best.name} ({best.does}), from the largest gain to the largest "
        "loss.",
        plot=plot_sorted(
            f"Ours is better for {len(better):,} queries, worse for {len(worse):,}, even for {even:,}",
            "queries, by their difference",
            f"{LEADING} of ours less theirs",
            gaps,
        ),
        table=Table(f"Queries against {best.name}", ("", "queries", "share", "mean difference"), rows),
    )


def _mean_of(gaps: Values) -> str:
    return _signed(float(gaps.mean())) if len(gaps) else ""


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _section_of_calibration(found: Reliability) -> Section:
    said = [(each.said, each.found) for each in found.bins]
    rows = tuple((f"{each.said:.1%}", f"{each.found:.1%}", f"{each.pairs:,}") for each in found.bins)
    return Section(
        anchor="calibration",
        title="Whether probabilities keep their word",
        said="The best candidates of each query, a tenth of them at a time, from the least to the most likely: what "
        "was said of them, and how many of them people call related. On the straight line, the one is the other; below "
        f"it, too much was promised. They are off by {found.error:.3f} on average (expected calibration error).",
        plot=plot_reliability(
            f"What was said against what was found, off by {found.error:.3f} on average",
            "probability that was said",
            "share that is related",
            said,
        ),
        table=Table("Pairs by what was said of them", ("said", "found", "pairs"), rows),
    )


def _section_of_hubs(evaluation: Evaluation) -> Section:
    best = evaluation.best
    measured = [evaluation.ours, *([best] if best else [])]
    counts = []
    rows = []
    for each in measured:
        shown = times_shown(each.lists)
        numbers = np.array(sorted((shown[article] for article in each.lists), reverse=True), np.int64)
        name = _name(each, evaluation)
        counts.append((_role(each, evaluation), name, numbers))
        rows.append(
            (
                name,
                f"{each.shape.never_shown:,}",
                f"{each.shape.most_shown[1]:,}",
                _held_by(numbers, 0.01),
                _held_by(numbers, 0.1),
                f"{each.shape.diversity:.3f}",
            )
        )
    return Section(
        anchor="hubs",
        title="Whether a few articles are everywhere",
        said=f"Some articles are near to everything and push into every list. Of all places in lists of {SHOWN_ITEMS}, "
        "the curve tells which share the most shown articles take: the nearer to the straight line, the more of the "
        "archive is shown.",
        plot=plot_concentration(
            f"The most shown tenth of the articles takes {rows[0][4]} of all places",
            "articles, the most shown first",
            "share of all places in lists",
            counts,
        ),
        table=Table(
            f"Lists of {SHOWN_ITEMS}",
            ("", "never shown", "most lists of one", "held by top 1 %", "by top 10 %", "diversity"),
            tuple(rows),
        ),
    )


def _held_by(numbers: NDArray[np.int64], share: float) -> str:
    count = max(1, round(len(numbers) * share))
    return f"{numbers[:count].sum() / max(1, numbers.sum()):.1%}"


def _name(each: Measured, evaluation: Evaluation) -> str:
    return OURS if each is evaluation.ours else each.name


def _role(each: Measured, evaluation: Evaluation) -> Role:
    return "ours" if each is evaluation.ours else "theirs"
