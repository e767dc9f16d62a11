"""A page of another site, at an address that somebody typed -> its bytes. It asks nobody whom it must not.

Nothing is trusted of such an address: neither that its name leads out of our network, nor that it leads to one place
twice, nor that what answers ends. So the name is looked up once, every address it has must be public, and the
connection goes to one of these; each redirect is looked at anew; and everything together has one limit of time and one
of bytes. No cookie, no credential and no proxy takes part (see `seealso.wire`).
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from seealso.errors import PageNotRead
from seealso.wire import REDIRECTS, Answer, Wire, WireFailed

ANY_HOST = "*"
PORTS = frozenset({80, 443})
URL_CHARACTERS_MAX = 2_000
# A name may have very many addresses; who cannot be reached at four of them is taken for gone.
ADDRESSES_MAX = 4
TYPES = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
# Of hosts; '_' is in some, though it should not be.
_NAME = re.compile(r"[a-z0-9._-]+")
# IANA's registry of special purposes (RFC 6890), and multicast. Of IPv6, what is not global unicast is refused whole.
_NEVER_IPV4 = [
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
_GLOBAL_IPV6 = ip_network("2000::/3")
# Teredo and its kind, documentation, 6to4: what they lead to is told by what is wrapped in them. Mapped addresses and
# those of NAT64 are no global unicast.
_NEVER_IPV6 = [ip_network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a page may take, redirects and all: seconds, and bytes on the wire as well as unpacked."""

    seconds_max: float = 8.0
    bytes_max: int = 5_000_000
    redirects_max: int = 5


class FetchedPage(NamedTuple):
    """What an address answered; `parameters`: of its Content-Type. `url`: where redirects led."""

    url: str
    media_type: str
    parameters: str
    content: bytes


