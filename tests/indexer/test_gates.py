from dataclasses import replace

import numpy as np
import pytest

from indexer.comparison import Changes, Picks, Shown
from indexer.evaluate import Difference, Interval
from indexer.gates import (
    Gate,
    GateLimits,
    articles_gate,
    check_gates,
    empty_blocks_gate,
    for_manifest,
    hubs_gate,
    kept_gate,
    languages_gate,
    links_gate,
    overlap_gate,
    picks_gate,
    quarantine_gate,
    takedowns_gate,
    texts_gate,
)
from indexer.report import Report
from indexer.sources.source import Quarantined
from seealso.errors import GateFailed

LIMITS = GateLimits()
SHOWN = Shown(
    empty=2,
    empty_share=0.02,
    sensitive_share=0.0,
    never=5,
    hub_share=0.05,
    hubs=[],
    foreign_share=0.01,
    labelled=0.9,
)


NO_PICKS = Picks(0, 0, None, None, None)


def changes(overlap: float, count: int = 200) -> Changes:
    return Changes(0, 0, 0, count, np.arange(count), np.full(count, overlap))


def picks(change: Difference | None) -> Picks:
    return Picks(50, 50, Interval(0.7, 0.6, 0.8), 0.75 if change else None, change)


def holds(gate: Gate, value: float | None, *, passed: bool, said: str) -> None:
    assert (gate.value if gate.value is None else pytest.approx(gate.value)) == value
    assert gate.passed is passed
    assert said in gate.says
    assert len(gate.reason.split()) > 8


def test_fewer_articles() -> None:
    holds(articles_gate(900, 1_000, LIMITS), 0.9, passed=True, said="900 articles, 90.0% of yesterday's 1,000")
    holds(articles_gate(700, 1_000, LIMITS), 0.7, passed=False, said="at least 90.0% are wanted")
    # A handful is no broken source, however small the archive.
    holds(articles_gate(3, 5, LIMITS), 0.6, passed=True, said="are wanted, but fewer than 10 may always go")
    holds(articles_gate(5, 0, LIMITS), None, passed=True, said="no night before")


def test_articles_that_are_not_there_by_their_ids() -> None:
    holds(kept_gate(950, 1_000, LIMITS), 0.95, passed=True, said="950 of yesterday's 1,000 articles are there by")
    holds(kept_gate(0, 400, LIMITS), 0.0, passed=False, said="at least 90.0% are wanted")
    holds(kept_gate(3, 12, LIMITS), 0.25, passed=True, said="are wanted, but fewer than 10 may always go")
    holds(kept_gate(0, 0, LIMITS), None, passed=True, said="no night before")


def test_shorter_texts() -> None:
    holds(texts_gate(450.0, 500.0, LIMITS), 0.9, passed=True, said="450 words an article, 90.0% of yesterday's 500")
    holds(texts_gate(20.0, 500.0, LIMITS), 0.04, passed=False, said="at least 70.0% are wanted")
    holds(texts_gate(20.0, 0.0, LIMITS), None, passed=True, said="no night before")


def test_unusable_articles() -> None:
    report = Report(articles=99)
    holds(quarantine_gate(report, LIMITS), 0.0, passed=True, said="0 of 99")
    report.quarantine(Quarantined("a:1", "title: is empty"))
    holds(quarantine_gate(report, LIMITS), 0.01, passed=True, said="The first: a:1: title: is empty")
    report.quarantine(Quarantined("a:2", "x"))
    holds(quarantine_gate(report, LIMITS), 2 / 101, passed=False, said="2 of 101 articles are unusable, 2.0%")


def test_more_empty_blocks() -> None:
    holds(
        empty_blocks_gate(SHOWN, None, LIMITS), None, passed=True, said="(of sensitive articles 0.0%), and there is no"
    )
    worse = replace(SHOWN, empty_share=0.08)
    holds(empty_blocks_gate(worse, SHOWN, LIMITS), 0.06, passed=False, said="8.0% of blocks are empty, 2.0% yesterday")
    hidden = replace(worse, sensitive_share=0.07)
    holds(empty_blocks_gate(hidden, SHOWN, LIMITS), 0.06, passed=False, said="of sensitive articles 7.0%, 0.0% yester")
    holds(empty_blocks_gate(SHOWN, worse, LIMITS), -0.06, passed=True, said="the most")


def test_lists_that_changed_though_texts_did_not() -> None:
    holds(overlap_gate(changes(0.97), 200, LIMITS), 0.97, passed=True, said="97.0% of the first ten of 200 unchanged")
    holds(overlap_gate(changes(0.3), 200, LIMITS), 0.3, passed=False, said="at least 60.0%")
    holds(overlap_gate(changes(0.3, 20), 20, LIMITS), 0.3, passed=True, said="not held to a limit below 100 articles")
    holds(overlap_gate(None, 200, LIMITS), None, passed=True, said="no article with the same text")


