from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from indexer.sources.feed import Feed
from indexer.sources.fetch import Fetcher, FetchLimits
from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, LeftOut, Quarantined
from seealso.article import Article
from seealso.errors import SourceUnreadable
from seealso.extract import PageExtractor
from tests.indexer.sources.web_server import FakeClock, Reply, Site, page

RSS_ITEM = """<item>
<title>Tides &amp;amp; boats</title>
<link>https://harbour.example/tides</link>
<guid isPermaLink="false">harbour-17</guid>
<description>&lt;p&gt;A quiet&amp;nbsp;morning.&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>The harbour was quiet.</p>
<p>Boats &mdash; all of them &mdash; stayed in.</p>]]></content:encoded>
<dc:creator>Ada O'Hara</dc:creator>
<category>News</category><category><![CDATA[Sea & coast]]></category>
<pubDate>Sun, 01 Mar 2026 10:00:00 +0100</pubDate>
<media:content url="https://harbour.example/boat.jpg" medium="image"/>
</item>"""


def rss(*items: str, language: str = "en-gb", head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return (
        f'{head}\n<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        f"<title>Harbour</title><link>https://harbour.example/</link><language>{language}</language>"
        f"{''.join(items)}</channel></rss>\n"
    )


def item(number: int, inner: str = "<description>Some text.</description>") -> str:
    return f"<item><title>Item {number}</title><link>https://harbour.example/{number}</link>{inner}</item>"


def read_file(tmp_path: Path, content: str | bytes, fields: FieldMap | None = None) -> list[Item]:
    path = tmp_path / "feed.xml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(Feed(str(path), fields or FieldMap()).read())


def read_site(
    site: Site, extractor: PageExtractor | None = None, fields: FieldMap | None = None, kept: Path | None = None
) -> list[Item]:
    clock = FakeClock()
    with Fetcher(FetchLimits(retries=0), clock.now, clock.sleep) as fetcher:
        feed = Feed(f"{site.address}/feed", fields or FieldMap(), fetcher, extractor, extractor is not None, kept)
        return list(feed.read())


def articles(items: list[Item]) -> list[Article]:
    return [each.article for each in items if isinstance(each, Found)]


def test_an_rss_item_becomes_an_article(tmp_path: Path) -> None:
    (found,) = read_file(tmp_path, rss(RSS_ITEM))
    assert isinstance(found, Found)
    assert found.article.model_dump(exclude_none=True) == {
        "id": "harbour-17",
        "url": "https://harbour.example/tides",
        "title": "Tides & boats",
        "summary": "A quiet morning.",
        "body": "The harbour was quiet.\n\nBoats — all of them — stayed in.",
        "published": datetime(2026, 3, 1, 9, tzinfo=UTC),
        "author": "Ada O'Hara",
        "section": "News",
        "tags": ["News", "Sea & coast"],
        "language": "en-gb",
        "image": "https://harbour.example/boat.jpg",
    }
    assert found.unknown_keys == ()


def test_an_atom_entry_becomes_an_article(tmp_path: Path) -> None:
    (article,) = articles(
        read_file(
            tmp_path,
            """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de">
            <title>Hafen</title><id>tag:harbour.example,2026:feed</id><updated>2026-03-02T08:00:00Z</updated>
            <entry><id>tag:harbour.example,2026:1</id><title type="text">Ebbe &lt;und&gt; Flut</title>
            <link href="https://harbour.example/1"/><author><name>Ada</name></author><author><name>Ben</name></author>
            <published>2026-03-01T08:00:00+01:00</published><updated>2026-03-02T08:00:00Z</updated>
            <category term="sea" label="Meer"/><summary>Kurz.</summary>
            <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Eins.</p><p>Zwei.</p></div></content>
            </entry></feed>""",
        )
    )
    assert (article.id, article.title, article.body) == (
        "tag:harbour.example,2026:1",
        "Ebbe <und> Flut",
        "Eins.\n\nZwei.",
    )
    assert (article.author, article.section, article.language, article.summary) == ("Ada, Ben", "Meer", "de", "Kurz.")
    assert article.published == datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert article.updated == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_many_authors_and_a_long_category_cost_no_article(tmp_path: Path) -> None:
    people = "".join(f"<dc:creator>{letter * 60}</dc:creator>" for letter in "abcd")
    categories = f"<category>{'k' * 201}</category><category>Sea</category>"
    (article,) = articles(read_file(tmp_path, rss(item(1, people + categories))))
    assert article.author == f"{'a' * 60}, {'b' * 60}, {'c' * 60}, …"
    assert (article.section, article.tags) == ("Sea", ["Sea"])


def test_rss_of_the_first_days_is_read(tmp_path: Path) -> None:
    old = (
        '<rss version="0.91"><channel><title>Old</title><item><title>First</title>'
        "<link>https://harbour.example/1</link><description>Text.</description></item></channel></rss>"
    )
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Old</title></channel>'
        '<item rdf:about="https://harbour.example/2"><title>Second</title><link>https://harbour.example/2</link>'
        "<dc:date>2026-03-01T09:00:00Z</dc:date></item></rdf:RDF>"
    )
    first, second = articles(read_file(tmp_path, old)) + articles(read_file(tmp_path, rdf))
    assert (first.title, first.body, first.published) == ("First", "Text.", None)
    assert (second.id, second.published) == ("https://harbour.example/2", datetime(2026, 3, 1, 9, tzinfo=UTC))


