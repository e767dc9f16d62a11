"""A web page -> the fields of an Article, and the cards of the related block the page already has.

The page's own statements about itself (JSON-LD, OpenGraph, `<time>`) give the fields; trafilatura finds the text once
everything that is not the article has been taken away. The parsers are C code, which a hostile page may bring down:
`extract` runs this in a process of its own.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

import orjson

from seealso.article import is_web, join_names, parse_time
from seealso.markup import text_of_markup
from seealso.page_lines import is_advert, is_related_heading, is_share_bar

CARDS_MAX = 50
# A shorter paragraph may be a date or a name.
PROSE_CHARACTERS_MIN = 60
# Nobody looks through more menus than this.
CUT_CHARACTERS_MAX = 10_000
_ARTICLE_TYPES = re.compile(
    r"(News|Blog|Opinion|Analysis|Review|Report|Scholarly|Tech|Advertiser)?\w*(Article|Posting)"
)
_CLUTTER = re.compile(
    r"(?:^|[-_ ])(?:share|sharing|social|advert\w*|ads?|adslot|promo\w*|newsletter\w*|subscribe\w*|signup|sign-up"
    r"|cookies?|paywall|breadcrumbs?|comments?|outbrain|taboola|donate|donation|app-banner|toolbar)(?:$|[-_ ])",
    re.IGNORECASE,
)
_RELATED = re.compile(
    r"(?:^|[-_ ])(?:related\w*|recommend\w*|read-?(?:more|next|also)|more-?(?:on|from|stories|articles|like-this)"
    r"|see-?also|also-?read|you-?may-?(?:also-?)?like|most-?(?:read|popular)|trending)(?:$|[-_ ])",
    re.IGNORECASE,
)
# As far as an article's picture goes: seealso.article.PIXELS_MAX.
_PIXELS = re.compile(r"[1-9][0-9]{0,4}")
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_KEEP_TAGS = frozenset({"html", "body", "main", "head"})
_NO_TEXT_TAGS = frozenset({"script", "style", "noscript", "iframe", "template"})
_INLINE_TAGS = frozenset(
    {"a", "abbr", "b", "br", "cite", "code", "em", "i", "img", "mark", "q", "small", "span", "strong", "u"}
)
_CLUTTER_TAGS = frozenset({"form", "button", "dialog"})


@dataclass(frozen=True, slots=True)
class PageCard:
    """One entry of the related block that a page already has: an editor's pick, never text of the article."""

    title: str | None = None
    url: str | None = None
    section: str | None = None
    summary: str | None = None
    published: datetime | None = None


class PageUnreadable(ValueError):
    """A page in which no article could be found; the message says why."""


