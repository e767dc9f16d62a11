import gc
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from indexer.sources.crawl_state import UNLISTED_READINGS_MAX
from indexer.sources.fetch import Fetcher, FetchLimits
from indexer.sources.sitemap import FRESH_SECONDS, Sitemap
from indexer.sources.source import Found, Item, LeftOut, Quarantined
from seealso.errors import SourceUnreadable
from seealso.extract import PageExtractor
from seealso.page import PageCard, PageUnreadable
from tests.conftest import ROOT
from tests.indexer.sources.web_server import FakeClock, Reply, Site, gzipped, page

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC).timestamp()
DAY = 86_400.0
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


class Nights:
    """Readings of one sitemap over the same state, each at a time of its own."""

    def __init__(self, site: Site, extractor: PageExtractor, state: Path) -> None:
        self.site = site
        self.extractor = extractor
        self.state = state

    def read(
        self, now: float = NOW, path: str = "/sitemap.xml", pages_max: int = 1_000, **limits: str | None
    ) -> list[Item]:
        """Return what a reading gives; what the site was asked for before is forgotten."""
        self.site.clear()
        clock = FakeClock()
        with Fetcher(FetchLimits(retries=0), clock.now, clock.sleep) as fetcher:
            source = Sitemap(
                self.site.address + path,
                fetcher,
                self.extractor,
                self.state,
                limits.get("include"),
                limits.get("exclude"),
                pages_max,
                now=lambda: now,
            )
            return list(source.read())

    def asked(self) -> list[str]:
        """Return the pages that the site was asked for."""
        return [each.path for each in self.site.asked if not each.path.endswith((".xml", ".txt", ".gz"))]


@pytest.fixture
def nights(site: Site, extractor: PageExtractor, tmp_path: Path) -> Nights:
    return Nights(site, extractor, tmp_path / "state" / "crawl.db")


def urlset(site: Site, *paths: str, lastmod: str | None = None) -> str:
    dates = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    entries = "".join(f"<url><loc>{site.address}{path}</loc>{dates}</url>" for path in paths)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{NAMESPACE}">{entries}</urlset>'


def index(site: Site, *paths: str) -> str:
    entries = "".join(f"<sitemap><loc>{site.address}{path}</loc></sitemap>" for path in paths)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex xmlns="{NAMESPACE}">{entries}</sitemapindex>'


def titles(items: list[Item]) -> list[str]:
    return [item.article.title for item in items if isinstance(item, Found)]


