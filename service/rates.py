"""How often one stranger may ask: counted in Redis for all workers, in the process where Redis is not to be had, or is
a cluster. While it is known to be gone it is not asked: whoever is counted would wait for its name, or a connection.

What the process or Redis keeps ready is not counted: it costs no more than a refusal. The one user of Flask-Limiter.
"""

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from flask import Flask, Response, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse_many

from seealso.errors import SettingsInvalid
from service.link import CLIENT_OPTIONS
from service.problems import problem
from service.redis_addresses import CLUSTER, SENTINELS, read_places

KEY_PREFIX = "seealso:rates"
# The clock of the machine may be set; less than this is drift.
STEP_SECONDS_MIN = 30.0
NO_LIMIT = "none"
UNAUTHORIZED = 401
# What providers give one customer, at least (RFC 6177).
NETWORK_BITS = 64

View = Callable[..., Any]


class Rates:
    """Limits by endpoint, each a rate such as '120/minute', or 'none'; Redis is told by `redis_url`.

    `known`: whether who makes the request is no stranger, for whom no limit holds. `failed`: the same for endpoints of
    which only requests count that were not authorized (401). `site`: what is counted for one counts for no other.
    `gone`: whether Redis is known not to answer. Raises SettingsInvalid if a rate means nothing.
    """

    def __init__(
        self,
        rates: Mapping[str, str],
        redis_url: str | None,
        redis_timeout_ms: int,
        failed: Mapping[str, str] | None = None,
        known: Callable[[], bool] = lambda: False,
        site: str | None = None,
        gone: Callable[[], bool] = lambda: False,
    ) -> None:
        self._gone = gone
        self._prefix = KEY_PREFIX if site is None else f"{KEY_PREFIX}:{site}"
        self._known = known
        self._rates = {endpoint: _checked(rate) for endpoint, rate in rates.items() if rate != NO_LIMIT}
        self._failed = {endpoint: _checked(rate) for endpoint, rate in (failed or {}).items() if rate != NO_LIMIT}
        self._clock = _offset()
        # How often the clock was set: counts of before are left to end where they are.
        self._era = 0
        self._in_redis, self._in_process = (
            Limiter(
                lambda: f"{self._era}:{_stranger()}",
                storage_uri=_storage_address(url),
                storage_options=_storage_options(url, redis_timeout_ms),
                strategy="fixed-window",
                key_prefix=self._prefix,
                in_memory_fallback_enabled=True,  # for those who find out that it is gone
                swallow_errors=True,  # of those who find it gone at the same moment as the one that falls back
            )
            for url in (redis_url, None)
        )
        logging.getLogger("flask-limiter").setLevel(logging.CRITICAL)  # that Redis is gone, the cache says

    def attach(self, app: Flask) -> None:
        """Hold the requests to some views of an app against the limits."""
        # Known to the app already, it does not hook itself to every request, which would take as long as Flask itself.
        limiters = self._in_redis, self._in_process
        app.extensions["limiter"] = set(limiters)
        for limiter in limiters:
            limiter.init_app(app)
        app.register_error_handler(RateLimitExceeded, self._refuse)
        for endpoint, rate in self._rates.items():
            view = app.view_functions[endpoint]
            limited = self._counted_in(*(each.limit(rate, exempt_when=self._known)(view) for each in limiters))
            app.view_functions[endpoint] = self._counted_by_clock(limited)
        for endpoint, rate in self._failed.items():
            limited = self._counted_by_failures(app.view_functions[endpoint], endpoint, parse_many(rate))
            app.view_functions[endpoint] = self._counted_by_clock(limited)

    def _counted_in(self, redis: View, process: View) -> View:
        """Have requests be counted by the one view, or by the other while Redis is gone."""

        @functools.wraps(redis)
        def counted(*arguments: Any, **named: Any) -> Any:
            return (process if self._gone() else redis)(*arguments, **named)

        return counted

    def _counted_by_failures(self, view: View, endpoint: str, limits: Sequence[RateLimitItem]) -> View:
        """Count only requests that were not authorized."""

        @functools.wraps(view)
        def counted(*arguments: Any, **named: Any) -> Any:
            key, limiter = f"{self._era}:{_stranger()}", (self._in_process if self._gone() else self._in_redis).limiter
            for limit in limits:
                if not self._counted(lambda each: limiter.test(each, self._prefix, key, endpoint), limit):
                    return self._refused(str(limit), limit.get_expiry())
            answer = view(*arguments, **named)
            if answer.status_code == UNAUTHORIZED:
                for limit in limits:
                    self._counted(lambda each: limiter.hit(each, self._prefix, key, endpoint), limit)
            return answer

        return counted

    def _counted(self, count: Callable[[RateLimitItem], bool], limit: RateLimitItem) -> bool:
        """Return what counting says; that there is room, where it cannot be counted."""
        try:
            return count(limit)
        except Exception:  # Redis is gone at this very moment, in one of a dozen ways
            return True

    def _refuse(self, error: RateLimitExceeded) -> Response:
        # The whole window: when it ends, only Redis knows, which may be gone by now.
        return self._refused(error.description, error.limit.limit.get_expiry() if error.limit else 1)

    def _refused(self, rate: str, wait_s: int) -> Response:
        detail = f"no more than {rate} from one address (of IPv6, one /64); try again in {wait_s} seconds"
        refusal = problem(429, "too-many-requests", "This address asks too often", detail)
        refusal.headers["Retry-After"] = str(wait_s)
        return refusal

    def _counted_by_clock(self, view: View) -> View:
        """Begin counting anew when the clock was set: a window that ends by the old clock might last for hours."""

        @functools.wraps(view)
        def counted(*arguments: Any, **named: Any) -> Any:
            offset = _offset()
            if abs(offset - self._clock) > STEP_SECONDS_MIN:
                self._clock = offset
                self._era += 1
            return view(*arguments, **named)

        return counted


def _checked(rate: str) -> str:
    try:
        parse_many(rate)
    except ValueError:
        raise SettingsInvalid(f"{rate!r} is no rate; write one such as 120/minute, or 10/second;1000/hour") from None
    return rate


def _stranger() -> str:
    """Return from where a request comes: an address, or the network of one of IPv6, all of which one host may use."""
    address = request.remote_addr or "nobody"
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address)
    except ValueError:  # what a proxy says
        return address
    return str(found.ipv4_mapped or IPv6Network((found, NETWORK_BITS), strict=False))


def _offset() -> float:
    return time.time() - time.monotonic()


def _storage_address(redis_url: str | None) -> str:
    # To make its client of a cluster, `limits` asks it who has which keys: whoever starts would wait for that, or fail.
    if redis_url is None or redis_url.startswith(CLUSTER):
        return "memory://"
    if redis_url.startswith(SENTINELS):  # neither database nor password is said in its address
        _, _, places, name, *_ = redis_url.split("/")
        return f"{SENTINELS}{places.rpartition('@')[2]}/{name}"
    return redis_url.replace("unix://", "redis+unix://", 1)


def _storage_options(redis_url: str | None, redis_timeout_ms: int) -> dict[str, Any]:
    if _storage_address(redis_url) == "memory://":
        return {}
    timeout_s = redis_timeout_ms / 1000
    options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, **CLIENT_OPTIONS}
    if redis_url is not None and redis_url.startswith(SENTINELS):
        options |= {"sentinel_kwargs": dict(options), "use_replicas": False}
        places = read_places(redis_url)
        options |= places.login | ({"db": int(places.path[1])} if len(places.path) > 1 else {})
    return options
