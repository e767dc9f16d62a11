"""Ghost's export (JSON) -> its published posts; drafts, pages and what was only mailed are left out by name.

The file is one JSON value and is held whole while it is read: five times its size at most, so its size has a limit.
An export does not say where the site is: without `site` posts have no address of their own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, LeftOut, Quarantined
from seealso.article import join_names
from seealso.errors import SourceUnreadable
from seealso.markup import text_of_markup

FILE_BYTES_MAX = 2_000_000_000
# What Ghost writes in place of the site's address.
SITE_MARK = "__GHOST_URL__"
_FIELDS = FieldMap()

_Row = Mapping[str, Any]


class GhostExport:
    """The posts of one export file. `site` is the address under which they are read, such as https://example.org."""

    complete = True

    def __init__(self, path: Path, site: str | None = None) -> None:
        self._path = path
        self._site = site.rstrip("/") if site else None
        self.name = str(path)

    def read(self) -> Iterator[Item]:
        """Yield an article for each published post.

        Raises SourceUnreadable if the file is too large to be held, is not JSON, or is no export of Ghost's.
        """
        data = self._load()
        try:
            tables = _Tables(data)
        except RecursionError:  # orjson reads deeper than Python writes
            raise SourceUnreadable(self.name, "a value that posts refer to is nested too deeply") from None
        for number, post in enumerate(data["posts"], 1):
            where = f"{self.name} post {number}"
            try:
                yield self._item_of(post, tables, where)
            except RecursionError:
                yield Quarantined(where, "a value of it is nested too deeply")

    def _item_of(self, post: Any, tables: "_Tables", where: str) -> Item:
        if not isinstance(post, dict):
            return Quarantined(where, "it is not a JSON object")
        where += f" (id {post.get('id')})"
        reason = _reason_to_leave_out(post, tables)
        return LeftOut(where, reason) if reason else self._read_post(post, tables, where)

    def _load(self) -> _Row:
        try:
            if self._path.stat().st_size > FILE_BYTES_MAX:
                raise SourceUnreadable(
                    self.name,
                    f"it has more than {FILE_BYTES_MAX:,} bytes; export it in parts, or query Ghost's database",
                )
            whole = orjson.loads(self._path.read_bytes())
        except OSError as error:
            raise SourceUnreadable(self.name, error.strerror or str(error)) from error
        except orjson.JSONDecodeError as error:
            reason = f"it is not JSON, or cut, at line {error.lineno:,}, column {error.colno:,} ({error.msg})"
            raise SourceUnreadable(self.name, reason) from None
        database = whole.get("db", whole) if isinstance(whole, dict) else None
        if isinstance(database, list) and len(database) == 1:
            database = database[0]
        data = database.get("data") if isinstance(database, dict) else None
        if not isinstance(data, dict) or not isinstance(data.get("posts"), list):
            raise SourceUnreadable(self.name, "it is no export of Ghost's: it has no db with data and posts")
        return data

    def _read_post(self, post: _Row, tables: "_Tables", where: str) -> Found | Quarantined:
        body = _body(post)
        if body is None:
            return Quarantined(where, "body: it has neither html nor plaintext; export it with a newer Ghost")
        key = str(post.get("id"))
        tags = tables.tags_of(key)
        return _FIELDS.read(
            {
                "id": post.get("id"),
                "url": self._address(post, tables.meta.get(key, {})),
                "title": post.get("title"),
                "summary": post.get("custom_excerpt"),
                "body": body,
                "published": _time(post.get("published_at")),
                "updated": _time(post.get("updated_at")),
                "author": tables.authors_of(post),
                "section": tags[0] if tags else None,
                "tags": tags,
                "language": post.get("locale") or tables.language,
                "image": self._on_site(post.get("feature_image") or post.get("image")),
                "access": post.get("visibility"),
            },
            where,
        )

    def _address(self, post: _Row, meta: _Row) -> str | None:
        """Return where a post is read: on the site, whose routes an export does not tell, else its canonical one."""
        slug = post.get("slug")
        if self._site and isinstance(slug, str) and slug:
            return f"{self._site}/{slug}/"
        return self._on_site(post.get("canonical_url") or meta.get("canonical_url"))

    def _on_site(self, address: Any) -> str | None:
        """Return an address with the site in it; None if it needs a site and none is known."""
        if not isinstance(address, str) or not address:
            return None
        if address.startswith("/") and not address.startswith("//"):  # as Ghost wrote it before 4.0
            address = SITE_MARK + address
        if SITE_MARK in address:
            return str(address).replace(SITE_MARK, self._site) if self._site else None
        return str(address)


class _Tables:
    """What posts refer to, each table of the export by the key that posts use."""

    def __init__(self, data: _Row) -> None:
        self._tags = {str(row.get("id")): row for row in _rows(data, "tags")}
        self._users = {str(row.get("id")): row for row in _rows(data, "users")}
        self._tags_of = _in_order(_rows(data, "posts_tags"), "tag_id")
        self._authors_of = _in_order(_rows(data, "posts_authors"), "author_id")
        self.meta = {str(row.get("post_id")): row for row in _rows(data, "posts_meta")}
        settings = {str(row.get("key")): row.get("value") for row in _rows(data, "settings")}
        self.language = settings.get("locale") or settings.get("lang") or settings.get("default_locale")

    def tags_of(self, post_id: str) -> list[str]:
        """Return the names of a post's tags, the primary one first; internal ones, as '#newsletter', are none."""
        tags = [self._tags[tag_id] for tag_id in self._tags_of.get(post_id, ()) if tag_id in self._tags]
        names = [str(tag.get("name") or "") for tag in tags if tag.get("visibility") != "internal"]
        return [name for name in names if name and not name.startswith("#")]

    def authors_of(self, post: _Row) -> str | None:
        """Return the names of a post's authors as one label."""
        authors = self._authors_of.get(str(post.get("id"))) or [str(post.get("author_id"))]  # one, before Ghost 1.22
        names = [str(self._users[user].get("name") or "") for user in authors if user in self._users]
        return join_names(names)


def _rows(data: _Row, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table that posts refer to; a table that is not there has none."""
    rows = data.get(table)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _in_order(links: list[dict[str, Any]], key: str) -> dict[str, list[str]]:
    """Return post id -> what it is linked to, in the links' own order."""
    linked: defaultdict[str, list[str]] = defaultdict(list)
    for link in sorted(links, key=_place):
        linked[str(link.get("post_id"))].append(str(link.get(key)))
    return linked


def _place(link: _Row) -> int:
    place = link.get("sort_order")
    return place if isinstance(place, int) else 0


def _reason_to_leave_out(post: _Row, tables: _Tables) -> str | None:
    if post.get("type") == "page" or post.get("page") in (1, True):  # 'page' before Ghost 3
        return "page"
    if tables.meta.get(str(post.get("id")), {}).get("email_only") in (1, True):
        return "mailed only"
    status = post.get("status")
    return None if status == "published" else str(status or "no status")


def _body(post: _Row) -> str | None:
    """Return a post's text from what Ghost has rendered; None if that is missing though the post has content."""
    if isinstance(markup := post.get("html"), str):
        return text_of_markup(markup)
    if isinstance(plain := post.get("plaintext"), str):
        return plain
    return None if post.get("lexical") or post.get("mobiledoc") else ""


def _time(value: Any) -> Any:
    """Return a time: as text, or in milliseconds since 1970 before Ghost 1.0."""
    if isinstance(value, int) and abs(value) < 2**53:
        try:
            return datetime.fromtimestamp(value / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return value
    return value
