"""Which articles have a name, against looking at each of them."""

from hypothesis import given
from hypothesis import strategies as st

from seealso.article import folded
from seealso.snapshot.names import names_of

NAMES = st.text("aAbß£é\u0301e🌊", max_size=3)


@given(articles=st.lists(st.lists(NAMES, max_size=4), max_size=8), wanted=NAMES)
def test_rows_are_those_of_the_articles_that_have_the_name(articles: list[list[str]], wanted: str) -> None:
    names = names_of(articles)
    those = [{folded(name) for name in own} for own in articles]
    rows = range(len(articles))
    assert names.rows_of(wanted).tolist() == [row for row in rows if folded(wanted) in those[row]]
    part = folded(wanted)
    assert names.rows_with(wanted).tolist() == [row for row in rows if any(part in name for name in those[row])]


def test_name_is_listed_once_in_the_order_of_bytes() -> None:
    names = names_of([["b", "A"], ["a", "a", "ä"], []])
    assert names.texts == [b"a", b"b", "ä".encode()]
    assert names.ends.tolist() == [0, 2, 3, 4]
    assert names.rows.tolist() == [0, 1, 0, 1]


def test_nobody_has_a_name_that_is_no_text() -> None:
    names = names_of([["a"]])
    assert len(names.rows_of("\ud800")) == len(names.rows_with("\ud800")) == 0
