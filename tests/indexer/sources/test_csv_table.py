import csv
import gzip
import io
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.sources.csv_table import RECORD_CHARACTERS_MAX, CsvTable
from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, Noted, Quarantined
from seealso.errors import SourceUnreadable

HEADER = "id,title,body,section\n"
GOOD = "g,Good,The body.,News\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "articles.csv"


def read(path: Path, **settings: str) -> list[Item]:
    return list(CsvTable(path, FieldMap(), **settings).read())


def written(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def found(items: list[Item]) -> list[Found]:
    assert all(isinstance(item, Found) for item in items), items
    return [item for item in items if isinstance(item, Found)]


def ids(items: list[Item]) -> list[str]:
    return [item.article.id for item in items if isinstance(item, Found)]


def test_each_row_is_an_article_named_by_its_line(path: Path) -> None:
    path.write_text(HEADER + 'a,"Tides, and ""moons""","One.\n\nTwo.",Science\n\n' + GOOD)
    first, second = found(read(path))
    assert (first.article.title, first.article.body) == ('Tides, and "moons"', "One.\n\nTwo.")
    assert (first.where, second.where) == (f"{path}:2", f"{path}:6")  # the body has two line feeds; one line is blank


def test_field_map_names_the_columns(path: Path) -> None:
    path.write_text('Nr;Headline;Text;Topics;Premium\n7;Tides;"<p>Sea &amp; moon</p>";sea, moon;1\n')
    fields = FieldMap(
        {"id": "Nr", "title": "Headline", "body": "Text", "tags": "Topics", "sponsored": "Premium"}, markup=True
    )
    (item,) = found(list(CsvTable(path, fields).read()))
    assert (item.article.id, item.article.body, item.article.tags) == ("7", "Sea & moon", ["sea", "moon"])
    assert item.article.sponsored is True


@pytest.mark.parametrize("last", ["b,Second", "b,Second,The body", "b,Second,The body,Caf\udcc3"])
def test_plain_file_that_is_cut_before_its_last_cell_or_in_a_character_is_an_error(path: Path, last: str) -> None:
    path.write_bytes((HEADER + GOOD + last).encode("utf-8", "surrogateescape"))
    with pytest.raises(SourceUnreadable, match=r"it breaks off in line 3, in cell \d of 4"):
        read(path)


def test_file_whose_last_line_has_no_end_is_read_and_noted(path: Path) -> None:
    path.write_text(HEADER + GOOD + GOOD.strip().replace("g,", "h,"))
    *items, note = read(path)
    assert ids(items) == ["g", "h"]
    assert isinstance(note, Noted)
    assert note.says.startswith("its last line, 3, has no end, as the others have")
    path.write_text(HEADER + GOOD)
    assert not any(isinstance(item, Noted) for item in read(path))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_read_off_the_header(path: Path, delimiter: str) -> None:
    path.write_text(written([["id", "title", 'body, "of" it; all|of it'], ["a", "T,;|\t", "B,;|\t."]], delimiter))
    (item,) = found(list(CsvTable(path, FieldMap({"body": 'body, "of" it; all|of it'})).read()))
    assert (item.article.title, item.article.body) == ("T,;|", "B,;|\t.")


def test_given_delimiter_is_the_one(path: Path) -> None:
    path.write_text("id~title,~body\na~T~B\n")
    (item,) = found(list(CsvTable(path, FieldMap({"title": "title,"}), delimiter="~").read()))
    assert item.article.title == "T"
    with pytest.raises(SourceUnreadable, match="one character"):
        read(path, delimiter="::")


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ("id,title,body\na,naïve – été,B\n".encode(), None),
        ("\ufeffid,title,body\r\na,naïve – été,B\r\n".encode(), "cp1252"),  # the mark outweighs the setting
        ("id,title,body\na,naïve – été,B\n".encode("cp1252"), "cp1252"),
        ("id,title,body\na,naïve – été,B\n".encode("utf-16"), None),
        (b"\xfe\xff" + "id,title,body\na,naïve – été,B\n".encode("utf-16-be"), None),
    ],
)
def test_encoding_is_that_of_the_mark_else_the_one_given_else_utf_8(
    path: Path, raw: bytes, encoding: str | None
) -> None:
    path.write_bytes(raw)
    (item,) = found(list(CsvTable(path, FieldMap(), encoding=encoding).read()))
    assert (item.article.id, item.article.title) == ("a", "naïve – été")


