"""Caches in front of the service are told what to drop: the sender, on a thread of its own in each worker.

What is to be sent stands in the store, and one worker at a time takes it. Nobody who decides something waits for it. It
goes out as JSON, for a receiver of the newsroom's own, or as a header of keys, which a cache itself can read.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from seealso.editorial.decisions import now
from seealso.editorial.purges import Purge, settle, take_due
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable
from seealso.logs import get_log
from seealso.post import host_of, post
from service.watching import keep_on

LOOK_SECONDS = 1.0
# For one try, a slow answer included.
POST_SECONDS_MAX = 10.0
KEYS_HEADER = "Surrogate-Key"
# Varnish takes headers of 8 kB, with their names.
HEADER_CHARACTERS_MAX = 4_000


class Purging:
    """Sends purges to each address in `webhooks`, with `authorization` as their header if it is not empty.

    `as_keys`: as headers, not as JSON.
    """

    def __init__(self, store: Store, webhooks: str, authorization: str = "", as_keys: bool = False) -> None:
        self._store = store
        self._webhooks = webhooks.split()
        self._headers = {"Authorization": authorization} if authorization else {}
        self._as_keys = as_keys
        # Called now and then, to add what nobody decides: something may have ended by itself.
        self.beside: Callable[[], None] = lambda: None
        self._wanted = threading.Event()
        self._ended = threading.Event()

    def follow(self) -> None:
        """Send what is due from now on. Call after the fork."""
        keep_on("purging", self._run, self._ended)

    def wake(self) -> None:
        """Have it look now: something has been decided."""
        self._wanted.set()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._wanted.set()

    def send_due(self) -> list[Purge]:
        """Send all that is due, and return it as it is afterwards. Raises StoreUnavailable."""
        sent = []
        while (purge := take_due(self._store, now())) is not None:
            sent.append(settle(self._store, purge, self._failure_of(purge), now()))
            self._tell(sent[-1])
        return sent

    def _failure_of(self, purge: Purge) -> str | None:
        """Send a purge to all; return why it was not taken, None if each took it."""
        failures = [(webhook, self._failure_at(webhook, purge.message)) for webhook in self._webhooks]
        several = len(self._webhooks) > 1
        told = [f"{host_of(at)}: {why}" if several else why for at, why in failures if why is not None]
        return "; ".join(told) or None

    def _failure_at(self, webhook: str, message: dict[str, Any]) -> str | None:
        for headers, body in self._parts_of(message):
            failure = post(webhook, body, self._headers | headers, POST_SECONDS_MAX)
            if failure is not None:
                return failure
        return None

    def _parts_of(self, message: dict[str, Any]) -> Iterator[tuple[dict[str, str], bytes]]:
        """Yield what is posted for a message: its headers and body."""
        if not self._as_keys:
            yield {"Content-Type": "application/json"}, orjson.dumps(message)
            return
        for keys in in_headers(message["keys"]):
            yield {KEYS_HEADER: keys}, b""

    def _tell(self, purge: Purge) -> None:
        hosts = " ".join(host_of(webhook) for webhook in self._webhooks)
        facts = {"purge": purge.id, "host": hosts, "tries": purge.tries}
        if purge.state == "done":
            get_log().info("purge_taken", **facts)
        elif purge.state == "waiting":
            get_log().warning("purge_failed", reason=purge.failure, **facts)
        else:
            get_log().error("purge_given_up", reason=purge.failure, **facts)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wanted.wait(LOOK_SECONDS)
            self._wanted.clear()
            try:
                self.send_due()
                self.beside()
            except StoreUnavailable as error:
                get_log().warning("purges_not_read", reason=str(error))
                self._wanted.wait(LOOK_SECONDS)


def in_headers(keys: Sequence[str]) -> list[str]:
    """Return keys, parted by spaces, in as many headers as they need."""
    headers: list[str] = []
    for key in keys:
        if headers and len(headers[-1]) + 1 + len(key) <= HEADER_CHARACTERS_MAX:
            headers[-1] += f" {key}"
        else:
            headers.append(key)
    return headers
