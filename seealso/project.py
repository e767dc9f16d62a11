"""seealso.toml: a newsroom's own file. Its sources, what is left out, how blocks look, and its limits.

Out: a checked Project, or SettingsInvalid naming the place in the file. What a kind of source is made of, the indexer
knows; what a placement means, the service.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from seealso.article import Article, Language, WebUrl, clean_line
from seealso.errors import SettingsInvalid
from seealso.recipe import Recipe
from seealso.settings import variable

PROJECT_FILE = "seealso.toml"
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
# ${NAME}: for what is secret, or differs from machine to machine.
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _article_fields(fields: dict[str, Any]) -> dict[str, Any]:
    for name in fields:
        if name not in Article.model_fields:
            raise ValueError(f"an article has no field {name!r}; it has {', '.join(Article.model_fields)}")
    return fields


def _web_address(address: str) -> str:
    parts = urlsplit(address)  # a ValueError of its own for what is no host
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return address


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as 'Europe/Dublin'") from None
    return name


_Columns = Annotated[dict[str, str], AfterValidator(_article_fields)]
_Defaults = Annotated[dict[str, Any], AfterValidator(_article_fields)]
_Web = Annotated[str, AfterValidator(_web_address)]
_Text = Annotated[str, Field(min_length=1)]
# Cleaned as those of articles are, so that they may be the same.
_Label = Annotated[str, AfterValidator(clean_line), Field(min_length=1)]
_Zone = Annotated[str, AfterValidator(_time_zone)]


class _Entry(BaseModel):
    """What every source may say.

    `fields`: an article's field -> the source's name for it, or a text with such names in braces; `defaults`: a field's
    value where the source has none; `html`: title, summary and body are HTML; `timezone`: of times without an offset.
    """

    model_config = _STRICT
    fields: _Columns = {}
    defaults: _Defaults = {}
    html: bool = False
    timezone: _Zone = "UTC"


class JsonlEntry(_Entry):
    """Files of JSON lines, plain or gzipped."""

    kind: Literal["jsonl"]
    path: _Text


class CsvEntry(_Entry):
    """Tables as CSV or TSV, plain or gzipped."""

    kind: Literal["csv"]
    path: _Text
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: str | None = None


class ParquetEntry(_Entry):
    """Tables as Parquet."""

    kind: Literal["parquet"]
    path: _Text


class PagesEntry(BaseModel):
    """A folder of saved web pages (.html), pages copied as text (.txt) and JSON lines; or one such file."""

    model_config = _STRICT
    kind: Literal["pages"]
    path: _Text


class FeedEntry(_Entry):
    """An RSS or Atom feed, at an address or in a file.

    `full_pages`: the text is that of the linked page; `keep_days`: how long what is no longer listed stays.
    """

    kind: Literal["feed"]
    address: _Text
    full_pages: bool = False
    keep_days: Annotated[float, Field(gt=0)] | None = None


class SitemapEntry(BaseModel):
    """The pages that a sitemap lists; `include` and `exclude` are regular expressions over their addresses."""

    model_config = _STRICT
    kind: Literal["sitemap"]
    address: _Web
    include: str | None = None
    exclude: str | None = None
    pages_max: Annotated[int, Field(ge=1)] = 1_000_000


class WordPressEntry(_Entry):
    """A WordPress site, by its REST API."""

    kind: Literal["wordpress"]
    address: _Web


class WordPressExportEntry(BaseModel):
    """Export files of WordPress (WXR)."""

    model_config = _STRICT
    kind: Literal["wordpress-export"]
    path: _Text
    post_types: Annotated[list[str], Field(min_length=1)] = ["post"]


class GhostExportEntry(BaseModel):
    """An export file of Ghost; `site` is the address that its articles have."""

    model_config = _STRICT
    kind: Literal["ghost-export"]
    path: _Text
    site: _Web | None = None


class SqlEntry(_Entry):
    """What a query gives, of any database that SQLAlchemy knows; the query itself, or the file it is in."""

    kind: Literal["sql"]
    address: _Text
    query: str | None = None
    query_file: str | None = None


SourceEntry = Annotated[
    JsonlEntry
    | CsvEntry
    | ParquetEntry
    | PagesEntry
    | FeedEntry
    | SitemapEntry
    | WordPressEntry
    | WordPressExportEntry
    | GhostExportEntry
    | SqlEntry,
    Field(discriminator="kind"),
]


class Crawl(BaseModel):
    """How hard the servers of feeds, sitemaps and WordPress are worked; bytes are counted unpacked."""

    model_config = _STRICT
    user_agent: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    requests_per_second: Annotated[float, Field(gt=0, le=1_000)] = 2.0
    concurrency: Annotated[int, Field(ge=1, le=64)] = 2
    bytes_max: Annotated[int, Field(ge=1_000)] = 20_000_000
    seconds_max: Annotated[float, Field(gt=0, le=600)] = 30.0
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    respect_robots: bool = True


class _Look(BaseModel):
    """How a block looks as HTML, where nobody says otherwise; None: as `service.block.look` has it."""

    model_config = _STRICT
    layout: Literal["list", "grid", "compact", "carousel"] | None = None
    heading: Annotated[int, Field(ge=2, le=6)] | None = None
    images: bool | None = None
    theme: Literal["auto", "light", "dark"] | None = None
    lang: Language | None = None
    json_ld: bool | None = None


class BlockEntry(_Look):
    """What all blocks of a website as HTML have.

    `timezone`: whose days their dates are; `rel` and `utm_...`: what their links carry; `default_image` and
    `section_images`: pictures of articles that have none of their own.
    """

    timezone: _Zone = "UTC"
    rel: Annotated[str, Field(pattern=r"^[a-z][a-z-]*( [a-z][a-z-]*)*$", max_length=200)] | None = None
    utm_source: _Text | None = None
    utm_medium: _Text | None = None
    utm_campaign: _Text | None = None
    utm_term: _Text | None = None
    utm_content: _Text | None = None
    default_image: WebUrl | None = None
    section_images: dict[_Text, WebUrl] = {}


class Placement(_Look):
    """A place on the website with a block of its own: what a request that names it asks for where it says nothing."""

    limit: Annotated[int, Field(ge=1, le=50)] | None = None
    mode: Literal["background", "latest", "evergreen"] | None = None
    min_probability: Annotated[float, Field(ge=0, le=1)] | None = None
    stories: Literal["one", "all"] | None = None
    sections: list[_Label] = []
    languages: list[str] = []


def _recipe_numbers(changes: dict[str, float]) -> dict[str, float]:
    for name in changes:
        if name not in Recipe.model_fields or name == "fitted_to":
            known = ", ".join(each for each in Recipe.model_fields if each != "fitted_to")
            raise ValueError(f"a recipe has no {name!r}; it has {known}")
    try:
        Recipe(**changes)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{first['loc'][0]}: {first['msg']} (got {first['input']})") from None
    return changes


Method = Literal["split", "interleaving"]


class Trial(BaseModel):
    """Another recipe that is tried on readers beside the snapshot's own: `recipe` says in which numbers it differs."""

    model_config = _STRICT
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    method: Method = "split"
    recipe: Annotated[dict[str, float], Field(min_length=1), AfterValidator(_recipe_numbers)]


