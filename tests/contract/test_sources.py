"""What holds of every source, each over bytes of its own format, opened as a newsroom's seealso.toml opens it.

Each kind lays out three articles and one that is none, and knows how to break off.
"""

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pyarrow
import pytest
from pyarrow import parquet

from indexer.build import Limits, build_index
from indexer.progress import Silent
from indexer.report import Report
from indexer.sources.fetch import Fetcher, FetchLimits
from indexer.sources.open import open_sources
from indexer.sources.source import Found, Quarantined, Source
from seealso.errors import SourceUnreadable
from seealso.extract import PageExtractor
from seealso.project import read_project
from seealso.snapshot.reader import open_current
from tests.indexer.sources.test_wordpress_api import post as api_post
from tests.indexer.sources.test_wordpress_api import posts_of
from tests.indexer.sources.test_wordpress_export import HEAD, TAIL
from tests.indexer.sources.test_wordpress_export import post as export_post
from tests.indexer.sources.web_server import Reply, Site, page
from tests.makers import ANY_NIGHT, HashEncoder, articles, index_of
from tests.postgres import postgres_schema

NUMBERS = (1, 2, 3)
TITLES = {1: "Piece one", 2: "Piece two", 3: "Piece three"}
BODY = "The ferry leaves at high water, whatever the timetable says, and the harbour is quiet until it is back. " * 6


@dataclass
class Place:
    """Where a kind lays out its bytes."""

    folder: Path
    site: Site

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


# Lay three articles and a bad one out; return the entry of seealso.toml, and what breaks it off.
Layout = Callable[[Place], tuple[str, Callable[[], object]]]


def cut(path: Path, share: float = 0.6) -> Callable[[], object]:
    return lambda: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def jsonl(place: Place) -> tuple[str, Callable[[], object]]:
    lines = [{"id": str(number), "title": TITLES[number], "body": BODY} for number in NUMBERS]
    content = "\n".join(json.dumps(line) for line in [*lines, {"id": "bad", "title": " ", "body": BODY}])
    path = place.write("a.jsonl.gz", gzip.compress(content.encode(), mtime=0))
    return 'kind = "jsonl"\npath = "a.jsonl.gz"', cut(path)


def jsonl_plain(place: Place) -> tuple[str, Callable[[], object]]:
    lines = [{"id": "bad", "title": " ", "body": BODY}]
    lines += [{"id": str(number), "title": TITLES[number], "body": BODY} for number in NUMBERS]
    path = place.write("a.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    return 'kind = "jsonl"\npath = "a.jsonl"', cut(path, 0.953)


def csv(place: Place) -> tuple[str, Callable[[], object]]:
    rows = "".join(f'{number};"{TITLES[number]}";"{BODY}"\n' for number in NUMBERS)
    path = place.write("a.csv", f'slug;headline;text\n{rows}bad;;"{BODY}"\n')
    entry = 'kind = "csv"\npath = "a.csv"\nfields = { id = "slug", title = "headline", body = "text" }'
    return entry, lambda: path.write_text(path.read_text() + '4;"Piece')


def csv_plain(place: Place) -> tuple[str, Callable[[], object]]:
    rows = "".join(f"{number};{TITLES[number]};{BODY}\n" for number in NUMBERS)
    path = place.write("b.csv", f"id;title;body\n{rows}bad;;{BODY}\n")
    return 'kind = "csv"\npath = "b.csv"', lambda: path.write_text(path.read_text().removesuffix(f";;{BODY}\n"))


def parquet_table(place: Place) -> tuple[str, Callable[[], object]]:
    path = place.folder / "a.parquet"
    titles = [*TITLES.values(), None]
    parquet.write_table(pyarrow.table({"id": [1, 2, 3, 4], "title": titles, "body": [BODY] * 4}), path)
    return 'kind = "parquet"\npath = "a.parquet"', cut(path)


def pages(place: Place) -> tuple[str, Callable[[], object]]:
    (place.folder / "saved").mkdir()
    for number in NUMBERS:
        place.write(f"saved/{number}.html", page(TITLES[number], BODY))
    place.write("saved/bad.html", "<html><title>Nothing</title>")
    link = place.folder / "saved/gone.html"
    return 'kind = "pages"\npath = "saved"', lambda: link.symlink_to(place.folder / "nowhere")


def feed(place: Place) -> tuple[str, Callable[[], object]]:
    items = "".join(
        f"<item><guid>{number}</guid><title>{TITLES[number]}</title><description>{BODY}</description></item>"
        for number in NUMBERS
    )
    bad = "<item><guid>bad</guid><title/></item>"
    content = f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}{bad}</channel></rss>'
    place.site["/feed.xml"] = content
    broken = Reply(content[:600])
    entry = f'kind = "feed"\naddress = "{place.site.address}/feed.xml"'
    return entry, lambda: place.site.__setitem__("/feed.xml", broken)


def sitemap(place: Place) -> tuple[str, Callable[[], object]]:
    for number in NUMBERS:
        place.site[f"/{number}"] = Reply(page(TITLES[number], BODY), headers={"Content-Type": "text/html"})
    place.site["/bad"] = Reply("<html><title>Nothing</title>", headers={"Content-Type": "text/html"})
    urls = "".join(f"<url><loc>{place.site.address}/{name}</loc></url>" for name in ("1", "2", "3", "bad"))
    content = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    place.site["/sitemap.xml"] = content
    entry = f'kind = "sitemap"\naddress = "{place.site.address}/sitemap.xml"'
    return entry, lambda: place.site.__setitem__("/sitemap.xml", content[:150])


