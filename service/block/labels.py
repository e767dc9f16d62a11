"""A language -> what a block says in it: its heading, dates, reading times, and which way it is read.

What is not known here is said in English.
"""

from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.units import format_unit

from seealso.article import primary_language

LANGUAGE_DEFAULT = "en"
HEADINGS = {
    "ar": "مقالات ذات صلة",
    "ca": "Articles relacionats",
    "cs": "Související články",
    "da": "Relaterede artikler",
    "de": "Mehr zum Thema",
    "el": "Σχετικά άρθρα",
    "en": "Related articles",
    "es": "Artículos relacionados",
    "fa": "مطالب مرتبط",
    "fi": "Aiheeseen liittyvää",
    "fr": "Sur le même sujet",
    "he": "כתבות קשורות",
    "hu": "Kapcsolódó cikkek",
    "it": "Articoli correlati",
    "ja": "関連記事",
    "ko": "관련 기사",
    "nb": "Relaterte artikler",
    "nl": "Gerelateerde artikelen",
    "nn": "Relaterte artiklar",
    "no": "Relaterte artikler",
    "pl": "Powiązane artykuły",
    "pt": "Artigos relacionados",
    "ro": "Articole similare",
    "ru": "Материалы по теме",
    "sv": "Relaterade artiklar",
    "tr": "İlgili haberler",
    "uk": "Матеріали за темою",
    "zh": "相关文章",
    "zh-Hant": "相關文章",
}
# How a reading time is said, whose minutes Babel writes. Where they would have to be inflected, a label stands before.
READING = {
    "ar": "مدة القراءة: {}",
    "ca": "{} de lectura",
    "cs": "{} čtení",
    "da": "Læsetid: {}",
    "de": "{} Lesezeit",
    "el": "Χρόνος ανάγνωσης: {}",
    "en": "{} read",
    "es": "{} de lectura",
    "fa": "زمان مطالعه: {}",
    "fi": "Lukuaika: {}",
    "fr": "{} de lecture",
    "he": "זמן קריאה: {}",
    "hu": "Olvasási idő: {}",
    "it": "{} di lettura",
    "ja": "読了時間: {}",
    "ko": "읽는 시간: {}",
    "nb": "Lesetid: {}",
    "nl": "{} leestijd",
    "nn": "Lesetid: {}",
    "no": "Lesetid: {}",
    "pl": "{} czytania",
    "pt": "{} de leitura",
    "ro": "Timp de citire: {}",
    "ru": "Время чтения: {}",
    "sv": "Lästid: {}",
    "tr": "Okuma süresi: {}",
    "uk": "Час читання: {}",
    "zh": "阅读时间：{}",
    "zh-Hant": "閱讀時間：{}",
}
# Where Babel's short minutes are a letter that few would know.
_LONG = frozenset({"ar", "he", "hu"})
_RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ji", "ks", "ps", "sd", "syr", "ug", "ur", "yi"}
    | {"arab", "hebr", "thaa", "syrc", "nkoo", "adlm"}  # scripts
)


class Labels(NamedTuple):
    """What a block says. `language` is the tag of the language it is in; `direction` 'ltr' or 'rtl'."""

    language: str
    direction: str
    heading: str
    reading: str
    locale: Locale

    @property
    def is_long(self) -> bool:
        """Return whether minutes are written in full."""
        return self.locale.language in _LONG

    def day(self, published: str, timezone: str = "UTC") -> str:
        """Return the day of a moment (ISO 8601) in a time zone."""
        moment = datetime.fromisoformat(published)
        with suppress(OverflowError):  # a day beyond the years 1 to 9999
            moment = moment.astimezone(ZoneInfo(timezone))
        return _day(moment.date(), self.locale)

    def reading_time(self, minutes: int) -> str:
        """Return how long a text takes to be read."""
        return self.reading.format(_minutes(minutes, self.locale, self.is_long))


@lru_cache(1_000)
def labels_of(language: str | None) -> Labels:
    """Return what blocks say in a language (BCP 47), or in English."""
    for tag in (language, primary_language(language), LANGUAGE_DEFAULT):
        try:
            locale = Locale.parse(tag, sep="-") if tag else None
        except (UnknownLocaleError, ValueError):
            continue
        if tag is not None and locale is not None and locale.language in HEADINGS:
            script = f"{locale.language}-{locale.script}"
            known = script if script in HEADINGS else locale.language
            said = language if language and tag != LANGUAGE_DEFAULT else tag
            return Labels(said, direction_of(said), HEADINGS[known], READING[known], locale)
    raise AssertionError("English is always known")


def direction_of(language: str) -> str:
    """Return which way a language is written: 'ltr' or 'rtl'."""
    primary, *rest = language.casefold().split("-")
    written = next((part for part in rest if len(part) == 4 and part.isalpha()), primary)  # its script, if it is said
    return "rtl" if written in _RIGHT_TO_LEFT else "ltr"


@lru_cache(10_000)
def _day(day: date, locale: Locale) -> str:
    return format_date(day, format="long", locale=locale)


@lru_cache(10_000)
def _minutes(minutes: int, locale: Locale, is_long: bool) -> str:
    # British English would have '5 mins read'.
    plain = Locale(LANGUAGE_DEFAULT) if locale.language == LANGUAGE_DEFAULT else locale
    return str(format_unit(minutes, "duration-minute", length="long" if is_long else "short", locale=plain))


def name_of(language: str) -> str:
    """Return what a language is called in itself."""
    name = Locale.parse(language, sep="-").get_display_name() or language
    return name[:1].upper() + name[1:]