def test_fewer_of_the_editors_picks() -> None:
    holds(picks_gate(NO_PICKS, 200, LIMITS), None, passed=True, said="no article has an editor's pick")
    holds(picks_gate(picks(None), 200, LIMITS), None, passed=True, said="70.0% of the picks of 50 articles")
    worse = Difference(-0.05, -0.08, -0.02, 0.001)
    holds(picks_gate(picks(worse), 200, LIMITS), 0.05, passed=False, said="-5.0 points against yesterday's 75.0%")
    by_chance = Difference(-0.05, -0.12, 0.02, 0.3)
    holds(picks_gate(picks(by_chance), 200, LIMITS), 0.05, passed=True, said="(-12.0 to +2.0)")
    one_pick = Difference(-1.0, -1.0, -1.0, 1.0)  # a single query has no spread, and proves nothing
    holds(picks_gate(picks(one_pick), 200, LIMITS), 1.0, passed=True, said="p = 1.000")
    little = Difference(-0.01, -0.015, -0.005, 0.001)
    holds(picks_gate(picks(little), 200, LIMITS), 0.01, passed=True, said="chance does not explain")


def test_other_languages() -> None:
    holds(languages_gate(SHOWN, SHOWN, 200, LIMITS), 0.01, passed=True, said="1.0% of places")
    holds(
        languages_gate(replace(SHOWN, foreign_share=0.3), None, 200, LIMITS),
        0.3,
        passed=False,
        said="at most 10.0% may",
    )
    holds(languages_gate(replace(SHOWN, foreign_share=None), None, 200, LIMITS), None, passed=True, said="no language")


def test_what_could_be_measured_yesterday_and_cannot_tonight() -> None:
    unlabelled = replace(SHOWN, labelled=0.0, foreign_share=None)
    holds(
        languages_gate(unlabelled, SHOWN, 200, LIMITS), None, passed=False, said="0.0% of articles state their language"
    )
    fewer = replace(SHOWN, labelled=0.6)
    holds(languages_gate(fewer, SHOWN, 200, LIMITS), None, passed=False, said="90.0% did yesterday; at least 70%")
    holds(languages_gate(unlabelled, unlabelled, 200, LIMITS), None, passed=True, said="no language")
    holds(languages_gate(unlabelled, SHOWN, 99, LIMITS), None, passed=True, said="no language")
    any_language = replace(LIMITS, languages_max=1.0)
    holds(languages_gate(unlabelled, SHOWN, 200, any_language), None, passed=True, said="any more")

    lost = Picks(0, 50, None, None, None)
    holds(
        picks_gate(lost, 200, LIMITS), None, passed=False, said="0 articles have an editor's pick in the index, 50 had"
    )
    holds(picks_gate(lost, 99, LIMITS), None, passed=True, said="no article has an editor's pick")
    holds(picks_gate(replace(lost, queries_before=9), 200, LIMITS), None, passed=True, said="no article has")
    holds(picks_gate(replace(picks(None), queries_before=80), 200, LIMITS), None, passed=False, said="80 had yesterday")

    other_texts = Changes(0, 190, 5, 10, np.arange(20), np.ones(20))
    said = "20 of 200 articles that are still there have yesterday's text"
    holds(overlap_gate(other_texts, 200, LIMITS), None, passed=False, said=said)
    holds(overlap_gate(replace(other_texts, changed=80), 90, LIMITS), 1.0, passed=True, said="not held to a limit")
    few_kept = Changes(150, 0, 0, 0, np.arange(0), np.ones(0))
    holds(overlap_gate(few_kept, 150, LIMITS), None, passed=True, said="no article with the same text")


def test_hubs() -> None:
    holds(hubs_gate(SHOWN, 1_000, LIMITS), 0.05, passed=True, said="take 5.0% of all places")
    holds(hubs_gate(replace(SHOWN, hub_share=0.4), 1_000, LIMITS), 0.4, passed=False, said="at most 20.0%")
    holds(hubs_gate(replace(SHOWN, hub_share=0.4), 50, LIMITS), None, passed=True, said="fewer than 100")


def test_dead_links() -> None:
    holds(links_gate([], 0, LIMITS), None, passed=True, said="no address was tried")
    dead = ["https://a.example/x answers 404"]
    holds(links_gate(dead, 10, LIMITS), 0.1, passed=False, said="1 of 10 addresses tried are dead, 10.0%")
    holds(links_gate(dead, 100, LIMITS), 0.01, passed=True, said="The first: https://a.example/x answers 404")


def test_failed_gate_stops_the_night_unless_it_is_forced() -> None:
    good, bad = articles_gate(10, 10, LIMITS), articles_gate(1, 100, LIMITS)
    report = Report()
    check_gates([good], report, force=False)
    with pytest.raises(GateFailed, match=r"the index that was served still is.*articles: 1 articles, 1.0%.*--force"):
        check_gates([bad], report, force=False)
    assert [gate["passed"] for gate in report.gates] == [False]  # a later result takes the place of an earlier one
    check_gates([bad, quarantine_gate(report, LIMITS)], report, force=True)
    check_gates([bad], report, force=True)
    assert report.forced == ["articles"]
    assert for_manifest(report)[0] == {"gate": "articles", "value": 0.01, "limit": 0.9, "passed": False}


def test_what_is_taken_down_does_not_come_back() -> None:
    holds(takedowns_gate([], 0), None, passed=True, said="no article is taken down")
    holds(takedowns_gate([], 4), 0.0, passed=True, said="0 of 4 articles that are taken down come back")
    holds(takedowns_gate([("a", "b")], 4), 0.25, passed=False, said="The first: 'b' is 'a'; take it down as well")
