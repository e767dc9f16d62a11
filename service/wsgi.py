"""The app as a WSGI server loads it, in each worker, after the fork. Settings come from the environment."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from multiprocessing.util import Finalize

from apiflask import APIFlask

from seealso.editorial.machines import leave
from seealso.editorial.store import head_of
from seealso.encoder import load_encoder
from seealso.errors import OperatorError, SettingsInvalid, StoreUnavailable
from seealso.logs import configure_logs, get_log, say_site
from seealso.machine import machine_name, share_cpus
from seealso.settings import ServiceSettings, load_settings
from seealso.sites import Site, read_sites
from seealso.snapshot.vectors import use_one_thread
from service.app import create_app
from service.editorial import open_store
from service.metrics import Families
from service.processes import hold_little_memory, leave_out_of_collection, use_one_thread_for_blas
from service.sites import Encoders, Pasts, Sites
from service.views import TAKEN_SECONDS_MAX


def prepare(sites: Sequence[Site]) -> None:
    """Do once what each worker would have to do: bring the editorial store of each site up to date.

    Raises SettingsInvalid where one is another's, or a copy of it, whose keys would open both; StoreUnavailable where
    the only site has none that workers could use, even later.
    """
    pasts = Pasts()
    for site, opened in zip(sites, _open_stores(sites), strict=True):
        try:
            found = opened.result()
        except StoreUnavailable:
            if len(sites) == 1:
                raise
            continue  # each worker will say so, and the others are served
        name, generation = found or ("", None)
        if generation is not None and (other := pasts.other_than(site.name, generation)) is not None:
            raise SettingsInvalid(
                f"what editors decided at the site {site.name} is kept in {name}, which is that of the site {other} or "
                "a copy of it, with its keys; give it one of its own"
            )


def _open_stores(sites: Sequence[Site]) -> list["Future[tuple[str, str | None] | None]"]:
    """Open the editorial store of each site, all at once: one that hangs is waited for, for seconds.

    Each gives the store's name and its past (Head.generation), which is None where it cannot be read for now, or None
    where there is no store; or raises what `open_store` does.
    """
    with ThreadPoolExecutor(len(sites)) as opening:
        return [opening.submit(_past_of, site) for site in sites]


def _past_of(site: Site) -> tuple[str, str | None] | None:
    store = open_store(site.settings)
    if store is None:
        return None
    with closing(store):
        try:
            with store.reading() as connection:
                return store.name, head_of(connection).generation
        except StoreUnavailable:  # each worker will say so, and looks at it when it is there
            return store.name, None


def end(sites: Iterable[Site]) -> None:
    """Do once what is to be done when all workers have ended: this machine answers no more."""
    for site in sites:
        with suppress(StoreUnavailable):  # it will be taken for gone in a while
            store = open_store(site.settings)
            if store is not None and store.shared:
                leave(store, machine_name(store.counter.path.parent))
                store.close()


def create_worker() -> APIFlask | Sites:
    """Return the app of one worker, or those of its sites behind what chooses among them, following their snapshots."""
    hold_little_memory()
    settings = load_settings(ServiceSettings)
    configure_logs(settings.log_format, settings.log_level, settings.site)
    use_one_thread()
    share_cpus(settings.workers or 1)
    sites = read_sites(settings)
    families = Families(named=any(site.name for site in sites))
    load = Encoders(load_encoder).load
    pasts = Pasts()
    apps, closed = list[tuple[Site, APIFlask]](), list[tuple[Site, OperatorError]]()
    for site, opened in zip(sites, _open_stores(sites), strict=True):
        say_site(site.name)
        past = None if opened.exception() else opened.result()
        hangs = past is not None and past[1] is None
        try:
            other = partial(pasts.other_than, site.name)
            taken_s = TAKEN_SECONDS_MAX / len(sites)
            app = create_app(site.settings, load, families, other, look=not hangs, taken_s=taken_s)
            apps.append((site, app))
        except OperatorError as error:  # its folder is gone, or its own file wrong: the others go on
            closed.append((site, error))
            get_log().error("site_not_opened", reason=str(error))
    if not apps:
        raise closed[0][1]
    use_one_thread_for_blas()
    for site, app in apps:
        say_site(site.name)
        follow(app)
    say_site(None)
    leave_out_of_collection()
    return apps[0][1] if settings.sites is None else Sites(apps, families, closed)


def follow(app: APIFlask) -> None:
    """Have an app do from now on what goes on beside its answers."""
    here = app.extensions["seealso"]
    here.current.follow(here.settings.snapshot_poll_ms)
    here.editorial.follow()
    here.live.follow(lambda: here.current.served)
    here.views.follow()
    here.clicks.follow()
    Finalize(None, here.clicks.close, exitpriority=1)  # when the worker ends by itself
    if here.purging is not None:
        here.purging.follow()
