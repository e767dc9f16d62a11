import pytest
from hypothesis import given
from hypothesis import strategies as st

from seealso.words import surface_forms, word_counts, word_spans, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Harbour wall, again", ["the", "harbour", "wall", "again"]),
        ("reader's   the ’90s", ["reader", "s", "the", "90s"]),
        ("l’économie d'hier", ["l", "économie", "d", "hier"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ﬁnance Ⅷ", ["finance", "viii"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("東京都", ["東京", "京都"]),
        ("猫", ["猫"]),
        ("AIが東京で会議", ["ai", "が東", "東京", "京で", "で会", "会議"]),
        ("東京2020オリンピック", ["東京", "2020", "オリ", "リン", "ンピ", "ピッ", "ック"]),
        ("_ -- !", []),
        ("", []),
    ],
)
def test_words_are_those_of_the_language(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text(max_size=60))
def test_any_text_has_words_and_they_are_in_one_form(text: str) -> None:
    found = words(text)
    assert all(found)
    assert words(" ".join(found)) == [part for word in found for part in words(word)]


def test_title_counts_twice() -> None:
    assert word_counts("Tide", "tide and moon") == {"tide": 3, "and": 1, "moon": 1}


def test_words_are_shown_as_the_text_writes_them() -> None:
    assert surface_forms("Netherquay and netherquay and Netherquay", {"netherquay", "moon"}) == {
        "netherquay": "Netherquay"
    }


@pytest.mark.parametrize("text", ["The reader's day: 1,000 ﬁsh, Ａ½ x", "運河の水 と car", "ก็ดี x", "", "é e\u0301"])
def test_words_with_places_are_the_same_words(text: str) -> None:
    assert [word for word, _, _ in word_spans(text)] == words(text)
    assert all(0 <= start < end <= len(text) for _, start, end in word_spans(text))


def test_places_of_words_are_where_they_stand() -> None:
    text = "The Reader’s 水の運"
    assert [text[start:end] for _, start, end in word_spans(text)] == ["The", "Reader", "s", "水の", "の運"]
