"""What processes of the service ask of the machine: to end with their parent, signals, descriptors, memory, one BLAS
thread.
"""

import ctypes
import gc
import resource
import signal
import subprocess
import sys

from threadpoolctl import threadpool_limits

_PR_SET_PDEATHSIG = 1
# What Linux allows at most (fs.nr_open) where the hard limit is none.
_DESCRIPTORS_MAX = 1_048_576
# mallopt(3)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
ARENAS_MAX = 2
# What is larger is given back as soon as it is let go; of what is free at the end of a heap, all but so much.
LARGE_BYTES, SPARE_BYTES = 1 << 20, 4 << 20
# So many objects more than before, the young are looked through; every so many times the middle-aged; and so on.
COLLECTION_THRESHOLDS = (20_000, 20, 1_000)


def end_with_parent() -> None:
    """Have the kernel tell this process to end when the one that started it ends, even by SIGKILL. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def noted_signals() -> list[int]:
    """Have signals to stop no effect from now on but to be noted in this list, until the server runs, and looks at it.

    Were one to raise an exception, what is being begun could be left behind, and within a fork it would be lost.
    """
    told = list[int]()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: told.append(number))
    return told


def raise_descriptors() -> int:
    """Raise this process's limit of open files as far as it may, and return it; its children inherit it.

    Shells start programs with 1,024, for the sake of old ones that use select(); none of ours does.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS_MAX)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return most
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def hold_little_memory() -> None:
    """Have all threads of this process take memory from a few places, and give back what is large. glibc only.

    It would have eight places for each CPU. An answer that one thread makes another lets go, and what is free in one
    place is of no use in the others: the memory of a worker grows for hours. Threads that take turns do not gain by
    their own. And once megabytes that a search took are let go, it would keep as many at hand from then on: 27 MB of
    300,000 articles.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(_M_ARENA_MAX, ARENAS_MAX)
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, SPARE_BYTES)


def end(process: subprocess.Popen[bytes], seconds_max: float) -> None:
    """End a process: told to, it has so long; then it is killed."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds_max)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def leave_out_of_collection() -> None:
    """Have the garbage collector pass over all that is there by now: libraries and the app, which stay to the end.

    To look through them takes 40 ms, in which a worker answers nobody; and it would do so again and again. Answers that
    are kept for long are looked through as rarely: what hangs together in a circle is found while it is young.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)


def use_one_thread_for_blas() -> None:
    """Compute numpy's and scipy's products on one thread each, in this process, from now on.

    Requests run on several threads already, in as many workers as there are CPUs; OpenBLAS would start as many again
    for each product. It holds for the libraries that are loaded: call it once the app is.
    """
    threadpool_limits(1, user_api="blas")