def test_pages_become_articles_in_the_order_of_the_sitemap(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/2026/boats.html", "/2026/tides/?part=2", "/2026/boats.html#comments")
    site["/2026/boats.html"] = page("Boats", head=f"<link rel='canonical' href='{site.address}/2026/boats'>")
    site["/2026/tides/?part=2"] = page("Tides", head="<link rel='canonical' href='https://elsewhere.example/tides'>")
    items = nights.read()
    assert [item.article.id for item in items if isinstance(item, Found)] == ["2026/boats", "2026/tides?part=2"]
    assert [item.article.url for item in items if isinstance(item, Found)] == [
        f"{site.address}/2026/boats",
        f"{site.address}/2026/tides/?part=2",
    ]
    assert titles(items) == ["Boats", "Tides"]


def test_a_canonical_address_that_is_none_leaves_the_page_its_own(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a")
    site["/a"] = page("A", head="<link rel='canonical' href='https://[site:url]/a'>")
    (item,) = nights.read()
    assert isinstance(item, Found)
    assert item.article.url == f"{site.address}/a"


def test_an_index_of_gzipped_and_plain_sitemaps_is_walked_once_in_spite_of_a_cycle(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = index(site, "/news.xml.gz", "/list.txt", "/deeper.xml", "/sitemap.xml")
    site["/news.xml.gz"] = Reply(gzipped(urlset(site, "/a")), headers={"Content-Type": "application/gzip"})
    site["/list.txt"] = f"\ufeff{site.address}/b\r\n\r\n{site.address}/a\n"
    site["/deeper.xml"] = index(site, "/deepest.xml", "/sitemap.xml")
    site["/deepest.xml"] = urlset(site, "/c")
    for name in "abc":
        site[f"/{name}"] = page(name.upper())
    assert titles(nights.read()) == ["A", "B", "C"]
    assert max(site.counts().values()) == 1


def test_a_fourth_level_is_refused_and_not_passed_over(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = index(site, "/1.xml")
    site["/1.xml"] = index(site, "/2.xml")
    site["/2.xml"] = index(site, "/3.xml")
    with pytest.raises(SourceUnreadable, match="more than 3 levels"):
        nights.read()


def test_a_news_sitemap_dates_a_page_that_has_no_date(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = (
        f'<urlset xmlns="{NAMESPACE}" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" '
        f'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" '
        f'xmlns:video="http://www.google.com/schemas/sitemap-video/1.1"><url>'
        "<video:video><video:publication_date>2001-01-01</video:publication_date></video:video>"
        f"<image:image><image:loc>{site.address}/boat.jpg</image:loc></image:image><loc>{site.address}/a</loc>"
        "<news:news><news:publication_date>2026-03-01T09:30:00+01:00</news:publication_date><news:title>A</news:title>"
        "</news:news></url></urlset>"
    )
    site["/a"] = page("A")
    (item,) = nights.read()
    assert isinstance(item, Found)
    assert item.article.published == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<html><body>Not found</body></html>", "no sitemap: its first element is <html>"),
        ("<urlset><url><loc>http://a.example/1</loc></url><url><loc>http://a.exa", "not whole XML"),
        ("", "neither XML nor lines of addresses"),
        ("Forbidden", "neither XML nor lines of addresses"),
        (b"\xff\x00\x12", "neither XML nor lines of addresses in UTF-8"),
        (gzipped("<urlset></urlset>")[:-9], "gzip breaks off"),
        (Reply("busy", 403), "answers 403"),
        (Reply("busy", 500), "answers 500"),
    ],
)
def test_a_sitemap_that_is_none_or_not_whole_is_an_error(
    site: Site, nights: Nights, content: str | bytes | Reply, reason: str
) -> None:
    site["/sitemap.xml"] = index(site, "/good.xml", "/bad.xml")
    site["/good.xml"] = urlset(site, "/a")
    site["/a"] = page("A")
    site["/bad.xml"] = content
    with pytest.raises(SourceUnreadable, match=re.escape(reason)):
        nights.read()
    assert nights.asked() == []


def test_entities_are_not_expanded(site: Site, nights: Nights, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("http://stolen.example/")
    site["/sitemap.xml"] = (
        f'<!DOCTYPE urlset [<!ENTITY a "{site.address}/a"><!ENTITY f SYSTEM "{secret.as_uri()}">]>'
        f'<urlset xmlns="{NAMESPACE}"><url><loc>&a;</loc></url><url><loc>&f;</loc></url></urlset>'
    )
    items = nights.read()
    assert [type(item) for item in items] == [Quarantined, Quarantined]
    assert "stolen" not in str(items)


def test_what_is_no_article_is_left_out_with_a_word(site: Site, nights: Nights) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /private/\n"
    site["/sitemap.xml"] = urlset(site, "/", "/tag/boats", "/gone", "/moved", "/private/a", "/menu.pdf", "/a")
    site["/gone"] = Reply(status=410)
    site["/moved"] = Reply(status=301, headers={"Location": "/"})
    site["/"] = page("Front page")
    site["/menu.pdf"] = Reply("%PDF-1.7", headers={"Content-Type": "application/pdf"})
    site["/a"] = page("A")
    items = nights.read(exclude="/tag/")
    left_out = {item.where.removeprefix(site.address): item.reason for item in items if isinstance(item, LeftOut)}
    assert left_out == {
        "/": "home page",
        "/tag/boats": "excluded",
        "/gone": "gone",
        "/moved": "home page",
        "/private/a": "robots.txt",
        "/menu.pdf": "no web page",
    }
    assert titles(items) == ["A"]
    assert "/tag/boats" not in site.counts()


def test_only_pages_that_are_included_are_read(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/news/a", "/about")
    site["/news/a"] = page("A")
    assert titles(nights.read(include="/news/")) == ["A"]
    assert nights.asked() == ["/news/a"]
    with pytest.raises(SourceUnreadable, match=r"include = '\(' is no regular expression"):
        nights.read(include="(")


def test_more_pages_than_allowed_are_an_error_and_not_a_selection(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a", "/b", "/c")
    with pytest.raises(SourceUnreadable, match="more than 2 pages"):
        nights.read(pages_max=2)
    assert nights.asked() == []


def test_a_page_that_fails_is_quarantined_and_the_rest_is_read(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/broken", "/secret", "/empty", "/a")
    site["/broken"] = Reply(status=500)
    site["/secret"] = Reply(status=403)
    site["/empty"] = "<html><title>Nothing</title></html>"
    site["/a"] = page("A")
    items = nights.read()
    reasons = {item.where.rpartition("/")[2]: item.reason for item in items if isinstance(item, Quarantined)}
    assert reasons == {
        "broken": "it answers 500",
        "secret": "it answers 403",
        "empty": "no article text was found in it",
    }
    assert titles(items) == ["A"]


@pytest.mark.parametrize("failure", [Reply(status=500), Reply(status=403), Reply("<title>Sorry</title>")])
def test_what_a_page_gave_before_stands_while_it_fails(site: Site, nights: Nights, failure: Reply) -> None:
    site["/sitemap.xml"] = urlset(site, "/a")
    site["/a"] = page("A")
    first = nights.read()
    site["/a"] = failure
    assert nights.read(NOW + DAY) == first
    assert nights.asked() == ["/a"]
    site["/a"] = page("A, corrected")
    assert titles(nights.read(NOW + 2 * DAY)) == ["A, corrected"]


def test_a_page_that_is_gone_is_left_out_though_it_was_read_before(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a")
    site["/a"] = page("A")
    nights.read()
    site["/a"] = Reply(status=404)
    assert nights.read(NOW + DAY) == [LeftOut(f"{site.address}/a", "gone")]
    site["/a"] = page("A is back")
    assert titles(nights.read(NOW + 2 * DAY)) == ["A is back"]


def test_a_page_without_a_date_in_the_sitemap_is_asked_whether_it_changed(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a")
    site["/a"] = Reply(page("A"), etag='"1"')
    first = nights.read()
    assert nights.read(NOW + DAY) == first
    (asked,) = [each for each in site.asked if each.path == "/a"]
    assert asked.headers["if-none-match"] == '"1"'
    site["/a"] = Reply(page("A, corrected"), etag='"2"')
    assert titles(nights.read(NOW + 2 * DAY)) == ["A, corrected"]


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ("2026-02-20", "2026-02-20", False),
        ("2026-02-20", "2026-02-21", True),  # the sitemap lagged behind when the page was read
        ("2026-03-02", "2026-03-02", True),  # that day had not ended when the page was read
        ("2026-03-01T23:00:00Z", "2026-03-01T23:00:00Z", False),
        ("2026-03-02T02:00:00Z", "2026-03-02T18:00:00Z", True),
        ("yesterday", "yesterday", True),
        (None, None, True),
    ],
)
def test_a_page_is_asked_for_again_when_it_may_have_changed(
    site: Site, nights: Nights, before: str | None, after: str | None, asked: bool
) -> None:
    site["/sitemap.xml"] = urlset(site, "/a", lastmod=before)
    site["/a"] = Reply(page("A"), etag='"1"')
    first = nights.read()
    site["/sitemap.xml"] = urlset(site, "/a", lastmod=after)
    assert nights.read(NOW + DAY) == first
    assert nights.asked() == (["/a"] if asked else [])


def test_a_page_that_gave_no_article_is_read_again_with_the_next_night(
    site: Site, nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_time(self: PageExtractor, html: str) -> NoReturn:
        raise PageUnreadable("finding its text took longer than 10 s")

    site["/sitemap.xml"] = urlset(site, "/a", lastmod="2026-02-01")
    site["/a"] = Reply(page("A"), etag='"1"')
    with monkeypatch.context() as patch:
        patch.setattr(PageExtractor, "extract", out_of_time)
        assert nights.read() == [Quarantined(f"{site.address}/a", "finding its text took longer than 10 s")]
    assert titles(nights.read(NOW + DAY)) == ["A"]
    nights.read(NOW + 2 * DAY)
    assert nights.asked() == []


def test_a_page_read_a_moment_ago_is_asked_for_only_if_it_changed_since(site: Site, nights: Nights) -> None:
    site["/a"] = page("A")
    site["/sitemap.xml"] = urlset(site, "/a")
    nights.read()
    nights.read(NOW + FRESH_SECONDS - 1)
    assert nights.asked() == []
    site["/sitemap.xml"] = urlset(site, "/a", lastmod="2026-03-02T04:00:00Z")
    nights.read(NOW + FRESH_SECONDS - 1)
    assert nights.asked() == ["/a"]


def test_a_page_that_leaves_the_sitemap_leaves_the_source_and_in_time_the_state(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a", "/b")
    site["/a"], site["/b"] = page("A"), page("B")
    nights.read()
    site["/sitemap.xml"] = urlset(site, "/b")
    counts = []
    with closing(sqlite3.connect(nights.state)) as database:
        for night in range(UNLISTED_READINGS_MAX):
            assert titles(nights.read(NOW + (night + 1) * DAY)) == ["B"]
            counts.append(database.execute("SELECT count(*) FROM pages").fetchone()[0])
        assert database.execute("SELECT url FROM pages").fetchall() == [(f"{site.address}/b",)]
    assert counts == [2] * (UNLISTED_READINGS_MAX - 1) + [1]


def test_a_sitemap_that_is_short_for_a_night_costs_no_second_crawl(site: Site, nights: Nights) -> None:
    paths = [f"/a/{number}" for number in range(30)]
    for path in paths:
        site[path] = page(f"Page {path}")
    site["/sitemap.xml"] = urlset(site, *paths, lastmod="2026-01-01T00:00:00Z")
    first = nights.read()
    site["/sitemap.xml"] = urlset(site, *paths[:2], lastmod="2026-01-01T00:00:00Z")
    assert nights.read(NOW + DAY) == first[:2]
    site["/sitemap.xml"] = urlset(site, *paths, lastmod="2026-01-01T00:00:00Z").replace(
        f"{paths[7]}</loc><lastmod>2026-01-01", f"{paths[7]}</loc><lastmod>2026-03-04"
    )
    assert nights.read(NOW + 2 * DAY) == first
    assert nights.asked() == [paths[7]]


def test_a_sitemap_cut_tonight_loses_nothing_of_the_state(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = whole = urlset(site, "/a", "/b")
    site["/a"], site["/b"] = page("A"), page("B")
    first = nights.read()
    site["/sitemap.xml"] = whole[:-30]
    with pytest.raises(SourceUnreadable):
        nights.read(NOW + DAY)
    site["/sitemap.xml"] = whole
    assert nights.read(NOW + 60) == first
    assert nights.asked() == []


def test_a_crawl_killed_in_the_middle_goes_on_without_asking_twice(site: Site, nights: Nights) -> None:
    paths = [f"/{number}" for number in range(12)]
    site["/sitemap.xml"] = urlset(site, *paths)
    for path in paths:
        site[path] = page(f"Page {path[1:]}")
    command = [sys.executable, "-m", "tests.indexer.sources.killed_crawl", f"{site.address}/sitemap.xml"]
    with subprocess.Popen([*command, str(nights.state)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as crawl:
        assert crawl.stdout is not None
        given = [crawl.stdout.readline().strip() for _ in range(5)]
        crawl.kill()
    assert given == [site.address + path for path in paths[:5]]
    items = nights.read(datetime.now(UTC).timestamp())
    assert titles(items) == [f"Page {number}" for number in range(12)]
    assert not set(paths[:5]) & set(nights.asked())


def test_a_crawl_that_is_stopped_again_and_again_comes_to_its_end(site: Site, nights: Nights) -> None:
    paths = [f"/{number}" for number in range(12)]
    site["/sitemap.xml"] = urlset(site, *paths, "/gone")
    for path in paths:
        site[path] = page(f"Page {path[1:]}")
    nights.read()
    asked: list[str] = []
    for night in (1, 2, 3):
        clock = FakeClock()
        with Fetcher(FetchLimits(concurrency=1), clock.now, clock.sleep) as fetcher:
            at = NOW + night * DAY
            source = Sitemap(f"{site.address}/sitemap.xml", fetcher, nights.extractor, nights.state, now=lambda: at)  # noqa: B023
            site.clear()
            reading = iter(source.read())
            for _ in range(4 * night):
                next(reading)
            reading.close()  # type: ignore[attr-defined]
        asked += nights.asked()[:4]
    assert asked == paths
    assert titles(nights.read(NOW + 4 * DAY)) == [f"Page {number}" for number in range(12)]
    assert not set(nights.asked()) & set(paths)  # all of them were read by this crawl, which only now is at its end
    nights.read(NOW + 5 * DAY)
    assert sorted(nights.asked()) == sorted([*paths, "/gone"])  # two are asked for at a time


def test_a_clock_that_was_ahead_freezes_nothing(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a", "/b", lastmod="2026-02-01")
    site["/a"], site["/b"] = page("A"), page("B")
    nights.read(NOW + 365 * DAY)
    site["/a"] = page("A, corrected")
    assert titles(nights.read()) == ["A, corrected", "B"]
    nights.read(NOW + DAY)
    assert nights.asked() == []


def test_a_sitemap_that_has_not_changed_is_not_sent_again(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = Reply(index(site, "/news.xml"), etag='"i"')
    site["/news.xml"] = Reply(urlset(site, "/a", lastmod="2026-02-01"), etag='"n"')
    site["/a"] = page("A")
    first = nights.read()
    assert nights.read(NOW + DAY) == first
    asked = {each.path: each.headers.get("if-none-match") for each in site.asked}
    assert asked == {"/robots.txt": None, "/sitemap.xml": '"i"', "/news.xml": '"n"'}
    site["/news.xml"] = Reply(urlset(site, "/a", "/b")[:-30], etag='"cut"')
    for _ in range(2):  # one that is cut is not kept
        with pytest.raises(SourceUnreadable, match="not whole XML"):
            nights.read(NOW + 2 * DAY)
    site["/news.xml"] = Reply(urlset(site, "/a", "/b"), etag='"n2"')
    site["/b"] = page("B")
    assert titles(nights.read(NOW + 3 * DAY)) == ["A", "B"]


def test_a_remembered_article_that_is_none_any_more_is_read_anew(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a", lastmod="2026-02-01")
    site["/a"] = Reply(page("A"), etag='"1"')
    first = nights.read()
    database = sqlite3.connect(nights.state)
    database.execute('UPDATE pages SET content = replace(CAST(content AS TEXT), \'"id":"a"\', \'"id":"a/related"\')')
    database.commit()
    database.close()
    assert nights.read(NOW + DAY) == first
    assert [(each.path, each.headers.get("if-none-match")) for each in site.asked if each.path == "/a"] == [
        ("/a", None)
    ]


def test_a_reader_that_goes_away_leaves_a_state_that_is_used(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a", "/b", "/c")
    for name in "abc":
        site[f"/{name}"] = page(name.upper())
    clock = FakeClock()
    with Fetcher(FetchLimits(), clock.now, clock.sleep) as fetcher:
        reading = Sitemap(
            f"{site.address}/sitemap.xml", fetcher, nights.extractor, nights.state, now=lambda: NOW
        ).read()
        next(reading)
        del reading
        gc.collect()
    assert titles(nights.read()) == ["A", "B", "C"]
    assert "/a" not in nights.asked()


def test_a_page_keeps_its_cards_over_the_nights(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a", lastmod="2026-02-01")
    block = f"<aside><h2>Related articles</h2><ul><li><a href='{site.address}/b'>The other</a></li></ul></aside></main>"
    site["/a"] = page("A").replace("</main>", block)
    first = nights.read()
    assert isinstance(first[0], Found)
    assert first[0].cards == (PageCard("The other", f"{site.address}/b"),)
    assert nights.read(NOW + DAY) == first
    assert nights.asked() == []


def test_a_page_is_read_in_the_encoding_that_http_states(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a")
    site["/a"] = Reply(page("Öl und Meer").encode("latin-1"), headers={"Content-Type": "text/html; charset=ISO-8859-1"})
    assert titles(nights.read()) == ["Öl und Meer"]


def test_a_page_of_five_megabytes_and_one_ten_thousand_deep_do_not_stop_the_crawl(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/long", "/deep", "/endless", "/a")
    site["/long"] = page("Long", "The tide came in. " * 100 + "<!--" + "x" * 5_000_000 + "-->")
    site["/deep"] = page("Deep", "<div>" * 10_000 + "The tide came in. " * 20 + "</div>" * 10_000)
    site["/endless"] = Reply(b"x" * 20_000_001)
    site["/a"] = page("A")
    items = nights.read()
    assert isinstance(items[0], Found)
    assert "The tide came in." in items[0].article.body
    # The parser drops what stands deeper than 256 elements.
    assert items[1] == Quarantined(f"{site.address}/deep", "no article text was found in it")
    assert items[2] == Quarantined(f"{site.address}/endless", "it is longer than 20,000,000 bytes")
    assert titles(items)[-1] == "A"


def test_a_state_that_is_no_state_is_named(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a")
    nights.state.parent.mkdir()
    nights.state.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(SourceUnreadable, match=r"crawl\.db cannot be used .*all is read anew"):
        nights.read()


def test_a_state_of_another_version_is_begun_anew(site: Site, nights: Nights) -> None:
    site["/sitemap.xml"] = urlset(site, "/a")
    site["/a"] = page("A")
    nights.read()
    database = sqlite3.connect(nights.state)
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert titles(nights.read(NOW + 60)) == ["A"]
    assert nights.asked() == ["/a"]
