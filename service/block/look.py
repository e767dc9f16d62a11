"""How a block looks as HTML, in the one form that fragments and cache keys take it. A block as JSON has no look."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

Layout = Literal["list", "grid", "compact", "carousel"]
Theme = Literal["auto", "light", "dark"]
HEADING_MIN, HEADING_MAX = 2, 6


@dataclass(frozen=True, slots=True)
class Look:
    """What a request may choose of a block's HTML.

    `heading`: the level of the block's heading; `images`: whether cards have pictures, None: if one of them has one of
    its own, of its section or of the site; `theme`: 'auto' goes with the page; `lang`: of labels and dates, None: the
    article's; `json_ld`: whether the links are listed for machines too.
    """

    layout: Layout = "list"
    heading: int = HEADING_MIN
    images: bool | None = None
    theme: Theme = "auto"
    lang: str | None = None
    json_ld: bool = True

    @classmethod
    def of(cls, *sayings: Mapping[str, Any]) -> Self:
        """Return the look that some say, each where those before say nothing (None)."""
        names = {field.name for field in fields(cls)}
        said: dict[str, Any] = {}
        for saying in reversed(sayings):
            said |= {name: value for name, value in saying.items() if name in names and value is not None}
        return cls(**said)
