import json
import re
from html.parser import HTMLParser
from typing import Any, get_args

import html5lib
import pytest

from seealso.project import BlockEntry
from service.block.fragment import render_block
from service.block.labels import HEADINGS
from service.block.look import Layout, Look

CARD: dict[str, Any] = {
    "id": "a", "title": "A title", "url": "https://news.example/a", "section": "News", "summary": "A summary.",
    "published": "2025-07-21T06:30:00Z", "updated": None, "author": "Ruth Okafor", "language": "en", "image": None,
    "access": None, "image_alt": None, "image_width": None, "image_height": None, "image_srcset": None,
    "reading_minutes": 3,
}  # fmt: skip
PICTURE = {"image": "https://news.example/a.jpg", "image_alt": "A quay", "image_width": 600, "image_height": 400}
HOSTILE = "</a></script><script>alert(1)</script><!--\"'&<img src=x onerror=alert(1)>\u2028"
PLAIN = Look(json_ld=False)


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
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def listed(fragment: str) -> Any:
    """Return what a fragment tells machines."""
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', fragment, re.DOTALL)
    return json.loads(text)


def test_card_has_label_linked_title_summary_time_author_and_reading_time_in_this_order() -> None:
    assert render_block([CARD], "en", PLAIN) == (
        '<section class="seealso seealso-list" lang="en" dir="ltr">\n'
        '<h2 class="seealso-heading">Related articles</h2>\n'
        '<ul class="seealso-cards" role="list">\n<li class="seealso-card">\n<div class="seealso-text">\n'
        '<p class="seealso-section">News</p>\n'
        '<h3 class="seealso-title"><a href="https://news.example/a">A title</a></h3>\n'
        '<p class="seealso-summary">A summary.</p>\n<p class="seealso-facts">\n'
        '<time class="seealso-date" datetime="2025-07-21T06:30:00Z">July 21, 2025</time>\n'
        '<span class="seealso-author"><bdi>Ruth Okafor</bdi></span>\n'
        '<span class="seealso-reading">3 min read</span>\n</p>\n</div>\n</li>\n</ul>\n</section>'
    )


def test_what_a_card_lacks_is_left_out() -> None:
    old = ("id", "title", "url", "section", "summary", "published", "updated", "author", "language", "image", "access")
    bare = dict.fromkeys(old) | {"id": "a", "title": "A title"}  # as snapshots had them before
    fragment = render_block([bare], None)
    assert [tag for tag, _ in Elements(fragment).found] == ["section", "h2", "ul", "li", "div", "h3"]


def test_no_cards_are_no_block() -> None:
    assert render_block([], "en") == ""


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize("images", [True, False])
def test_text_of_articles_is_never_markup(layout: Layout, images: bool) -> None:
    texts = dict.fromkeys(("title", "section", "summary", "author", "image_alt"), HOSTILE)
    url = 'https://x.example/"><script>alert(1)</script>?&'
    hostile = CARD | texts | {"url": url, "image": f"{url}.jpg", "image_srcset": f"{url}.jpg 480w", "language": "en"}
    fragment = render_block([hostile], "en", Look(layout=layout, images=images), BlockEntry(utm_source=HOSTILE))
    found = Elements(fragment).found
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)
    assert len([tag for tag, _ in found if tag == "script"]) == 1  # what is told to machines
    assert {tag for tag, _ in found} <= {
        *("section", "h2", "ul", "li", "div", "img", "p", "h3", "a", "time", "span", "bdi", "script")
    }
    assert listed(fragment)["itemListElement"][0]["name"] == HOSTILE