def test_an_entry_without_date_guid_or_text_is_still_one(tmp_path: Path) -> None:
    (article,) = articles(read_file(tmp_path, rss(item(1, "<pubDate>some day in spring</pubDate>"))))
    assert (article.id, article.published, article.body) == ("https://harbour.example/1", None, "")


@pytest.mark.parametrize("stated", ["english please", "", "de_DE"])
def test_a_language_that_is_none_does_not_spoil_the_feed(tmp_path: Path, stated: str) -> None:
    (article,) = articles(read_file(tmp_path, rss(item(1), language=stated)))
    assert article.language == ("de-DE" if stated == "de_DE" else None)


def test_a_long_description_is_the_body_and_not_a_summary_too(tmp_path: Path) -> None:
    inner = "<description>&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.&lt;/p&gt;</description>"
    (article,) = articles(read_file(tmp_path, rss(item(1, inner))))
    assert (article.summary, article.body) == (None, "One.\n\nTwo.")


def test_html_entities_that_xml_does_not_know_are_read(tmp_path: Path) -> None:
    content = rss(item(1, "<description>Boats&nbsp;&hellip; stayed in.</description>"))
    assert articles(read_file(tmp_path, content))[0].body == "Boats\N{NO-BREAK SPACE}… stayed in."
    # Such a feed is read by a lenient parser, to which a cut one is a short one.
    with pytest.raises(SourceUnreadable, match="breaks off"):
        read_file(tmp_path, content[:-40])


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (
            rss(item(1).replace("Item 1", "Öl"), head='<?xml version="1.0" encoding="ISO-8859-1"?>').encode("latin-1"),
            "Öl",
        ),
        (rss(item(1).replace("Item 1", "Öl – teuer")).encode("cp1252"), "Öl – teuer"),
        (rss(item(1).replace("Item 1", "Öl"), head='<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16"), "Öl"),
    ],
)
def test_encodings_stated_rightly_or_wrongly_are_read(tmp_path: Path, content: bytes, title: str) -> None:
    assert articles(read_file(tmp_path, content))[0].title == title


@pytest.mark.parametrize("cut", [10, 25, 60, 150, 400])
def test_a_feed_that_breaks_off_is_an_error(tmp_path: Path, cut: int) -> None:
    with pytest.raises(SourceUnreadable, match="breaks off"):
        read_file(tmp_path, rss(RSS_ITEM, item(2), item(3))[:-cut])


@pytest.mark.parametrize("content", ["", "Service unavailable", "<html><body><p>Error</p></body></html>", '{"a": 1}'])
def test_what_is_no_feed_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(SourceUnreadable, match="neither RSS nor Atom"):
        read_file(tmp_path, content)


def test_an_empty_feed_gives_nothing(tmp_path: Path) -> None:
    assert read_file(tmp_path, rss()) == []


