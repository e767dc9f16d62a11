from collections.abc import Iterator

import pytest

from seealso.extract import PageExtractor
from seealso.page import PageUnreadable, read_page

PARAGRAPH = (
    "The surge came up the Ellen at one in the morning, and by two the water stood in the kitchens of Cooper's Slip. "
    "Dev Chaudhuri, the flood officer, had sounded the sirens three hours before, and most people had gone. "
)
PAGE = f"""<!DOCTYPE html>
<html lang="en-GB"><head>
<title>Flood in Netherquay | The Carrow Courier</title>
<link rel="canonical" href="https://carrowcourier.example/flood">
<meta property="og:title" content="Water in the kitchens of Netherquay">
<meta property="og:description" content="A night of sirens, and a barrier that did not hold.">
<meta property="og:image" content="https://carrowcourier.example/flood.jpg">
<script type="application/ld+json">
{{"@context": "https://schema.org", "@graph": [{{"@type": "WebSite", "name": "The Carrow Courier"}},
 {{"@type": "NewsArticle", "headline": "Water in the kitchens of Netherquay", "articleSection": ["Environment"],
  "datePublished": "2026-01-15T03:40:00+00:00", "dateModified": "2026-01-15T06:20:00Z",
  "author": [{{"@type": "Person", "name": "Priya Raman"}}, {{"@type": "Person", "name": "Idris Bell"}}],
  "isAccessibleForFree": false}}]}}
</script></head>
<body>
<nav class="menu"><a href="/">Home</a> <a href="/sport">Sport</a></nav>
<main><article>
<h1>Water in the kitchens of Netherquay</h1>
<div class="share-bar"><a href="#">Facebook</a> <a href="#">Bluesky</a></div>
<p>{PARAGRAPH}</p>
<p>ADVERTISEMENT</p>
<div class="ad-slot"><p>Buy a boat today at a price you will not believe.</p></div>
<p>{PARAGRAPH.replace("kitchens", "cellars")}</p>
<aside class="newsletter-signup"><p>Sign up for our morning newsletter and never miss a tide.</p></aside>
<h2>What failed</h2>
<p>{PARAGRAPH.replace("kitchens", "lofts")}</p>
<section class="related-stories"><h2>Related articles</h2><ul>
<li><a href="https://carrowcourier.example/barrier">The barrier that did not hold</a><p>Steel, and a missing bolt.</p>
<time datetime="2026-01-16">16 January</time></li>
<li><a href="https://carrowcourier.example/marsh">Why a marsh is a wall</a></li>
</ul></section>
</article></main>
<footer><p>© The Carrow Courier</p></footer>
</body></html>"""


@pytest.fixture(scope="module")
def extractor() -> Iterator[PageExtractor]:
    with PageExtractor(seconds_max=60) as extractor:
        yield extractor


def test_page_says_what_it_is_and_its_text_is_found(extractor: PageExtractor) -> None:
    fields, cards = extractor.extract(PAGE)
    body, _ = fields.pop("body"), fields.pop("cut_away")
    assert fields == {
        "title": "Water in the kitchens of Netherquay",
        "summary": "A night of sirens, and a barrier that did not hold.",
        "section": "Environment",
        "author": "Priya Raman, Idris Bell",
        "published": "2026-01-15T03:40:00+00:00",
        "updated": "2026-01-15T06:20:00+00:00",
        "language": "en-GB",
        "url": "https://carrowcourier.example/flood",
        "image": "https://carrowcourier.example/flood.jpg",
        "image_alt": None,
        "image_width": None,
        "image_height": None,
        "access": "subscriber",
    }
    for wanted in ("kitchens of Cooper", "cellars of Cooper", "lofts of Cooper", "What failed"):
        assert wanted in body
    for clutter in ("ADVERTISEMENT", "Facebook", "Buy a boat", "newsletter", "barrier that did not", "marsh", "Sport"):
        assert clutter not in body
    assert [(card.title, card.url, card.summary) for card in cards] == [
        ("The barrier that did not hold", "https://carrowcourier.example/barrier", "Steel, and a missing bolt."),
        ("Why a marsh is a wall", "https://carrowcourier.example/marsh", None),
    ]
    assert cards[0].published is not None
    assert cards[0].published.isoformat() == "2026-01-16T00:00:00+00:00"