@pytest.mark.parametrize("url", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x"])
def test_nothing_leads_to_what_would_run(url: str) -> None:
    fragment = render_block([CARD | {"url": url, "image": url}], "en", Look(images=True))
    assert url not in fragment
    assert Elements(fragment).all("a") == []


@pytest.mark.parametrize("heading", [2, 3, 4, 5, 6])
def test_headings_are_at_the_level_asked_for(heading: int) -> None:
    found = [tag for tag, _ in Elements(render_block([CARD], "en", Look(heading=heading))).found]
    assert [tag for tag in found if re.fullmatch("h[1-6]", tag)] == [f"h{heading}", f"h{min(heading + 1, 6)}"]


def test_picture_keeps_its_place_says_what_it_shows_and_comes_in_several_widths() -> None:
    srcset = "https://news.example/s.jpg 480w, https://news.example/l.jpg 960w"
    (picture,) = Elements(render_block([CARD | PICTURE | {"image_srcset": srcset}], "en")).all("img")
    assert picture["src"] == "https://news.example/a.jpg"
    assert (picture["alt"], picture["width"], picture["height"]) == ("A quay", "600", "400")
    assert (picture["srcset"], picture["loading"]) == (srcset, "lazy")
    assert picture["sizes"]


def test_block_has_pictures_where_one_of_its_cards_has_its_own() -> None:
    drawn = 'class="seealso-picture seealso-drawn'
    assert "seealso-picture" not in render_block([CARD, CARD], "en")
    mixed = render_block([CARD, CARD | PICTURE], "en")
    assert (mixed.count("<img"), mixed.count(drawn)) == (1, 1)
    assert "seealso-picture" not in render_block([CARD | PICTURE], "en", Look(images=False))
    assert render_block([CARD], "en", Look(images=True)).count(drawn) == 1
    site = BlockEntry(default_image="https://news.example/site.jpg")
    assert Elements(render_block([CARD], "en", PLAIN, site)).all("img")[0]["alt"] == ""


def test_layout_and_theme_are_classes() -> None:
    assert '<section class="seealso seealso-grid seealso-dark"' in render_block(
        [CARD], "en", Look(layout="grid", theme="dark")
    )
    compact = render_block([CARD], "en", Look(layout="compact"))
    assert "seealso-summary" not in compact
    assert "seealso-author" not in compact


def test_links_carry_what_the_website_wants_and_machines_are_told_the_address_itself() -> None:
    block = BlockEntry(rel="nofollow sponsored", utm_source="related")
    fragment = render_block([CARD, CARD | {"url": None}], "en", Look(), block)
    assert Elements(fragment).all("a") == [
        {"href": "https://news.example/a?utm_source=related", "rel": "nofollow sponsored"}
    ]
    assert listed(fragment) == {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": "Related articles",
        "itemListElement": [{"@type": "ListItem", "position": 1, "url": "https://news.example/a", "name": "A title"}],
    }


def test_days_are_those_of_the_website() -> None:
    card = CARD | {"published": "2026-03-02T01:30:00Z"}
    assert "March 2, 2026</time>" in render_block([card], "en")
    there = render_block([card], "en", Look(), BlockEntry(timezone="America/New_York"))
    assert 'datetime="2026-03-02T01:30:00Z">March 1, 2026</time>' in there


def test_machines_are_told_nothing_where_that_is_not_wanted_or_nothing_is_linked() -> None:
    assert "<script" not in render_block([CARD], "en", PLAIN)
    assert "<script" not in render_block([CARD | {"url": None}], "en")


def test_labels_are_in_the_articles_language_or_in_that_asked_for() -> None:
    assert ">Mehr zum Thema</h2>" in render_block([CARD], "de")
    assert ">Sur le même sujet</h2>" in render_block([CARD], "de", Look(lang="fr"))


def test_card_in_another_language_says_so_and_which_way_it_is_read() -> None:
    cards = [CARD, CARD | {"language": "de"}, CARD | {"language": None}, CARD | {"language": "ar"}]
    found = Elements(render_block(cards, "en")).all("li")
    assert [(each.get("lang"), each.get("dir")) for each in found] == [
        (None, None), ("de", None), (None, None), ("ar", "rtl"),
    ]  # fmt: skip


def test_block_in_a_language_read_from_the_right_is_laid_so() -> None:
    fragment = Elements(render_block([CARD | {"language": "he"}, CARD], "he"))
    assert fragment.all("section") == [{"class": "seealso seealso-list", "lang": "he", "dir": "rtl"}]
    assert [each.get("dir") for each in fragment.all("li")] == [None, "ltr"]
    # Labels within a card of another language go their own way.
    assert [each.get("dir") for each in fragment.all("time")] == [None, "rtl"]


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize("language", [*HEADINGS, "xx"])
def test_html_is_valid(layout: Layout, language: str) -> None:
    cards = [CARD, CARD | PICTURE, CARD | {"language": "ar", "url": None}, CARD | {"title": HOSTILE, "summary": None}]
    fragment = render_block(cards, language, Look(layout=layout, images=True, heading=3))
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(f"<!doctype html><html lang=en><head><title>Page</title></head><body>{fragment}</body></html>")
