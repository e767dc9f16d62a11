"""Pages and feeds over HTTP, asked for politely: robots.txt, a rate for each host, patience where a server asks for it.

The only user of protego. It does not know what it fetches; `wire` makes each single request.
"""

import email.utils
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from indexer.sources.source import PAGE_BYTES_MAX
from seealso.wire import REDIRECTS, Answer, AnswerTooLong, Wire, WireFailed

if TYPE_CHECKING:
    from protego import Protego

# RFC 9309 has crawlers read 500 KiB at least; ten times that is no robots.txt.
ROBOTS_BYTES_MAX = 5_000_000
# A server that asks for more than a minute is left alone: a night is not long enough to wait for it.
WAIT_SECONDS_MAX = 60.0
BACKOFF_SECONDS = 1.0
# A host that fails this often in a row is down, and each further page would only take another round of retries.
FAILURES_IN_A_ROW_MAX = 20


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How hard other people's servers are worked. Bytes are counted unpacked; seconds are one request's in all."""

    user_agent: str = f"Seealso/{version('seealso')} (+related articles; see robots.txt)"
    requests_per_second: float = 2.0
    concurrency: int = 2
    bytes_max: int = PAGE_BYTES_MAX
    seconds_max: float = 30.0
    redirects_max: int = 5
    retries: int = 3
    respect_robots: bool = True


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to ask for, with the validators of the answer that is already had; `bytes_max` None is the fetcher's."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    bytes_max: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer below 500, whatever it says; `url` is where redirects led, `content` is empty for a 304."""

    status: int
    url: str
    headers: Mapping[str, str]
    content: bytes
    etag: str | None
    last_modified: str | None


class FetchFailed(Exception):
    """There is no answer to be had from an address; `answered`: but its server did say something."""

    def __init__(self, url: str, reason: str, answered: bool = False) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason
        self.answered = answered