def test_what_is_cut_away_is_kept_for_editors_to_see() -> None:
    fields, _ = read_page(PAGE)
    cut = fields["cut_away"].split("\n\n")
    assert "Buy a boat today at a price you will not believe." in cut
    assert "Sign up for our morning newsletter and never miss a tide." in cut
    assert not any("Dev Chaudhuri" in line for line in cut)
    bare, _ = read_page(f"<html><body><article><h1>A title</h1><p>{PARAGRAPH * 3}</p></article></body></html>")
    assert bare["cut_away"] is None


def test_picture_comes_with_what_the_page_says_of_it() -> None:
    def told(page: str) -> list[object]:
        fields, _ = read_page(page)
        return [fields[name] for name in ("image", "image_alt", "image_width", "image_height")]

    meta = '<meta property="og:image:{}" content="{}">'
    sized = "".join(meta.format(*pair) for pair in (("alt", "A quay"), ("width", "1200"), ("height", "630px")))
    picture = "https://carrowcourier.example/flood.jpg"
    assert told(PAGE.replace("<head>", f"<head>{sized}")) == [picture, "A quay", 1200, 630]
    linked = '"image": {"url": "https://a.example/b.jpg", "width": 640, "height": "some"}, "headline"'
    assert told(PAGE.replace('"headline"', linked)) == ["https://a.example/b.jpg", None, None, None]


def test_related_heading_without_a_box_of_its_own() -> None:
    first, second, third = (PARAGRAPH.replace("kitchens", room) for room in ("kitchens", "cellars", "lofts"))
    page = f"""<body><article><h1>A title</h1><p>{first}</p><p>{second}</p>
    <h3>Read more</h3><ul><li><a href="https://a.example/1">One thing</a></li></ul><p>{third}</p></article></body>"""
    fields, cards = read_page(page)
    assert [card["title"] for card in cards] == ["One thing"]
    assert "One thing" not in fields["body"]
    assert fields["body"].count("surge") == 3


def test_box_around_the_whole_article_is_not_taken_for_clutter() -> None:
    page = f'<body><div class="social related-page"><h1>A title</h1><p>{PARAGRAPH}</p><p>{PARAGRAPH}</p></div></body>'
    assert "surge" in read_page(page)[0]["body"]
    assert "surge" in read_page(page.replace("div", "form"))[0]["body"]


def test_names_of_networks_within_sentences_stay() -> None:
    page = f"""<body><article><h1>A title</h1><p>{PARAGRAPH}</p><p><a href="#">Facebook</a> said on Monday that
    <em>Twitter</em> and <strong>Reddit</strong> had met.</p>
    <p><a href="#">Facebook</a> <a href="#">Bluesky</a></p></article>"""
    body = read_page(page)[0]["body"]
    assert "Facebook said on Monday that Twitter and Reddit had met." in body
    assert "Bluesky" not in body


def test_related_heading_within_the_articles_own_section_takes_only_its_links() -> None:
    rooms = ("kitchens", "cellars", "lofts", "sheds")
    texts = "".join(f"<p>{PARAGRAPH.replace('kitchens', room)}</p>" for room in rooms)
    page = f"""<body><header><h1>A title</h1></header><section class="body">{texts}<h3>Related articles</h3>
    <ul><li><a href="https://a.example/1">One thing</a></li></ul></section></body>"""
    fields, cards = read_page(page)
    assert all(room in fields["body"] for room in rooms)
    assert [card["title"] for card in cards] == ["One thing"]
    assert "One thing" not in fields["body"]


