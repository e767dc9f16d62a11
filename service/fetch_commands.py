"""The service's command about the snapshot store: fetch."""

import os
import signal
import threading
import time
from pathlib import Path

import click
import orjson

from seealso.errors import IndexLocked, SettingsInvalid, SnapshotMissing, SnapshotRefused, SnapshotStoreUnavailable
from seealso.logs import configure_logs
from seealso.machine import machine_name
from seealso.settings import ServiceSettings, load_settings
from seealso.sites import read_sites
from seealso.snapshot.fetch import fetch as fetch_snapshot
from seealso.snapshot.following import Follower
from seealso.snapshot.layout import current_or_none, publish, snapshot_folder
from seealso.snapshot.lock import lock_index
from seealso.snapshot.store import SnapshotStore
from service.store_commands import index_option

# Another process that fetches makes it current within milliseconds; a night takes hours.
LOCK_SECONDS_MAX, LOCK_LOOK_SECONDS = 5.0, 0.05


@click.command()
@index_option
@click.option("--site", help="Which site's, where SEEALSO_SITES names several.")
@click.option("--follow", is_flag=True, help="Go on, until told to stop: fetch what comes, and switch to it.")
@click.option(
    "--or-kept", is_flag=True, help="Be content with the snapshot that is here where no other can be fetched."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def fetch(index: Path | None, site: str | None, follow: bool, or_kept: bool, as_json: bool) -> None:
    """Fetch what all machines serve from the snapshot store.

    \b
    export SEEALSO_SNAPSHOT_STORE=s3://news/seealso
    seealso fetch --index var/index              once, before the service starts
    seealso fetch --or-kept --index var/index    the same, content with what is here while the store is gone
    seealso fetch --follow --index var/index     from now on, as `seealso serve` does by itself
    SEEALSO_SITES=sites.toml seealso fetch --site coast

    What was fetched halfway is gone on with; every byte is checked before the snapshot becomes current here.
    """
    settings = _settings_of(load_settings(ServiceSettings, index=index), site)
    configure_logs(settings.log_format, settings.log_level, settings.site)
    if settings.snapshot_store is None:
        raise SettingsInvalid("SEEALSO_SNAPSHOT_STORE says from where, such as s3://bucket/folder; it is unset")
    settings.index.mkdir(parents=True, exist_ok=True)
    store = SnapshotStore(settings.snapshot_store, settings.site)
    if follow:
        told_to_stop = _told_to_stop()
        follower = Follower(store, settings.index, settings.keep, machine_name(settings.index))
        follower.follow(settings.snapshot_store_poll_s, told_to_stop)
        return
    try:
        current, copied = _fetch_current(store, settings.index)
    except (SnapshotStoreUnavailable, SnapshotMissing, SnapshotRefused, OSError) as error:
        kept = current_or_none(settings.index) if or_kept else None
        if kept is None or not snapshot_folder(settings.index, kept).is_dir():
            raise
        click.echo(f"{error}; {kept}, which is here, has to do", err=True)
        current, copied = kept, 0
    if as_json:
        click.echo(orjson.dumps({"current": current, "bytes": copied}))
    else:
        done = f"{current} is current here; {copied:,} bytes were copied"
        click.echo(f"{done}. Next: seealso serve --index {settings.index}")


def _settings_of(settings: ServiceSettings, site: str | None) -> ServiceSettings:
    """Return the settings of the site that is meant. Raises SettingsInvalid if it is not clear which."""
    known = {each.name: each.settings for each in read_sites(settings)}
    if settings.sites is None and site is None:
        return settings
    if site is None or site not in known:
        names = ", ".join(name for name in known if name is not None) or "no SEEALSO_SITES is set"
        raise SettingsInvalid(f"--site: say which site's snapshots are meant ({names})")
    return known[site]


def _fetch_current(store: SnapshotStore, index: Path) -> tuple[str, int]:
    """Have what all serve current here; return its id, and how many bytes were copied."""
    current = store.current()
    if current is None:
        raise SnapshotMissing(index, f"the snapshot store {store.url} holds none; run a night that has it set")
    copied = fetch_snapshot(store, index, current)
    _make_current(index, current)
    return current, copied


def _make_current(index: Path, snapshot_id: str) -> None:
    """Make a snapshot current here. Raises IndexLocked if somebody else writes here for long, and does not do so."""
    end = time.monotonic() + LOCK_SECONDS_MAX
    while current_or_none(index) != snapshot_id:
        try:
            with lock_index(index):
                publish(index, snapshot_id)
        except IndexLocked:
            if time.monotonic() > end:
                raise
            time.sleep(LOCK_LOOK_SECONDS)


def _told_to_stop() -> threading.Event:
    """Return what is set by SIGTERM, from now on.

    Nothing is broken off: what was being written to the store would be written after we said that we are here no more.
    """
    told = threading.Event()
    wakes, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(woken)

    def wait() -> None:  # an event is not to be set by who is interrupted: it may be at that event just then
        os.read(wakes, 1)
        told.set()

    threading.Thread(target=wait, name="stop", daemon=True).start()
    return told
