"""Cards -> the block as an HTML fragment: a heading and a list, readable without any style sheet.

Everything that comes from an article is escaped; links go to http and https addresses only, which the snapshot's
articles were checked for when they were taken in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import Environment, PackageLoader, StrictUndefined

LANGUAGE_DEFAULT = "en"
HEADINGS = {
    "da": "Relaterede artikler",
    "de": "Mehr zum Thema",
    "en": "Related articles",
    "es": "Artículos relacionados",
    "fi": "Aiheeseen liittyvää",
    "fr": "Sur le même sujet",
    "it": "Articoli correlati",
    "nb": "Relaterte artikler",
    "nl": "Gerelateerde artikelen",
    "pl": "Powiązane artykuły",
    "pt": "Artigos relacionados",
    "sv": "Relaterade artiklar",
}

_templates = Environment(
    loader=PackageLoader("service.block"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_block(cards: Sequence[Mapping[str, Any]], language: str | None) -> str:
    """Return the block of some cards (snapshot.files.CARD_FIELDS) under an article in a language; '' for no cards.

    Heading and dates are in that language where it is known here, else in English.
    """
    if not cards:
        return ""
    locale = locale_of(language)
    return _templates.get_template("block.html").render(
        cards=[dict(card) | {"day": _day(card["published"], locale)} for card in cards],
        heading=HEADINGS.get(locale.language, HEADINGS[LANGUAGE_DEFAULT]),
        language=language or LANGUAGE_DEFAULT,
    )


def locale_of(language: str | None) -> Locale:
    """Return what is known of how a language writes dates; English where nothing is."""
    for tag in (language, (language or "").split("-")[0], LANGUAGE_DEFAULT):
        try:
            locale = Locale.parse(tag, sep="-") if tag else None
        except (UnknownLocaleError, ValueError):
            continue
        if locale is not None and locale.language in HEADINGS:
            return locale
    raise AssertionError("English is always known")


def _day(published: str | None, locale: Locale) -> str | None:
    return format_date(datetime.fromisoformat(published), format="long", locale=locale) if published else None
