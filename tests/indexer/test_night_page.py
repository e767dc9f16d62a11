import re
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from indexer.night_page import outcome_of, render_night
from indexer.night_sections import QUARANTINED_MAX, SECTIONS, gates_of

GATES: list[dict[str, Any]] = [
    {
        "gate": "articles",
        "value": 1.0008,
        "limit": 0.9,
        "passed": True,
        "says": "5,084 articles, 100.1 % of yesterday's 5,080; at least 90 % are wanted",
        "reason": "An archive does not lose a tenth of itself in a night.",
    },
    {
        "gate": "overlap",
        "value": 0.97,
        "limit": 0.7,
        "passed": True,
        "says": "97 % of the lists are as yesterday; at least 70 % are wanted",
        "reason": "What nobody touched changes little.",
    },
    {
        "gate": "empty-blocks",
        "value": 0.0028,
        "limit": 0.05,
        "passed": True,
        "says": "14 blocks are empty",
        "reason": "A block that is empty helps nobody.",
    },
]

PUBLISHED: dict[str, Any] = {
    "started": "2026-11-24T02:30:00Z",
    "finished": "2026-11-24T02:31:38Z",
    "outcome": "published",
    "exit_code": 0,
    "error": None,
    "forced": [],
    "sources": [
        {"name": "articles.jsonl", "read": 5084, "left_out": 3, "quarantined": 1, "before": 5080},
        {"name": "https://news.example/feed", "read": 40, "left_out": 0, "quarantined": 0, "before": None},
    ],
    "snapshot": "20261124T023138Z-5f0c1be2a973",
    "parent": "20261123T023131Z-cae68a307a7b",
    "content": "9b1f4c0a",
    "model": "HashEncoder (0a1b)",
    "articles_before": 5080,
    "articles": 5084,
    "new": 12,
    "changed": 50,
    "removed": 8,
    "unchanged": 5022,
    "carried": 31,
    "by_section": {"News": 3000, "Sport": 1200, "Arts & <b>letters</b>": 884},
    "by_month": {"2026-09": 130, "2026-11": 95},
    "by_language": {"en": 5000, "cy": 84},
    "undated": 12,
    "quarantined": [{"where": "articles.jsonl:77", "reason": "body: is empty"}],
    "left_out": {"draft": 3},
    "unknown_keys": {"foo": 12},
    "without_url": 2,
    "with_markup": 1,
    "passages": 21126,
    "tokens": 4000000,
    "passages_of_longest": 81,
    "longest": "inquiry",
    "passages_per_article": {"1": 900, "2": 700, "10": 4, "81": 1, "14": 2},
    "embedded": 220,
    "reused": 20906,
    "too_short": [{"id": "p1", "title": "Correction", "words": 6}],
    "too_short_count": 7,
    "stories": {"count": 31, "articles": 77, "largest": [{"size": 9, "titles": [f"Flood, {n}" for n in range(9)]}]},
    "probabilities": {"edges": [0, 0.25, 0.5, 0.75, 1.0], "counts": [10, 74, 2000, 3000]},
    "empty_blocks": 14,
    "shown": {"never": 210, "hub_share": 0.04, "hubs": [{"id": "p2", "title": "How we count votes", "blocks": 41}]},
    "churn": {
        "articles": 5022,
        "overlap": 0.972,
        "edges": [0, 0.5, 1.0],
        "counts": [22, 5000],
        "most_changed": [{"id": "p3", "title": "Ferry times", "overlap": 0.1}],
    },
    "picks": {"queries": 120, "recall": 0.782, "low": 0.741, "high": 0.82, "before": 0.789},
    "gates": GATES,
    "seconds": {"read": 1.2, "embed": 33.0, "neighbours": 130.4},
    "memory_mb": {"read": 210, "embed": 900, "neighbours": 1320},
    "removed_snapshots": ["20261116T023122Z-1be2a9735f0c"],
}
OVERLAP_FAILED = [
    GATES[0],
    {**GATES[1], "value": 0.41, "passed": False, "says": "41 % of the lists are as yesterday"},
    GATES[2],
]
REFUSED = {**PUBLISHED, "outcome": "refused", "exit_code": 9, "snapshot": None, "gates": OVERLAP_FAILED}
FAILED = {
    "started": "2026-11-24T02:30:00Z",
    "finished": "2026-11-24T02:30:03Z",
    "outcome": "failed",
    "exit_code": 4,
    "error": "cannot read the source a.jsonl: <cut> in line 3",
    "parent": "20261123T023131Z-cae68a307a7b",
}
DRY_RUN = {
    **{key: PUBLISHED[key] for key in ("started", "finished", "articles", "new", "changed", "removed", "passages")},
    "outcome": "dry run",
    "embedded": 220,
    "reused": 20906,
}


