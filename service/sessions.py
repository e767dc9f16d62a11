"""Who is at the browser: a session cookie, or the header of a proxy that is trusted; and whether a page of ours asks.

A session says whose key it is and until when, and is signed with a secret of the machine's and the key's digest:
nothing is kept of it, it ends with the key, and who has a copy of the store can make none. What a browser sends by
itself, another site can have it send; so a request that changes something must come from a page of this service, as
browsers say (Sec-Fetch-Site, Origin).
"""

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seealso.editorial.keys import Key, Scope
from seealso.errors import CrossSite
from seealso.logs import get_log
from service.editorial import Editorial

# Browsers take it over TLS alone (or on localhost), for this host alone, and for all of its paths.
COOKIE = "__Host-seealso-session"
# Beside the counter; it is no part of the store, nor of copies of it.
SECRET_FILE = "editorial.secret"  # noqa: S105 - a file's name
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_OURS = frozenset({"same-origin", "none"})

# In seconds since 1970.
_MOMENT = re.compile(r"[0-9]{1,12}")

Environ = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `name` and `by` (the key's id, or 'proxy') stand in the log of changes."""

    name: str
    by: str
    scope: Scope

    def __str__(self) -> str:
        return f"{self.name} ({self.by})"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Tells callers. `secret`: what sessions are signed with, beside their key's digest; `hours`: how long they last.

    `user_header`: in which a proxy names the user; `proxies`: which ones may; `scope`: what such users may.
    """

    secret: bytes = b""
    hours: float = 12.0
    user_header: str | None = None
    proxies: tuple[str, ...] = ()
    scope: Scope = "editor"

    def begin(self, key: Key) -> str:
        """Return the cookie of a session that begins now."""
        ends = str(int(time.time() + self.hours * 3_600))
        return f"{key.id}.{ends}.{self._signature(key, ends)}"

    def caller_of(self, environ: Environ, editorial: Editorial) -> Caller | None:
        """Return whom a session or a proxy names, None if neither does.

        Raises CrossSite if it would change something, and comes from another site's page.
        """
        caller = self._by_cookie(environ, editorial) or self._by_proxy(environ)
        if caller is not None and environ["REQUEST_METHOD"] not in SAFE:
            check_same_site(environ)
        return caller

    def _by_cookie(self, environ: Environ, editorial: Editorial) -> Caller | None:
        key_id, _, rest = cookie_in(environ.get("HTTP_COOKIE", "")).partition(".")
        ends, _, signature = rest.partition(".")
        key = editorial.valid_key(key_id)
        if key is None or not _MOMENT.fullmatch(ends) or int(ends) < time.time():
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(key, ends).encode()):
            return None
        return Caller(key.name, key.id, key.scope)

    def _by_proxy(self, environ: Environ) -> Caller | None:
        if self.user_header is None:
            return None
        name = environ.get(f"HTTP_{self.user_header.upper().replace('-', '_')}", "").strip()
        if not name or not name.isprintable() or not self._is_trusted(_peer(environ)):
            return None
        return Caller(name[:200], "proxy", self.scope)

    def _signature(self, key: Key, ends: str) -> str:
        both = self.secret + bytes.fromhex(key.digest)
        return hmac.new(both, f"session {key.id} {ends}".encode(), hashlib.sha256).hexdigest()

    def _is_trusted(self, address: str) -> bool:
        try:
            return any(ip_address(address) in ip_network(each, strict=False) for each in self.proxies)
        except ValueError:  # a socket has no address
            return False


def secret_of_machine(folder: Path) -> bytes:
    """Return the secret that all workers of a machine share, from a file that only they may read; made if need be.

    Where it cannot be kept, one of this process alone, for as long as that lives.
    """
    path, fresh = folder / SECRET_FILE, secrets.token_hex(32)
    aside = path.with_name(f"{SECRET_FILE}.{secrets.token_hex(4)}")
    try:
        if not path.exists():
            try:
                with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(fresh)
                with suppress(FileExistsError):  # another worker was first: its secret counts
                    os.link(aside, path)
            finally:
                aside.unlink(missing_ok=True)
        return path.read_bytes()
    except OSError as error:
        get_log().warning("secret_not_kept", file=str(path), reason=error.strerror)
        return fresh.encode()


def cookie_in(header: str) -> str:
    """Return the session's cookie among those of a header Cookie, '' if it is not there."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def check_same_site(environ: Environ) -> None:
    """Raise CrossSite unless a browser says that a page of this service sends a request."""
    fetched = environ.get("HTTP_SEC_FETCH_SITE")
    if fetched is not None:
        if fetched not in _OF_OURS:
            raise CrossSite(f"Sec-Fetch-Site is {fetched[:40]!r}")
        return
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        raise CrossSite("it says neither in Sec-Fetch-Site nor in Origin whence it comes")
    if urlsplit(origin).netloc.lower() != environ.get("HTTP_HOST", "").lower():
        raise CrossSite(f"Origin is {origin[:100]!r}")


def _peer(environ: Environ) -> str:
    """Return who holds the connection, whatever headers say of others before him."""
    original = environ.get("werkzeug.proxy_fix.orig", {})
    return str(original.get("REMOTE_ADDR") or environ.get("REMOTE_ADDR") or "")