class Fetcher:
    """Fetches pages of the hosts that are allowed: names, those below them included, or `*`. Safe in many threads.

    `ports`, `look_up` (a host and a port to its addresses) and `admits` (whether an address may be connected to) are
    not to be changed but by tests, which have no public addresses.
    """

    def __init__(
        self,
        hosts: str,
        limits: FetchLimits | None = None,
        ports: Collection[int] = PORTS,
        look_up: Callable[[str, int], Sequence[str]] | None = None,
        admits: Callable[[str], bool] | None = None,
    ) -> None:
        self._hosts = hosts.lower().split()
        self._limits = limits or FetchLimits()
        self._ports = ports
        self._look_up = look_up or addresses_of
        self._admits = admits or is_public

    @property
    def is_on(self) -> bool:
        """Return whether anything may be fetched."""
        return bool(self._hosts)

    def fetch(self, url: str) -> FetchedPage:
        """Return the page at an address. Raises PageNotRead with what is wrong and what to do."""
        ends = time.monotonic() + self._limits.seconds_max
        asked, bytes_left = url, self._limits.bytes_max
        for _ in range(self._limits.redirects_max + 1):
            parts, host, port = self._checked(url, asked)
            addresses = self._addresses(host, port, asked, ends)
            answer = self._get(urlunsplit(parts), [(address, port) for address in addresses], asked, ends, bytes_left)
            bytes_left -= len(answer.content)
            if answer.status not in REDIRECTS:
                return _page(urlunsplit(parts), answer, asked)
            try:
                url = urljoin(urlunsplit(parts), answer.headers.get("location", ""))
            except ValueError:
                url = ""
        raise PageNotRead(asked, f"it leads from one address to the next, more than {self._limits.redirects_max} times")

    def _checked(self, url: str, asked: str) -> tuple[SplitResult, str, int]:
        """Return an address in parts, in plain ASCII, its host and its port, if it may be asked at all."""
        redirected = "" if url == asked else " (a redirect leads there)"
        if not self._hosts:
            raise PageNotRead(
                asked,
                "pages of other sites are not read here. Whoever runs Seealso can allow it: SEEALSO_DESK_FETCH names "
                "the hosts; until then, paste the text",
            )
        parts = _split(url)
        if parts is None or len(url) > URL_CHARACTERS_MAX or not url.isprintable():
            raise PageNotRead(
                asked, f"it is no address of a page{redirected}; http:// or https:// and a host begin one"
            )
        if parts.username is not None or parts.password is not None:
            raise PageNotRead(asked, f"it holds a user's name{redirected}; nothing is sent to sign in elsewhere")
        host = _ascii(parts.hostname or "")
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            port = -1
        if port not in self._ports:
            raise PageNotRead(asked, f"its port is {parts.netloc.rpartition(':')[2]}{redirected}; only 80 and 443 are")
        if not host:
            raise PageNotRead(asked, f"its host is no name{redirected}; look at how it is spelt")
        if ANY_HOST not in self._hosts and not any(_is_below(host, each) for each in self._hosts):
            raise PageNotRead(
                asked,
                f"pages of {host} are not read here{redirected}. SEEALSO_DESK_FETCH, which whoever runs Seealso sets, "
                f"allows {', '.join(self._hosts)}; paste the text instead",
            )
        bare = f"[{host}]" if ":" in host else host
        netloc = bare if parts.port is None else f"{bare}:{port}"
        path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._") or "/"
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
        return SplitResult(parts.scheme, netloc, path, query, ""), host, port

    def _addresses(self, host: str, port: int, asked: str, ends: float) -> list[str]:
        """Return the addresses of a host, all of which may be connected to."""
        found: list[Sequence[str] | OSError] = []

        def run() -> None:
            try:
                found.append(self._look_up(host, port))
            except (OSError, UnicodeError) as error:
                found.append(OSError(error))

        # A resolver takes as long as it likes.
        thread = threading.Thread(target=run, name="look-up", daemon=True)
        thread.start()
        thread.join(max(0.0, ends - time.monotonic()))
        if not found:
            raise self._late(asked)
        if isinstance(found[0], OSError) or not found[0]:
            raise PageNotRead(asked, f"there is no host {host}; look at how it is spelt")
        addresses = list(dict.fromkeys(found[0]))
        if not all(self._admits(address) for address in addresses):
            raise PageNotRead(
                asked, f"{host} is not on the public internet, and nothing else is read; paste the text instead"
            )
        return addresses[:ADDRESSES_MAX]

    def _get(self, url: str, connect_to: list[tuple[str, int]], asked: str, ends: float, bytes_max: int) -> Answer:
        left = ends - time.monotonic()
        if left <= 0:
            raise self._late(asked)
        try:
            # For this one request: nothing is kept, no connection and no cookie.
            with closing(Wire(f"Seealso/{version('seealso')} (an editor reads this page)", 1, connect_to)) as wire:
                return wire.get(url, {"accept": ", ".join(sorted(TYPES))}, bytes_max, left)
        except WireFailed as error:
            if time.monotonic() >= ends:
                raise self._late(asked) from None
            raise PageNotRead(asked, f"{error}; try again, or paste the text") from None

    def _late(self, asked: str) -> PageNotRead:
        return PageNotRead(
            asked, f"it did not come within {self._limits.seconds_max:g} seconds; paste the text instead"
        )


def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as this machine looks them up. Raises OSError if it has none."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet: neither this machine's, nor our network's, nor no one's.

    What wraps an IPv4 address in one of IPv6 (mapped, 6to4, Teredo, NAT64) is not, whatever it wraps.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        return parsed in _GLOBAL_IPV6 and not any(parsed in each for each in _NEVER_IPV6)
    return not any(parsed in each for each in _NEVER_IPV4)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        return parts if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def _ascii(host: str) -> str:
    """Return a host's name as it is looked up, '' for none: other signs in one are read otherwise by each who reads."""
    try:
        if ":" in host:
            return host if "%" not in host and IPv6Address(host) else ""
        name = host.rstrip(".").encode("idna").decode("ascii").lower()
    except ValueError:  # UnicodeError among them
        return ""
    return name if _NAME.fullmatch(name) else ""


def _is_below(host: str, name: str) -> bool:
    return host == name or host.endswith(f".{name}")


def _page(url: str, answer: Answer, asked: str) -> FetchedPage:
    if answer.status != 200:
        raise PageNotRead(asked, f"its site answers {answer.status}; open it in the browser, and paste the text")
    media_type, _, parameters = answer.headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    if media_type not in TYPES:
        raise PageNotRead(asked, f"it is no page but {media_type[:60] or 'of no known kind'}")
    return FetchedPage(url, media_type, parameters, answer.content)
