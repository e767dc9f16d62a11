"""A web page -> the fields of an Article, and the cards of the related block the page already has.

The page's own statements about itself give the fields; trafilatura finds the text once everything that is not the
article has been taken away. The parsers are C code, which a hostile page may bring down: `extract` runs this in a
process of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seealso.markup import text_of_markup
from seealso.page_cutting import take_clutter, take_related_blocks
from seealso.page_lines import is_advert, is_share_bar
from seealso.page_statements import read_statements, time_text

CARDS_MAX = 50
# Nobody looks through more menus than this.
CUT_CHARACTERS_MAX = 10_000
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


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
    cards = take_related_blocks(tree)  # first: their dates and links are not the article's
    fields = read_statements(tree)
    take_clutter(tree)
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
        "published": fields.get("published") or time_text(found.date),
    }
