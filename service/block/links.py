"""An article's address -> where its link in a block leads: with the website's own campaign parameters, as it wants."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_plus

from seealso.article import is_web
from seealso.project import BlockEntry

CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


def campaign_of(block: BlockEntry) -> dict[str, str]:
    """Return the campaign parameters of a website's blocks, each as it stands in an address."""
    said: dict[str, Any] = {name: getattr(block, name) for name in CAMPAIGN}
    return {name: f"{name}={quote(value, safe='')}" for name, value in said.items() if value}


def link_to(url: str | None, campaign: Mapping[str, str]) -> str | None:
    """Return an address with campaign parameters; None for what is no address on the web.

    Its own query and fragment stay, and so do parameters of the same names that it has already.
    """
    if url is None or not is_web(url):
        return None
    if not campaign:
        return url
    address, mark, fragment = url.partition("#")
    _, _, query = address.partition("?")
    taken = {unquote_plus(pair.partition("=")[0]) for pair in query.split("&")} if query else ()
    added = "&".join(pair for name, pair in campaign.items() if name not in taken)
    if not added:
        return url
    joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
    return f"{address}{joint}{added}{mark}{fragment}"
