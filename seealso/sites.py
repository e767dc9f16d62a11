"""The file of sites: several newsrooms in one service, each with hosts, an index folder and settings of its own.

In: the service's settings, which name the file. Out: the settings of each site, whole; or SettingsInvalid naming the
place in the file. That no site is given what is another's is seen to here; who answers for a host, the service knows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seealso.editorial.store import url_of
from seealso.errors import SettingsInvalid
from seealso.project import read_toml, with_variables
from seealso.settings import PREFIX, SECRET, SITE, ServiceSettings, nearest

# Of the whole service; and what a site is called stands before its table.
OF_SERVICE = frozenset(
    {
        *("connection_idle_s", "connections_max", "host", "log_format", "log_level", "port", "site", "sites"),
        *("traces", "workers"),
    }
)
OF_SITE = frozenset(ServiceSettings.model_fields) - OF_SERVICE | {"hosts"}
# What opens something, or is written to: it is said of the site whose it is, and holds for no other.
OWN = ("editorial", "snapshot_store", "wordpress_secret", "ghost_secret", "desk_user_header")
# A secret goes to the address beside which it is said, and to none that a site names by itself.
BESIDE = {"purge_authorization": "purge_webhook", "milvus_token": "milvus_uri"}
PATHS = ("index", "project")
# As a browser sends it; without a port, which is the service's.
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_POSTGRESQL_PORT = 5_432
# What an address of PostgreSQL says after its question mark of where it is; `options` may name a schema.
_POSTGRESQL_PLACE = ("dbname", "host", "hostaddr", "options", "port", "service")


@dataclass(frozen=True, slots=True)
class Site:
    """A site: the hosts under which it is asked, in lower case, and its settings. Without a name, it has all hosts."""

    hosts: tuple[str, ...]
    settings: ServiceSettings

    @property
    def name(self) -> str | None:
        """Return what it is called; None where it is the only one."""
        return self.settings.site


def read_sites(settings: ServiceSettings) -> list[Site]:
    """Return the sites of a service: those of its file, in their order, or the one that it is without.

    What a site's table does not say is as it is for the service. Raises SettingsInvalid.
    """
    path = settings.sites
    if path is None:
        url_of(settings.index, settings.editorial)  # raises
        return [Site((), settings)]
    if settings.site is not None:
        raise SettingsInvalid(f"{PREFIX}SITE names the one site of a service; {path} names several, unset it")
    for name in OWN:
        if getattr(settings, name) is not None:
            raise SettingsInvalid(
                f"{PREFIX}{name.upper()} would hold for every site of {path}; unset it, and say {name!r} there, "
                "of the site whose it is"
            )
    content = with_variables(read_toml(path), path)
    for name in content.keys() - {"sites"}:
        raise SettingsInvalid(f"{path}: {name}: there is no such table; a site is a table [sites.NAME]")
    tables = content.get("sites")
    if not isinstance(tables, dict) or not tables:
        raise SettingsInvalid(f"{path}: names no site; a site is a table [sites.NAME]")
    sites = [_site(settings, name, table, path) for name, table in tables.items()]
    _check_apart(sites, path)
    return sites


def _site(settings: ServiceSettings, name: str, table: Any, path: Path) -> Site:
    place = f"{path}: sites.{name}"
    if not re.fullmatch(SITE, name):
        raise SettingsInvalid(f"{place}: a name is of lower-case letters, digits and hyphens, 32 at most")
    if not isinstance(table, dict):
        raise SettingsInvalid(f"{place}: must be a table")
    for each in ("hosts", "index"):
        if each not in table:
            raise SettingsInvalid(f"{place}: has no {each!r}, which each site must have")
    for each in table:
        if each in OF_SERVICE:
            raise SettingsInvalid(f"{place}.{each}: is of the whole service; set {PREFIX}{each.upper()}")
        if each not in OF_SITE:
            raise SettingsInvalid(f"{place}.{each}: there is no such setting; {nearest(each, set(OF_SITE))}")
    given = {each: value for each, value in table.items() if each != "hosts"}
    for secret, address in BESIDE.items():
        if address in given:
            given.setdefault(secret, ServiceSettings.model_fields[secret].default)
    for each in PATHS:
        if isinstance(given.get(each), str):
            given[each] = path.parent.resolve() / given[each]
    try:
        own = ServiceSettings(**{**settings.model_dump(), **given, "site": name, "sites": None})
    except ValidationError as error:
        raise SettingsInvalid("; ".join(f"{place}.{_fault(each)}" for each in error.errors()[:5])) from None
    return Site(_hosts(table["hosts"], place), own)


def _hosts(given: Any, place: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise SettingsInvalid(f"{place}.hosts: must be a list of hosts, such as ['related.coast.example']")
    hosts = tuple(str(each).lower() for each in given)
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SettingsInvalid(
                f"{place}.hosts: {host!r} is no host such as related.coast.example, without https://, port or path, "
                "in ASCII letters (xn--...)"
            )
    return hosts


def _fault(detail: Any) -> str:
    name = str(detail["loc"][0])
    got = "" if name in SECRET else f" (got {detail['input']!r})"
    return f"{name}: {detail['msg']}{got}"


def _check_apart(sites: Sequence[Site], path: Path) -> None:
    """Raise SettingsInvalid if two sites have one thing that must be each one's own."""
    taken: dict[tuple[str, object], str] = {}
    for site in sites:
        for what, value in _owned(site).items():
            before = taken.setdefault((what.split()[0], value), str(site.name))
            if before != site.name:
                raise SettingsInvalid(f"{path}: sites.{site.name}: has {what}, and so has sites.{before}")
        if len(set(site.hosts)) < len(site.hosts):
            raise SettingsInvalid(f"{path}: sites.{site.name}.hosts: names a host twice")
    stores = {_place_of(site.settings.snapshot_store): site for site in sites if site.settings.snapshot_store}
    for place, site in stores.items():
        for length in range(2, len(place)):
            if above := stores.get(place[:length]):
                told = f"has snapshot_store {site.settings.snapshot_store}, which is below that of"
                raise SettingsInvalid(f"{path}: sites.{site.name}: {told} sites.{above.name}")


