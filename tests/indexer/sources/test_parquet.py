from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from indexer.sources.found_as_json import pack_found
from indexer.sources.parquet import ParquetTable
from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, Quarantined
from seealso.errors import SourceUnreadable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "articles.parquet"


def write(path: Path, columns: dict[str, Any], **settings: Any) -> None:
    parquet.write_table(pyarrow.table(columns), path, **settings)


def plain(count: int) -> dict[str, Any]:
    numbers = range(count)
    return {"id": [f"a{n}" for n in numbers], "title": [f"T {n}" for n in numbers], "body": [f"B {n}" for n in numbers]}


def read(path: Path, fields: FieldMap | None = None) -> list[Item]:
    return list(ParquetTable(path, fields or FieldMap()).read())


def only(items: list[Item]) -> Found:
    (item,) = items
    assert isinstance(item, Found), item
    return item


def test_rows_of_all_batches_are_articles_in_order(path: Path) -> None:
    write(path, plain(2_500), row_group_size=1_700)
    items = read(path)
    assert [item.article.id for item in items if isinstance(item, Found)] == [f"a{n}" for n in range(2_500)]
    assert items[-1].where == f"{path} row 2500"


def test_times_lists_numbers_and_nulls_are_taken_as_they_are_meant(path: Path) -> None:
    new_york = datetime(2025, 7, 21, 2, 30, 0, 123456, timezone(timedelta(hours=-4)))
    write(
        path,
        {
            "nr": pyarrow.array([41], pyarrow.int64()),
            "title": ["Tides"],
            "body": pyarrow.array([b"na\xc3\xafve"], pyarrow.binary()),
            "at": pyarrow.array([new_york], pyarrow.timestamp("ns", "America/New_York")),
            "updated": pyarrow.array([datetime(2025, 7, 22)], pyarrow.timestamp("ms")),
            "tags": pyarrow.array([["sea", "moon, full"]], pyarrow.list_(pyarrow.string())),
            "section": pyarrow.array(["Science"]).dictionary_encode(),
            "author": pyarrow.array([None], pyarrow.string()),
            "sponsored": [False],
        },
    )
    article = only(read(path, FieldMap({"id": "nr", "published": "at"}))).article
    assert (article.id, article.body, article.section, article.author) == ("41", "naïve", "Science", None)
    assert article.published == datetime(2025, 7, 21, 6, 30, 0, 123456, UTC)
    assert article.updated == datetime(2025, 7, 22, tzinfo=UTC)
    assert article.tags == ["sea", "moon, full"]
    assert article.sponsored is False


def test_nested_nanoseconds_are_read_to_the_microsecond(path: Path) -> None:
    nested = [("at", pyarrow.timestamp("ns", "Europe/Dublin")), ("more", pyarrow.list_(pyarrow.timestamp("ns")))]
    moments = {"at": 1_753_079_400_123_456_789, "more": [1]}
    write(path, {**plain(2), "meta": pyarrow.array([moments, None], pyarrow.struct(nested))})
    table = ParquetTable(path, FieldMap({"published": "meta.at"}))
    first, second = (item for item in table.read() if isinstance(item, Found))
    assert (first.article.published, second.article.published) == (datetime(2025, 7, 21, 6, 30, 0, 123456, UTC), None)
    assert pack_found(first)
    row = next(table._rows())
    assert isinstance(row, dict)
    assert type(row["meta"]["at"]) is datetime  # and not one of pandas, which need not be there


def test_nanoseconds_are_no_reason_to_refuse_a_row(path: Path) -> None:
    write(path, plain(1) | {"published": pyarrow.array([1_753_079_400_123_456_789], pyarrow.timestamp("ns"))})
    assert only(read(path)).article.published == datetime(2025, 7, 21, 6, 30, 0, 123456, UTC)


