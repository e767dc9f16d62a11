"""A WordPress export (WXR 1.0 to 1.2) -> its published posts; other kinds and states are left out by name.

The file is read twice, an item at a time: first for what may stand behind the post that needs it (authors' names,
pictures' addresses, of which one line each is held), then for the posts.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.sources.gzipped import BROKEN_OFF, open_unpacked
from indexer.sources.record import FieldMap
from indexer.sources.shortcodes import without_shortcodes
from indexer.sources.source import Item, LeftOut, Quarantined
from seealso.errors import SourceUnreadable

if TYPE_CHECKING:
    from lxml.etree import _Element

NO_TIME = "0000-00-00 00:00:00"
_FIELDS = FieldMap(markup=True)
_PARSING: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": True,
    "remove_comments": True,
    "remove_pis": True,
}
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")


@dataclass(slots=True)
class _Channel:
    """What the posts of an export refer to: names by login, addresses of pictures by their post's id."""

    version: str | None = None
    language: str | None = None
    authors: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)


class WordPressExport:
    """The posts of one export file, plain or gzipped. `post_types` are those that are articles."""

    complete = True

    def __init__(self, path: Path, post_types: tuple[str, ...] = ("post",)) -> None:
        self._path = path
        self._post_types = post_types
        self.name = str(path)

    def read(self) -> Iterator[Item]:
        """Yield an article for each published post.

        Raises SourceUnreadable if the file is cut, ill-formed, or no WordPress export.
        """
        channel = _Channel()
        for element in self._elements():
            _note(element, channel)
        if channel.version is None:
            raise SourceUnreadable(self.name, "it is no WordPress export: it does not state its wxr_version")
        for element in self._elements():
            if _name(element) == "item":
                yield self._read_item(element, channel)

    def _elements(self) -> Iterator["_Element"]:
        """Yield the channel's own elements, each whole, and let go of it afterwards."""
        from lxml import etree

        depth = 0
        events = ("start", "end")
        try:
            with open_unpacked(self._path) as file:
                for event, element in etree.iterparse(file, events, **_PARSING):
                    depth += 1 if event == "start" else -1
                    if event == "end" and depth == 2:  # rss, channel
                        yield element
                        _let_go(element)
        except FileNotFoundError:
            raise SourceUnreadable(self.name, "no such file") from None
        except etree.XMLSyntaxError as error:
            raise SourceUnreadable(self.name, _explained(error, self._path)) from error
        except BROKEN_OFF as error:
            raise SourceUnreadable(self.name, f"it breaks off ({error})") from error

    def _read_item(self, item: "_Element", channel: _Channel) -> Item:
        post = _Post(item)
        where = f"{self.name} post {post.text('post_id')}"
        reason = self._reason_to_leave_out(post)
        if reason:
            return LeftOut(where, reason)
        if post.has_entities:
            return Quarantined(where, "it uses entities of its own, which are not resolved; export it without a DTD")
        return _FIELDS.read(_fields_of(post, channel), where)

    def _reason_to_leave_out(self, post: "_Post") -> str | None:
        kind = post.text("post_type") or "post"
        if kind not in self._post_types:
            return kind
        if post.text("post_password"):
            return "password"
        status = post.text("status")
        return None if status == "publish" else status or "no status"


class _Post:
    """An item's elements by their names; prefixes' addresses differ from version to version, names do not."""

    def __init__(self, item: "_Element") -> None:
        from lxml import etree

        self._texts: dict[str, str] = {}
        self.terms: list[tuple[str, str]] = []
        self.thumbnail: str | None = None
        self.has_entities = next(item.iter(etree.Entity), None) is not None
        for child in item.iterchildren("*"):
            name, text = _name(child), child.text or ""
            if name == "category":
                # WordPress keeps names of terms and people escaped, though they are no HTML.
                self.terms.append((child.get("domain", ""), html.unescape(text).strip()))
            elif name == "postmeta":
                meta = {_name(part): part.text or "" for part in child.iterchildren("*")}
                if meta.get("meta_key") == "_thumbnail_id":
                    self.thumbnail = meta.get("meta_value", "").strip()
            elif name == "encoded":
                self._texts["excerpt" if "excerpt" in (etree.QName(child).namespace or "") else "content"] = text
            else:
                self._texts.setdefault(name, text)

    def text(self, name: str) -> str:
        return self._texts.get(name, "").strip()

    def terms_of(self, *domains: str) -> list[str]:
        return list(dict.fromkeys(text for domain, text in self.terms if domain in domains and text))


def _fields_of(post: _Post, channel: _Channel) -> dict[str, Any]:
    creator = post.text("creator")
    categories = post.terms_of("category")
    return {
        "id": post.text("post_id"),
        "url": post.text("link"),
        "title": post.text("title"),
        "summary": without_shortcodes(post.text("excerpt")),
        "body": _paragraphed(without_shortcodes(post.text("content"))),
        "published": _time(post, "post_date"),
        "updated": _time(post, "post_modified"),
        "author": channel.authors.get(creator, creator),
        "section": categories[0] if categories else None,
        "tags": post.terms_of("post_tag", "tag"),  # 'tag' in WXR 1.0
        "language": channel.language,
        "image": channel.pictures.get(post.thumbnail or ""),
    }


def _note(element: "_Element", channel: _Channel) -> None:
    """Keep what posts may refer to."""
    name = _name(element)
    texts = {_name(child): (child.text or "").strip() for child in element.iterchildren("*")}
    if name == "wxr_version":
        channel.version = element.text
    elif name == "language":
        channel.language = (element.text or "").strip() or None
    elif name == "author" and texts.get("author_display_name"):
        channel.authors[texts.get("author_login", "")] = html.unescape(texts["author_display_name"])
    elif name == "item" and texts.get("post_type") == "attachment" and texts.get("attachment_url"):
        channel.pictures[texts.get("post_id", "")] = texts["attachment_url"]


def _time(post: _Post, name: str) -> str | None:
    """Return a time of the post: in UTC, else the site's own, whose offset an export does not tell."""
    return next((time for part in (f"{name}_gmt", name) if (time := post.text(part)) and time != NO_TIME), None)


def _paragraphed(content: str) -> str:
    """Return content with a paragraph begun at each empty line, as WordPress does when it shows it.

    A <p> closes the paragraph before it by itself, and an empty one is none.
    """
    return _EMPTY_LINE.sub("\n<p>", content)


def _let_go(element: "_Element") -> None:
    """Drop the elements before one; itself it stays until the next, for the parser may be at the text behind it."""
    parent = element.getparent()
    while parent is not None and (previous := element.getprevious()) is not None:
        parent.remove(previous)


def _name(element: "_Element") -> str:
    return str(element.tag).rpartition("}")[2]


def _explained(error: SyntaxError, path: Path) -> str:
    """Return why an export cannot be read; lxml has no words for what control characters do to a CDATA section."""
    with open_unpacked(path) as file:
        for number, line in enumerate(file, 1):
            if character := _FORBIDDEN.search(line):
                shown = f"0x{character[0][0]:02x}"
                return f"line {number} has the control character {shown}, which XML forbids; remove it from the post"
    hint = ". It is not in the encoding it declares" if "encoding" in str(error.msg) else ""
    return f"it is cut or ill-formed at line {error.lineno}: {error.msg}{hint}"