class Project(BaseModel):
    """A newsroom's file. Sources stand in their order of precedence.

    `folder`: where relative paths begin, the same however the file's own path is spelt, for sources are known again by
    their paths; `limits`: settings of the indexer by their names in lower case, over which
    environment and command line stand.
    """

    model_config = _STRICT
    folder: Path = Field(default=Path(), exclude=True)
    source: list[SourceEntry] = []
    sections_left_out: list[_Label] = []
    crawl: Crawl = Crawl()
    placements: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")], Placement] = {}
    block: BlockEntry = BlockEntry()
    trial: Trial | None = None
    limits: dict[str, int | float | str] = {}


def read_project(path: Path | None) -> Project:
    """Return the project of a file; without a path, of PROJECT_FILE here if there is one, else an empty one.

    Raises SettingsInvalid if the file is not there, is no TOML, or says something that means nothing.
    """
    path = path or _file_here()
    return Project() if path is None else _checked(read_toml(path), path)


def read_placements(path: Path | None) -> dict[str, Placement]:
    """Return the placements of a project's file, found as `read_project` does.

    Nothing else is looked at: the service has neither the sources' files nor their passwords.
    """
    path = path or _file_here()
    if path is None:
        return {}
    return _checked({"placements": read_toml(path).get("placements", {})}, path).placements


