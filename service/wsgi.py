"""The app as a WSGI server loads it, in each worker, after the fork. Settings come from the environment."""

from contextlib import suppress
from multiprocessing.util import Finalize

from apiflask import APIFlask

from seealso.editorial.machines import leave
from seealso.errors import StoreUnavailable
from seealso.logs import configure_logs
from seealso.machine import share_cpus
from seealso.settings import ServiceSettings, load_settings
from seealso.snapshot.vectors import use_one_thread
from service.app import create_app, machine_name
from service.editorial import open_store
from service.processes import leave_out_of_collection, use_few_arenas, use_one_thread_for_blas


def prepare(settings: ServiceSettings) -> None:
    """Do once what each worker would have to do: bring the editorial store up to date."""
    with suppress(StoreUnavailable):  # each worker will say so
        store = open_store(settings.index, settings.editorial)
        if store is not None:
            store.sequence()
            store.close()


def end(settings: ServiceSettings) -> None:
    """Do once what is to be done when all workers have ended: this machine answers no more."""
    with suppress(StoreUnavailable):  # it will be taken for gone in a while
        store = open_store(settings.index, settings.editorial)
        if store is not None and store.shared:
            leave(store, machine_name(settings))
            store.close()


def create_worker() -> APIFlask:
    """Return the app of one worker, following the current snapshot."""
    use_few_arenas()
    settings = load_settings(ServiceSettings)
    configure_logs(settings.log_format, settings.log_level)
    use_one_thread()
    share_cpus(settings.workers or 1)
    app = create_app(settings)
    use_one_thread_for_blas()
    app.extensions["seealso"].current.follow(settings.snapshot_poll_ms)
    app.extensions["seealso"].editorial.follow()
    app.extensions["seealso"].live.follow(lambda: app.extensions["seealso"].current.served)
    app.extensions["seealso"].clicks.follow()
    Finalize(None, app.extensions["seealso"].clicks.close, exitpriority=1)  # when the worker ends by itself
    if app.extensions["seealso"].purging is not None:
        app.extensions["seealso"].purging.follow()
    leave_out_of_collection()
    return app
