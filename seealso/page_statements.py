"""What a web page says of itself (JSON-LD, OpenGraph, `<time>`) -> the fields of an Article."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape
from typing import Any

import orjson

from seealso.article import is_web, join_names, parse_time

_ARTICLE_TYPES = re.compile(
    r"(News|Blog|Opinion|Analysis|Review|Report|Scholarly|Tech|Advertiser)?\w*(Article|Posting)"
)
# As far as an article's picture goes: seealso.article.PIXELS_MAX.
_PIXELS = re.compile(r"[1-9][0-9]{0,4}")


def read_statements(tree: Any) -> dict[str, Any]:
    """Return what the page says of itself: JSON-LD first, then OpenGraph and meta, then its elements.

    `tree`: as lxml reads it. What a field is not, or cannot be read as, is None.
    """
    linked = _json_ld(tree)
    meta = _meta(tree)

    def first(*values: Any) -> str | None:
        for value in values:
            text = plain(value)
            if text:
                return text
        return None

    canonical = tree.xpath("string(//link[@rel='canonical']/@href)")
    times = tree.xpath("//article//time/@datetime | //header//time/@datetime | //time/@datetime")
    language = first(linked.get("inLanguage"), tree.get("lang"), meta.get("og:locale"))
    published = first(linked.get("datePublished"), meta.get("article:published_time"), meta.get("date"), *times)
    updated = first(linked.get("dateModified"), meta.get("article:modified_time"))
    fields = {
        "title": first(
            linked.get("headline"), meta.get("og:title"), *tree.xpath("//h1"), tree.xpath("string(//title)")
        ),
        "summary": first(linked.get("description"), meta.get("og:description"), meta.get("description")),
        "section": first(_first_of(linked.get("articleSection")), meta.get("article:section")),
        "author": first(_names(linked.get("author")), meta.get("author"), *tree.xpath("//a[@rel='author']")),
        "published": time_text(published),
        "updated": time_text(updated),
        "language": language.replace("_", "-") if language else None,
        "url": web_url(canonical) or web_url(meta.get("og:url")) or web_url(first(linked.get("url"))),
        **_picture(_first_of(linked.get("image")), meta),
    }
    if linked.get("isAccessibleForFree") in (False, "False", "false"):
        fields["access"] = "subscriber"
    return fields


def _json_ld(tree: Any) -> dict[str, Any]:
    """Return the page's JSON-LD object about the article, empty if there is none that can be read."""
    for script in tree.xpath("//script[@type='application/ld+json']"):
        try:
            found = orjson.loads(script.text_content())
        except orjson.JSONDecodeError:
            continue
        for item in _objects(found):
            kinds = item.get("@type")
            kinds = kinds if isinstance(kinds, list) else [kinds]
            if any(isinstance(kind, str) and _ARTICLE_TYPES.fullmatch(kind) for kind in kinds):
                return {name: _unescaped(value) for name, value in item.items()}
    return {}


def _unescaped(value: Any, deeper: int = 2) -> Any:
    """Return what JSON-LD says with its texts plain: they are no HTML, yet many sites escape them as if they were."""
    if isinstance(value, str):
        return unescape(value)
    if isinstance(value, list) and deeper:
        return [_unescaped(each, deeper - 1) for each in value]
    if isinstance(value, dict) and deeper:
        return {name: _unescaped(each, deeper - 1) for name, each in value.items()}
    return value


def _objects(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, list):
        for item in found:
            yield from _objects(item)
    elif isinstance(found, dict):
        yield found
        yield from _objects(found.get("@graph"))


def _meta(tree: Any) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for element in tree.xpath("//meta[@content]"):
        name = (element.get("property") or element.get("name") or element.get("itemprop") or "").lower()
        pairs.setdefault(name, element.get("content"))
    return pairs


def plain(value: Any) -> str | None:
    """Return the text of an element, or a text, on one line; None for anything else, and where there is none."""
    if value is None:
        return None
    if hasattr(value, "text_content"):
        value = value.text_content()
    if not isinstance(value, str):
        return None
    return " ".join(value.split()) or None


def _first_of(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _names(value: Any) -> str | None:
    people = value if isinstance(value, list) else [value]
    names = [person.get("name") if isinstance(person, Mapping) else person for person in people]
    return join_names(name for name in names if isinstance(name, str))


def _picture(linked: Any, meta: Mapping[str, str]) -> dict[str, Any]:
    """Return an article's fields on its picture: of the page's JSON-LD, else of its meta elements."""
    said = linked if isinstance(linked, Mapping) else {"url": linked}
    shared = web_url(meta.get("og:image"))
    url = web_url(plain(said.get("url"))) or shared
    if url is not None and url == shared:
        said = {name: meta.get(f"og:image:{name}", said.get(name)) for name in ("alt", "width", "height")}
    width, height = _pixels(said.get("width")), _pixels(said.get("height"))
    sized = width is not None and height is not None
    return {
        "image": url,
        "image_alt": plain(said.get("alt")),
        "image_width": width if sized else None,
        "image_height": height if sized else None,
    }


def _pixels(value: Any) -> int | None:
    text = str(value).removesuffix("px")
    return int(text) if _PIXELS.fullmatch(text) else None


def web_url(value: str | None) -> str | None:
    """Return an address of the web, None for any other and where there is none."""
    return value.strip() if value and is_web(value.strip()) else None


def time_text(value: str | None) -> str | None:
    """Return the moment that a page states as text, see `time_or_none`."""
    moment = time_or_none(value)
    return moment.isoformat() if moment else None


def time_or_none(value: str | None) -> datetime | None:
    """Return the moment that a page states, None where it states none that can be read."""
    try:
        return parse_time(value) if value else None
    except ValueError:
        return None
