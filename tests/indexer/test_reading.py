from pathlib import Path

from indexer.progress import Silent
from indexer.reading import read_articles, take_page_cards
from indexer.report import Report
from indexer.sources.remembered import Remembered
from indexer.sources.source import Found, LeftOut, Quarantined
from seealso.page import PageCard
from tests.makers import GivenArticles, article, articles


def test_sources_merge_by_id_and_the_first_named_has_precedence() -> None:
    export = GivenArticles([article("a", title="Export's", body="", section="News"), article("b")], "export")
    feed = GivenArticles([article("a", title="Feed's", body="Feed's text.", author="N. N.", section="Old")], "feed")
    report = Report()
    first, second = read_articles([export, feed], report, Silent())
    assert (first.article.title, first.article.section) == ("Export's", "News")
    assert (first.article.body, first.article.author, first.where) == ("Feed's text.", "N. N.", "export:1")
    assert second.article == article("b")
    assert [(tally.name, tally.read) for tally in report.sources] == [("export", 2), ("feed", 1)]
    other_way = read_articles([feed, export], Report(), Silent())
    assert other_way[0].article.title == "Feed's"


def test_what_is_said_of_a_picture_goes_with_that_picture() -> None:
    said = {"image_alt": "A quay", "image_width": 640, "image_height": 480}
    other = GivenArticles([article("a", image="https://b.example/b.jpg", **said)], "feed")
    own = GivenArticles([article("a", image="https://a.example/a.jpg")], "export")
    none = GivenArticles([article("a")], "export")
    assert read_articles([own, other], Report(), Silent())[0].article.image_alt is None
    merged = read_articles([none, other], Report(), Silent())[0].article
    assert (merged.image, merged.image_width) == ("https://b.example/b.jpg", 640)


def test_what_is_rightly_left_out_is_counted_by_its_reason() -> None:
    report = Report()
    source = GivenArticles([article("a"), LeftOut("x:1", "draft"), LeftOut("x:2", "draft"), LeftOut("x:3", "page")])
    assert [item.article.id for item in read_articles([source], report, Silent())] == ["a"]
    assert report.left_out == {"draft": 2, "page": 1}
    assert (report.sources[0].read, report.sources[0].left_out, report.quarantined) == (1, 3, [])


def test_what_a_feed_gave_on_earlier_nights_is_counted_apart(tmp_path: Path) -> None:
    for ids in ("ab", "c"):
        report = Report()
        feed = Remembered(GivenArticles([article(each) for each in ids], "feed"), tmp_path / "feeds.sqlite")
        found = read_articles([feed], report, Silent())
    assert [item.article.id for item in found] == ["a", "b", "c"]
    assert (report.sources[0].read, report.sources[0].carried, report.carried) == (1, 2, 2)


def test_sections_are_left_out_however_they_are_cased() -> None:
    report = Report()
    source = GivenArticles([article("a", section="Horoscopes"), article("b", section="News"), article("c")])
    found = read_articles([source], report, Silent(), ["HOROSCOPES"])
    assert [item.article.id for item in found] == ["b", "c"]
    assert report.left_out == {"section Horoscopes": 1}
    assert (report.sources[0].read, report.sources[0].left_out) == (2, 1)


def test_second_article_with_an_id_in_one_source_is_quarantined_and_counted_there() -> None:
    report = Report()
    read_articles([GivenArticles([*articles(2), articles(1)[0], Quarantined("x", "bad")])], report, Silent())
    assert [item["where"] for item in report.quarantined] == ["given:3", "x"]
    assert report.sources[0].quarantined == 2


ONE = article("one", url="https://a.example/one", summary="The first of three.")
TWO = article("two", url="https://a.example/two", summary="The second of three.")


def picks(*cards: PageCard, of: object = None) -> tuple[list[str] | None, Report]:
    report = Report()
    page = article("page", editor_related=of)
    found = take_page_cards([Found(ONE, ""), Found(TWO, ""), Found(page, "", cards=cards)], report)
    return found["page"].article.editor_related, report


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