def _owned(site: Site) -> Mapping[str, object]:
    """Return what no other site may have: what it is, and by what it is known."""
    settings = site.settings
    index = settings.index.resolve()
    url = url_of(index, settings.editorial)
    owned: dict[str, object] = {f"host {host}": host for host in site.hosts}
    owned[f"index {index}"] = index
    if url.get_backend_name() == "sqlite":
        folder = Path(url.database or "").resolve().parent
        owned[f"folder {folder} for what editors decide"] = folder
    else:
        said = tuple(url.query.get(each) for each in _POSTGRESQL_PLACE)
        place = (url.host or "").lower(), url.port or _POSTGRESQL_PORT, url.database, said
        owned["editorial store in the same database"] = place
    if settings.snapshot_store is not None:
        owned[f"snapshot_store {settings.snapshot_store}"] = _place_of(settings.snapshot_store)
    if settings.milvus_uri is not None:
        engine = settings.milvus_uri.rstrip("/")
        owned[f"milvus_name {settings.milvus_named}"] = (
            engine.lower() if "://" in engine else engine,  # or a file
            settings.milvus_named,
        )
    for name in ("wordpress_secret", "ghost_secret"):
        if (secret := getattr(settings, name)) is not None:
            owned[f"{name} of the same text"] = secret
    return owned


def _place_of(store: str) -> tuple[str, ...]:
    """Return where a snapshot store is, however that is said: its kind, and the folders that lead there."""
    kind, _, path = store.partition("://")
    folders = str(Path(path).resolve()) if kind == "file" else path
    return kind, *filter(None, folders.split("/"))
