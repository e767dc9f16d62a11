"""The published posts of a WordPress site, read over its REST interface, page by page -> articles.

It counts: posts that are published or deleted while it reads move the others from page to page, and one could be lost.
"""

import html
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from indexer.sources.address import shown_address
from indexer.sources.fetch import Fetched, Fetcher, FetchFailed
from indexer.sources.record import FieldMap
from indexer.sources.source import Item, LeftOut, Quarantined
from seealso.article import shortened
from seealso.errors import SourceUnreadable
from seealso.posts import is_protected, wordpress_fields

# A hundred long posts, each as HTML, with what is embedded beside it.
API_BYTES_MAX = 100_000_000
READINGS_MAX = 2
_COUNT = re.compile(r"[0-9]{1,12}")
# The error that WordPress answers for a page beyond the last.
_BEYOND = "rest_post_invalid_page_number"


class WordPressApi:
    """A site's posts. `address` is the site's or its /wp-json (without pretty links: ...?rest_route=/).

    `fields` may take an article's fields from elsewhere in the post, such as `{"section": "acf.desk"}`.
    """

    complete = True

    def __init__(self, address: str, fields: FieldMap, fetcher: Fetcher, per_page: int = 100) -> None:
        self.name = shown_address(address)
        self._address = address
        self._fields = replace(fields.inside("post"), markup=True)
        self._fetcher = fetcher
        self._per_page = per_page

    def read(self) -> Iterator[Item]:
        """Yield every post once, in the order of their ids."""
        given: array[int] = array("q")
        for _ in range(READINGS_MAX):
            reading = _Reading(given)
            for post in self._posts(reading):
                yield self._read_post(post)
            if reading.whole:
                return
            given = array("q", sorted({*given, *reading.ids}))
        raise SourceUnreadable(
            self.name,
            f"posts came and went while it was read (or its ids do not rise), {READINGS_MAX} times; try again later",
        )

    def _posts(self, reading: "_Reading") -> Iterator[Any]:
        """Walk through the pages; yield the posts that an earlier walk has not given, and what is no post at all."""
        number, pages = 1, 1
        while number <= pages:
            fetched = self._fetch(number)
            posts = _json_of(fetched)
            if number > 1 and fetched.status == 400 and isinstance(posts, dict) and posts.get("code") == _BEYOND:
                reading.whole = False
                return
            if fetched.status != 200 or not isinstance(posts, list):
                raise SourceUnreadable(self.name, f"{shown_address(fetched.url)} {_complaint(fetched, posts)}")
            pages = self._count(fetched, "x-wp-totalpages")
            reading.total(self._count(fetched, "x-wp-total"))
            for post in posts:
                if reading.is_new(post.get("id") if isinstance(post, dict) else None):
                    yield post
            number += 1
        reading.end()

    def _fetch(self, number: int) -> Fetched:
        query = {
            "status": "publish",
            "per_page": self._per_page,
            "page": number,
            "orderby": "id",
            "order": "asc",
            "_embed": "author,wp:term,wp:featuredmedia",
        }
        try:
            return self._fetcher.fetch(_posts_address(self._address, urlencode(query)), bytes_max=API_BYTES_MAX)
        except FetchFailed as error:
            raise SourceUnreadable(self.name, f"{shown_address(error.url)}: {error.reason}") from error

    def _count(self, fetched: Fetched, header: str) -> int:
        value = fetched.headers.get(header, "")
        if not _COUNT.fullmatch(value):
            raise SourceUnreadable(
                self.name,
                f"{shown_address(fetched.url)} does not say how many posts there are "
                f"(its {header} is {shortened(value)})",
            )
        return int(value)

    def _read_post(self, post: Any) -> Item:
        if not isinstance(post, dict) or not isinstance(post.get("id"), int):
            return Quarantined(self.name, f"it is no post with an id (got {shortened(post)})")
        where = f"{self.name} post {post['id']}"
        if is_protected(post):
            return LeftOut(where, "protected")
        record = wordpress_fields(post)
        if self._fields.columns:
            record["post"] = post
        return self._fields.read(record, where)


class _Reading:
    """One walk through all pages, and whether it saw all posts. Ids rise, so their order tells what came twice."""

    def __init__(self, given: "array[int]") -> None:
        self._given = given
        self._totals: set[int] = set()
        self._without_id = 0
        self.ids: array[int] = array("q")
        self.whole = True

    def total(self, count: int) -> None:
        """Note how many posts there are, as one page says."""
        self._totals.add(count)

    def is_new(self, post_id: Any) -> bool:
        """Note a post; return whether neither this walk nor an earlier one has had it."""
        if not isinstance(post_id, int) or not 0 <= post_id < 2**63:
            self._without_id += 1
            return not self._given
        if self.ids and post_id <= self.ids[-1]:
            self.whole = False  # what stands at the top of this page has moved down from the page before
            return False
        self.ids.append(post_id)
        place = bisect_left(self._given, post_id)
        return place == len(self._given) or self._given[place] != post_id

    def end(self) -> None:
        """Compare how many posts came with how many there were all along."""
        self.whole = self.whole and self._totals == {len(self.ids) + self._without_id}


def _posts_address(address: str, query: str) -> str:
    parts = urlsplit(address)
    if "rest_route=" in parts.query:
        return parts._replace(query=f"rest_route=/wp/v2/posts&{query}", fragment="").geturl()
    path = parts.path.rstrip("/")
    root = path if "/wp-json" in path else f"{path}/wp-json"
    return parts._replace(path=f"{root.removesuffix('/wp/v2')}/wp/v2/posts", query=query, fragment="").geturl()


def _json_of(fetched: Fetched) -> Any:
    try:
        return orjson.loads(fetched.content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None


def _complaint(fetched: Fetched, answer: Any) -> str:
    message = answer.get("message") if isinstance(answer, dict) else None
    if isinstance(message, str) and message:
        return f"answers {fetched.status}: {html.unescape(message)[:300]} ({answer.get('code')})"
    return f"answers {fetched.status} and no list of posts in JSON (it begins {shortened(fetched.content[:40])})"
