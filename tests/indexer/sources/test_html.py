from pathlib import Path

from indexer.sources.html import HtmlPage
from indexer.sources.source import Found, Quarantined
from seealso.article import BODY_CHARACTERS_MAX
from seealso.extract import PageExtractor
from tests.seealso.test_page import PAGE


def test_saved_page_becomes_an_article(tmp_path: Path, extractor: PageExtractor) -> None:
    (tmp_path / "flood.html").write_text(PAGE)
    (item,) = HtmlPage(tmp_path / "flood.html", "2026/flood", extractor).read()
    assert isinstance(item, Found)
    assert (item.article.id, item.article.language) == ("2026/flood", "en-GB")
    assert len(item.cards) == 2


def test_page_without_an_article_is_quarantined(tmp_path: Path, extractor: PageExtractor) -> None:
    (tmp_path / "empty.html").write_text("<html><body></body></html>")
    (item,) = HtmlPage(tmp_path / "empty.html", "empty", extractor).read()
    assert isinstance(item, Quarantined)
    assert item.where.endswith("empty.html")


def test_wrong_statement_of_a_page_costs_that_field_alone(tmp_path: Path, extractor: PageExtractor) -> None:
    (tmp_path / "p.html").write_text(
        PAGE.replace('lang="en-GB"', 'lang="en_US.UTF-8"').replace("flood.jpg", "a\\flood.jpg")
    )
    (item,) = HtmlPage(tmp_path / "p.html", "p", extractor).read()
    assert isinstance(item, Found)
    assert (item.article.language, item.article.image) == (None, None)
    assert item.article.section == "Environment"


def test_page_of_five_megabytes_is_read(tmp_path: Path, extractor: PageExtractor) -> None:
    data = "<script>let data = '" + "x" * 4_000_000 + "';</script>"
    menu = "<nav>" + "<a href='/news'>News from all over the county</a>\n" * 20_000 + "</nav>"
    (tmp_path / "long.html").write_text(PAGE.replace("</body>", f"{menu}{data}</body>"))
    (tmp_path / "short.html").write_text(PAGE)
    assert (tmp_path / "long.html").stat().st_size > 5_000_000
    (long,) = HtmlPage(tmp_path / "long.html", "flood", extractor).read()
    (short,) = HtmlPage(tmp_path / "short.html", "flood", extractor).read()
    assert isinstance(long, Found)
    assert isinstance(short, Found)
    assert (long.article.title, long.article.body) == (short.article.title, short.article.body)
    assert long.cards == short.cards


def test_text_of_five_megabytes_is_quarantined_with_the_reason(tmp_path: Path, extractor: PageExtractor) -> None:
    text = "The tide came in and went out again. " * 140_000
    (tmp_path / "p.html").write_text(f"<html><body><article><h1>Tides</h1><p>{text}</p></article></body></html>")
    (item,) = HtmlPage(tmp_path / "p.html", "p", extractor).read()
    assert isinstance(item, Quarantined)
    assert item.reason.startswith(f"body: string should have at most {BODY_CHARACTERS_MAX} characters")


def test_huge_page_is_quarantined(tmp_path: Path, extractor: PageExtractor) -> None:
    with (tmp_path / "huge.html").open("wb") as file:
        file.truncate(20_000_001)
    (item,) = HtmlPage(tmp_path / "huge.html", "huge", extractor).read()
    assert isinstance(item, Quarantined)
    assert "longer than" in item.reason
