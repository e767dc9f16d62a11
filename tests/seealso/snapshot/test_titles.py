"""Which titles have a word, against looking at each of them."""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seealso.snapshot.titles
from seealso.article import folded
from seealso.snapshot.files import card_of
from seealso.snapshot.titles import Titles, title_in

# Letters whose case is written otherwise (ß, ſ, İ, the Kelvin sign, ﬁ), marks apart and composed, what parts words and
# what does not, and what is escaped in JSON.
TEXTS = st.text('aAsSßſiİıkK\u212aﬁfe\u0301éÉ\u0327_-’ "\\,:🌊中\u1100\u1161', max_size=6)


def cards(*titles: str) -> list[bytes]:
    return [orjson.dumps(card_of({"id": f'"{n},"title":', "title": each, "body": ""})) for n, each in enumerate(titles)]


@given(titles=st.lists(TEXTS, max_size=7), word=TEXTS)
def test_rows_are_those_of_the_titles_in_which_the_word_is_a_whole_one(titles: list[str], word: str) -> None:
    whole = re.compile(rf"(?<!\w){re.escape(folded(word))}(?!\w)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seealso.snapshot.titles, "TOGETHER", 3)
        found = Titles(cards(*titles)).rows_with(word)
    assert found.tolist() == [row for row, title in enumerate(titles) if whole.search(folded(title))]


@given(title=TEXTS)
def test_title_is_the_one_on_the_card(title: str) -> None:
    assert title_in(cards(title, title)[1]) == title


def test_titles_are_read_from_the_cards_once() -> None:
    given = cards("The tide’s tables", "High tide", "Tides")
    titles = Titles(given)
    assert titles.rows_with("TIDE").tolist() == [0, 1]
    given.clear()
    assert titles.rows_with("tides").tolist() == [2]


def test_no_title_has_a_word_that_is_no_text() -> None:
    assert Titles(cards("a")).rows_with("\ud800").tolist() == []
