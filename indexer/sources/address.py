"""Addresses: as they may be shown, and what page they are of."""

import hashlib
import re
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from seealso.article import ID_CHARACTERS_MAX

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
    path = f"{path}?{parts.query}" if parts.query else path
    decoded = _decoded(path)
    return decoded if decoded.isprintable() else fitting_id(path)


def fitting_id(address: str) -> str:
    """Return an address as it is if it can be an id; else with its escapes decoded, but those of what nobody sees.

    An escaped Cyrillic letter takes six characters of an id's 200. Persian words have joiners in them, which are not
    printable.
    """
    if len(address) <= ID_CHARACTERS_MAX and address.isprintable():
        return address
    return "".join(each if each.isprintable() else quote(each, "", errors="replace") for each in _decoded(address))


def _decoded(text: str) -> str:
    """Return a text with its escapes decoded; as it is where they are not UTF-8."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def leads_home(asked: str, answered: str) -> bool:
    """Return whether a page leads to the home page, as sites do with what they took away."""
    return answered != asked and not page_id(answered)
