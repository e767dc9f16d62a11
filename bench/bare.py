"""The least that a WSGI server can be asked for: `bench.serve` measures against it.

BENCH_BODY_BYTES in the environment makes the body as long as a block's.
"""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

BODY = b"x" * int(os.environ.get("BENCH_BODY_BYTES", "5"))
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer always the same."""
    start_response("200 OK", HEADERS)
    return [BODY]
