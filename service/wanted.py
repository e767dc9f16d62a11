"""What is asked of a block, in the one form that rules, order and cache keys take it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LIMIT_MAX = 50
LIMIT_DEFAULT = 12
Mode = Literal["background", "latest", "evergreen"]
Stories = Literal["one", "all"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a block may hold. `published_after` and `published_before` include the moment itself.

    Empty `sections` or `languages` admit all; a language admits its regions ('pt' admits 'pt-BR'). `min_probability`:
    None leaves it to the snapshot's recipe. `stories`: 'one' shows one article of each story and none of the open
    article's own.
    """

    limit: int = LIMIT_DEFAULT
    sections: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    published_after: datetime | None = None
    published_before: datetime | None = None
    languages: tuple[str, ...] = ()
    mode: Mode = "background"
    min_probability: float | None = None
    stories: Stories = "one"
    explain: bool = False

    @property
    def is_plain(self) -> bool:
        """Return whether nothing is said but how many articles, and whether they are explained."""
        return self == Wanted(limit=self.limit, explain=self.explain)
