import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.sources.source import Found, Item, LeftOut, Quarantined
from indexer.sources.wordpress_export import WordPressExport
from seealso.errors import SourceUnreadable

HEAD = """<?xml version="1.0" encoding="UTF-8" ?>
<!-- generator="WordPress/6.5" -->
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:wp="http://wordpress.org/export/1.2/">
<channel>
  <title>The Harbour News</title>
  <link>https://news.example</link>
  <language>en-GB</language>
  <wp:wxr_version>1.2</wp:wxr_version>
  <wp:author><wp:author_id>1</wp:author_id><wp:author_login><![CDATA[ada]]></wp:author_login>
    <wp:author_display_name><![CDATA[Ada Fry]]></wp:author_display_name></wp:author>
"""
TAIL = "</channel>\n</rss>\n"
BODY = """<!-- wp:paragraph -->
The sea &amp; the [sic] moon. [gallery ids="1,2"]

[caption id="attachment_9"]<img src="a.jpg" /> High water[/caption]
<!-- /wp:paragraph -->"""


def post(number: int = 7, body: str = BODY, **changes: str) -> str:
    """Return an item as WordPress writes it; `changes` are elements' texts by their names without prefix."""
    texts = {
        "post_date": "2025-07-21 08:30:00",
        "post_date_gmt": "2025-07-21 06:30:00",
        "post_modified_gmt": "2025-07-22 06:30:00",
        "status": "publish",
        "post_type": "post",
        "post_password": "",
    } | changes
    title = texts.pop("title", "Spring tides &amp; floods")
    link = texts.pop("link", f"https://news.example/?p={number}")
    return f"""<item>
    <title>{title}</title><link>{link}</link><dc:creator><![CDATA[ada]]></dc:creator><description></description>
    <content:encoded><![CDATA[{body}]]></content:encoded>
    <excerpt:encoded><![CDATA[On <em>tides</em>.]]></excerpt:encoded>
    <wp:post_id>{number}</wp:post_id><wp:is_sticky>1</wp:is_sticky>
    {"".join(f"<wp:{name}>{text}</wp:{name}>" for name, text in texts.items())}
    <category domain="post_tag" nicename="sea"><![CDATA[Sea]]></category>
    <category domain="category" nicename="science"><![CDATA[Science]]></category>
    <category domain="category" nicename="world"><![CDATA[World]]></category>
    <category domain="post_format" nicename="x"><![CDATA[Aside]]></category>
    <wp:postmeta><wp:meta_key>_edit_last</wp:meta_key><wp:meta_value><![CDATA[1]]></wp:meta_value></wp:postmeta>
    <wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value><![CDATA[99]]></wp:meta_value></wp:postmeta>
  </item>
"""