def test_row_in_another_encoding_is_quarantined_and_shifts_no_row(path: Path) -> None:
    path.write_bytes(HEADER.encode() + "a,été,B,N\n".encode("latin-1") + "b,ok,été\xe9,N\n".encode() + GOOD.encode())
    bad, *rest = read(path)
    assert isinstance(bad, Quarantined)
    assert bad.where == f"{path}:2"
    assert "title: byte 0xe9 after 0 characters" in bad.reason
    assert ids(rest) == ["b", "g"]


def test_header_in_another_encoding_is_an_error(path: Path) -> None:
    path.write_bytes("id,title,body,résumé\na,T,B,S\n".encode("latin-1"))
    with pytest.raises(SourceUnreadable, match="state the file's encoding"):
        read(path)


def test_cut_utf_16_is_an_error(path: Path) -> None:
    path.write_bytes((HEADER + GOOD).encode("utf-16")[:-1])
    with pytest.raises(SourceUnreadable, match="it is not utf-16"):
        read(path)


def test_unknown_encoding_is_an_error(path: Path) -> None:
    path.write_text(HEADER)
    with pytest.raises(SourceUnreadable, match="no encoding 'utf-9'"):
        read(path, encoding="utf-9")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('a,"The "quoted" word",B,N\n', "quote amiss"),
        ("a,T,B\n", "3 cells, the header 4"),
        ("a,T,one, two,N\n", "5 cells, the header 4"),
        ("a,T,B,N,\n", "5 cells"),
        (",T,B,N\n", "id: is missing"),
        ("a,,B,N\n", "title: is missing"),
    ],
)
def test_row_that_does_not_fit_is_quarantined_and_the_rest_read(path: Path, row: str, reason: str) -> None:
    path.write_text(HEADER + row + GOOD)
    bad, good = read(path)
    assert isinstance(bad, Quarantined)
    assert bad.where == f"{path}:2"
    assert reason in bad.reason
    assert ids([good]) == ["g"]


def test_quote_inside_a_plain_cell_is_text(path: Path) -> None:
    path.write_text(HEADER + 'a,A 5" pipe,It said "no".,N\n')
    (item,) = found(read(path))
    assert item.article.title == 'A 5" pipe'


def test_quote_closed_by_a_later_row_tells_which_lines_went_with_it(path: Path) -> None:
    path.write_text(HEADER + 'a,"Open,B,N\nb,"Title",B,N\n' + GOOD)
    bad, good = read(path)
    assert isinstance(bad, Quarantined)
    assert "up to line 3" in bad.reason
    assert ids([good]) == ["g"]


def test_quote_never_closed_is_an_error_not_a_shorter_table(path: Path) -> None:
    path.write_text(HEADER + GOOD + 'a,"Open,B,N\n' + GOOD * 1000)
    with pytest.raises(SourceUnreadable, match="opens in the row of line 3 is never closed"):
        read(path)


