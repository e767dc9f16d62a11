import random
from pathlib import Path

import numpy as np
import orjson
import pytest

from indexer.build import take_page_cards
from indexer.report import Report
from indexer.sources.source import Found, PageCard, Quarantined
from seealso.errors import NothingToIndex
from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from tests.makers import HashEncoder, article, articles, index_of


def test_report_counts_what_was_done(tmp_path: Path) -> None:
    report = index_of(tmp_path, [*articles(6), article("long", body="A sentence of six words here. " * 60)])
    assert (report.articles, report.longest, len(report.quarantined)) == (7, "long", 0)
    assert report.passages == 6 + report.passages_of_longest
    assert report.passages_of_longest > 5
    assert report.tokens > report.passages
    assert set(report.seconds) == {
        "read",
        "load model",
        "cut",
        "embed",
        "terms",
        "neighbours",
        "stories",
        "write",
        "check",
    }
    manifest = open_current(tmp_path).manifest
    assert (manifest.counts.articles, manifest.counts.passages, manifest.counts.tokens) == (
        7, report.passages, report.tokens
    )  # fmt: skip


def test_order_of_the_source_changes_nothing(tmp_path: Path) -> None:
    items = articles(40)
    contents = set()
    for seed in range(3):
        random.Random(seed).shuffle(items)
        contents.add(index_of(tmp_path / str(seed), items).content)
    assert len(contents) == 1


def test_parent_is_the_snapshot_that_was_current(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(5))
    second = index_of(tmp_path, articles(6))
    assert (first.parent, second.parent) == (None, first.snapshot)


def test_same_content_in_the_same_second_is_the_same_snapshot(tmp_path: Path) -> None:
    for _ in range(3):
        index_of(tmp_path, articles(5))
    assert open_current(tmp_path).id in published_ids(tmp_path)


def test_bad_articles_are_quarantined_and_the_others_published(tmp_path: Path) -> None:
    report = index_of(tmp_path, [*articles(9), Quarantined("given:10", "title: is empty")])
    assert report.quarantined == [{"where": "given:10", "reason": "title: is empty"}]
    assert len(open_current(tmp_path)) == 9


def test_second_article_with_an_id_is_quarantined(tmp_path: Path) -> None:
    report = index_of(tmp_path, [article("a", body="first"), article("b"), article("a", body="second")])
    assert report.quarantined[0]["where"] == "given:3"
    assert "taken already by given:1" in report.quarantined[0]["reason"]
    snapshot = open_current(tmp_path)
    assert orjson.loads(snapshot.article(0))["body"] == "first"


def test_too_many_bad_articles_publish_nothing(tmp_path: Path) -> None:
    index_of(tmp_path, articles(5))
    before = open_current(tmp_path).id
    with pytest.raises(NothingToIndex, match=r"6 of 11 articles are unusable, 54.5%; .* given:6: broken"):
        index_of(tmp_path, [*articles(5), *[Quarantined(f"given:{number}", "broken") for number in range(6, 12)]])
    assert open_current(tmp_path).id == before


def test_no_article_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingToIndex, match="no usable article in given"):
        index_of(tmp_path, [])
    assert published_ids(tmp_path) == []


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_articles_are_an_index(tmp_path: Path, count: int) -> None:
    index_of(tmp_path, articles(count))
    rows, _ = open_current(tmp_path).neighbours_of(0)
    assert rows.tolist() == list(range(1, count))


def test_model_that_gives_no_number_is_refused_with_the_article(tmp_path: Path) -> None:
    class Broken(HashEncoder):
        def _vector(self, text: str) -> np.ndarray:
            vector = super()._vector(text)
            return vector * np.nan if "a003" in text else np.asarray(vector)

    items = [article(f"a{number:03}") for number in range(5)]
    with pytest.raises(NothingToIndex, match=r"no usable vector for 1 articles \(a003\)"):
        index_of(tmp_path, items, Broken())
    assert published_ids(tmp_path) == []


ONE = article("one", url="https://a.example/one", summary="The first of three.")
TWO = article("two", url="https://a.example/two", summary="The second of three.")


def picks(*cards: PageCard, of: object = None) -> tuple[list[str] | None, Report]:
    report = Report(sources=[])
    page = article("page", editor_related=of)
    found = take_page_cards([Found(ONE, ""), Found(TWO, ""), Found(page, "", cards=cards)], report)
    return found["page"].editor_related, report


def test_cards_are_known_by_address_title_or_summary() -> None:
    assert picks(PageCard(url="https://a.example/two"), PageCard(title="About one"))[0] == ["two", "one"]
    assert picks(PageCard(summary="The second of three."))[0] == ["two"]


def test_cards_of_other_sites_count_and_are_no_picks() -> None:
    related, report = picks(PageCard(url="https://b.example/", title="Elsewhere"), PageCard(title="About one"))
    assert related == ["one"]
    assert (report.page_cards, report.page_cards_known) == (2, 1)


def test_pages_own_address_and_repeats_are_no_picks() -> None:
    assert picks(PageCard(title="About page"), PageCard(title="About one"), PageCard(title="About one"))[0] == ["one"]


def test_picks_that_the_source_gave_stand() -> None:
    assert picks(PageCard(title="About one"), of=["two"])[0] == ["two"]


def test_another_model_makes_a_whole_new_snapshot_beside_the_old(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(9))
    second = index_of(tmp_path, articles(9), HashEncoder("another"))
    assert first.snapshot is not None
    assert second.snapshot != first.snapshot
    old, new = open_snapshot(snapshot_folder(tmp_path, first.snapshot)), open_current(tmp_path)
    assert (old.manifest.model.name, new.manifest.model.name) == ("hash", "another")
    for row in range(9):  # each vector is of the one model that the manifest names
        vectors, _ = new.passages_of(row)
        expected = HashEncoder("another").encode([f"Piece {row}\n{articles(9)[row].text}"])
        np.testing.assert_allclose(vectors, expected, atol=1e-3)
