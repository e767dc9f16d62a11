from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.sources.page_text import PageText, parse_date_line, parse_page_text
from indexer.sources.source import Found, Quarantined

PAGE = """Harbour
Ferry crews walk out at dawn
All crossings to the island are cancelled for two days.
X Facebook LinkedIn Email
By Sean Mulcahy
21 April 2026 - 2 min read
The crews left their boats at four in the morning.
ADVERTISEMENT
ADVERTISEMENT
What the union wants
It asks for rosters that are known a month ahead. Share prices on the X exchange fell.
Related Articles
Harbour
Why the rosters changed
A plain account of a quarrel.
April 2, 2026
Travel
How to reach the island without a ferry.
20 April 2026
"""


def test_fields_of_a_page_come_out_right() -> None:
    fields, cards = parse_page_text(PAGE)
    assert fields == {
        "section": "Harbour",
        "title": "Ferry crews walk out at dawn",
        "summary": "All crossings to the island are cancelled for two days.",
        "author": "Sean Mulcahy",
        "published": datetime(2026, 4, 21, tzinfo=UTC),
        "body": "The crews left their boats at four in the morning.\n\nWhat the union wants\n\n"
        "It asks for rosters that are known a month ahead. Share prices on the X exchange fell.",
    }
    assert [(card.section, card.title, card.summary) for card in cards] == [
        ("Harbour", "Why the rosters changed", "A plain account of a quarrel."),
        ("Travel", None, "How to reach the island without a ferry."),
    ]
    assert [card.published for card in cards] == [datetime(2026, 4, 2, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("head", "section", "title", "summary"),
    [
        ("Title of it\nBy A Writer\n", None, "Title of it", None),
        ("News\nTitle of it\nBy A Writer\n", "News", "Title of it", None),
        ("A title that is a whole sentence with many words in it\nA summary of the piece.\nBy A Writer\n", None,
         "A title that is a whole sentence with many words in it", "A summary of the piece."),
        ("Title of it\n", None, "Title of it", None),
    ],
)  # fmt: skip
def test_heads_of_other_shapes(head: str, section: str | None, title: str, summary: str | None) -> None:
    fields, _ = parse_page_text(f"{head}Text of the piece.")
    assert (fields["section"], fields["title"], fields["summary"]) == (section, title, summary)
    assert fields["body"] == "Text of the piece."


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("July 21, 2025 - 3 min Read", (2025, 7, 21)),
        ("21. Juli 2025", (2025, 7, 21)),
        ("2025-07-21", (2025, 7, 21)),
        ("Published on 21 July 2025", (2025, 7, 21)),
        ("In July 2025 the council voted for it.", None),
        ("The 1953 flood", None),
        ("2025", None),
        ("Chapter 3", None),
    ],
)
def test_a_date_line_is_a_date_and_nothing_else(line: str, day: tuple[int, int, int] | None) -> None:
    moment = parse_date_line(line)
    assert (moment and (moment.year, moment.month, moment.day)) == day


def test_text_that_begins_like_a_byline_is_text() -> None:
    head = "News\nBy the sea: a guide\nBy Ruth Okafor\n2 May 2025\n"
    page = f"{head}By midnight the water had risen.\nRead more\nIt fell again."
    fields, cards = parse_page_text(page)
    assert (fields["title"], fields["author"]) == ("By the sea: a guide", "Ruth Okafor")
    assert fields["body"] == "By midnight the water had risen.\n\nRead more\n\nIt fell again."
    assert cards == []
    assert parse_page_text("By the sea\nA text.")[0]["title"] == "By the sea"


@pytest.mark.parametrize(
    "name", ["Thomas Scott", "Ruth O’Kafor-Smith and Idris Bell", "J. R. Hartley", "Zoë Ünal, Ann Lee"]
)
def test_names_are_names(name: str) -> None:
    assert parse_page_text(f"A title here\nPublished by {name}\nThe text.")[0]["author"] == name


def test_page_that_is_not_utf8_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes("Müll".encode("utf-16"))
    (item,) = PageText(tmp_path / "p.txt", "p").read()
    assert isinstance(item, Quarantined)
    assert "UTF-8" in item.reason


def test_empty_page_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("\n \n")
    (item,) = PageText(tmp_path / "p.txt", "p").read()
    assert isinstance(item, Quarantined)
    assert "title" in item.reason


def test_the_customers_page_comes_out_right(shared: Path) -> None:
    (item,) = PageText(shared / "seed/page.txt", "page").read()
    assert isinstance(item, Found)
    article = item.article
    assert article.section == "Analysis & forecasts"
    assert article.title.startswith("Assessing the strategic consequences of deglobalization")
    assert (article.summary or "").startswith("A careful, forward-looking assessment")
    assert article.author == "Thomas Scott"
    assert article.published == datetime(2025, 7, 21, tzinfo=UTC)
    assert article.body.startswith("A broad shift toward deglobalization")
    assert article.body.endswith("less globalized order.")
    assert "Sustaining openness while protecting strategic interests and people." in article.body
    for clutter in ("ADVERTISEMENT", "Linkedin", "Bluesky", "Related Articles", "Populist rhetoric", "min Read"):
        assert clutter not in article.body
    assert len(item.cards) == 12
    assert all(card.section == "Analysis & forecasts" and card.summary and card.published for card in item.cards)
    assert [card.published for card in item.cards][::11] == [
        datetime(2025, 7, 31, tzinfo=UTC),
        datetime(2025, 7, 23, tzinfo=UTC),
    ]
