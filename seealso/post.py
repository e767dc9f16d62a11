"""A body posted to an address that the operator named, within a limit that holds for everything together.

In: an address, bytes, a limit. Out: nothing, or why it was not taken, in words that never hold the address: it may be a
secret. What is sent, and whether it matters that it did not arrive, its callers know.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

PAUSE_SECONDS = 0.5
REDIRECTS_MAX = 3
# What a server says when the same message may be welcome a moment later (RFC 9110, 15.6; RFC 6585, 4).
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


def post(url: str, body: bytes, headers: Mapping[str, str], seconds_max: float, tries: int = 1) -> str | None:
    """Post a body; return None once the other side has taken it, else why it has not.

    `seconds_max` holds for all tries together, the look-up of the name and a slow answer included. A try is repeated
    where no answer came or the answer means 'later'. A redirect is followed on the same host only, and never as a GET.
    """
    outcome: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def run() -> None:
        outcome.put(_post_in_tries(url, body, headers, seconds_max, tries))

    # The limits of an HTTP client begin anew with each byte that comes: one byte a second would hold it for good.
    threading.Thread(target=run, name="post", daemon=True).start()
    try:
        return outcome.get(timeout=seconds_max)
    except queue.Empty:
        return f"no whole answer within {seconds_max:g} s"


def host_of(url: str) -> str:
    """Return the host an address names, which may be printed where user, path and query may not."""
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an address without a host"


def _post_in_tries(url: str, body: bytes, headers: Mapping[str, str], seconds_max: float, tries: int) -> str | None:
    import httpx2

    # httpx2 logs the whole of each address it asks, at level info.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        with httpx2.Client(timeout=seconds_max / tries) as client:
            request = client.build_request("POST", url, content=body, headers=dict(headers))
            if request.url.scheme not in ("http", "https") or not request.url.host:
                return "its address does not begin with http:// or https:// and a host"
            began = time.monotonic()
            for number in range(1, tries + 1):
                reason, later = _post_once(client, request)
                pause = PAUSE_SECONDS * number
                if not later or number == tries or time.monotonic() - began + pause >= seconds_max:
                    break
                time.sleep(pause)
            return reason
    except (httpx2.InvalidURL, ValueError):
        # Not the error's own message, which may quote the address.
        return "its address, or the proxy's, is malformed"
    except OSError as error:
        return f"no connection can be prepared ({error.strerror or error})"


def _post_once(client: httpx2.Client, request: httpx2.Request) -> tuple[str | None, bool]:
    """Return why the body was not taken (None: it was), and whether the same may be taken later."""
    import httpx2

    try:
        for _ in range(REDIRECTS_MAX + 1):
            # The answer's body is not read: its length is the other side's.
            answer = client.send(request, stream=True)
            answer.close()
            if answer.is_success:
                return None, False
            if answer.next_request is None:
                return f"it answered {answer.status_code}", answer.status_code in _LATER
            if not _may_follow(request, answer.next_request):
                return f"it answered {answer.status_code} with another host, scheme or method; not followed", False
            request = answer.next_request
        return f"it redirected more than {REDIRECTS_MAX} times", False
    except httpx2.TimeoutException:
        return "it did not answer in time", True
    except httpx2.ConnectError as error:
        return f"it cannot be reached ({error})", True
    except httpx2.TransportError as error:
        return f"the connection failed ({type(error).__name__})", True


def _may_follow(request: httpx2.Request, following: httpx2.Request) -> bool:
    """Return whether a redirect keeps the message, the host and what protects the way there."""
    same_host = (request.url.host, request.url.port) == (following.url.host, following.url.port)
    return same_host and request.url.scheme == following.url.scheme and following.method == "POST"
