"""Work that goes on beside the answers, on a thread of its own, whatever goes wrong with it."""

import threading
from collections.abc import Callable
from contextvars import copy_context

from seealso.logs import get_log

# What failed is begun again after so long.
PAUSE_SECONDS = 1.0


def keep_on(name: str, work: Callable[[], None], ended: threading.Event) -> threading.Thread:
    """Do some work from now on, anew whenever it fails or returns, until it has ended; return its thread.

    What it fails of is logged, once where it fails of the same each time: nobody would miss a thread that died of it
    until what it watches over changes. Its lines in the log name the site that the caller's do. Call after the fork.
    """

    def run() -> None:
        told = ""
        while not ended.is_set():
            try:
                work()
            except Exception as error:
                if repr(error) != told:
                    told = repr(error)
                    get_log().error("work_failed", work=name, exc_info=error)
                ended.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=copy_context().run, args=(run,), name=name, daemon=True)
    thread.start()
    return thread
