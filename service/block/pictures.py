"""A card -> its picture: the article's, else its section's, else the site's, else one that the style sheet draws."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from seealso.article import is_web
from seealso.project import BlockEntry

# So many ways of drawing one has related.css.
DRAWN = 6
# How wide pictures are shown at most, by layout; for browsers to choose among several widths.
WIDTHS = {
    "list": "9em",
    "compact": "5em",
    "grid": "(min-width: 40em) 24em, 34vw",
    "carousel": "18em",
}


class Picture(NamedTuple):
    """A picture, or the number of the way in which one is drawn, and the letter that stands in it."""

    url: str | None
    alt: str = ""
    width: int | None = None
    height: int | None = None
    srcset: str | None = None
    drawn: int = 0
    letter: str = ""


def picture_of(card: Mapping[str, Any], block: BlockEntry) -> Picture:
    """Return the picture of a card; cards of old snapshots have fewer fields."""
    own = card.get("image")
    if is_web(own):
        sized = card.get("image_width") and card.get("image_height")
        width, height = (card["image_width"], card["image_height"]) if sized else (None, None)
        return Picture(own, card.get("image_alt") or "", width, height, card.get("image_srcset"))
    section = card.get("section") or ""
    url = block.section_images.get(section) or block.default_image
    return Picture(url) if url else Picture(None, drawn=1 + sum(map(ord, section)) % DRAWN, letter=section[:1].upper())
