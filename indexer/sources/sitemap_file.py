"""The bytes of one sitemap (XML, gzipped XML, or plain text) -> the pages it lists, or the further sitemaps.

It fetches nothing. XML entities are not expanded, and no other document is opened.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seealso.article import is_web, parse_time
from seealso.wire import WireFailed, unpack_gzip

# The protocol's own limit is 50 MiB unpacked.
SITEMAP_BYTES_MAX = 52_428_800
_GZIP_MAGIC = b"\x1f\x8b"
_ENTRY_TAGS = frozenset({"url", "sitemap"})
# A date without a time ends, somewhere on earth, half a day after it has ended in Greenwich.
_LATEST_ZONE = timedelta(hours=12)


class SitemapBroken(ValueError):
    """Bytes that are no sitemap, or not all of one."""


@dataclass(frozen=True, slots=True)
class SitemapEntry:
    """One entry: of a page, or of a further sitemap. `published` is a news sitemap's date; texts are as they stood."""

    url: str
    is_sitemap: bool = False
    lastmod: str | None = None
    published: str | None = None


def read_sitemap(content: bytes) -> Iterator[SitemapEntry]:
    """Yield a sitemap's entries in their order; one without an address has an empty `url`. Raises SitemapBroken."""
    if content.startswith(_GZIP_MAGIC):
        try:
            content = unpack_gzip([content], SITEMAP_BYTES_MAX)
        except WireFailed as error:
            raise SitemapBroken(str(error)) from error
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    # UTF-16, which an XML parser reads by its mark.
    if start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        yield from _read_xml(content)
    else:
        yield from _read_lines(content)


def moments_of(lastmod: str | None) -> tuple[datetime, datetime] | None:
    """Return the first and the last moment that a sitemap's date may mean, in UTC; None if it is none."""
    if not lastmod:
        return None
    try:
        moment = parse_time(lastmod)
        return (
            (moment, moment) if "T" in lastmod else (moment - _LATEST_ZONE, moment + timedelta(days=1) + _LATEST_ZONE)
        )
    except (ValueError, OverflowError):
        return None


def _read_xml(content: bytes) -> Iterator[SitemapEntry]:
    from lxml import etree

    root: Any = None
    events = etree.iterparse(
        io.BytesIO(content), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        for event, element in events:
            if root is None:
                root = element
                if _name(root) not in ("urlset", "sitemapindex"):
                    raise SitemapBroken(f"it is no sitemap: its first element is <{_name(root)[:40]}>")
            elif event == "end" and element.getparent() is root:
                if _name(element) in _ENTRY_TAGS:
                    yield _read_entry(element)
                # What has been read is let go; the parser may still need the element itself.
                element.clear(keep_tail=True)
                while element.getprevious() is not None:
                    del root[0]
    except etree.XMLSyntaxError as error:
        raise SitemapBroken(f"it is not whole XML ({error.msg})") from error
    if root is None:
        raise SitemapBroken("it is empty")


def _read_entry(element: Any) -> SitemapEntry:
    texts: dict[str, str] = {}
    for child in element.iter():
        if isinstance(child.tag, str) and child.text and child.text.strip():
            # An image of the page has a <loc> too, under another name or another parent.
            if _name(child) in ("loc", "lastmod") and child.getparent() is not element:
                continue
            # So has a video of it a date of its own.
            if _name(child) == "publication_date" and _name(child.getparent()) != "news":
                continue
            texts.setdefault(_name(child), child.text.strip())
    return SitemapEntry(
        texts.get("loc", "").split("#")[0],
        _name(element) == "sitemap",
        texts.get("lastmod"),
        texts.get("publication_date"),
    )


def _read_lines(content: bytes) -> Iterator[SitemapEntry]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SitemapBroken(f"it is neither XML nor lines of addresses in UTF-8 ({error.reason})") from error
    addresses = [line.strip() for line in lines if line.strip()]
    if not any(map(is_web, addresses)):
        raise SitemapBroken("it is neither XML nor lines of addresses")
    for address in addresses:
        yield SitemapEntry(address.split("#")[0])


def _name(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
