"""`end_with_parent` is tested in test_own_redis, where a process needs it."""

import subprocess
import sys

import pytest

from service.processes import ARENAS_MAX


def run(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("soft", "hard", "after"), [(100, 300, 300), (300, 300, 300)])
def test_descriptors_are_raised_as_far_as_they_may(soft: int, hard: int, after: int) -> None:
    script = (
        f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard}));"
        "from service.processes import raise_descriptors;"
        "print(raise_descriptors(), *r.getrlimit(r.RLIMIT_NOFILE))"
    )
    assert run(script) == f"{after} {after} {hard}"


def test_blas_computes_on_one_thread_from_then_on() -> None:
    script = (
        "import numpy, scipy.linalg, faiss; from threadpoolctl import threadpool_info;"
        "from service.processes import use_one_thread_for_blas; use_one_thread_for_blas();"
        "print({each['num_threads'] for each in threadpool_info() if each['user_api'] == 'blas'})"
    )
    assert run(script) == "{1}"


@pytest.mark.parametrize(("told", "few"), [("", False), ("p.hold_little_memory()", True)])
def test_memory_comes_from_few_places_however_many_threads_take_it(told: str, few: bool) -> None:
    script = f"""
import ctypes, sys, threading
import service.processes as p
libc = ctypes.CDLL(None)
if not hasattr(libc, "gnu_get_libc_version"):
    sys.exit(print("no glibc"))
{told}
here = threading.Barrier(12)
def take():
    here.wait()
    kept = [bytes(3_000) for _ in range(300)]
    here.wait()
threads = [threading.Thread(target=take) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.fopen.restype = ctypes.c_void_p
libc.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""
    said = run(script)
    if said == "no glibc":
        pytest.skip("another C library has its own ways")
    places = said.count("<heap nr=")
    assert places <= ARENAS_MAX if few else places > ARENAS_MAX


@pytest.mark.parametrize(("told", "little"), [("", False), ("p.hold_little_memory()", True)])
def test_what_searches_let_go_is_given_back(told: str, little: bool) -> None:
    script = f"""
import ctypes, re, sys
import service.processes as p
if not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
    sys.exit(print("no glibc"))
{told}
def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1])
before, kept = held(), []
for _ in range(3):
    sums = bytearray(8 << 20)
    kept.append(bytes(2_000))  # an answer, which stays
    del sums
print(held() - before)
"""
    said = run(script)
    if said == "no glibc":
        pytest.skip("another C library has its own ways")
    assert (int(said) < 4_096) is little


def test_collection_passes_over_what_is_there_and_finds_what_comes() -> None:
    script = (
        "import gc, weakref; from service.processes import leave_out_of_collection; leave_out_of_collection();"
        "Thing = type('Thing', (), {}); thing = Thing(); thing.itself = thing; seen = weakref.ref(thing); del thing;"
        "print(gc.get_freeze_count() > 1_000, gc.collect() > 0, seen() is None)"
    )
    assert run(script) == "True True True"