PICTURE = """<item><title>tide</title><wp:post_id>99</wp:post_id><wp:status>inherit</wp:status>
  <wp:post_type>attachment</wp:post_type>
  <wp:attachment_url>https://news.example/uploads/spring tide.jpg</wp:attachment_url></item>
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.xml"


def read(path: Path, *items: str, post_types: tuple[str, ...] = ("post",)) -> list[Item]:
    path.write_text(HEAD + "".join(items) + TAIL)
    return list(WordPressExport(path, post_types).read())


def only(items: list[Item]) -> Found:
    (item,) = items
    assert isinstance(item, Found), item
    return item


def test_published_post_becomes_an_article_with_all_that_the_export_tells(path: Path) -> None:
    item, picture = read(path, post(), PICTURE)
    assert isinstance(item, Found)
    article = item.article
    assert item.where == f"{path} post 7"
    assert (article.id, article.url, article.title) == ("7", "https://news.example/?p=7", "Spring tides & floods")
    assert article.body == "The sea & the [sic] moon.\n\nHigh water"
    assert (article.summary, article.author, article.language) == ("On tides.", "Ada Fry", "en-GB")
    assert (article.section, article.tags) == ("Science", ["Sea"])
    assert article.published == datetime(2025, 7, 21, 6, 30, tzinfo=UTC)
    assert article.updated == datetime(2025, 7, 22, 6, 30, tzinfo=UTC)
    assert article.image == "https://news.example/uploads/spring%20tide.jpg"
    assert picture == LeftOut(f"{path} post 99", "attachment")


def test_names_of_terms_and_people_are_plain_text(path: Path) -> None:
    head = HEAD.replace("Ada Fry", "Ada &amp; Tom")
    item = post().replace("[Science]", "[Food &amp; Drink]").replace("[Sea]", "[R&amp;D]")
    path.write_text(head + item + TAIL)
    article = only(list(WordPressExport(path).read())).article
    assert (article.section, article.tags, article.author) == ("Food & Drink", ["R&D"], "Ada & Tom")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "draft"}, "draft"),
        ({"status": "private"}, "private"),
        ({"status": "pending"}, "pending"),
        ({"status": "future"}, "future"),
        ({"status": "trash"}, "trash"),
        ({"post_type": "page"}, "page"),
        ({"post_type": "nav_menu_item"}, "nav_menu_item"),
        ({"post_password": "tide"}, "password"),
    ],
)
def test_what_readers_cannot_see_is_left_out(path: Path, changes: dict[str, str], reason: str) -> None:
    left_out, kept = read(path, post(1, **changes), post(2))
    assert left_out == LeftOut(f"{path} post 1", reason)
    assert isinstance(kept, Found)


def test_other_kinds_of_posts_are_articles_if_asked_for(path: Path) -> None:
    review, plain = read(path, post(1, post_type="review"), post(2), post_types=("review",))
    assert isinstance(review, Found)
    assert plain == LeftOut(f"{path} post 2", "post")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("One\nline.\n\nTwo.\r\n \r\nThree.", "One line.\n\nTwo.\n\nThree."),
        ("<p>One.</p>\n\n<p>Two.</p>", "One.\n\nTwo."),
        ("<blockquote>One.\n\nTwo.</blockquote>After.", "One.\n\nTwo.\n\nAfter."),
        ("Plain, 5 < 6 & more", "Plain, 5 < 6 & more"),
        ("<!--more-->Text<!--nextpage-->", "Text"),
        ("", ""),
    ],
)
def test_empty_lines_part_paragraphs_as_wordpress_shows_them(path: Path, body: str, text: str) -> None:
    assert only(read(path, post(body=body))).article.body == text


def test_missing_time_in_utc_is_the_site_s_own(path: Path) -> None:
    zero = "0000-00-00 00:00:00"
    article = only(read(path, post(post_date_gmt=zero, post_modified_gmt=zero))).article
    assert article.published == datetime(2025, 7, 21, 8, 30, tzinfo=UTC)
    assert article.updated is None


def test_version_1_0_is_read(path: Path) -> None:
    item = post().replace('domain="post_tag"', 'domain="tag"').replace("<![CDATA[ada]]>", "Ben Oak")
    path.write_text((HEAD + item + TAIL).replace("export/1.2/", "export/1.0/").replace(">1.2<", ">1.0<"))
    article = only(list(WordPressExport(path).read())).article
    assert (article.summary, article.tags, article.author) == ("On tides.", ["Sea"], "Ben Oak")
    assert "moon" in article.body


def test_cdata_that_had_to_be_parted_is_one_text(path: Path) -> None:
    assert only(read(path, post(body="a[b[0]]]]><![CDATA[> c"))).article.body == "a[b[0]]> c"


def test_bad_post_is_quarantined_and_the_rest_read(path: Path) -> None:
    untitled, long, linkless, good = read(
        path, post(1, title=""), post(2, body="word " * 1_000_000), post(3, link="feed:x"), post(4)
    )
    for bad, reason in ((untitled, "title"), (long, "body"), (linkless, "url")):
        assert isinstance(bad, Quarantined)
        assert reason in bad.reason
    assert isinstance(good, Found)


@pytest.mark.parametrize("part", ["div", "blockquote", "span"])
def test_markup_nested_10_000_deep_keeps_its_text(path: Path, part: str) -> None:
    body = f"<{part}>" * 10_000 + "Deep." + f"</{part}>" * 10_000
    assert only(read(path, post(body=body))).article.body == "Deep."


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_cut_export_is_an_error_not_a_deletion(path: Path, kept: float) -> None:
    whole = HEAD + "".join(post(number) for number in range(200)) + TAIL
    path.write_text(whole[: int(len(whole) * kept)])
    with pytest.raises(SourceUnreadable, match=r"cut or ill-formed at line \d+"):
        list(WordPressExport(path).read())


def test_gzip_is_known_by_its_bytes_and_a_cut_one_is_an_error(path: Path) -> None:
    whole = gzip.compress((HEAD + "".join(post(number) for number in range(500)) + TAIL).encode())
    path.write_bytes(whole)
    assert len(list(WordPressExport(path).read())) == 500
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceUnreadable, match="breaks off"):
        list(WordPressExport(path).read())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ((HEAD + post(body="été") + TAIL).encode("latin-1"), "not in the encoding it declares"),
        ((HEAD + post(body="a\n\nb\x0bc") + TAIL).encode(), "line 17 has the control character 0x0b"),
        ((HEAD + post(title="a\x0bb") + TAIL).encode(), "line 14 has the control character 0x0b"),
        ((HEAD + post(title="<b>") + TAIL).encode(), "ill-formed at line"),
        ((HEAD + post(title="a &nbsp; b") + TAIL).encode(), "ill-formed at line"),
        (b"", "cut or ill-formed"),
        (b"id,title\n", "cut or ill-formed"),
        (b"<rss><channel><item><title>T</title></item></channel></rss>", "no WordPress export"),
        (b"<html><body><p>Sign in</p></body></html>", "no WordPress export"),
    ],
)
def test_file_that_is_no_sound_export_is_an_error(path: Path, raw: bytes, reason: str) -> None:
    path.write_bytes(raw)
    with pytest.raises(SourceUnreadable, match=reason):
        list(WordPressExport(path).read())


def test_missing_file_is_named(path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no such file"):
        list(WordPressExport(path).read())


def test_entities_are_neither_expanded_nor_fetched(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret words")
    doctype = f'<!DOCTYPE rss [<!ENTITY own "words"><!ENTITY s SYSTEM "{tmp_path / "secret.txt"}">]>'
    posts = post(1, title="&own;") + post(2, title="&s;") + post(3)
    path.write_text(HEAD.replace("<rss", f"{doctype}<rss", 1) + posts + TAIL)
    own, theft, good = WordPressExport(path).read()
    for bad in (own, theft):
        assert isinstance(bad, Quarantined)
        assert "entities" in bad.reason
    assert isinstance(good, Found)


def test_entities_of_entities_without_end_are_an_error(path: Path) -> None:
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE rss [<!ENTITY l0 "lol">{bomb}]>'
    path.write_text(HEAD.replace("<rss", f"{doctype}<rss", 1) + post(1, title="&l9;") + TAIL)
    with pytest.raises(SourceUnreadable, match="amplification"):
        list(WordPressExport(path).read())


def test_memory_is_bounded_by_a_post_not_by_the_export(path: Path) -> None:
    with path.open("w") as file:
        file.write(HEAD)
        file.writelines(post(number, body="word " * 2_000) for number in range(1_500))
        file.write(TAIL)
    before = resident_bytes()
    most = max(resident_bytes() - before for _ in every(50, WordPressExport(path).read()))
    assert most < path.stat().st_size / 2


def every(nth: int, items: Iterator[Item]) -> Iterator[Item]:
    for number, item in enumerate(items):
        if number % nth == 0:
            yield item


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


def test_content_in_no_namespace_is_content(tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    path.write_text(HEAD + post().replace("content:encoded", "encoded") + TAIL)
    (found,) = WordPressExport(path).read()
    assert isinstance(found, Found)
    assert found.article.body.startswith("The sea")