def read_page(html: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the fields of a page's article (no id) and the cards of its related block, as mappings, times as text.

    Raises PageUnreadable; the parsers may raise, or do, anything else.
    """
    from lxml import etree
    from lxml import html as lxml_html

    if not html.strip():
        raise PageUnreadable("the page is empty")
    try:
        # lxml refuses a text that declares the encoding it was once in.
        tree = lxml_html.document_fromstring(_XML_DECLARATION.sub("", html))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise PageUnreadable(f"the page is not HTML ({error})") from error
    cards = _take_related_blocks(tree)  # first: their dates and links are not the article's
    fields = _read_statements(tree)
    _take_clutter(tree)
    fields |= _read_text(tree, fields)
    if not fields.get("title"):
        raise PageUnreadable("the page has no title")
    fields["cut_away"] = _cut_away(text_of_markup(html), fields)
    return fields, cards[:CARDS_MAX]


def _cut_away(page: str, fields: Mapping[str, Any]) -> str | None:
    """Return what of a page's text is not the article's, for editors to see; None where nothing was left out."""
    kept = "\n".join(str(fields.get(name) or "") for name in ("title", "summary", "section", "author", "body"))
    lines = set(kept.split("\n"))  # most are found here: to look through a long text for each takes minutes
    cut, length = list[str](), 0
    for paragraph in page.split("\n\n"):
        line = " ".join(paragraph.split())
        if line and line not in lines and length + len(line) <= CUT_CHARACTERS_MAX and line not in kept:
            cut.append(line)
            length += len(line) + 2
    return "\n\n".join(cut) or None


def _read_statements(tree: Any) -> dict[str, Any]:
    """Return what the page says of itself: JSON-LD first, then OpenGraph and meta, then its elements."""
    linked = _json_ld(tree)
    meta = _meta(tree)

    def first(*values: Any) -> str | None:
        for value in values:
            text = _plain(value)
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
        "published": _time_text(published),
        "updated": _time_text(updated),
        "language": language.replace("_", "-") if language else None,
        "url": _web_url(canonical) or _web_url(meta.get("og:url")) or _web_url(first(linked.get("url"))),
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


def _plain(value: Any) -> str | None:
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
    shared = _web_url(meta.get("og:image"))
    url = _web_url(_plain(said.get("url"))) or shared
    if url is not None and url == shared:
        said = {name: meta.get(f"og:image:{name}", said.get(name)) for name in ("alt", "width", "height")}
    width, height = _pixels(said.get("width")), _pixels(said.get("height"))
    sized = width is not None and height is not None
    return {
        "image": url,
        "image_alt": _plain(said.get("alt")),
        "image_width": width if sized else None,
        "image_height": height if sized else None,
    }


def _pixels(value: Any) -> int | None:
    text = str(value).removesuffix("px")
    return int(text) if _PIXELS.fullmatch(text) else None


def _web_url(value: str | None) -> str | None:
    return value.strip() if value and is_web(value.strip()) else None


def _time_text(value: str | None) -> str | None:
    moment = time_or_none(value)
    return moment.isoformat() if moment else None


def time_or_none(value: str | None) -> datetime | None:
    """Return the moment that a page states, None where it states none that can be read."""
    try:
        return parse_time(value) if value else None
    except ValueError:
        return None


def _take_related_blocks(tree: Any) -> list[dict[str, Any]]:
    """Take the page's related blocks out of the tree and return their cards."""
    cards: list[dict[str, Any]] = []
    seen: set[str] = set()
    for block in _related_blocks(tree):
        for link in block.xpath(".//a[@href]"):
            title, url = _plain(link), _web_url(link.get("href"))
            if title and (url or title) not in seen:
                seen.add(url or title)
                cards.append(_card_around(link, block, title, url))
        _remove(block)
    return cards


def _related_blocks(tree: Any) -> Iterator[Any]:
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.getroottree().getroot() is not tree:
            continue
        if element.tag in ("h2", "h3", "h4", "h5", "strong", "p") and is_related_heading(_plain(element) or ""):
            block = _block_of_heading(element, tree)
            if block is not None:
                yield block
        elif _named(element, _RELATED) and not _holds_article(element, tree):
            yield element


def _block_of_heading(heading: Any, tree: Any) -> Any:
    """Return the element that holds a heading and its links, moving the heading's followers into one if need be."""
    parent = heading.getparent()
    if parent is None:
        return None
    beside = parent.tag in ("aside", "nav", "footer") or (parent.tag == "section" and _lists_links(parent))
    if beside and not _holds_article(parent, tree):
        return parent
    # No element of its own: the heading and the lists or links that follow it at once.
    block = heading.makeelement("div")
    heading.addprevious(block)
    follower = heading.getnext()
    block.append(heading)
    while follower is not None and (follower.tag in ("ul", "ol", "nav") or _mostly_links(follower)):
        following = follower.getnext()
        block.append(follower)
        follower = following
    return block


def _lists_links(section: Any) -> bool:
    """Return whether a section is of links, maybe with summaries, and no part of an article with such a subheading."""
    prose = sum(len(_plain(paragraph) or "") >= PROSE_CHARACTERS_MIN for paragraph in section.xpath(".//p"))
    return len(section.xpath(".//a[@href]")) >= max(1, prose)


def _mostly_links(element: Any) -> bool:
    text = _plain(element) or ""
    linked = sum(len(_plain(link) or "") for link in element.xpath(".//a"))
    return bool(text) and linked > 0.6 * len(text)


def _card_around(link: Any, block: Any, title: str, url: str | None) -> dict[str, Any]:
    card = link
    while card.getparent() is not None and card is not block and card.getparent() is not block:
        if len(card.getparent().xpath(".//a[@href]")) > 1:
            break
        card = card.getparent()
    moment = card.xpath("string(.//time/@datetime)") if card is not link else ""
    summary = _plain(card.xpath("string(.//p)")) if card is not link else None
    return {"title": title, "url": url, "section": None, "summary": summary, "published": _time_text(moment)}


def _take_clutter(tree: Any) -> None:
    """Take share bars, adverts, newsletter boxes and the like out of the tree."""
    stays = None  # the block last found to be neither: a menu of thousands of links is not read anew for each of them
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.tag in _KEEP_TAGS:
            continue
        if element.tag in _NO_TEXT_TAGS or (
            (element.tag in _CLUTTER_TAGS or _named(element, _CLUTTER)) and not _holds_article(element, tree)
        ):
            _remove(element)
            stays = None
        elif not len(element):
            # 'Facebook' within a sentence is a word of it; alone in its paragraph it is a button.
            block = _block_around(element)
            if block is stays:
                continue
            line = _plain(block) or ""
            unwanted = is_advert(line) or is_share_bar(line)
            if unwanted:
                _remove(block)
            stays = None if unwanted else block


def _block_around(element: Any) -> Any:
    while element.tag in _INLINE_TAGS and element.getparent() is not None:
        element = element.getparent()
    return element


def _named(element: Any, pattern: re.Pattern[str]) -> bool:
    if element.tag in _KEEP_TAGS:
        return False
    names = (element.get(attribute) for attribute in ("class", "id", "role", "aria-label", "data-component"))
    return any(pattern.search(name) for name in names if name)


def _holds_article(element: Any, tree: Any) -> bool:
    """Return whether an element is no block beside the article but around it."""
    if element.tag in ("article", "main") or element.xpath(".//h1 | .//article[.//h1] | .//*[@itemprop='articleBody']"):
        return True
    inside = sum(len(_plain(paragraph) or "") for paragraph in element.xpath(".//p"))
    overall = sum(len(_plain(paragraph) or "") for paragraph in tree.xpath("//p"))
    return inside > 0.5 * overall


def _remove(element: Any) -> None:
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:  # lxml drops the text that follows an element along with it
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    with contextlib.suppress(ValueError):
        parent.remove(element)


def _read_text(tree: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the body, and from trafilatura what the page did not say of itself."""
    import trafilatura
    from lxml import html as lxml_html

    found = trafilatura.bare_extraction(
        lxml_html.tostring(tree, encoding="unicode"),
        include_comments=False,
        include_tables=True,
        with_metadata=True,
    )
    if found is None or not found.text:
        raise PageUnreadable("no article text was found in it")
    lines = [" ".join(line.split()) for line in str(found.text).splitlines()]
    lines = [line for line in lines if line and not is_advert(line) and not is_share_bar(line)]
    title = fields.get("title") or found.title
    if lines and lines[0] == title:
        del lines[0]
    if lines and lines[0] == fields.get("summary"):
        del lines[0]
    if not lines:
        raise PageUnreadable("no article text was found in it")
    return {
        "title": title,
        "body": "\n\n".join(lines),
        "author": fields.get("author") or found.author,
        "published": fields.get("published") or _time_text(found.date),
    }
