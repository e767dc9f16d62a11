"""Tonight's lists, and yesterday's -> what changed, and what all blocks look like: the numbers of report and gates."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.evaluate import SHOWN_ITEMS, Difference, Interval, Quality, difference, interval, measure
from indexer.lists import BLOCK_ITEMS, Lists
from seealso.overlaps import overlaps

# The share of articles that is called hubs: those which stand in most blocks.
HUB_ARTICLES_SHARE = 0.01
LISTED = 12
RECALL = f"recall@{SHOWN_ITEMS}"


@dataclass(frozen=True, slots=True)
class Changes:
    """How many articles came, changed, went and stayed; and of those whose text stayed, how much of their lists did.

    `rows`: of the articles with unchanged text, in tonight's lists; `overlaps` (float64): for each, the share of its
    first COMPARED_ITEMS of yesterday that are among its first as many of tonight. Only articles of both nights count,
    so that what is new, or gone, changes no list. Articles that had none yesterday are not among them.
    """

    new: int
    changed: int
    removed: int
    unchanged: int
    rows: NDArray[np.int64]
    overlaps: NDArray[np.float64]

    def as_report(self, tonight: Lists) -> dict[str, Any] | None:
        """Return what the report says of the lists; None if there are none to compare."""
        if not len(self.overlaps):
            return None
        counts, edges = np.histogram(self.overlaps, bins=10, range=(0.0, 1.0))
        worst = np.argsort(self.overlaps, kind="stable")[:LISTED]
        return {
            "articles": len(self.overlaps),
            "overlap": float(self.overlaps.mean()),
            "edges": edges.round(2).tolist(),
            "counts": counts.tolist(),
            "most_changed": [
                {
                    "id": tonight.ids[self.rows[place]],
                    "title": tonight.titles[self.rows[place]],
                    "overlap": float(self.overlaps[place]),
                }
                for place in worst
                if self.overlaps[place] < 1.0
            ],
        }


@dataclass(frozen=True, slots=True)
class Picks:
    """How much of the editors' picks the first SHOWN_ITEMS of the lists hold.

    `queries`: articles with a pick that is an article, `queries_before` those of yesterday; `tonight` is None where
    there are none; `change`: against yesterday, by the same picks.
    """

    queries: int
    queries_before: int
    tonight: Interval | None
    yesterday: float | None
    change: Difference | None

    def as_report(self) -> dict[str, Any] | None:
        """Return what the report says of it; None if there is nothing to measure."""
        if self.tonight is None:
            return None
        return {
            "queries": self.queries,
            "recall": self.tonight.mean,
            "low": self.tonight.low,
            "high": self.tonight.high,
            "before": self.yesterday,
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """What all blocks show together.

    `empty`: blocks with nothing, those of sensitive articles not among them; `empty_share`: of all blocks, the share
    with nothing, those of sensitive articles among them, which are `sensitive_share`; `never`: articles that no block
    shows; `hub_share`: the share of all places that the most shown HUB_ARTICLES_SHARE of articles take;
    `foreign_share`: the share of places with an article in another language, where as many as a block holds are in the
    own one; None where there are no such places; `labelled`: the share of articles whose language is known.
    """

    empty: int
    empty_share: float
    sensitive_share: float
    never: int
    hub_share: float
    hubs: list[tuple[int, int]]
    foreign_share: float | None
    labelled: float

    def as_report(self, tonight: Lists) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "never": self.never,
            "hub_share": self.hub_share,
            "hubs": [
                {"id": tonight.ids[row], "title": tonight.titles[row], "blocks": blocks} for row, blocks in self.hubs
            ],
        }


def changes_between(yesterday: Lists, tonight: Lists) -> Changes:
    """Return what changed from one night to the next."""
    before = {article_id: row for row, article_id in enumerate(yesterday.ids)}
    now = {article_id: row for row, article_id in enumerate(tonight.ids)}
    forth = np.array([now.get(article_id, -1) for article_id in yesterday.ids], np.int64)
    back = np.array([before.get(article_id, -1) for article_id in tonight.ids], np.int64)
    kept = [(before[article_id], row) for article_id, row in now.items() if article_id in before]
    unchanged = sum(yesterday.wholes[old] == tonight.wholes[new] for old, new in kept)
    same = [(old, new) for old, new in kept if yesterday.texts[old] == tonight.texts[new]]
    olds, news = np.array(same, np.int64).reshape(-1, 2).T
    stayed, compared = overlaps(yesterday.rows, tonight.rows, (olds, news), forth, back)
    had = compared > 0
    return Changes(
        new=len(tonight) - len(kept),
        changed=len(kept) - unchanged,
        removed=len(yesterday) - len(kept),
        unchanged=unchanged,
        rows=news[had],
        overlaps=stayed[had] / compared[had],
    )


def shown_in(lists: Lists) -> Shown:
    """Return what all blocks show together."""
    blocks = lists.blocks()
    filled = blocks >= 0
    nothing = ~filled.any(axis=1)
    times = np.bincount(blocks[filled], minlength=len(lists))
    order = np.argsort(-times, kind="stable")
    hubs = max(1, round(len(lists) * HUB_ARTICLES_SHARE))
    return Shown(
        empty=int((nothing & ~lists.sensitive).sum()),
        empty_share=float((nothing | lists.sensitive).sum()) / max(1, len(lists)),
        sensitive_share=float(lists.sensitive.sum()) / max(1, len(lists)),
        never=int((times == 0).sum()),
        hub_share=float(times[order[:hubs]].sum() / max(1, times.sum())),
        hubs=[(int(row), int(times[row])) for row in order[:LISTED] if times[row]],
        foreign_share=_foreign_share(lists, blocks),
        labelled=float((lists.languages != "").mean()),
    )


def picks_in(tonight: Lists, yesterday: Lists | None) -> Picks:
    """Return how the lists stand by the editors' picks of tonight's articles.

    Against yesterday by the same picks, of those articles that both nights have.
    """
    queries_before = _picked(yesterday) if yesterday is not None else 0
    gold = {query: dict.fromkeys(picks, 1.0) for query, picks in tonight.picks.items()}
    now = measure(_named(tonight, set(gold)), gold)
    if not now.queries:
        return Picks(0, queries_before, None, None, None)
    values = now.values[RECALL]
    alone = Picks(len(now.queries), queries_before, interval(values), None, None)
    if yesterday is None:
        return alone
    both = set(yesterday.ids) & set(tonight.ids)
    common = {query: {pick: 1.0 for pick in picks if pick in both} for query, picks in gold.items() if query in both}
    common = {query: grades for query, grades in common.items() if grades}
    if not common:
        return alone
    before, after = (measure(_named(each, set(common)), common) for each in (yesterday, tonight))
    change = difference(after.values[RECALL], before.values[RECALL])
    return replace(alone, yesterday=_mean(before), change=change)


def probabilities_of(lists: Lists) -> dict[str, list[float]] | None:
    """Return a histogram of each article's best candidate's probability; None if no article has a candidate."""
    if not lists.rows.shape[1]:
        return None
    best = lists.recipe.probability(lists.scores[lists.rows[:, 0] >= 0, 0])
    counts, edges = np.histogram(best, bins=20, range=(0.0, 1.0))
    return {"edges": edges.round(2).tolist(), "counts": counts.tolist()}


def _named(lists: Lists, queries: set[str]) -> dict[str, list[str]]:
    """Return the lists of some articles as ids; all others have none, and so can be found but ask nothing."""
    return {
        article_id: [lists.ids[other] for other in lists.rows[row] if other >= 0] if article_id in queries else []
        for row, article_id in enumerate(lists.ids)
    }


def _picked(lists: Lists) -> int:
    """Return how many articles have a pick that is an article."""
    known = set(lists.ids)
    return sum(any(pick in known for pick in picks) for picks in lists.picks.values())


def _mean(quality: Quality) -> float:
    return float(quality.values[RECALL].mean())


def _foreign_share(lists: Lists, blocks: NDArray[np.int32]) -> float | None:
    """Return the share of places with an article in another language, among articles whose own language has plenty."""
    spoken, numbers = np.unique(lists.languages, return_inverse=True)
    plenty = np.bincount(numbers, minlength=len(spoken)) > BLOCK_ITEMS
    plenty &= spoken != ""
    asked = (blocks >= 0) & plenty[numbers][:, np.newaxis]
    theirs = numbers[np.maximum(blocks, 0)]
    asked &= spoken[theirs] != ""
    if not asked.any():
        return None
    return float((theirs != numbers[:, np.newaxis])[asked].mean())
