"""What of a web page is not its article: related blocks, of which the cards are kept, and clutter."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from seealso.page_lines import is_advert, is_related_heading, is_share_bar
from seealso.page_statements import plain, time_text, web_url

# A shorter paragraph may be a date or a name.
PROSE_CHARACTERS_MIN = 60
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
_KEEP_TAGS = frozenset({"html", "body", "main", "head"})
_NO_TEXT_TAGS = frozenset({"script", "style", "noscript", "iframe", "template"})
_INLINE_TAGS = frozenset(
    {"a", "abbr", "b", "br", "cite", "code", "em", "i", "img", "mark", "q", "small", "span", "strong", "u"}
)
_CLUTTER_TAGS = frozenset({"form", "button", "dialog"})


def take_related_blocks(tree: Any) -> list[dict[str, Any]]:
    """Take the page's related blocks out of the tree and return their cards."""
    cards: list[dict[str, Any]] = []
    seen: set[str] = set()
    for block in _related_blocks(tree):
        for link in block.xpath(".//a[@href]"):
            title, url = plain(link), web_url(link.get("href"))
            if title and (url or title) not in seen:
                seen.add(url or title)
                cards.append(_card_around(link, block, title, url))
        _remove(block)
    return cards


def _related_blocks(tree: Any) -> Iterator[Any]:
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.getroottree().getroot() is not tree:
            continue
        if element.tag in ("h2", "h3", "h4", "h5", "strong", "p") and is_related_heading(plain(element) or ""):
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
    prose = sum(len(plain(paragraph) or "") >= PROSE_CHARACTERS_MIN for paragraph in section.xpath(".//p"))
    return len(section.xpath(".//a[@href]")) >= max(1, prose)


def _mostly_links(element: Any) -> bool:
    text = plain(element) or ""
    linked = sum(len(plain(link) or "") for link in element.xpath(".//a"))
    return bool(text) and linked > 0.6 * len(text)


def _card_around(link: Any, block: Any, title: str, url: str | None) -> dict[str, Any]:
    card = link
    while card.getparent() is not None and card is not block and card.getparent() is not block:
        if len(card.getparent().xpath(".//a[@href]")) > 1:
            break
        card = card.getparent()
    moment = card.xpath("string(.//time/@datetime)") if card is not link else ""
    summary = plain(card.xpath("string(.//p)")) if card is not link else None
    return {"title": title, "url": url, "section": None, "summary": summary, "published": time_text(moment)}


def take_clutter(tree: Any) -> None:
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
            line = plain(block) or ""
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
    inside = sum(len(plain(paragraph) or "") for paragraph in element.xpath(".//p"))
    overall = sum(len(plain(paragraph) or "") for paragraph in tree.xpath("//p"))
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
