"""Addresses: as they may be shown, and what page they are of."""

import hashlib
import re
from urllib.parse import unquote, urlsplit, urlunsplit

_ENDING = re.compile(r"\.(?:x?html?|php|aspx?)$", re.IGNORECASE)


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


def page_id(url: str) -> str:
    """Return a page's id: its path without the outer slashes and the ending, with its query; '' for the home page."""
    parts = urlsplit(url)
    path = _ENDING.sub("", parts.path.strip("/"))
    return _decoded_path(f"{path}?{parts.query}" if parts.query else path)


def _decoded_path(path: str) -> str:
    """Return a path with its escapes decoded, for an escaped Cyrillic letter takes six characters of an id's 200."""
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path
    return decoded if decoded.isprintable() else path


def leads_home(asked: str, answered: str) -> bool:
    """Return whether a page leads to the home page, as sites do with what they took away."""
    return answered != asked and not page_id(answered)
