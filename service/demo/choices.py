"""What a visitor of the demo chose -> how its pages and the live block look, and addresses that keep it."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seealso.article import Language
from service.block.look import Layout, Look, Theme
from service.wanted import LIMIT_MAX, Mode, Wanted

# What a switch is called, and what its settings are.
SWITCHES = {
    "layout": ("Layout", {"grid": "Grid", "list": "List", "compact": "Compact", "carousel": "Carousel"}),
    "dress": ("Theme", {"courier": "Courier", "plain": "Plain", "harbour": "Harbour"}),
    "theme": ("Light or dark", {"auto": "As your device", "light": "Light", "dark": "Dark"}),
    "mode": ("Picks", {"background": "Background", "latest": "Latest", "evergreen": "Evergreen"}),
    "way": ("Put in by", {"include": "Server", "script": "Script"}),
}


class Choices(BaseModel):
    """The query of every page of the demo."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    layout: Layout = "grid"
    dress: Literal["courier", "plain", "harbour"] = "courier"
    theme: Theme = "auto"
    mode: Mode = "background"
    way: Literal["include", "script"] = "include"
    lang: Annotated[Language | None, BeforeValidator(lambda tag: tag or None)] = None  # as the form sends it
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 6

    @property
    def query(self) -> str:
        """Return what was chosen as a query, '' where nothing was."""
        chosen = self.model_dump(exclude_defaults=True)
        return f"?{urlencode(chosen)}" if chosen else ""

    @property
    def asked(self) -> dict[str, Any]:
        """Return what a page would have to ask of the service for the same block."""
        chosen = {"layout": self.layout, "theme": self.theme, "mode": self.mode, "lang": self.lang, "limit": self.limit}
        return {name: value for name, value in chosen.items() if value not in (None, "auto", "background")}

    @property
    def look(self) -> Look:
        """Return how the block looks. What it tells machines, the demo keeps to itself: its articles are none."""
        return Look(layout=self.layout, images=True, theme=self.theme, lang=self.lang, json_ld=False)

    @property
    def wanted(self) -> Wanted:
        """Return what the block may hold."""
        return Wanted(limit=self.limit, mode=self.mode)
