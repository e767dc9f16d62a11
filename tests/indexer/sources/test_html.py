from pathlib import Path

import pytest

from indexer.extract import PageExtractor
from indexer.sources.html import HtmlPage, decode_page
from indexer.sources.source import Found, Quarantined
from tests.indexer.test_extract import PAGE


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
        PAGE.replace('lang="en-GB"', 'lang="en_US.UTF-8"').replace("flood.jpg", "a flood.jpg")
    )
    (item,) = HtmlPage(tmp_path / "p.html", "p", extractor).read()
    assert isinstance(item, Found)
    assert (item.article.language, item.article.image) == (None, None)
    assert item.article.section == "Environment"


def test_huge_page_is_quarantined(tmp_path: Path, extractor: PageExtractor) -> None:
    with (tmp_path / "huge.html").open("wb") as file:
        file.truncate(20_000_001)
    (item,) = HtmlPage(tmp_path / "huge.html", "huge", extractor).read()
    assert isinstance(item, Quarantined)
    assert "longer than" in item.reason


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("naïve".encode(), "naïve"),
        ("\ufeffnaïve".encode(), "naïve"),
        (b'<meta charset="iso-8859-1">' + "naïve".encode("latin-1"), '<meta charset="iso-8859-1">naïve'),
        (b'<meta charset="no-such-code">' + "naïve".encode(), '<meta charset="no-such-code">naïve'),
    ],
)
def test_pages_are_decoded_as_they_declare(raw: bytes, text: str) -> None:
    assert decode_page(raw) == text


def test_undeclared_bytes_are_guessed_never_refused() -> None:
    assert "Grüße" in decode_page(("Schöne Grüße aus dem alten Haus über dem Fluß. " * 20).encode("cp1252"))
    assert decode_page(bytes(range(128, 256)))
