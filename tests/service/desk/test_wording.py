"""How the desk says things."""

from datetime import UTC, datetime, timedelta

import pytest

from service.desk.wording import ago, clock, day, ends_in, likelihood, marked, rule_in_words, sentence, size


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


def test_moments_are_told_by_the_clock_of_everybody() -> None:
    assert clock("2025-03-01T10:05:00+02:00") == "1 March 2025, 08:05 UTC"
    assert clock(None) == ""


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ({"days": 3}, "ends in 3 days"),
        ({"days": 1}, "ends in 24 hours"),
        ({"hours": 2.2}, "ends in 2 hours"),
        ({"minutes": 70}, "ends in 70 minutes"),
        ({"minutes": 1}, "ends in 1 minute"),
        ({"seconds": 5}, "ends now"),
        ({"seconds": 0}, "ended"),
        ({"days": -3}, "ended"),
    ],
)
def test_how_long_something_holds_is_told(later: dict[str, float], said: str) -> None:
    moment = datetime(2025, 3, 1, tzinfo=UTC)
    assert ends_in(moment + timedelta(**later), moment) == said
    assert ends_in(None, moment) == ""


@pytest.mark.parametrize(("count", "said"), [(12, "12 bytes"), (2_100, "2.1 kB"), (3e6, "3.0 MB"), (1.2e9, "1.2 GB")])
def test_sizes_are_told_as_people_read_them(count: int, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "today"),
        (1, "yesterday"),
        (2, "2 days ago"),
        (59, "59 days ago"),
        (60, "2 months ago"),
        (730, "2 years ago"),
    ],
)
def test_how_long_ago_is_told_as_people_say_it(days: int, said: str) -> None:
    assert ago(days) == said


def test_reason_is_told_as_a_sentence_and_an_address_as_it_is() -> None:
    assert sentence("the text is empty") == "The text is empty"
    assert sentence("https://a.example cannot be read") == "https://a.example cannot be read"
    assert sentence("") == ""
