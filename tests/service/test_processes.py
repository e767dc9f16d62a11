"""`end_with_parent` is tested in test_own_redis, where a process needs it."""

import subprocess
import sys

import pytest


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
