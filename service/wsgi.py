"""The app as a WSGI server loads it, in each worker, after the fork. Settings come from the environment."""

from apiflask import APIFlask

from seealso.logs import configure_logs
from seealso.machine import share_cpus
from seealso.settings import ServiceSettings, load_settings
from seealso.snapshot.vectors import use_one_thread
from service.app import create_app
from service.processes import use_one_thread_for_blas


def create_worker() -> APIFlask:
    """Return the app of one worker, following the current snapshot."""
    settings = load_settings(ServiceSettings)
    configure_logs(settings.log_format, settings.log_level)
    use_one_thread()
    share_cpus(settings.workers or 1)
    app = create_app(settings)
    use_one_thread_for_blas()
    app.extensions["seealso"].current.follow(settings.snapshot_poll_ms)
    return app
