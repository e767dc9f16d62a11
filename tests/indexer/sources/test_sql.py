import re
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, Quarantined
from indexer.sources.sql import Query
from seealso.errors import SourceUnreadable
from tests.postgres import postgres_schema

ALL = "SELECT * FROM articles ORDER BY id"


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    path = tmp_path / "articles.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE articles (id INTEGER, title TEXT, body TEXT, published TEXT, tags TEXT)")
        connection.executemany(
            "INSERT INTO articles VALUES (?, ?, ?, ?, ?)",
            [(n, f"T {n}", f"B {n}", "2025-07-21 06:30:00", "sea, moon") for n in range(1, 6)],
        )
    connection.close()
    return path


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_schema() as address:
        with psycopg.connect(address) as connection:
            connection.execute(
                "CREATE TABLE articles (id uuid DEFAULT gen_random_uuid(), title text, body text, price numeric,"
                " published timestamptz, day date, tags text[], premium boolean, nr serial)"
            )
            connection.execute(
                "INSERT INTO articles (title, body, price, published, day, tags, premium) SELECT 'T ' || n,"
                " repeat('Body ' || n || ' ', 100), 1.5, '2025-07-21 02:30:00-04', '2025-07-22', '{sea,moon}', n = 1"
                " FROM generate_series(1, 50000) AS n"
            )
        yield address


def read(address: str, sql: str = ALL, fields: FieldMap | None = None) -> list[Item]:
    return list(Query(address, sql, fields or FieldMap()).read())


def test_rows_of_sqlite_are_articles_named_by_number_and_id(sqlite: Path) -> None:
    items = read(
        f"sqlite:///{sqlite}",
        "SELECT id, title AS headline, body, published, tags FROM articles;\n",
        FieldMap({"title": "headline"}),
    )
    first = items[0]
    assert isinstance(first, Found)
    assert (first.article.id, first.article.title, first.article.tags) == ("1", "T 1", ["sea", "moon"])
    assert re.fullmatch(rf"sqlite:///{sqlite} query [0-9a-f]{{6}} row 5 \(id 5\)", items[4].where)


def test_percent_signs_and_colons_reach_the_database_as_they_stand(sqlite: Path, postgres: str) -> None:
    sql = "SELECT 'a' AS id, ' :name 50%' AS title, body FROM articles WHERE title LIKE '%s%' OR body LIKE 'B%' LIMIT 1"
    for address in (f"sqlite:///{sqlite}", postgres):
        (item,) = read(address, sql)
        assert isinstance(item, Found)
        assert item.article.title == ":name 50%"


def test_types_of_postgresql_are_taken_as_they_are_meant(postgres: str) -> None:
    (item,) = read(
        postgres,
        "SELECT id, title, body, published, day AS updated, tags, premium AS sponsored, price AS section FROM articles"
        " WHERE nr = 1",
    )
    assert isinstance(item, Found)
    article = item.article
    assert re.fullmatch(r"[0-9a-f-]{36}", article.id)
    assert article.published is not None
    assert article.published.isoformat() == "2025-07-21T06:30:00+00:00"
    assert article.updated is not None
    assert article.updated.isoformat() == "2025-07-22T00:00:00+00:00"
    assert (article.tags, article.sponsored, article.section) == (["sea", "moon"], True, "1.5")


def test_rows_come_through_a_cursor_of_the_server_a_batch_at_a_time(postgres: str) -> None:
    rows = Query(postgres, "SELECT nr AS id, title, body FROM articles", FieldMap(), batch_rows=100).read()
    assert len(list(islice(rows, 3))) == 3
    rows.close()  # type: ignore[attr-defined]
    sql = "SELECT a.nr AS id, (SELECT statement FROM pg_cursors) AS title, body FROM articles AS a WHERE nr <= 2"
    for item in read(postgres, sql):
        assert isinstance(item, Found)
        assert item.article.title.startswith("DECLARE")


def test_all_rows_of_a_large_table_stream_through(postgres: str) -> None:
    count = sum(isinstance(item, Found) for item in Query(postgres, "SELECT * FROM articles", FieldMap()).read())
    assert count == 50_000


def test_connection_cut_in_the_middle_is_an_error_not_a_shorter_source(postgres: str) -> None:
    sql = "SELECT pg_backend_pid() || '-' || nr AS id, title, body FROM articles"
    rows = Query(postgres, sql, FieldMap(), batch_rows=1_000).read()
    first = next(rows)
    assert isinstance(first, Found)
    with psycopg.connect(postgres) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", [int(first.article.id.split("-")[0])])
    with pytest.raises(SourceUnreadable, match=r"breaks off after row [\d,]+: .*terminat"):
        list(rows)


