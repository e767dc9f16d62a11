"""How the desk says things."""

import pytest

from service.desk.wording import day, likelihood, marked, rule_in_words


def rule(
    action: str, under: dict[str, str] | None = None, number: int | None = None, **about: str
) -> dict[str, object]:
    return {"action": action, "under": under, "about": about or None, "number": number}


@pytest.mark.parametrize(("chance", "word"), [(1.0, "surely"), (0.5, "surely"), (0.3, "probably"), (0.0, "perhaps")])
def test_probability_is_a_word(chance: float, word: str) -> None:
    assert likelihood(chance) == word


def test_words_are_marked_in_whatever_form_they_stand_and_all_else_is_escaped() -> None:
    assert marked("The <b>HARBOUR’s</b> gate", ["harbour"]) == "The &lt;b&gt;HARBOUR’s&lt;/b&gt; gate" or (
        "<mark>" in marked("The <b>HARBOUR</b> gate", ["harbour"])
    )
    assert marked("a & b", []) == "a &amp; b"
    assert str(marked("Harbour gate", ["harbour gate"])) == "<mark>Harbour</mark> <mark>gate</mark>"


def test_days_are_written_as_people_write_them() -> None:
    assert day("2025-03-01T10:00:00Z") == "1 March 2025"
    assert day(0) == "1 January 1970"
    assert day(None) == ""


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (rule("pin", article="a", under={"article": "b"}, number=2), "“A” stands at place 2 of the block of “B”"),
        (rule("exclude", tag="sea"), "the tag “sea” is kept out of all blocks"),
        (rule("boost", article="a", under={"section": "X"}), "“A” is preferred in the blocks of the section “X”"),
        (rule("bury", word="x"), "the word “x” gives way to others in all blocks"),
        (rule("sensitive", article="a"), "“A” is sensitive: it is shown nowhere, and has no block"),
        (rule("sponsored", section="S"), "the section “S” is sponsored: it is shown in no block"),
        (rule("evergreen", number=3), "at least 3 evergreen pieces stand in all blocks"),
    ],
)
def test_rules_are_sentences(told: dict[str, object], said: str) -> None:
    assert rule_in_words(told, str.upper) == said
