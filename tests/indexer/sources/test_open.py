import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.sources.fetch import Fetcher
from indexer.sources.open import fetch_limits, open_sources
from indexer.sources.source import Found, Source
from seealso.errors import SettingsInvalid, SourceUnreadable
from seealso.extract import PageExtractor
from seealso.project import Crawl, read_project


@pytest.fixture
def parts() -> Iterator[tuple[PageExtractor, Fetcher]]:
    with PageExtractor(20.0) as extractor, Fetcher() as fetcher:
        yield extractor, fetcher


def opened(folder: Path, content: str, parts: tuple[PageExtractor, Fetcher]) -> list[Source]:
    (folder / "seealso.toml").write_text(content)
    return open_sources(read_project(folder / "seealso.toml"), folder / "index", *parts)


def ids(source: Source) -> list[str]:
    return [item.article.id for item in source.read() if isinstance(item, Found)]


def line(article_id: str) -> str:
    return json.dumps({"id": article_id, "title": "T", "body": "B."}) + "\n"


def test_each_kind_opens_as_what_it_is(tmp_path: Path, parts: tuple[PageExtractor, Fetcher]) -> None:
    content = """
    [[source]]
    kind = "pages"
    path = "."
    [[source]]
    kind = "parquet"
    path = "a.parquet"
    [[source]]
    kind = "feed"
    address = "https://courier.example/feed.xml"
    full_pages = true
    keep_days = 30
    [[source]]
    kind = "sitemap"
    address = "https://courier.example/sitemap.xml"
    [[source]]
    kind = "wordpress"
    address = "https://courier.example"
    [[source]]
    kind = "wordpress-export"
    path = "export.xml"
    [[source]]
    kind = "ghost-export"
    path = "ghost.json"
    site = "https://courier.example"
    """
    names = [type(source).__name__ for source in opened(tmp_path, content, parts)]
    assert names == [
        "Folder",
        "ParquetTable",
        "Remembered",
        "Sitemap",
        "WordPressApi",
        "WordPressExport",
        "GhostExport",
    ]
    assert [type(source).__name__ for source in opened(tmp_path, content, parts) if not source.complete] == [
        "Remembered"
    ]


def test_paths_begin_at_the_projects_folder_and_may_name_many_files(
    tmp_path: Path, parts: tuple[PageExtractor, Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("2026-02", "2026-01"):
        (tmp_path / f"{name}.jsonl").write_text(line(name))
    monkeypatch.chdir("/")
    (source,) = opened(tmp_path, '[[source]]\nkind = "jsonl"\npath = "2026-*.jsonl"', parts)
    assert ids(source) == ["2026-01", "2026-02"]
    assert source.name == str(tmp_path / "2026-*.jsonl")
    (tmp_path / "._2026-01.jsonl").write_bytes(b"Mac OS X")
    (source,) = opened(tmp_path, '[[source]]\nkind = "jsonl"\npath = "**/*.jsonl"', parts)
    assert ids(source) == ["2026-01", "2026-02"]
    with pytest.raises(SourceUnreadable, match="no file has such a name"):
        opened(tmp_path, '[[source]]\nkind = "jsonl"\npath = "2027-*.jsonl"', parts)


def test_database_and_its_query_may_stand_in_files(tmp_path: Path, parts: tuple[PageExtractor, Fetcher]) -> None:
    with sqlite3.connect(tmp_path / "cms.sqlite") as database:
        database.execute("create table posts (id, title, body)")
        database.execute("insert into posts values (1, 'T', 'B')")
    database.close()
    (tmp_path / "posts.sql").write_text("select id, title, body from posts")
    entry = '[[source]]\nkind = "sql"\naddress = "sqlite:///cms.sqlite"\n'
    (source,) = opened(tmp_path, entry + 'query_file = "posts.sql"', parts)
    assert ids(source) == ["1"]
    (tmp_path / "posts.sql").write_text("\ufeffselect id, title, body from posts")  # as some editors save it
    (marked,) = opened(tmp_path, entry + 'query_file = "posts.sql"', parts)
    assert (ids(marked), marked.name) == (["1"], source.name)
    with pytest.raises(SettingsInvalid, match="either a query or a query_file"):
        opened(tmp_path, entry, parts)
    with pytest.raises(SourceUnreadable, match=r"none\.sql: the query cannot be read"):
        opened(tmp_path, entry + 'query_file = "none.sql"', parts)


def test_crawl_sets_how_hard_servers_are_worked() -> None:
    limits = fetch_limits(Crawl(requests_per_second=0.5, concurrency=1))
    assert (limits.requests_per_second, limits.concurrency) == (0.5, 1)
    assert limits.user_agent.startswith("Seealso/")
    assert fetch_limits(Crawl(user_agent="Desk/1")).user_agent == "Desk/1"


def test_numbers_are_ids_of_json_lines_without_a_field_map_too(
    tmp_path: Path, parts: tuple[PageExtractor, Fetcher]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 17, "title": "T", "body": "B", "published": 1767322800}\n')
    (source,) = opened(tmp_path, '[[source]]\nkind = "jsonl"\npath = "a.jsonl"', parts)
    (found,) = source.read()
    assert isinstance(found, Found)
    assert found.article.id == "17"
    assert found.article.published == datetime(2026, 1, 2, 3, tzinfo=UTC)


def test_sources_are_the_same_however_the_projects_path_is_spelt(
    tmp_path: Path, parts: tuple[PageExtractor, Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = """
    [[source]]
    kind = "jsonl"
    path = "2026-*.jsonl"
    [[source]]
    kind = "feed"
    address = "feed.xml"
    [[source]]
    kind = "sql"
    address = "sqlite:///cms.db"
    query = "select 1"
    """
    (tmp_path / "2026-01.jsonl").write_text(line("a"))
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    named = [each.name for each in opened(tmp_path, content, parts)]
    for spelt in ("seealso.toml", "./here/../seealso.toml", "link/seealso.toml"):
        project = read_project(Path(spelt))
        assert [each.name for each in open_sources(project, tmp_path / "index", *parts)] == named