def read_block(path: Path | None) -> BlockEntry:
    """Return what a project's file says of blocks, found as `read_project` does."""
    path = path or _file_here()
    if path is None:
        return BlockEntry()
    return _checked({name: value for name, value in read_toml(path).items() if name == "block"}, path).block


def read_trial(path: Path | None) -> Trial | None:
    """Return the trial of a project's file, found as `read_project` does; None if none runs."""
    path = path or _file_here()
    if path is None:
        return None
    return _checked({name: value for name, value in read_toml(path).items() if name == "trial"}, path).trial


def _file_here() -> Path | None:
    return Path(PROJECT_FILE) if Path(PROJECT_FILE).exists() else None


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a file of TOML holds, with a byte order mark, as some editors write one, or without.

    Raises SettingsInvalid.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsInvalid(f"{path}: cannot be read ({reason})") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{path}: is not TOML: {error}") from error


def _checked(content: dict[str, Any], path: Path) -> Project:
    if "folder" in content:
        raise SettingsInvalid(f"{path}: folder: paths begin at the file's own folder; there is no such setting")
    try:
        project = Project.model_validate({**with_variables(content, path), "folder": path.parent.resolve()})
    except ValidationError as error:
        raise SettingsInvalid("; ".join(f"{path}: {_fault(detail)}" for detail in error.errors()[:5])) from None
    file = project.limits.get("metrics_file")
    return project if file is None else _with_metrics_file(project, str(project.folder / str(file)))


def _with_metrics_file(project: Project, file: str) -> Project:
    return project.model_copy(update={"limits": {**project.limits, "metrics_file": file}})


def with_variables(value: Any, path: Path) -> Any:
    """Return what was read with ${NAME} in texts replaced by the environment's NAME. Raises SettingsInvalid."""
    if isinstance(value, dict):
        return {name: with_variables(each, path) for name, each in value.items()}
    if isinstance(value, list):
        return [with_variables(each, path) for each in value]
    return _VARIABLE.sub(lambda match: _variable(match[1], path), value) if isinstance(value, str) else value


def _variable(name: str, path: Path) -> str:
    value = variable(name)
    if value is None:
        raise SettingsInvalid(f"{path}: ${{{name}}} is asked for, and the environment has no {name}")
    return value


def _names() -> set[str]:
    """Return all names that a project's file may have."""
    kinds = get_args(get_args(SourceEntry)[0])
    return {name for model in (Project, Crawl, Placement, BlockEntry, Trial, *kinds) for name in model.model_fields}


def _fault(detail: Any) -> str:
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(detail["loc"][-1]), _names(), n=1, cutoff=0.7)
        message = f"there is no such setting{f'; did you mean {near[0]}?' if near else ''}"
    elif detail["type"] == "union_tag_invalid":
        context = detail["ctx"]
        return f"{place}: there is no kind {context['tag']!r}; there are {context['expected_tags']}"
    # An address may hold a password.
    hidden = isinstance(detail["input"], dict | list) or detail["loc"][-1] == "address"
    given = "" if hidden else f" (got {detail['input']!r})"
    return f"{place}: {message[:1].lower()}{message[1:]}{given}"
