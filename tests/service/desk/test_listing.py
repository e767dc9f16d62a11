"""Long lists, part by part."""

from pathlib import Path

from seealso.snapshot.reader import open_current
from service.desk.listing import listed, titles_of
from tests.makers import articles, index_of


def test_list_stands_on_as_many_pages_as_it_needs() -> None:
    found = listed(range(7), 2, 3)
    assert ([*found.items], found.total, found.page, found.pages) == ([3, 4, 5], 7, 2, 3)


def test_page_beyond_the_end_is_the_last_one() -> None:
    assert [*listed(range(7), 99, 3).items] == [6]
    empty = listed(list[int](), 5, 3)
    assert (empty.items, empty.page, empty.pages) == ([], 1, 1)


def test_article_that_is_not_here_is_called_by_its_id(tmp_path: Path) -> None:
    index_of(tmp_path, articles(3))
    title_of = titles_of(open_current(tmp_path))
    assert (title_of("a001"), title_of("gone"), titles_of(None)("a001")) == ("Piece 1", "gone", "a001")
