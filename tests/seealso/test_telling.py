"""When two articles tell one event."""

import math

import pytest

from seealso.telling import EVENT_COSINE, EVENT_DAYS, EVENT_TERMS, are_numbers_of_a_series, tell_one_event


def test_it_takes_all_of_time_language_meaning_and_names() -> None:
    just = (EVENT_DAYS, EVENT_COSINE, EVENT_TERMS)
    assert tell_one_event(*just, "en", "en-GB")
    assert tell_one_event(*just, None, None)
    assert not tell_one_event(*just, "en", "de")
    assert not tell_one_event(EVENT_DAYS + 0.1, EVENT_COSINE, EVENT_TERMS, "en", "en")
    assert not tell_one_event(math.nan, EVENT_COSINE, EVENT_TERMS, "en", "en")
    assert not tell_one_event(EVENT_DAYS, EVENT_COSINE - 0.01, EVENT_TERMS, "en", "en")
    assert not tell_one_event(EVENT_DAYS, EVENT_COSINE, EVENT_TERMS - 0.01, "en", "en")


@pytest.mark.parametrize(
    ("title", "other", "series"),
    [
        ("Weather for Monday", "Weather for Tuesday", True),
        ("Weather for Monday 3", "Weather for Tuesday 4", True),
        ("12 hurt in crash", "14 hurt in crash", False),
        ("Mayor resigns", "Mayor resigns after vote", False),
    ],
)
def test_numbers_of_a_series_differ_in_names(title: str, other: str, series: bool) -> None:
    assert are_numbers_of_a_series(title, other) is series
