import gzip
import io
import json
from pathlib import Path

import pytest

from indexer.sources.jsonl import LINE_BYTES_MAX, JsonLines
from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, Quarantined
from seealso.errors import SourceUnreadable

GOOD = json.dumps({"id": "a", "title": "Title", "body": "Body."}).encode()


def read(path: Path) -> list[Item]:
    return list(JsonLines(path).read())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "articles.jsonl"


def test_each_line_is_an_article(path: Path) -> None:
    path.write_bytes(GOOD + b"\n\n" + GOOD.replace(b'"a"', b'"b"'))  # a blank line; no line feed at the end
    first, second = read(path)
    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert (first.article.id, first.where) == ("a", f"{path}:1")
    assert (second.article.id, second.where) == ("b", f"{path}:3")


def test_plain_file_that_is_cut_is_an_error_wherever_that_is_in_a_line(path: Path) -> None:
    lines = [json.dumps({"id": f"a{number}", "title": "Tïtle", "body": "Body."}).encode() for number in range(100)]
    whole = b"\n".join(lines)
    for share in (0.953, 0.9531, 0.954, 0.955):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(SourceUnreadable, match="it breaks off in line 96"):
            read(path)


def test_junk_at_the_end_with_a_line_end_is_one_bad_line(path: Path) -> None:
    path.write_bytes(GOOD + b"\n{}}\n")
    assert [type(item) for item in read(path)] == [Found, Quarantined]


@pytest.mark.parametrize("name", ["articles.jsonl.gz", "misnamed.jsonl"])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(GOOD))
    assert len(read(tmp_path / name)) == 1


def test_byte_order_mark_is_no_fault(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + GOOD)
    assert isinstance(read(path)[0], Found)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"not json", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"\xff\xfe{}", "not JSON"),
        (b'{"id": "a", "title": "T", "body": "\xff"}', "not JSON"),
        (b'{"id": "a", "title": "T", "body": NaN}', "not JSON"),
        (b'{"id": "a", "title": "T", "body": "\\ud800"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": "a", "title": "T"}', "body: is missing"),
        (b'{"id": "a", "title": "T", "body": "x", "url": "javascript:x"}', "url: must be an absolute http"),
    ],
)
def test_bad_line_is_quarantined_and_the_rest_read(path: Path, line: bytes, reason: str) -> None:
    path.write_bytes(line + b"\n" + GOOD)
    bad, good = read(path)
    assert isinstance(bad, Quarantined)
    assert isinstance(good, Found)
    assert bad.where == f"{path}:1"
    assert reason in bad.reason


def test_endless_line_is_quarantined_without_being_kept(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'{"id": "' + b"x" * (LINE_BYTES_MAX + 5_000_000) + b'"}\n' + GOOD)
    bad, good = read(path)
    assert isinstance(bad, Quarantined)
    assert "longer than" in bad.reason
    assert isinstance(good, Found)
    assert good.where.endswith(":2")


def test_unknown_keys_are_told(path: Path) -> None:
    path.write_bytes(GOOD[:-1] + b', "kind": "prose"}')
    (found,) = read(path)
    assert isinstance(found, Found)
    assert found.unknown_keys == ("kind",)


def test_cut_gzip_is_an_error_not_a_shorter_source(tmp_path: Path) -> None:
    whole = gzip.compress(b"\n".join(GOOD.replace(b'"a"', f'"{number}"'.encode()) for number in range(5_000)))
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceUnreadable, match=r"breaks off after line \d+"):
        read(tmp_path / "cut.jsonl.gz")


def test_damaged_gzip_is_an_error(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(GOOD * 2000))
    damaged[40:60] = b"\xff" * 20
    (tmp_path / "damaged.jsonl.gz").write_bytes(bytes(damaged))
    with pytest.raises(SourceUnreadable, match="breaks off"):
        read(tmp_path / "damaged.jsonl.gz")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no such file"):
        read(tmp_path / "none.jsonl")


@pytest.mark.parametrize("content", [GOOD + b"\n", gzip.compress(GOOD, mtime=0)], ids=["plain", "gzipped"])
def test_standard_input_is_read_plain_or_gzipped(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
    (found,) = JsonLines(None).read()
    assert isinstance(found, Found)
    assert found.where == "standard input:1"


@pytest.mark.parametrize("fields", [None, FieldMap()])
@pytest.mark.parametrize("field", ["id", "body", "tags", "published"])
def test_a_value_nested_a_thousand_times_costs_its_line_alone(path: Path, field: str, fields: FieldMap | None) -> None:
    deep = json.dumps({"id": "a", "title": "T", "body": ""} | {field: 0}).replace("0", "[" * 1_020 + "]" * 1_020)
    path.write_bytes(deep.encode() + b"\n" + GOOD + b"\n")
    first, second = JsonLines(path, fields).read()
    assert isinstance(first, Quarantined)
    assert "nested too deeply" in first.reason
    assert isinstance(second, Found)
