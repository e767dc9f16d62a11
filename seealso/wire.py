"""One GET over HTTP under a deadline and a limit of bytes: an address and headers -> an answer, or WireFailed.

It follows no redirect, repeats nothing, and knows neither robots.txt nor any rate.
"""

import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GZIP_MAGIC = b"\x1f\x8b"
# Each thread's request has a deadline of its own: `.at`, on the clock of time.monotonic.
_deadline = threading.local()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; names of headers are in lower case, `content` is unpacked."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class WireFailed(Exception):
    """No answer, or none that can be taken; `transient` says whether asking again may help."""

    def __init__(self, reason: str, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


class AnswerTooLong(WireFailed):
    """More bytes than were allowed; the server itself is well."""


class Wire:
    """Connections, kept open between requests. Safe in several threads.

    `connect_to`: addresses and ports, tried in this order, that all connections go to whatever host is named; None: to
    where the name leads.
    """

    def __init__(
        self, user_agent: str, connections_max: int, connect_to: Sequence[tuple[str, int]] | None = None
    ) -> None:
        self._headers = {"user-agent": user_agent, "accept": "*/*", "accept-encoding": "gzip"}
        self._connections_max = connections_max
        self._connect_to = connect_to
        self._client: httpx2.Client | None = None
        self._lock = threading.Lock()

    def get(self, url: str, headers: Mapping[str, str], bytes_max: int, seconds_max: float) -> Answer:
        """Return the answer to one request. Raises WireFailed, at the latest after `seconds_max` in all."""
        import httpx2

        client = self._opened()
        _deadline.at = time.monotonic() + seconds_max
        try:
            with client.stream("GET", url, headers=dict(headers)) as response:
                content = b"" if response.status_code in (204, 304) else _read_content(response, bytes_max)
                return Answer(response.status_code, dict(response.headers), content)
        except httpx2.TimeoutException:
            raise WireFailed(f"it took longer than {seconds_max:g} s") from None
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError, UnicodeError) as error:
            # UnicodeError: of a host with an empty or too long part, or a lone surrogate.
            raise WireFailed(f"it cannot be asked for ({error})") from error
        except httpx2.RequestError as error:
            raise WireFailed(f"the connection failed ({error or type(error).__name__})", transient=True) from error

    def close(self) -> None:
        """Close all connections; a request in flight fails."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _opened(self) -> "httpx2.Client":
        with self._lock:
            if self._client is None:
                self._client = _open_client(self._headers, self._connections_max, self._connect_to)
            return self._client


def unpack_gzip(pieces: Iterable[bytes], bytes_max: int) -> bytes:
    """Return what gzipped bytes hold, members one after the other; no more than `bytes_max` of it is ever in memory.

    Raises WireFailed if it is longer, damaged, or breaks off.
    """
    parts: list[bytes] = []
    size = 0
    member = zlib.decompressobj(wbits=31)
    for piece in pieces:
        while piece:
            if member.eof:
                if not piece.startswith(_GZIP_MAGIC):  # zeros, which some tapes and servers add
                    break
                member = zlib.decompressobj(wbits=31)
            try:
                part = member.decompress(piece, bytes_max + 1 - size)
            except zlib.error as error:
                raise WireFailed(f"its gzip is damaged ({error})") from error
            parts.append(part)
            size += len(part)
            if size > bytes_max:
                raise _too_long(bytes_max)
            piece = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise WireFailed("its gzip breaks off", transient=True)
    return b"".join(parts)


def _read_content(response: Any, bytes_max: int) -> bytes:
    stated = response.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and int(stated[:20]) > bytes_max:
        raise _too_long(bytes_max)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        raw = _counted(response.iter_raw(), bytes_max)
        first = next((piece for piece in raw if piece), b"")
        return unpack_gzip(_chain(first, raw), bytes_max) if first else b""
    if encoding not in ("identity", ""):
        raise WireFailed(f"it comes packed as {encoding[:40]!r}, which was not asked for")
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > bytes_max:
            raise _too_long(bytes_max)
    return bytes(content)


def _counted(pieces: Iterable[bytes], bytes_max: int) -> Iterator[bytes]:
    """Yield pieces until they are too many: what is packed can be long and hold nothing."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > bytes_max:
            raise _too_long(bytes_max)
        yield piece


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest


def _too_long(bytes_max: int) -> AnswerTooLong:
    return AnswerTooLong(f"it is longer than {bytes_max:,} bytes")


def _open_client(
    headers: Mapping[str, str], connections_max: int, connect_to: Sequence[tuple[str, int]] | None
) -> "httpx2.Client":
    import httpcore2
    import httpx2

    class DeadlineStream(httpcore2.NetworkStream):
        """A connection each of whose steps ends at the request's deadline: a server that trickles is cut off."""

        def __init__(self, stream: httpcore2.NetworkStream) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return self._stream.read(max_bytes, _seconds_left())

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._stream.write(buffer, _seconds_left())

        def close(self) -> None:
            self._stream.close()

        def start_tls(
            self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
        ) -> httpcore2.NetworkStream:
            return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, _seconds_left()))

        def get_extra_info(self, info: str) -> Any:
            return self._stream.get_extra_info(info)

    class DeadlineBackend(httpcore2.SyncBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore2.NetworkStream:
            places = connect_to or [(host, port)]
            for number, (place, its_port) in enumerate(places, 1):
                # Those after it have their share of the time.
                seconds = _seconds_left() / (len(places) + 1 - number)
                try:
                    stream = super().connect_tcp(place, its_port, seconds, local_address, socket_options)
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                    if number == len(places):
                        raise
                else:
                    return DeadlineStream(stream)
            raise httpcore2.ConnectError("there is no address to connect to")

    def _seconds_left() -> float:
        left: float = _deadline.at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left

    class DeadlineTransport(httpx2.HTTPTransport):
        def __init__(self) -> None:
            # httpx2 passes no network backend on, and without one a time limit holds for each read, not for all.
            self._pool = httpcore2.ConnectionPool(
                ssl_context=httpx2.create_ssl_context(trust_env=False),
                max_connections=connections_max,
                max_keepalive_connections=connections_max,
                network_backend=DeadlineBackend(),
            )

    # No cookie is kept: a site that counts visits would give a teaser from some page on.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    # The environment is not read: a proxy set there would bypass the deadline.
    return httpx2.Client(
        headers=dict(headers), cookies=no_cookies, transport=DeadlineTransport(), trust_env=False, timeout=None
    )