def parsed(page: str) -> ElementTree.Element:
    """Return the page's body as a tree: what is no well-formed XML, but for the void elements of its head, fails."""
    return ElementTree.fromstring(page[page.index("<body") : page.index("</html>")])


def text_of(page: str) -> str:
    """Return what a reader reads, its space made one."""
    return " ".join(" ".join(parsed(page).itertext()).split())


def anchors(page: str) -> list[str | None]:
    return [section.get("id") for section in parsed(page).iter("section")]


def test_a_published_night_shows_every_section_with_the_gates_first() -> None:
    page = render_night(PUBLISHED)
    assert len(anchors(page)) == len(SECTIONS)
    assert anchors(page)[0] == "gates"
    assert "Not measured" not in page
    links = [link.get("href") for link in parsed(page).iter("a")]
    assert links == [f"#{anchor}" for anchor in anchors(page)]


@pytest.mark.parametrize(
    ("report", "word", "sentences"),
    [
        (
            PUBLISHED,
            "Published",
            ["5,084 articles: 12 new, 50 changed, 8 removed.", "3 gates were passed, none failed."],
        ),
        (REFUSED, "Refused", ["1 of 3 gates failed: overlap.", "Overlap: 41\u00a0% of the lists", "stays in service"]),
        (FAILED, "Failed", ["Cannot read the source a.jsonl: <cut> in line 3.", "stays in service"]),
        (DRY_RUN, "Dry run", ["220 passages would be embedded, 20,906 are known already.", "Nothing was written."]),
        (
            {**REFUSED, "outcome": "published", "forced": ["overlap"]},
            "Published by force",
            ["Overridden by force: overlap."],
        ),
        ({"outcome": "published", "forced": ["hubs"]}, "Published by force", ["Overridden by force: hubs."]),
        ({"outcome": "refused", "error": "too few"}, "Refused", ["Too few."]),
        ({**FAILED, "served": "20261124T023000Z-0123456789ab"}, "Failed", ["The new snapshot is in service"]),
        ({}, "Unfinished", ["It did not come to its end."]),
    ],
)
def test_the_page_begins_with_what_happened(report: dict[str, Any], word: str, sentences: list[str]) -> None:
    outcome = outcome_of(report)
    assert outcome.word == word
    for sentence in sentences:
        assert sentence in " ".join(outcome.sentences)
    assert outcome.heading in text_of(render_night(report))


def test_a_night_that_knows_of_no_snapshot_before_it_does_not_say_that_one_stays() -> None:
    for report in (FAILED, REFUSED):
        assert "stays" in text_of(render_night(report))
        assert "stays" not in text_of(render_night({**report, "parent": None}))


def test_gates_that_failed_stand_first_and_a_forced_one_is_called_so() -> None:
    assert [(gate.name, gate.verdict) for gate in gates_of({"gates": OVERLAP_FAILED})] == [
        ("overlap", "failed"),
        ("articles", "passed"),
        ("empty blocks", "passed"),
    ]
    assert gates_of({"gates": OVERLAP_FAILED, "forced": ["overlap"]})[0].verdict == "overridden"
    unmeasured = render_night({**PUBLISHED, "gates": [GATES[0], {**GATES[1], "value": None, "says": ""}]})
    assert "1 gate was passed, none failed; 1 could not be measured." in text_of(unmeasured)


def test_a_gate_says_its_value_its_limit_and_why() -> None:
    first, _, last = gates_of(PUBLISHED)
    assert (first.value, first.limit) == ("100.1\u00a0%", "at least 90\u00a0%")
    assert (last.value, last.limit) == ("+0.3 points", "a rise of at most 5 points")
    found = text_of(render_night(PUBLISHED))
    assert "An archive does not lose a tenth of itself in a night." in found