def test_error_in_a_late_row_is_an_error_of_the_source(postgres: str) -> None:
    sql = "SELECT nr AS id, title, body, 1 / (nr - 4000) AS section FROM articles ORDER BY nr"
    with pytest.raises(SourceUnreadable, match="division by zero"):
        read(postgres, sql)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_nothing_can_be_written(database: str, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue(database)
    address = f"sqlite:///{address}" if isinstance(address, Path) else address
    for sql in (
        "DELETE FROM articles",
        "DROP TABLE articles",
        "-- SELECT\nDELETE FROM articles",
        "/* a */ VACUUM",
        " " * 10_000 + "x",
    ):
        with pytest.raises(SourceUnreadable, match="must be one SELECT"):
            read(address, sql)
    for sql in (
        "SELECT 1; DELETE FROM articles",
        "WITH gone AS (DELETE FROM articles RETURNING *) SELECT * FROM gone",
        "WITH one AS (SELECT 1) DELETE FROM articles",
    ):
        with pytest.raises(SourceUnreadable):
            read(address, sql)
    (item,) = read(address, "SELECT count(*) AS id, 'T' AS title, 'B' AS body FROM articles")
    assert isinstance(item, Found)
    assert item.article.id in ("5", "50000")


def test_function_that_writes_is_refused_by_the_transaction(postgres: str) -> None:
    with pytest.raises(SourceUnreadable, match="read-only transaction"):
        read(postgres, "SELECT nextval('articles_nr_seq') AS id, 'T' AS title, 'B' AS body")


@pytest.mark.parametrize(
    "sql",
    [
        "(SELECT 1 AS id, 'T' AS title, 'B' AS body)",
        "-- all\n/* of * them */ with a as (select 1 as id) select id, 'T' as title, 'B' as body from a",
    ],
)
def test_selects_in_any_dress_are_read(postgres: str, sql: str) -> None:
    assert len(read(postgres, sql)) == 1


def test_password_stands_in_no_name_and_no_message() -> None:
    secret = "correct-horse"
    for address in (
        f"postgresql://editor:{secret}@127.0.0.1:1/news",
        f"postgres://editor@127.0.0.1:1/news?password={secret}",
        f"postgresql://editor:{secret}@127.0.0.1:1/news?no_such_option={secret}",
    ):
        query = Query(address, ALL, FieldMap())
        with pytest.raises(SourceUnreadable) as error:
            list(query.read())
        assert secret not in query.name + str(error.value)
        assert query.name.startswith("postgresql+psycopg://editor")
    with pytest.raises(SourceUnreadable) as error:
        Query(f"editor:{secret}@host/news", ALL, FieldMap())
    assert secret not in str(error.value)


def test_unreachable_server_is_an_error() -> None:
    with pytest.raises(SourceUnreadable, match=r"connection (refused|failed)"):
        read("postgresql://127.0.0.1:1/news")


def test_driver_that_is_not_installed_is_named_with_its_package() -> None:
    with pytest.raises(SourceUnreadable, match="pip install 'mysqlclient'"):
        read("mysql://127.0.0.1/news")
    with pytest.raises(SourceUnreadable, match="dialects:nosuch"):
        read("nosuch://127.0.0.1/news")


def test_missing_sqlite_file_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="No such file"):
        read(f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", [100, 4_096, 5_000, 100_001, 40_960])
def test_cut_sqlite_file_is_an_error(sqlite: Path, kept: int) -> None:
    with sqlite3.connect(sqlite) as connection:
        connection.execute("UPDATE articles SET body = ?", ["word " * 10_000])
    connection.close()
    sqlite.write_bytes(sqlite.read_bytes()[:kept])
    with pytest.raises(SourceUnreadable, match=r"malformed|is cut"):
        read(f"sqlite:///{sqlite}")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM article", "no such table: article"),
        ("SELECT id, title, body, title FROM articles", "2 columns are called 'title'"),
        ("SELECT id, title AS titel, body FROM articles", "no column is called 'title'; the nearest is 'titel'"),
    ],
)
def test_query_that_is_wrong_is_an_error_in_the_database_s_words(sqlite: Path, sql: str, reason: str) -> None:
    with pytest.raises(SourceUnreadable, match=reason):
        read(f"sqlite:///{sqlite}", sql)


def test_rows_that_are_no_articles_are_quarantined_and_the_rest_read(sqlite: Path) -> None:
    with sqlite3.connect(sqlite) as connection:
        connection.execute("UPDATE articles SET title = NULL WHERE id = 1")
        connection.execute("UPDATE articles SET body = CAST(x'67fcdf65' AS TEXT) WHERE id = 2")
        connection.execute("UPDATE articles SET body = ? WHERE id = 3", ["word " * 1_000_000])
        connection.execute(
            "UPDATE articles SET body = ? WHERE id = 4", ["<div>" * 10_000 + "Deep." + "</div>" * 10_000]
        )
    connection.close()
    empty, undecodable, long, deep, good = read(f"sqlite:///{sqlite}", fields=FieldMap(markup=True))
    assert isinstance(empty, Quarantined)
    assert isinstance(undecodable, Quarantined)
    assert isinstance(long, Quarantined)
    assert (empty.where.endswith("row 1 (id 1)"), "title" in empty.reason) == (True, True)
    assert "byte 0xfc" in undecodable.reason
    assert "body" in long.reason
    assert isinstance(deep, Found)
    assert deep.article.body == "Deep."
    assert isinstance(good, Found)


def test_name_in_a_damaged_sqlite_file_is_an_error(sqlite: Path) -> None:
    sqlite.write_bytes(sqlite.read_bytes().replace(b"articlesarticles", b"articl\xc1sarticles"))
    with pytest.raises(SourceUnreadable):
        read(f"sqlite:///{sqlite}")
