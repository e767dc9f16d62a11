import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.build import Limits, build_index
from indexer.progress import Silent
from indexer.report import Report
from indexer.sources.remembered import Remembered
from indexer.sources.source import Found, Item, LeftOut, Quarantined
from seealso.article import Article, parse_time
from seealso.errors import SourceShrunk, SourceUnreadable
from seealso.page import PageCard
from tests.makers import ANY_NIGHT, GivenArticles, HashEncoder, article

DAY = 86_400.0


def given(*ids: str) -> GivenArticles:
    return GivenArticles([article(each, body=f"Text of {each}.") for each in ids], "feed")


def ids(source: Remembered) -> list[str]:
    return [item.article.id for item in source.read() if isinstance(item, Found)]


def test_what_is_listed_no_longer_stays(tmp_path: Path) -> None:
    state = tmp_path / "sources/feeds.sqlite"
    assert ids(Remembered(given("a", "b"), state)) == ["a", "b"]
    later = [item for item in Remembered(given("c"), state).read() if isinstance(item, Found)]
    assert [(item.article.id, item.earlier) for item in later] == [("c", False), ("a", True), ("b", True)]
    found = [item for item in Remembered(given(), state).read() if isinstance(item, Found)]
    assert found[0].article == article("a", body="Text of a.")


def test_other_feeds_are_others(tmp_path: Path) -> None:
    ids(Remembered(given("a"), tmp_path / "s"))
    assert ids(Remembered(GivenArticles([article("b")], "another"), tmp_path / "s")) == ["b"]


def test_kept_for_as_many_days_as_wanted(tmp_path: Path) -> None:
    clock = [0.0]
    ids(Remembered(given("a"), tmp_path / "s", 10, lambda: clock[0]))
    clock[0] = 9 * DAY
    assert ids(Remembered(given("b"), tmp_path / "s", 10, lambda: clock[0])) == ["b", "a"]
    clock[0] = 11 * DAY
    assert ids(Remembered(given(), tmp_path / "s", 10, lambda: clock[0])) == ["b"]


def test_clock_that_goes_back_loses_nothing(tmp_path: Path) -> None:
    ids(Remembered(given("a"), tmp_path / "s", now=lambda: 100 * DAY))
    assert ids(Remembered(given("b"), tmp_path / "s", now=lambda: 1.0)) == ["b", "a"]


def test_what_a_feed_gave_before_it_broke_off_is_remembered(tmp_path: Path) -> None:
    class Broken:
        name, complete = "feed", False

        def read(self) -> Iterator[Item]:
            yield Found(article("x"), "feed:1")
            raise SourceUnreadable("feed", "it breaks off")

    ids(Remembered(given("a"), tmp_path / "s"))
    with pytest.raises(SourceUnreadable, match="breaks off"):
        list(Remembered(Broken(), tmp_path / "s").read())
    assert ids(Remembered(given(), tmp_path / "s")) == ["a", "x"]


def test_two_who_read_it_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    reading = iter(Remembered(given("a", "b"), tmp_path / "s").read())
    next(reading)
    assert ids(Remembered(given("a", "c"), tmp_path / "s")) == ["a", "c"]
    assert [item.article.id for item in reading if isinstance(item, Found)] == ["b", "c"]


def test_page_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    ids(Remembered(given("a", "b"), tmp_path / "s"))
    gone: list[Article | Quarantined | LeftOut] = [LeftOut("feed:1", "gone")]
    assert ids(Remembered(GivenArticles(gone, "feed"), tmp_path / "s")) == ["b"]


@pytest.mark.parametrize("reason", ["robots.txt", "home page"])
def test_page_that_is_left_out_for_a_night_is_not_forgotten(tmp_path: Path, reason: str) -> None:
    ids(Remembered(given("a", "b"), tmp_path / "s"))
    left_out: list[Article | Quarantined | LeftOut] = [LeftOut("feed:1", reason)]
    assert ids(Remembered(GivenArticles(left_out, "feed"), tmp_path / "s")) == ["b"]
    assert ids(Remembered(given(), tmp_path / "s")) == ["a", "b"]


def test_of_two_with_one_id_the_first_is_remembered(tmp_path: Path) -> None:
    ids(Remembered(GivenArticles([article("a", body="New."), article("a", body="Old.")], "feed"), tmp_path / "s"))
    assert [each.article.body for each in Remembered(given(), tmp_path / "s").read() if isinstance(each, Found)] == [
        "New."
    ]


def test_cards_are_remembered_with_their_article(tmp_path: Path) -> None:
    cards = (PageCard("T", "https://a.example/t", published=parse_time("2026-01-02")), PageCard(summary="S"))

    class WithCards:
        name, complete = "feed", False

        def read(self) -> Iterator[Item]:
            yield Found(article("a"), "feed:1", cards=cards)

    list(Remembered(WithCards(), tmp_path / "s").read())
    (found,) = Remembered(given(), tmp_path / "s").read()
    assert isinstance(found, Found)
    assert (found.cards, found.where) == (cards, "feed:1")


def test_remembered_article_that_is_none_any_more_is_quarantined(tmp_path: Path) -> None:
    ids(Remembered(given("a", "b"), tmp_path / "s"))
    with closing(sqlite3.connect(tmp_path / "s")) as database, database:
        database.execute(
            "UPDATE given SET content = replace(CAST(content AS TEXT), ?, ?)", ('"id":"a"', '"id":"a/related"')
        )
    bad, good = Remembered(given(), tmp_path / "s").read()
    assert isinstance(bad, Quarantined)
    assert bad.reason.startswith("'a', remembered by an earlier version, is no article: id: must not end in '/related'")
    assert isinstance(good, Found)


def test_memory_that_is_lost_is_no_deletion_where_it_keeps_for_good(tmp_path: Path) -> None:
    def night(source: GivenArticles, keep_days: float | None = None) -> Report:
        memory = Remembered(source, tmp_path / "feeds.sqlite", keep_days)
        report, limits = Report(), Limits(gates=replace(ANY_NIGHT, source_min=0.7))
        build_index([memory], tmp_path / "index", HashEncoder, limits, report, Silent())
        return report

    night(given(*(f"a{number}" for number in range(30))))
    assert night(given("b")).articles == 31
    (tmp_path / "feeds.sqlite").unlink()
    with pytest.raises(SourceShrunk, match=r"the source feed gives 2 articles, 6\.5% of the 31"):
        night(given("b", "c"))
    assert night(given("b", "c"), keep_days=7).articles == 2


def test_state_that_is_damaged_is_an_error_that_says_what_it_costs(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(SourceUnreadable, match="without it, only what the feed lists now is an article"):
        list(Remembered(given("a"), tmp_path / "s").read())