def test_what_was_not_measured_is_named_and_never_shown_as_nought() -> None:
    page = render_night(DRY_RUN)
    assert anchors(page) == ["articles", "passages"]
    assert "Not measured in this run: gates, sources," in text_of(page)
    nothing = render_night({"outcome": "failed", "error": "no room on the disk"})
    assert anchors(nothing) == []
    assert "editors’ picks" in text_of(nothing)


@pytest.mark.parametrize("key", list(PUBLISHED))
def test_a_page_is_whole_whichever_key_is_missing_or_null(key: str) -> None:
    without = {name: value for name, value in PUBLISHED.items() if name != key}
    assert render_night(without) == render_night({**PUBLISHED, key: None})
    parsed(render_night(without))


@pytest.mark.parametrize("key", [key for key, value in PUBLISHED.items() if isinstance(value, dict | list)])
def test_a_page_is_whole_where_a_part_is_empty(key: str) -> None:
    parsed(render_night({**PUBLISHED, key: type(PUBLISHED[key])()}))


@pytest.mark.parametrize("key", ["stories", "shown", "churn", "picks", "probabilities"])
def test_a_page_is_whole_where_a_part_has_but_one_key(key: str) -> None:
    for name, value in PUBLISHED[key].items():
        parsed(render_night({**PUBLISHED, key: {name: value}}))


def test_no_number_is_as_good_as_none() -> None:
    page = render_night({**PUBLISHED, "picks": {"queries": 0, "recall": float("nan"), "low": float("inf")}})
    assert "picks" not in anchors(page)
    assert not re.search(r"\b(nan|inf)\b", page)


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = render_night({**PUBLISHED, "sources": []})
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\bsrc=|https?:|\bon\w+=|\sstyle=", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page


EVIL = "<script>alert(1)</script>\x00\ud834\u202e & 'co' \"x\""


def poisoned(value: Any) -> Any:
    """Return a report with every text in it replaced by a hostile one, keys of counts included."""
    if isinstance(value, dict):
        return {key: poisoned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return EVIL if isinstance(value, str) else value


def test_what_articles_and_sources_say_is_escaped_and_made_utf_8() -> None:
    report = poisoned({key: value for key, value in PUBLISHED.items() if key != "outcome"})
    for name in ("by_section", "by_language", "by_month", "left_out", "unknown_keys", "seconds", "memory_mb"):
        report[name] = {EVIL: 7, **report[name]}
    for outcome in ("published", "refused", "failed", "dry run", EVIL):
        page = render_night({**report, "outcome": outcome})
        page.encode()
        assert "<script>" not in page
        assert "\x00" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\ufffd\ufffd" in page
        parsed(page)


def test_every_place_of_a_plot_is_within_it_and_every_picture_has_words() -> None:
    page = render_night(PUBLISHED)
    for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "width", "height"):
        for place in re.findall(rf'\b{name}="([-\d.]+)%"', page):
            assert -1e-6 <= float(place) <= 100
    figures = list(parsed(page).iter("figure"))
    assert len(figures) >= 10
    assert all(figure.get("aria-label") for figure in figures)
    for drawing in (each for each in parsed(page).iter("svg") if each.get("role") == "img"):
        assert drawing.get("aria-label")


def test_every_number_of_a_plot_can_be_read() -> None:
    found = text_of(render_night(PUBLISHED))
    for said in ("0.25 to 0.5 74", "50 to 100 5,000", "2026-10 0", "News 3,000 59.0 %", "12+ 3", "embedded 220 1.0 %"):
        assert said in found


def test_of_many_quarantined_the_first_are_named_and_the_rest_counted() -> None:
    many = [{"where": f"a.jsonl:{number}", "reason": "body: is empty"} for number in range(1500)]
    many[0] = {"where": "a.jsonl:0", "reason": "title: " + "x" * 100_000}
    found = text_of(render_night({**PUBLISHED, "quarantined": many}))
    assert f"The first {QUARANTINED_MAX}, and 1,300 more" in found
    assert "body: is empty 1,499 99.9 %" in found
    assert f"a.jsonl:{QUARANTINED_MAX - 1} " in found
    assert f"a.jsonl:{QUARANTINED_MAX} " not in found
    assert "x" * 1000 not in found


def test_a_report_that_went_through_json_gives_the_same_page() -> None:
    assert render_night(orjson.loads(orjson.dumps(REFUSED))) == render_night(REFUSED)
