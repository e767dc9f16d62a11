"""An app of a test's own, answering over HTTP from a thread: as a service does, but with the encoder of the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from seealso.settings import ServiceSettings
from service.app import create_app
from tests.makers import HashEncoder


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        pass


@contextmanager
def hosted(index: Path, redis_url: str, **settings: object) -> Iterator[str]:
    """Answer over an index on loopback until the block ends; yields the address."""
    given: dict[str, object] = {"index": index, "redis_url": redis_url, "redis_timeout_ms": 1_000, "rate_limit": "none"}
    app = create_app(ServiceSettings(**{**given, **settings}), HashEncoder)  # type: ignore[arg-type]
    here = app.extensions["seealso"]
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    if here.purging is not None:
        here.purging.follow()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        if here.purging is not None:
            here.purging.stop()
        here.cache.close()
        here.engine.close()
        here.editorial.close()
