"""An address as it may be shown: what may be secret in it (user, password, query) is not."""

import hashlib
from urllib.parse import urlsplit, urlunsplit


def shown_address(address: str) -> str:
    """Return an address without user and password, its query as a short digest, by which two can be told apart.

    What is no web address stays as it is.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return address
    if parts.scheme not in ("http", "https") or host is None:
        return address
    netloc = parts.netloc.rpartition("@")[2]
    query = hashlib.blake2b(parts.query.encode("utf-8", "replace"), digest_size=3).hexdigest() if parts.query else ""
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))
