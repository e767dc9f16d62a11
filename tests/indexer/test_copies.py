import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer.copies
from indexer.copies import (
    CONTAINED_SHARE,
    COPY_DAYS,
    COPY_SHARE,
    COPY_SHARE_EVER,
    FORM_TEXTS,
    HEADLINES_MAX,
    NOTICE_WORDS_MAX,
    WORDS_MIN,
    Texts,
    near_copies,
)
from seealso.article import Article
from tests.makers import article


def text(first: int, last: int) -> str:
    return " ".join(f"word{number}" for number in range(first, last))


def filled_in(count: int, days_apart: int) -> list[Article]:
    days = np.datetime64("2026-01-01") + days_apart * np.arange(count)
    return [
        article(f"a{number:03}", title="The draw", body=f"{text(0, 300)} draw{number}", published=str(day))
        for number, day in enumerate(days)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The " + text(0, 60), "  the\n\n" + text(0, 60)),
        (text(0, 60) + ".", text(0, 30) + " — " + text(30, 60)),
        ("École " + text(0, 60), "École " + text(0, 60)),
    ],
)
def test_texts_are_equal_if_their_words_are(one: str, other: str) -> None:
    assert Texts([article("a", body=one), article("b", body=other)]).equal == [(0, 1)]


def test_each_text_that_is_read_is_told() -> None:
    told: list[int] = []
    Texts([article(name, body="the same") for name in "abc"], lambda: told.append(1))
    assert len(told) == 3


@pytest.mark.parametrize("body", ["", "More follows.", text(0, WORDS_MIN - 1)])
def test_short_text_is_equal_with_its_title_and_day_only(body: str) -> None:
    def equal(**fields: str) -> bool:
        same = {"title": "Quick crossword", "body": body, "published": "2026-01-01T07:00:00Z"}
        return bool(Texts([article("a", **same), article("b", **{**same, **fields})]).equal)

    assert equal(published="2026-01-01T19:00:00Z")
    assert not equal(title="Cryptic crossword")
    assert not equal(published="2026-01-02T07:00:00Z")


def test_short_texts_share_nothing() -> None:
    texts = Texts([article("a", title="A", body=text(0, 39)), article("b", title="B", body=text(0, 38))])
    assert texts.shares(0, 1) == (0.0, 0.0)


@given(first=st.integers(0, 200), length=st.integers(WORDS_MIN, 200), other_length=st.integers(WORDS_MIN, 200))
@settings(max_examples=60, deadline=None)
def test_shares_are_estimated_and_symmetric(first: int, length: int, other_length: int) -> None:
    texts = Texts([article("a", body=text(0, length)), article("b", title="B", body=text(first, first + other_length))])
    assert texts.shares(0, 1) == texts.shares(1, 0)
    runs, others = set(range(length - 4)), set(range(first, first + other_length - 4))
    common = len(runs & others)
    # Five standard errors, where they are largest.
    assert texts.shares(0, 1)[0] == pytest.approx(common / len(runs | others), abs=0.16)


def test_text_with_paragraphs_added_contains_the_old_one() -> None:
    old, longer, much_longer = article("a", body=text(0, 200)), text(0, 330), text(0, 900)
    texts = Texts([old, article("b", body=longer), article("c", body=much_longer)])
    common, contained = texts.shares(0, 1)
    assert common < COPY_SHARE < CONTAINED_SHARE <= contained
    assert texts.shares(0, 2)[1] == 0.0  # a report in a review of the week


def test_near_copies_are_found_among_all() -> None:
    pieces = [article(f"z{number}", body=text(1_000 * number, 1_000 * number + 300)) for number in range(1, 300)]
    pieces += [article("a", body=text(0, 300)), article("b", body=text(3, 300) + " Corrected.")]
    assert near_copies(pieces, Texts(pieces)) == ([(299, 300)], set())


def test_more_must_be_the_same_the_more_time_lies_between() -> None:
    def found(changed: int, published: str | None) -> bool:
        first = article("a", body=text(0, 300), published="2026-01-01")
        other = text(0, 100) + " " + text(1_000, 1_000 + changed) + " " + text(100 + changed, 300)
        pieces = [first, article("b", body=other, published=published)]
        common = Texts(pieces).shares(0, 1)[0]
        assert COPY_SHARE < common < COPY_SHARE_EVER if changed > 5 else common > COPY_SHARE_EVER
        return bool(near_copies(pieces, Texts(pieces))[0])

    assert found(20, f"2026-01-0{1 + COPY_DAYS}")
    assert not found(20, f"2026-01-0{2 + COPY_DAYS}")
    assert not found(20, None)
    assert found(3, "2031-01-01")
    assert found(3, None)


def test_frame_of_four_fifths_makes_no_copy() -> None:
    pieces = [
        article("a", body=text(0, 240) + " " + text(1_000, 1_060)),
        article("b", body=text(0, 240) + " " + text(2_000, 2_060)),
    ]
    assert near_copies(pieces, Texts(pieces)) == ([], set())


def test_form_that_is_filled_in_is_told_from_copies_of_one_day() -> None:
    draws = filled_in(30, days_apart=7)
    again = draws[3].model_copy(update={"id": "again"})
    texts = Texts([*draws, again])
    assert near_copies([*draws, again], texts) == ([], set(range(31)))
    assert texts.equal == [(3, 30)]
    printed_by_many = filled_in(30, days_apart=0)
    assert near_copies(printed_by_many, Texts(printed_by_many)) == ([(0, row) for row in range(1, 30)], set())


def test_form_without_dates_is_one_too() -> None:
    pages = [piece.model_copy(update={"published": None}) for piece in filled_in(FORM_TEXTS, days_apart=0)]
    assert near_copies(pages, Texts(pages)) == ([], set(range(FORM_TEXTS)))
    assert len(near_copies(pages[1:], Texts(pages[1:]))[0]) == FORM_TEXTS - 2


def test_notice_in_the_place_of_a_text_makes_no_copies() -> None:
    notice, long = text(0, NOTICE_WORDS_MAX - 10), text(0, NOTICE_WORDS_MAX + 10)
    pieces = [article(f"a{number:02}", title=f"Title {number}", body=notice) for number in range(HEADLINES_MAX + 1)]
    twice = article("b", title="Title 0", body=notice)
    texts = Texts([*pieces, twice])
    assert (texts.equal, texts.notices) == ([(0, HEADLINES_MAX + 1)], set(range(HEADLINES_MAX + 2)))
    assert texts.shares(0, 1) == (0.0, 0.0)
    assert Texts(pieces[1:]).notices == set()
    assert Texts([piece.model_copy(update={"body": long}) for piece in pieces]).notices == set()


@pytest.mark.parametrize("seed", range(3))
def test_texts_that_meet_none_are_rightly_left_out_of_the_table(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    articles = []
    for number in range(120):
        told = text(1_000 * (number % 40), 1_000 * (number % 40) + 400).split()
        for place in rng.choice(400, rng.integers(12), replace=False):
            told[place] = f"other{rng.integers(1_000)}"
        articles.append(article(f"a{number:03}", body=" ".join(told)))
    texts = Texts(articles)
    found = near_copies(articles, texts)
    meeting = indexer.copies._meeting(texts)
    monkeypatch.setattr(indexer.copies, "_meeting", lambda texts: set(texts.compared))
    assert near_copies(articles, texts) == found
    assert found[0]
    assert len(meeting) < len(texts.compared)
