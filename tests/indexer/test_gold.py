import gzip
from pathlib import Path

import pytest

from indexer.gold import picks_of, read_gold
from seealso.errors import SourceUnreadable
from seealso.snapshot.reader import open_current
from tests.makers import article, index_of

LINES = b'{"id": "a", "related": {"b": 1, "c": 2.5, "a": 1}, "note": "x"}\n\n{"id": "b", "related": {}}\n'


@pytest.mark.parametrize("content", [LINES, gzip.compress(LINES)], ids=["plain", "gzipped"])
def test_lines_become_grades_without_the_query_itself(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gold").write_bytes(content)
    assert read_gold(tmp_path / "gold") == {"a": {"b": 1.0, "c": 2.5}, "b": {}}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", ":2"),
        (b"[]", ":2"),
        (b'{"id": "x"}', "no gold line"),
        (b'{"id": "x", "related": ["b"]}', "no gold line"),
        (b'{"id": "x", "related": {"b": 0}}', "no gold line"),
        (b'{"id": "x", "related": {"b": -1}}', "no gold line"),
        (b'{"id": "x", "related": {"b": "1"}}', "no gold line"),
        (b'{"id": "a", "related": {"b": 1}}', "more than once"),
    ],
)
def test_wrong_line_is_an_error_with_its_number(tmp_path: Path, line: bytes, said: str) -> None:
    (tmp_path / "gold").write_bytes(b'{"id": "a", "related": {"b": 1}}\n' + line)
    with pytest.raises(SourceUnreadable, match=said):
        read_gold(tmp_path / "gold")


def test_cut_or_missing_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(gzip.compress(LINES * 1000)[:60])
    for name in ("cut", "missing"):
        with pytest.raises(SourceUnreadable, match=name):
            read_gold(tmp_path / name)


def test_picks_of_the_articles_are_gold_of_grade_one(tmp_path: Path) -> None:
    index_of(
        tmp_path, [article("a", editor_related=["b", "a", "elsewhere"]), article("b"), article("c", editor_related=[])]
    )
    assert picks_of(open_current(tmp_path)) == {"a": {"b": 1.0, "elsewhere": 1.0}}
