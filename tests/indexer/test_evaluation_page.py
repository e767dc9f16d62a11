import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from indexer.evaluation import Evaluation
from indexer.evaluation_page import WORST_QUERIES, render_evaluation, worst_queries
from indexer.rankings import ranking_of, rankings_named
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import HashEncoder, article, articles, index_of

GOLD = {"a000": {"a003": 1.0, "a006": 1.0}, "a001": {"a004": 1.0}, "a002": {"a000": 2.0, "a005": 1.0}}


def evaluation_of(snapshot: Snapshot, *names: str) -> Evaluation:
    theirs = rankings_named(names, snapshot, HashEncoder().encode, lambda name: snapshot)
    return Evaluation.of(ranking_of(snapshot), theirs, GOLD)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    index_of(tmp_path, [*articles(12), article("evil", title="<script>alert(1)</script> & co", body="tides moon sea")])
    return open_current(tmp_path)


def parsed(page: str) -> ElementTree.Element:
    """Return the page's body as a tree: what is no well-formed XML, but for the void elements of its head, fails."""
    return ElementTree.fromstring(page[page.index("<body>") : page.index("</html>")])


@pytest.mark.parametrize("names", [(), ("tfidf",), ("all",)])
def test_page_is_whole_whatever_ours_is_held_against(snapshot: Snapshot, names: tuple[str, ...]) -> None:
    page = render_evaluation(evaluation_of(snapshot, *names), snapshot, "gold.jsonl")
    body = parsed(page)
    anchors = [section.get("id") for section in body.iter("section")]
    assert anchors == ["means", "spread", *(["differences"] if names else []), "hubs", "calibration", "worst"]
    for section in list(body.iter("section"))[:-1]:
        assert len(list(section.iter("table"))) == 1
        (drawing,) = (each for each in section.iter("svg") if each.get("role") == "img")
        assert drawing.get("aria-label")
    assert snapshot.id in page
    assert "gold.jsonl" in page


def test_page_fetches_nothing_and_runs_nothing(snapshot: Snapshot) -> None:
    page = render_evaluation(evaluation_of(snapshot, "all"), snapshot, "gold")
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\bsrc=|https?:|\bon\w+=", page)
    assert "prefers-color-scheme: dark" in page


def test_every_place_of_a_plot_is_within_it(snapshot: Snapshot) -> None:
    page = render_evaluation(evaluation_of(snapshot, "all"), snapshot, "gold")
    for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "width", "height"):
        for place in re.findall(rf'\b{name}="([-\d.]+)%"', page):
            assert 0 <= float(place) <= 100


def test_what_articles_say_is_escaped(snapshot: Snapshot) -> None:
    found = Evaluation.of(ranking_of(snapshot), [], {"evil": {"a001": 1.0}})
    page = render_evaluation(found, snapshot, "<b>gold</b>")
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page


def test_worst_queries_tell_what_was_wanted_and_what_is_shown(snapshot: Snapshot) -> None:
    found = evaluation_of(snapshot)
    worst = worst_queries(found.gold, found.ours, snapshot)
    assert [each.value for each in worst] == sorted(found.ours.quality.values["nDCG@10"].tolist())
    first = {each.article: each for each in worst}["a002"]
    assert first.title == "Piece 2"
    assert first.wanted[0].title == "Piece 0"  # the higher grade first
    assert first.wanted[1].note == f"at {found.ours.lists['a002'].index('a005') + 1}"
    assert [each.wanted for each in first.shown].count(True) == len(
        {"a000", "a005"} & set(found.ours.lists["a002"][:6])
    )


def test_no_more_than_the_worst_are_listed(tmp_path: Path) -> None:
    index_of(tmp_path, articles(60))
    snapshot = open_current(tmp_path)
    gold = {f"a{number:03}": {f"a{(number + 1) % 60:03}": 1.0} for number in range(60)}
    found = Evaluation.of(ranking_of(snapshot), [], gold)
    worst = worst_queries(found.gold, found.ours, snapshot)
    assert len(worst) == WORST_QUERIES
    assert max(each.value for each in worst) <= sorted(found.ours.quality.values["nDCG@10"])[WORST_QUERIES - 1]
    assert any(each.note == "not in the 50" for query in worst for each in query.wanted)


@pytest.mark.parametrize(
    ("names", "verdict"), [((), ""), (("tfidf",), "tfidf"), (("bm25", "tfidf"), "the best of 2 others")]
)
def test_verdict_names_the_best_it_was_held_against(snapshot: Snapshot, names: tuple[str, ...], verdict: str) -> None:
    page = render_evaluation(evaluation_of(snapshot, *names), snapshot, "gold")
    found = re.search(r'<p class="verdict">(.*?)</p>', page)
    assert (found is not None) == bool(names)
    assert found is None or verdict in found.group(1)