def test_a_feed_that_is_not_there_is_an_error(tmp_path: Path, site: Site) -> None:
    with pytest.raises(SourceUnreadable, match="No such file"):
        list(Feed(str(tmp_path / "none.xml"), FieldMap()).read())
    with pytest.raises(SourceUnreadable, match="it answers 404"):
        read_site(site)


@pytest.mark.parametrize("guid", ["x" * 201, "a&#x200b;b"])
def test_an_id_that_is_none_is_quarantined_alone(tmp_path: Path, guid: str) -> None:
    items = read_file(tmp_path, rss(item(1, f"<guid isPermaLink='false'>{guid}</guid>"), item(2)))
    assert [type(each) for each in items] == [Quarantined, Found]
    assert items[0].where.endswith("feed.xml https://harbour.example/1")


@pytest.mark.parametrize("inner", ["", "<guid>{}</guid>"])
def test_address_too_long_for_an_id_is_one_with_its_letters_decoded(tmp_path: Path, inner: str) -> None:
    short, long = (f"https://khabar.example/{quote(word)}" for word in ("خبر", "می\u200cگوید-" * 10))
    links = (f"<item><title>T</title><link>{each}</link>{inner.format(each)}</item>" for each in (short, long))
    ids = [article.id for article in articles(read_file(tmp_path, rss(*links)))]
    assert ids == [short, "https://khabar.example/" + "می%E2%80%8Cگوید-" * 10]


def test_a_feed_opens_no_file_and_expands_no_bomb(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("stolen")
    doctype = (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY f SYSTEM "{secret.as_uri()}"><!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "&a;" * 10}">' for n in range(9))
        + "]>"
    )
    items = read_file(tmp_path, rss(item(1, "<description>&f; &a8;</description>"), head=doctype))
    assert "stolen" not in str(items)
    assert len(str(items)) < 10_000


def test_a_field_may_come_from_elsewhere_in_the_entry(tmp_path: Path) -> None:
    fields = FieldMap({"id": "link", "section": "dc_desk"}, {"access": "free"})
    content = rss(item(1, "<guid>x</guid><dc:desk>Coast</dc:desk>"))
    (article,) = articles(read_file(tmp_path, content, fields))
    assert (article.id, article.section, article.access) == ("https://harbour.example/1", "Coast", "free")


def test_a_feed_at_an_address_is_read_in_the_encoding_that_http_states(site: Site) -> None:
    content = rss(item(1).replace("Item 1", "Öl").replace("https://harbour.example/1", "/one"), head="").encode(
        "latin-1"
    )
    site["/feed"] = Reply(content, headers={"Content-Type": "application/rss+xml; charset=ISO-8859-1"})
    (article,) = articles(read_site(site))
    assert (article.title, article.url) == ("Öl", f"{site.address}/one")


def test_full_pages_give_the_body_and_fill_in_what_the_entry_lacks(site: Site, extractor: PageExtractor) -> None:
    text = "The harbour was <b>quiet</b> &lt;then&gt;, and the boats stayed in. " * 6
    site["/feed"] = rss(
        f"<item><title>Short &amp;amp; dry</title><link>{site.address}/1</link><description>Teaser</description>"
        "<category>Sea</category></item>"
    )
    head = "<meta property='article:published_time' content='2026-03-01T09:00:00Z'><meta name='author' content='Ada'>"
    site["/1"] = page("A long title", text, head)
    (article,) = articles(read_site(site, extractor))
    assert (article.title, article.summary, article.section, article.author) == ("Short & dry", "Teaser", "Sea", "Ada")
    assert article.body.startswith("The harbour was quiet <then>, and the boats stayed in.")
    assert article.published == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_feed_and_pages_that_have_not_changed_are_not_sent_again(
    site: Site, extractor: PageExtractor, tmp_path: Path
) -> None:
    links = [item(1).replace("https://harbour.example/1", f"{site.address}{path}") for path in ("/1", "/2")]
    kind = {"Content-Type": "application/rss+xml; charset=ISO-8859-1"}
    content = rss(*links, head="").replace("Item 1", "Öl").encode("latin-1")
    site["/feed"] = Reply(content, headers=kind, etag='"f1"')
    site["/1"], site["/2"] = Reply(page("One"), etag='"1"'), page("Two")
    first = read_site(site, extractor, kept=tmp_path / "s")
    site.clear()
    assert read_site(site, extractor, kept=tmp_path / "s") == first
    asked = {each.path: each.headers.get("if-none-match") for each in site.asked}
    assert asked == {"/robots.txt": None, "/feed": '"f1"', "/1": '"1"', "/2": None}
    site["/1"] = Reply(page("One, corrected", "The ferry is back, and the harbour is loud again. " * 9), etag='"2"')
    assert "The ferry is back" in articles(read_site(site, extractor, kept=tmp_path / "s"))[0].body
    site["/feed"] = Reply(content[:-60], etag='"f2"')
    for _ in range(2):  # what broke off is not kept
        with pytest.raises(SourceUnreadable, match="breaks off"):
            read_site(site, extractor, kept=tmp_path / "s")