def test_quote_that_swallows_more_than_an_article_is_an_error(path: Path) -> None:
    row = "x," + "y" * 999_990 + ",B,N\n"
    path.write_text(HEADER + 'a,"Open,B,N\n' + row * (RECORD_CHARACTERS_MAX // 1_000_000 + 2))
    with pytest.raises(SourceUnreadable, match="line 2 is never closed"):
        read(path)


def test_endless_line_is_quarantined_without_being_kept(path: Path) -> None:
    with path.open("w") as file:
        file.write(HEADER + "a,T," + "x" * (RECORD_CHARACTERS_MAX + 3_000_000) + ",N\n" + GOOD)
    bad, good = read(path)
    assert isinstance(bad, Quarantined)
    assert "longer than" in bad.reason
    assert isinstance(good, Found)
    assert (good.article.id, good.where) == ("g", f"{path}:3")


def test_body_of_5_mb_is_quarantined_alone(path: Path) -> None:
    path.write_text(HEADER + f'a,T,"{"word " * 1_000_000}",N\n' + GOOD)
    bad, good = read(path)
    assert isinstance(bad, Quarantined)
    assert "body" in bad.reason
    assert ids([good]) == ["g"]


def test_markup_nested_10_000_deep_keeps_its_text(path: Path) -> None:
    path.write_text(HEADER + f"a,T,{'<div>' * 10_000}Deep.{'</div>' * 10_000},N\n")
    (item,) = found(list(CsvTable(path, FieldMap(markup=True)).read()))
    assert item.article.body == "Deep."


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("id,title,body,title\n", "2 columns are called 'title'"),
        ("id,headline,body\n", "no column is called 'title'"),
        ("ID,title,body\n", "no column is called 'id'; the nearest is 'ID'"),
        ("id,title\n", "no column is called 'body'"),
        ("", "no header line"),
        ("\n\n", "no header line"),
        ('id,"ti"tle,body\n', "header cannot be read"),
    ],
)
def test_header_that_leaves_doubt_is_an_error(path: Path, header: str, reason: str) -> None:
    path.write_text(header)
    with pytest.raises(SourceUnreadable, match=reason):
        read(path)


def test_columns_without_a_name_are_passed_over(path: Path) -> None:
    path.write_text(",id,title,body,\n0,a,T,B,x\n")  # as pandas writes its index
    (item,) = found(read(path))
    assert (item.article.id, item.article.title, item.unknown_keys) == ("a", "T", ())
    with pytest.raises(SourceUnreadable, match="no column '' for the section"):
        list(CsvTable(path, FieldMap({"section": ""})).read())


@pytest.mark.parametrize("line", ["sep=;\r\n", '"SEP=;"\n', "\ufeffsep=;\n"])
def test_line_that_tells_excel_the_delimiter_is_no_header(path: Path, line: str) -> None:
    path.write_text(line + 'id;title;body\n1;"A, B, C";x, y\n', newline="")
    (item,) = found(read(path))
    assert (item.article.title, item.article.body, item.where) == ("A, B, C", "x, y", f"{path}:3")
    assert found(read(path, delimiter=";")) == [item]


def test_mapped_column_that_is_not_there_names_the_nearest(path: Path) -> None:
    path.write_text("id,Headlines,body\na,T,B\n")
    with pytest.raises(SourceUnreadable, match="no column 'headline' for the title; the nearest is 'Headlines'"):
        list(CsvTable(path, FieldMap({"title": "headline"})).read())


def test_table_with_a_header_alone_has_no_articles(path: Path) -> None:
    path.write_text(HEADER)
    assert read(path) == []


def test_gzip_is_known_by_its_bytes_and_a_cut_one_is_an_error(path: Path) -> None:
    whole = gzip.compress((HEADER + "".join(f"a{number},T,B,N\n" for number in range(20_000))).encode())
    path.write_bytes(whole)
    assert len(found(read(path))) == 20_000
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceUnreadable, match=r"breaks off after line [\d,]+"):
        read(path)
    path.write_bytes(whole[:100] + b"\xff" * 20 + whole[120:])
    with pytest.raises(SourceUnreadable, match="breaks off"):
        read(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"none\.csv: no such file"):
        read(tmp_path / "none.csv")


def test_memory_is_bounded_by_a_row_not_by_the_table(path: Path) -> None:
    with path.open("w") as file:
        file.write(HEADER)
        file.writelines(f"a{number},Title {number},{'word ' * 200},News\n" for number in range(8_000))
    tracemalloc.start()
    count = sum(isinstance(item, Found) for item in CsvTable(path, FieldMap()).read())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 8_000
    assert peak < 1_000_000 < path.stat().st_size


def test_utf_16_that_does_not_say_in_which_order_is_an_error(path: Path) -> None:
    path.write_bytes((HEADER + GOOD).encode("utf-16-be"))
    with pytest.raises(SourceUnreadable, match=r"it is not utf-16 .*BOM"):
        read(path, encoding="utf-16")
