"""/desk/settings: the service's settings as they hold, and what seealso.toml says; nothing is changed here."""

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Response
from markupsafe import Markup, escape

from seealso.project import PROJECT_FILE, Placement
from seealso.settings import PREFIX, SECRET, ServiceSettings
from service.desk.pages import page, room
from service.parts import admins, parts
from service.trial import Trial

settings_room = room("settings")
HIDDEN = "set, and not shown"
_SECRET_WORDS = ("secret", "password", "authorization", "token")


class Set(NamedTuple):
    """A setting: its variable, its value and its default as they are shown, and what it does."""

    variable: str
    value: str
    default: str
    changed: bool
    does: Markup


@settings_room.get("/settings")
@admins
def settings() -> Response:
    """The settings that hold, and what the newsroom's own file says."""
    here = parts()
    return page(
        "settings.html",
        settings=[setting_of(here.settings, name) for name in ServiceSettings.model_fields],
        file=here.settings.project or Path(PROJECT_FILE),
        placements=[(name, placement_in_words(each)) for name, each in sorted(here.placements.items())],
        trial=trial_in_words(here.blocks.trial),
    )


def setting_of(held: ServiceSettings, name: str) -> Set:
    """Return a setting as it may be shown: nothing that opens anything is told."""
    field = ServiceSettings.model_fields[name]
    value, default = getattr(held, name), field.default
    does = f"{field.description or ''}."
    return Set(
        variable=f"{PREFIX}{name.upper()}",
        value=shown(name, value),
        default=_words(default),
        changed=value != default,
        does=_with_code(f"{does[:1].upper()}{does[1:]}"),
    )


def shown(name: str, value: Any) -> str:
    """Return a value as it may be shown: secrets not at all, of addresses that may hold one the host alone."""
    if value in (None, ""):
        return _words(value)
    if any(word in name for word in _SECRET_WORDS):
        return HIDDEN
    if name not in SECRET:
        return _words(value)
    try:
        parted = urlsplit(str(value))
        host, port = parted.hostname, parted.port
    except ValueError:
        return HIDDEN
    if not parted.scheme:
        return HIDDEN
    named = f"{parted.scheme}://{host}{f':{port}' if port else ''}" if host else parted.scheme
    return f"{named} (the rest is not shown)"


def _with_code(text: str) -> Markup:
    """Return a text as HTML, what stands in it between backticks as code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    )


def placement_in_words(placement: Placement) -> str:
    """Return what a placement asks for where a request says nothing."""
    said = []
    if placement.limit is not None:
        said.append(f"at most {placement.limit} articles")
    if placement.mode is not None:
        said.append({"background": "of any age", "latest": "new pieces preferred", "evergreen": "old ones welcome"}[
            placement.mode
        ])  # fmt: skip
    if placement.min_probability is not None:
        said.append(f"each related with a chance of {placement.min_probability:.0%} at least")
    if placement.stories is not None:
        said.append("one of each story" if placement.stories == "one" else "all that tell a story")
    if placement.sections:
        said.append(f"only of {', '.join(placement.sections)}")
    if placement.languages:
        said.append(f"only in {', '.join(placement.languages)}")
    return "; ".join(said) or "nothing of its own"


def trial_in_words(trial: Trial | None) -> str | None:
    """Return what is tried on readers; None where nothing is."""
    if trial is None:
        return None
    how = "half of the articles have each" if trial.method == "split" else "each block is filled by both in turn"
    changed = ", ".join(f"{name} {value:g}" for name, value in sorted(trial.changes.items()))
    return f"“{trial.name}” compares the snapshot’s recipe with one that has {changed}: {how}."


def _words(value: Any) -> str:
    if value is None:
        return "unset"
    if value == "":
        return "empty"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