def test_page_is_read_in_the_encoding_that_its_server_states(site: Site, extractor: PageExtractor) -> None:
    site["/feed"] = rss(f"<item><title>Pangram</title><link>{site.address}/1</link></item>")
    text = "Zażółć gęślą jaźń, powiedział rybak. " * 9
    body = page("Pangram", text).encode("iso-8859-2")
    site["/1"] = Reply(body, headers={"Content-Type": "text/html; charset=iso-8859-2"})
    (article,) = articles(read_site(site, extractor))
    assert article.body.startswith("Zażółć gęślą jaźń, powiedział rybak.")


def test_page_that_leads_home_is_left_out(site: Site, extractor: PageExtractor) -> None:
    site["/feed"] = rss(f"<item><title>Withdrawn</title><link>{site.address}/1</link></item>")
    site["/1"] = Reply(status=301, headers={"Location": "/"})
    site["/"] = page("The front page", "All the news there is, in one place, from the harbour and the town. " * 9)
    (item,) = read_site(site, extractor)
    assert isinstance(item, LeftOut)
    assert item.reason == "home page"


def test_ids_are_as_the_feed_writes_them_wherever_it_moves(site: Site) -> None:
    site["/feed"] = Reply(rss(item(1, "<guid>1001</guid>"), item(2, "<guid>/p/2</guid>"), item(3)))
    first = [article.id for article in articles(read_site(site))]
    assert first == ["1001", "/p/2", "https://harbour.example/3"]
    site["/rss/feed.xml"] = site._replies["/feed"]
    site["/feed"] = Reply(status=301, headers={"Location": "/rss/feed.xml"})
    assert [article.id for article in articles(read_site(site))] == first


def test_full_pages_that_fail_do_so_one_by_one(site: Site, extractor: PageExtractor) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /private\n"
    failing = ("/500", "/404", "/private", "/talk")
    site["/feed"] = rss(
        *(item(1).replace("https://harbour.example/1", site.address + path) for path in failing),
        "<item><title>No link</title><guid isPermaLink='false'>x</guid></item>",
        item(1).replace("https://harbour.example/1", f"{site.address}/1"),
    )
    site["/500"] = Reply(status=500)
    site["/talk"] = Reply("ID3", headers={"Content-Type": "audio/mpeg"})
    site["/1"] = page("One")
    items = read_site(site, extractor)
    assert [type(each) for each in items] == [Quarantined, LeftOut, LeftOut, LeftOut, Quarantined, Found]
    assert [each.reason for each in items if isinstance(each, Quarantined | LeftOut)] == [
        "it answers 500",
        "gone",
        "robots.txt",
        "no web page",
        "the entry links to no page",
    ]


def test_many_beginnings_in_a_comment_take_no_longer_than_their_length(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    item = "<item><guid isPermaLink='false'>a</guid><title>T</title><description>B</description></item>"
    path.write_text(f"<rss version='2.0'><channel><!-- {'<rss ' * 200_000} -->{item}</channel></rss>")
    (found,) = Feed(str(path), FieldMap()).read()
    assert isinstance(found, Found)
