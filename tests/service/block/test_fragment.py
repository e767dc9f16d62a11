from html.parser import HTMLParser
from typing import Any

import pytest

from service.block.fragment import HEADINGS, locale_of, render_block

CARD: dict[str, Any] = {
    "id": "a", "title": "A title", "url": "https://news.example/a", "section": "News", "summary": "A summary.",
    "published": "2025-07-21T06:30:00Z", "updated": None, "author": None, "language": "en", "image": None,
    "access": None,
}  # fmt: skip
HOSTILE = "</a><script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """Collects the elements of a fragment."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(fragment)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_card_has_label_linked_title_summary_and_time() -> None:
    assert render_block([CARD], "en") == (
        '<section class="seealso" lang="en">\n<h2 class="seealso-heading">Related articles</h2>\n'
        '<ul class="seealso-cards">\n<li class="seealso-card">\n<p class="seealso-section">News</p>\n'
        '<h3 class="seealso-title"><a href="https://news.example/a">A title</a></h3>\n'
        '<p class="seealso-summary">A summary.</p>\n'
        '<time class="seealso-date" datetime="2025-07-21T06:30:00Z">July 21, 2025</time>\n</li>\n</ul>\n</section>'
    )


def test_what_a_card_lacks_is_left_out() -> None:
    bare = dict.fromkeys(CARD) | {"id": "a", "title": "A title"}
    fragment = render_block([bare], None)
    assert [tag for tag, _ in Elements(fragment).found] == ["section", "h2", "ul", "li", "h3"]


def test_no_cards_are_no_block() -> None:
    assert render_block([], "en") == ""


def test_text_of_articles_is_never_markup() -> None:
    hostile = CARD | {"title": HOSTILE, "section": HOSTILE, "summary": HOSTILE, "url": 'https://x.example/"><script>'}
    elements = Elements(render_block([hostile], "en")).found
    assert [tag for tag, _ in elements] == ["section", "h2", "ul", "li", "p", "h3", "a", "p", "time"]
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)


@pytest.mark.parametrize(
    ("language", "heading", "day"),
    [
        ("en", "Related articles", "July 21, 2025"),
        ("en-GB", "Related articles", "21 July 2025"),
        ("de", "Mehr zum Thema", "21. Juli 2025"),
        ("fr-CA", "Sur le même sujet", "21 juillet 2025"),
        ("pt-BR", "Artigos relacionados", "21 de julho de 2025"),
        ("xx-YY", "Related articles", "July 21, 2025"),
        ("zz", "Related articles", "July 21, 2025"),
        (None, "Related articles", "July 21, 2025"),
    ],
)
def test_heading_and_dates_are_in_the_articles_language(language: str | None, heading: str, day: str) -> None:
    fragment = render_block([CARD], language)
    assert f">{heading}</h2>" in fragment
    assert f">{day}</time>" in fragment


def test_card_in_another_language_says_so() -> None:
    fragment = render_block([CARD, CARD | {"language": "de"}, CARD | {"language": None}], "en")
    assert [attributes.get("lang") for tag, attributes in Elements(fragment).found if tag == "li"] == [None, "de", None]


def test_every_language_with_a_heading_writes_dates() -> None:
    for language in HEADINGS:
        assert locale_of(language).language == language
        assert "2025" in render_block([CARD], language)