def test_part_of_an_article_may_have_the_heading_of_a_related_block() -> None:
    parts = ("The vote", "More on the budget", "What follows")
    sections = "".join(f"<section><h2>{part}</h2><p>{part}: {PARAGRAPH}</p></section>" for part in parts)
    body = read_page(f"<body><h1>A title</h1><article>{sections}</article></body>")[0]["body"]
    assert all(f"{part}: {PARAGRAPH[:40]}" in body for part in parts)


def test_section_of_cards_with_summaries_is_a_related_block() -> None:
    cards = "".join(
        f"<div><a href='https://a.example/{number}'>Piece {number}</a><p>{PARAGRAPH[:90]} {number}</p></div>"
        for number in range(3)
    )
    block = f"<section><h2>More on floods</h2>{cards}</section>"
    page = f"<body><h1>A title</h1><p>{PARAGRAPH}</p><p>{PARAGRAPH}</p>{block}</body>"
    fields, found = read_page(page)
    assert [card["title"] for card in found] == ["Piece 0", "Piece 1", "Piece 2"]
    assert "Piece 1" not in fields["body"]


def test_a_page_by_many_names_as_many_as_there_is_room_for() -> None:
    people = ", ".join(f'{{"name": "{letter * 90}"}}' for letter in "abc")
    said = f'{{"@type": "NewsArticle", "headline": "T", "author": [{people}]}}'
    page = (
        f"<body><script type='application/ld+json'>{said}</script><h1>x</h1><p>{PARAGRAPH}</p><p>{PARAGRAPH}</p></body>"
    )
    assert read_page(page)[0]["author"] == f"{'a' * 90}, {'b' * 90}, …"


def test_what_json_ld_says_may_be_escaped_as_html_is() -> None:
    said = (
        '{"@type": "NewsArticle", "headline": "Fish &amp; chips: Britain&#8217;s best",'
        ' "description": "Salt &amp; vinegar", "articleSection": ["Food &amp; Drink"],'
        ' "author": [{"name": "Tom &amp; Jerry"}],'
        ' "image": {"url": "https://a.example/a.jpg?b=1&amp;c=2"}}'
    )
    page = (
        f"<body><script type='application/ld+json'>{said}</script><h1>x</h1><p>{PARAGRAPH}</p><p>{PARAGRAPH}</p></body>"
    )
    fields = read_page(page)[0]
    told = [fields[name] for name in ("title", "summary", "section", "author", "image")]
    assert told == [
        "Fish & chips: Britain’s best",
        "Salt & vinegar",
        "Food & Drink",
        "Tom & Jerry",
        "https://a.example/a.jpg?b=1&c=2",
    ]


def test_date_of_a_related_card_is_not_the_articles() -> None:
    card = '<aside class="related"><a href="https://a.example/1">Old</a><time datetime="2001-01-01"></time></aside>'
    page = f"<body>{card}<article><h1>A title</h1><p>{PARAGRAPH * 3}</p></article></body>"
    assert read_page(page)[0]["published"] is None


def test_xml_declaration_is_no_fault() -> None:
    page = f"<html><body><article><h1>A title</h1><p>{PARAGRAPH}</p></article></body></html>"
    assert "surge" in read_page(f'<?xml version="1.0" encoding="utf-8"?>\n{page}')[0]["body"]


def test_plain_time_element_gives_the_date() -> None:
    time_element = '<time datetime="2025-05-01T10:00:00Z"></time>'
    page = f"<body><article><h1>A title</h1>{time_element}<p>{PARAGRAPH * 3}</p></article></body>"
    assert read_page(page)[0]["published"] == "2025-05-01T10:00:00+00:00"


@pytest.mark.parametrize("page", ["", "   ", "<html></html>", "<body><p></p></body>", "\x00\x01"])
def test_page_without_an_article_is_refused(extractor: PageExtractor, page: str) -> None:
    with pytest.raises(PageUnreadable):
        extractor.extract(page)
