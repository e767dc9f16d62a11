"""Cards -> the block as an HTML fragment: a heading and a list, readable without any style sheet.

Everything that comes from an article is escaped, also in what is told to machines (JSON-LD); links and pictures have
http and https addresses only. Its looks are in static/related.css.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seealso.project import BlockEntry
from service.block.labels import Labels, direction_of, labels_of
from service.block.links import campaign_of, link_to
from service.block.look import HEADING_MAX, Look
from service.block.pictures import WIDTHS, picture_of

LOOK, BLOCK = Look(), BlockEntry()
# What could end a script element, or begin another; and what JavaScript once took for the end of a line.
_IN_SCRIPT = [(mark.encode(), f"\\u{ord(mark):04x}".encode()) for mark in "<>&\u2028\u2029"]

_templates = Environment(
    loader=PackageLoader("service.block"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_block(
    cards: Sequence[Mapping[str, Any]], language: str | None, look: Look = LOOK, block: BlockEntry = BLOCK
) -> str:
    """Return the block of some cards (snapshot.files.CARD_FIELDS) under an article in a language; '' for no cards.

    Labels and dates are in the look's language, else in the article's, where it is known here, else in English.
    """
    if not cards:
        return ""
    labels = labels_of(look.lang or language)
    shown = list(_dressed(cards, labels, block))
    pictured = look.images if look.images is not None else any(card["picture"].url for card in shown)
    return _templates.get_template("block.html").render(
        cards=shown,
        labels=labels,
        look=look,
        level=min(look.heading + 1, HEADING_MAX),
        brief=look.layout == "compact",
        pictured=pictured,
        sizes=WIDTHS[look.layout],
        rel=block.rel,
        listed=_listed(shown, labels) if look.json_ld else None,
    )


def _dressed(cards: Sequence[Mapping[str, Any]], labels: Labels, block: BlockEntry) -> Iterator[dict[str, Any]]:
    """Yield cards with all that the template writes."""
    campaign = campaign_of(block)
    for card in cards:
        published, minutes, language = card["published"], card.get("reading_minutes"), card["language"]
        other = language if language and language != labels.language else None
        direction = direction_of(other) if other else labels.direction
        yield {
            **card,
            "link": link_to(card["url"], campaign),
            "picture": picture_of(card, block),
            "day": labels.day(published, block.timezone) if published else None,
            "reading": labels.reading_time(minutes) if minutes else None,
            "lang": other,
            "dir": direction if direction != labels.direction else None,
        }


def _listed(cards: Sequence[Mapping[str, Any]], labels: Labels) -> Markup | None:
    """Return the links as an ItemList of schema.org, in JSON that may stand in a script element; None for none."""
    items = [
        {"@type": "ListItem", "position": place, "url": card["url"], "name": card["title"]}
        for place, card in enumerate((card for card in cards if card["link"] is not None), 1)
    ]
    if not items:
        return None
    told = {"@context": "https://schema.org", "@type": "ItemList", "name": labels.heading, "itemListElement": items}
    text = orjson.dumps(told)
    for mark, escaped in _IN_SCRIPT:
        text = text.replace(mark, escaped)
    return Markup(text.decode())  # noqa: S704 - escaped for where it stands