def test_nested_fields_are_reached_by_a_path(path: Path) -> None:
    write(path, {"id": ["a"], "texts": [{"title": "T", "body": "B"}]})
    article = only(read(path, FieldMap({"title": "texts.title", "body": "texts.body"}))).article
    assert (article.title, article.body) == ("T", "B")


def test_columns_that_no_field_needs_are_not_read(path: Path) -> None:
    write(path, plain(1) | {"embedding": [[0.5] * 1000]})
    assert only(read(path)).unknown_keys == ()


def test_one_bad_row_is_quarantined_with_its_number(path: Path) -> None:
    columns = plain(4)
    columns["body"] = pyarrow.array([b"fine", b"gr\xfc\xdfe", b"fine", b"fine"], pyarrow.binary())
    columns["published"] = pyarrow.array([0, 0, 10**15, 0], pyarrow.timestamp("s"))  # the third: after the year 9999
    write(path, columns)
    first, undecodable, unthinkable, last = read(path)
    assert isinstance(first, Found)
    assert isinstance(undecodable, Quarantined)
    assert (undecodable.where, "byte 0xfc" in undecodable.reason) == (f"{path} row 2", True)
    assert isinstance(unthinkable, Quarantined)
    assert (unthinkable.where, "cannot be read" in unthinkable.reason) == (f"{path} row 3", True)
    assert isinstance(last, Found)
    assert last.where == f"{path} row 4"


def test_body_of_5_mb_is_quarantined_alone(path: Path) -> None:
    write(path, plain(2) | {"body": ["word " * 1_000_000, "B"]})
    bad, good = read(path)
    assert isinstance(bad, Quarantined)
    assert "body" in bad.reason
    assert isinstance(good, Found)


def test_markup_nested_10_000_deep_keeps_its_text(path: Path) -> None:
    write(path, plain(1) | {"body": ["<div>" * 10_000 + "Deep." + "</div>" * 10_000]})
    assert only(read(path, FieldMap(markup=True))).article.body == "Deep."


@pytest.mark.parametrize("kept", [0, 3, 100, 0.5, -1])
def test_cut_file_is_an_error_not_a_deletion(path: Path, kept: float) -> None:
    write(path, plain(2_000))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(SourceUnreadable, match="damaged or cut"):
        read(path)


def test_damaged_page_is_an_error(path: Path) -> None:
    write(path, plain(2_000), compression="zstd", write_page_checksum=True)
    whole = bytearray(path.read_bytes())
    whole[2_000:2_040] = b"\xff" * 40
    path.write_bytes(whole)
    with pytest.raises(SourceUnreadable, match="damaged or cut"):
        read(path)


def test_other_file_of_that_name_is_an_error(path: Path) -> None:
    path.write_text("id,title,body\n")
    with pytest.raises(SourceUnreadable, match="no Parquet file"):
        read(path)


def test_missing_file_and_missing_column_are_named(path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no such file"):
        read(path)
    write(path, plain(1))
    with pytest.raises(SourceUnreadable, match="no column 'titel' for the title; the nearest is 'title'"):
        read(path, FieldMap({"title": "titel"}))


def test_a_batch_is_held_and_not_the_table(path: Path) -> None:
    schema = pyarrow.schema([("id", pyarrow.string()), ("title", pyarrow.string()), ("body", pyarrow.string())])
    with parquet.ParquetWriter(path, schema, use_dictionary=False, compression="none") as writer:
        for start in range(0, 40_000, 2_000):
            rows = [{"id": f"a{n}", "title": "T", "body": f"{n} " * 250} for n in range(start, start + 2_000)]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
    pool = pyarrow.default_memory_pool()
    before = pool.bytes_allocated()
    most = max(pool.bytes_allocated() - before for _ in ParquetTable(path, FieldMap()).read())
    assert most < 16_000_000 < path.stat().st_size


def test_name_of_a_column_that_is_no_text_is_an_error(path: Path) -> None:
    write(path, plain(3), store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"title", b"ti\x94le"))
    with pytest.raises(SourceUnreadable, match="no Parquet file, or damaged"):
        read(path)