def wordpress(place: Place) -> tuple[str, Callable[[], object]]:
    content = {"rendered": f"<p>{BODY}</p>", "protected": False}
    posts = [api_post(number, title={"rendered": TITLES[number]}, content=content) for number in NUMBERS]
    posts_of(place.site, [*posts, api_post(4, title={"rendered": ""}, content=content)])
    entry = f'kind = "wordpress"\naddress = "{place.site.address}"'
    return entry, lambda: place.site.__setitem__("/wp-json/wp/v2/posts", Reply("maintenance", 503))


def wordpress_export(place: Place) -> tuple[str, Callable[[], object]]:
    items = [export_post(number, BODY, title=TITLES[number]) for number in NUMBERS]
    path = place.write("export.xml", HEAD + "".join(items) + export_post(4, BODY, title="") + TAIL)
    return 'kind = "wordpress-export"\npath = "export.xml"', cut(path)


def ghost_export(place: Place) -> tuple[str, Callable[[], object]]:
    posts = [
        {"id": str(number), "slug": f"s{number}", "title": title, "html": f"<p>{BODY}</p>", "status": "published"}
        for number, title in [*TITLES.items(), (4, "")]
    ]
    path = place.write("ghost.json", json.dumps({"db": [{"meta": {}, "data": {"posts": posts}}]}))
    return 'kind = "ghost-export"\npath = "ghost.json"\nsite = "https://courier.example"', cut(path)


def sqlite(place: Place) -> tuple[str, Callable[[], object]]:
    with sqlite3.connect(place.folder / "cms.db") as database:
        database.execute("create table posts (id integer, title text, body text)")
        database.executemany("insert into posts values (?, ?, ?)", [(n, TITLES.get(n), BODY) for n in (*NUMBERS, 4)])
    database.close()
    entry = 'kind = "sql"\naddress = "sqlite:///cms.db"\nquery = "select * from posts"'
    return entry, cut(place.folder / "cms.db")


@pytest.fixture(scope="module")
def schema() -> Iterator[str]:
    with postgres_schema() as address:
        yield address


@pytest.fixture
def postgresql(schema: str) -> Layout:
    def lay_out(place: Place) -> tuple[str, Callable[[], object]]:
        def run(statement: str) -> None:
            with psycopg.connect(schema) as connection:
                connection.execute(statement.encode())

        run("drop table if exists posts")
        run("create table posts (id integer, title text, body text)")
        with psycopg.connect(schema) as connection:
            for number in (*NUMBERS, 4):
                connection.execute("insert into posts values (%s, %s, %s)", (number, TITLES.get(number), BODY))
        entry = f'kind = "sql"\naddress = "{schema}"\nquery = "select * from posts"'
        return entry, lambda: run("alter table posts rename to elsewhere")

    return lay_out


KINDS: dict[str, Layout | None] = {
    "jsonl": jsonl,
    "jsonl-plain": jsonl_plain,
    "csv": csv,
    "csv-plain": csv_plain,
    "parquet": parquet_table,
    "pages": pages,
    "feed": feed,
    "sitemap": sitemap,
    "wordpress": wordpress,
    "wordpress-export": wordpress_export,
    "ghost-export": ghost_export,
    "sqlite": sqlite,
    "postgresql": None,  # a fixture, for it needs a server
}


@dataclass
class Opened:
    """A source as the project opens it, anew each time, and what breaks it off."""

    open: Callable[[], Source]
    break_off: Callable[[], object]

    def ids(self) -> dict[str, str]:
        """Return the titles by number: ids are each source's own, the number is their end."""
        found = [item.article for item in self.open().read() if isinstance(item, Found)]
        assert all(article.body.split() == BODY.split() for article in found)
        return {article.id[-1]: article.title for article in found}


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path, extractor: PageExtractor, site: Site) -> Iterator[Opened]:
    lay_out = KINDS[request.param] or request.getfixturevalue("postgresql")
    with Fetcher(FetchLimits(requests_per_second=1_000, retries=0)) as fetcher:
        entry, break_off = lay_out(Place(tmp_path, site))
        (tmp_path / "seealso.toml").write_text(f"[[source]]\n{entry}\n")

        def open_it() -> Source:
            (source,) = open_sources(read_project(tmp_path / "seealso.toml"), tmp_path / "index", extractor, fetcher)
            return source

        yield Opened(open_it, break_off)


def test_every_article_comes_once_with_its_title_and_the_whole_of_its_text(opened: Opened) -> None:
    assert opened.ids() == {str(number): title for number, title in TITLES.items()}


def test_reading_again_gives_the_same(opened: Opened) -> None:
    assert opened.ids() == opened.ids()


def test_one_bad_record_is_quarantined_alone_with_its_place_and_reason(opened: Opened) -> None:
    source = opened.open()
    (bad,) = [item for item in source.read() if isinstance(item, Quarantined)]
    assert bad.where
    assert bad.reason


def test_source_that_breaks_off_is_an_error_by_its_name_and_deletes_nothing(opened: Opened, tmp_path: Path) -> None:
    index_of(tmp_path / "index", articles(5))
    before = open_current(tmp_path / "index").id
    opened.break_off()
    source = opened.open()
    with pytest.raises(SourceUnreadable) as raised:
        build_index([source], tmp_path / "index", HashEncoder, Limits(gates=ANY_NIGHT), Report(), Silent())
    assert str(tmp_path) in raised.value.source or source.name.split("?")[0] in raised.value.source
    assert open_current(tmp_path / "index").id == before