class FetchRefused(FetchFailed):
    """The host's robots.txt forbids an address."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "its robots.txt forbids it")


class RobotsUnreadable(FetchFailed):
    """The host answers, but its robots.txt cannot be read or followed, so nothing of it is asked for."""


class _Host:
    """What is known of one host. `turn` guards the times, `reading` the robots.txt."""

    def __init__(self, gap: float) -> None:
        self.turn = threading.Lock()
        self.reading = threading.Lock()
        self.gap = gap
        self.next_turn = 0.0
        self.failures = 0
        self.given_up: str | None = None
        self.robots: Protego | None = None
        self.robots_read = False
        self.robots_fault: str | None = None
        self.robots_answered = True


class Fetcher:
    """Fetches addresses, each host at its rate. Safe in several threads; it remembers hosts until it is closed.

    `now` is a clock in seconds that never goes back, `sleep` waits on that clock; both are the machine's by default.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._limits = limits or FetchLimits()
        self._agent = re.split(r"[/\s]", self._limits.user_agent, maxsplit=1)[0]
        self._wire = Wire(self._limits.user_agent, self._limits.concurrency)
        self._now = now
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._hosts: dict[str, _Host] = {}
        self._hosts_lock = threading.Lock()

    def __enter__(self) -> "Fetcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; what waits or is in flight fails."""
        self._closed.set()
        self._wire.close()

    def fetch(
        self, url: str, etag: str | None = None, last_modified: str | None = None, bytes_max: int | None = None
    ) -> Fetched:
        """Return the answer, after redirects and retries. Raises FetchRefused or FetchFailed."""
        headers = {"if-none-match": etag, "if-modified-since": last_modified}
        given = {name: value for name, value in headers.items() if value}
        return self._follow(url, given, bytes_max or self._limits.bytes_max, self._limits.respect_robots)

    def fetch_all(self, requests: Iterable[FetchRequest]) -> Generator[Fetched | FetchFailed, None, None]:
        """Yield what came of each request, in their order, several at once; few answers are held at a time."""
        pending: deque[Future[Fetched | FetchFailed]] = deque()
        executor = ThreadPoolExecutor(self._limits.concurrency, thread_name_prefix="fetch")
        try:
            for request in requests:
                pending.append(executor.submit(self._outcome, request))
                if len(pending) >= 2 * self._limits.concurrency:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _outcome(self, request: FetchRequest) -> Fetched | FetchFailed:
        try:
            return self.fetch(request.url, request.etag, request.last_modified, request.bytes_max)
        except FetchFailed as error:
            return error

    def _follow(self, url: str, headers: Mapping[str, str], bytes_max: int, ask_robots: bool) -> Fetched:
        address = url
        for _ in range(self._limits.redirects_max + 1):
            host = self._host_of(address)
            if ask_robots:
                self._check_robots(host, address)
            answer = self._get(host, address, headers, bytes_max)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or not location:
                validators = answer.headers.get("etag"), answer.headers.get("last-modified")
                return Fetched(answer.status, address, answer.headers, answer.content, *validators)
            try:
                address = urljoin(address, location)
            except ValueError:
                raise FetchFailed(url, f"it leads to {location[:200]!r}, which is no address") from None
        raise FetchFailed(url, f"it leads on more than {self._limits.redirects_max} times", answered=True)

    def _host_of(self, url: str) -> _Host:
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
        except ValueError:
            known = None
        if not known:
            raise FetchFailed(url, "it is not an http:// or https:// address")
        if "@" in parts.netloc:
            # Addresses are written into reports and logs.
            raise FetchFailed(_without_user(url), "an address with a user's name or password in it is not taken")
        with self._hosts_lock:
            key = f"{parts.scheme}://{parts.netloc.lower()}"
            return self._hosts.setdefault(key, _Host(1 / self._limits.requests_per_second))

    def _check_robots(self, host: _Host, url: str) -> None:
        """Raise FetchRefused if robots.txt forbids an address, FetchFailed if it cannot be read."""
        with host.reading:
            if not host.robots_read:
                self._read_robots(host, url)
                host.robots_read = True
        if host.robots_fault is not None:
            raise (RobotsUnreadable if host.robots_answered else FetchFailed)(url, host.robots_fault)
        if host.robots is not None and not host.robots.can_fetch(url, self._agent):
            raise FetchRefused(url)

    def _read_robots(self, host: _Host, url: str) -> None:
        from protego import Protego

        try:
            answer = self._follow(urljoin(url, "/robots.txt"), {}, ROBOTS_BYTES_MAX, ask_robots=False)
        except FetchFailed as error:
            host.robots_fault = f"the host's robots.txt cannot be read, so nothing of it is ({error.reason})"
            host.robots_answered = error.answered
            return
        if answer.status != 200:  # RFC 9309, 2.3.1.3: one that is not there forbids nothing
            return
        host.robots = Protego.parse(answer.content.decode("utf-8-sig", "replace"))
        delay = host.robots.crawl_delay(self._agent) or 0.0
        if not delay <= WAIT_SECONDS_MAX:
            host.robots_fault = f"the host's robots.txt asks for {delay:g} s between requests"
        host.gap = max(host.gap, delay)

    def _get(self, host: _Host, url: str, headers: Mapping[str, str], bytes_max: int) -> Answer:
        """Return an answer below 500 that is not 'too many requests', trying again where that may help."""
        for attempt in range(self._limits.retries + 1):
            self._take_turn(host, url)
            wait: float | None = None
            try:
                answer = self._wire.get(url, headers, bytes_max, self._limits.seconds_max)
            except AnswerTooLong as error:
                host.failures = 0
                raise FetchFailed(url, str(error), answered=True) from error
            except WireFailed as error:
                answered = False
                reason, final = str(error), not error.transient
            else:
                if answer.status < 500 and answer.status != 429:
                    host.failures = 0
                    return answer
                answered = True
                reason, final = f"it answers {answer.status}", False
                wait = _asked_to_wait(answer.headers)
            if wait is not None:
                self._postpone(host, wait)
            if final or attempt == self._limits.retries or host.given_up:
                break
            if wait is None:
                self._sleep(BACKOFF_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
        host.failures += 1
        if host.failures >= FAILURES_IN_A_ROW_MAX and host.given_up is None:
            host.given_up = f"the host failed {host.failures} times in a row and is left alone"
        raise FetchFailed(url, reason, answered)

    def _take_turn(self, host: _Host, url: str) -> None:
        with host.turn:
            begins = max(self._now(), host.next_turn)
            if host.given_up is None and not self._closed.is_set():
                host.next_turn = begins + host.gap
        if host.given_up is None and begins > self._now():
            self._sleep(begins - self._now())
        if self._closed.is_set():
            raise FetchFailed(url, "the fetcher was closed")
        if host.given_up is not None:
            raise FetchFailed(url, host.given_up)

    def _postpone(self, host: _Host, seconds: float) -> None:
        if seconds > WAIT_SECONDS_MAX:
            host.given_up = f"the host asks to be left alone for {seconds:,.0f} s"
            return
        with host.turn:
            host.next_turn = max(host.next_turn, self._now() + seconds)


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks for, given as a number or as a date; None if there is none."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _without_user(url: str) -> str:
    return re.sub(r"//[^/?#]*@", "//", url)
