import pytest

from service.block.labels import HEADINGS, READING, direction_of, labels_of


@pytest.mark.parametrize(
    ("language", "tag", "heading", "day", "reading"),
    [
        ("en", "en", "Related articles", "July 21, 2025", "5 min read"),
        ("en-GB", "en-GB", "Related articles", "21 July 2025", "5 min read"),
        ("de", "de", "Mehr zum Thema", "21. Juli 2025", "5 Min. Lesezeit"),
        ("fr-CA", "fr-CA", "Sur le même sujet", "21 juillet 2025", "5 min de lecture"),
        ("pt-BR", "pt-BR", "Artigos relacionados", "21 de julho de 2025", "5 min de leitura"),
        ("no", "no", "Relaterte artikler", "21. juli 2025", "Lesetid: 5 min"),
        ("zh-TW", "zh-TW", "相關文章", "2025年7月21日", "閱讀時間：5 分鐘"),
        ("ar", "ar", "مقالات ذات صلة", "21 يوليو 2025", "مدة القراءة: 5 دقائق"),
        ("he", "he", "כתבות קשורות", "21 ביולי 2025", "זמן קריאה: 5 דקות"),
        ("xx-YY", "en", "Related articles", "July 21, 2025", "5 min read"),
        ("zz", "en", "Related articles", "July 21, 2025", "5 min read"),
        (None, "en", "Related articles", "July 21, 2025", "5 min read"),
    ],
)
def test_labels_are_in_the_language_or_in_english(
    language: str | None, tag: str, heading: str, day: str, reading: str
) -> None:
    labels = labels_of(language)
    assert (labels.language, labels.heading) == (tag, heading)
    assert labels.day("2025-07-21T06:30:00Z") == day
    assert labels.reading_time(5).replace("\xa0", " ") == reading


@pytest.mark.parametrize(
    ("moment", "timezone", "day"),
    [
        ("2026-03-02T01:30:00Z", "UTC", "March 2, 2026"),
        ("2026-03-02T01:30:00Z", "America/New_York", "March 1, 2026"),
        ("2026-03-01T23:30:00Z", "Europe/Dublin", "March 1, 2026"),
        ("2026-07-01T23:30:00Z", "Europe/Dublin", "July 2, 2026"),
        ("0001-01-01T00:00:00Z", "America/New_York", "January 1, 1"),  # there is none before it
    ],
)
def test_days_are_those_of_a_time_zone(moment: str, timezone: str, day: str) -> None:
    assert labels_of("en").day(moment, timezone) == day


def test_minutes_are_counted_as_the_language_counts() -> None:
    assert [labels_of("ar").reading_time(n) for n in (1, 2, 11)] == [
        "مدة القراءة: دقيقة",
        "مدة القراءة: دقيقتان",
        "مدة القراءة: 11 دقيقة",
    ]


def test_every_language_says_all() -> None:
    assert set(HEADINGS) == set(READING)
    assert len(HEADINGS) >= 12
    for language in HEADINGS:
        labels = labels_of(language)
        assert labels.language == language
        assert "2025" in labels.day("2025-07-21T06:30:00Z")
        said = labels.reading_time(3)
        assert "3" in said
        assert "duration" not in said


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("ar-EG", "rtl"), ("he", "rtl"), ("fa", "rtl"), ("ur-PK", "rtl"), ("en", "ltr"), ("az-Arab", "rtl"),
        ("ks-Deva", "ltr"), ("ur-Latn", "ltr"), ("ja", "ltr"),
    ],
)  # fmt: skip
def test_languages_are_read_one_way_or_the_other(language: str, direction: str) -> None:
    assert direction_of(language) == direction
