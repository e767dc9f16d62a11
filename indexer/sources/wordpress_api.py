"""The published posts of a WordPress site, read over its REST interface, a hundred at a time -> articles.

Posts that are published or deleted while it reads move the others: each answer begins with the last post of the one
before, so that none is lost that way. It counts all the same, for a server may cut its lists.
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
        self._per_page = max(per_page, 2)  # the last post of the answer before, and one more

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
            f"fewer posts came than it says there are, {READINGS_MAX} times: too many came and went while it was read "
            "(try again later), its ids do not rise, or it does not do as `offset` says",
        )

    def _posts(self, reading: "_Reading") -> Iterator[Any]:
        """Walk through the posts; yield those that an earlier walk has not given, and what is no post at all."""
        offset = 0
        before: bytes | None = None
        while True:
            fetched = self._fetch(offset)
            posts = _json_of(fetched)
            if fetched.status != 200 or not isinstance(posts, list):
                raise SourceUnreadable(self.name, f"{shown_address(fetched.url)} {_complaint(fetched, posts)}")
            if offset and reading.is_beyond(posts):
                # Posts before have gone. With one less than a whole answer back, this answer's first is among them.
                offset = max(offset - self._per_page + 1, 0)
                continue
            reading.total(self._count(fetched))
            if fetched.content == before:  # it does not do as `offset` says, and what has no id would never end
                return
            before = fetched.content
            had = reading.count
            for place, post in enumerate(posts, offset):
                if reading.is_new(_id_of(post), place):
                    yield post
            if reading.count == had:
                return
            offset += len(posts) - 1

    def _fetch(self, offset: int) -> Fetched:
        query = {
            "status": "publish",
            "per_page": self._per_page,
            "offset": offset,
            "orderby": "id",
            "order": "asc",
            "_embed": "author,wp:term,wp:featuredmedia",
        }
        try:
            return self._fetcher.fetch(_posts_address(self._address, urlencode(query)), bytes_max=API_BYTES_MAX)
        except FetchFailed as error:
            raise SourceUnreadable(self.name, f"{shown_address(error.url)}: {error.reason}") from error

    def _count(self, fetched: Fetched) -> int:
        value = fetched.headers.get("x-wp-total", "")
        if not _COUNT.fullmatch(value):
            raise SourceUnreadable(
                self.name,
                f"{shown_address(fetched.url)} does not say how many posts there are "
                f"(its x-wp-total is {shortened(value)})",
            )
        return int(value)

    def _read_post(self, post: Any) -> Item:
        if _id_of(post) is None:
            return Quarantined(self.name, f"it is no post with an id (got {shortened(post)})")
        where = f"{self.name} post {post['id']}"
        if is_protected(post):
            return LeftOut(where, "protected")
        record = wordpress_fields(post)
        if self._fields.columns:
            record["post"] = post
        return self._fields.read(record, where)


class _Reading:
    """One walk through all posts, and whether it saw all. Ids rise: one that is no greater than the last came twice."""

    def __init__(self, given: "array[int]") -> None:
        self._given = given
        self._totals: list[int] = []
        self._places = 0
        self._without_id = 0
        self.ids: array[int] = array("q")

    @property
    def count(self) -> int:
        """Return how many posts came, each counted once."""
        return len(self.ids) + self._without_id

    @property
    def whole(self) -> bool:
        """Return whether as many came as there were all along: no more than at the beginning, or than at the end."""
        return self.count >= min(self._totals[0], self._totals[-1])

    def is_beyond(self, posts: list[Any]) -> bool:
        """Return whether posts may be missing between the last that came and the first of an answer."""
        if not posts:
            return True
        first = _id_of(posts[0])
        return first is not None and len(self.ids) > 0 and first > self.ids[-1]

    def total(self, count: int) -> None:
        """Note how many posts there are, as one answer says."""
        self._totals.append(count)

    def is_new(self, post_id: int | None, place: int) -> bool:
        """Note a post, the `place`-th of the site; return whether neither this walk nor an earlier one has had it."""
        known_place, self._places = place < self._places, max(self._places, place + 1)
        if post_id is None:
            self._without_id += not known_place
            return not known_place and not self._given
        if self.ids and post_id <= self.ids[-1]:
            return False
        self.ids.append(post_id)
        place_given = bisect_left(self._given, post_id)
        return place_given == len(self._given) or self._given[place_given] != post_id


def _id_of(post: Any) -> int | None:
    post_id = post.get("id") if isinstance(post, dict) else None
    return post_id if type(post_id) is int and 0 <= post_id < 2**63 else None  # True is an int too


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
        code = answer.get("code")
        said = code[:100] if isinstance(code, str) else shortened(code)
        return f"answers {fetched.status}: {html.unescape(message)[:300]} ({said})"
    return f"answers {fetched.status} and no list of posts in JSON (it begins {shortened(fetched.content[:40])})"
