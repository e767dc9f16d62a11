"""How long browsers and CDNs may keep a block, and the names by which a CDN can drop it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote

from seealso.editorial.purges import snapshot_key
from seealso.snapshot.files import NO_TIME

# RFC 9111, 4.2.2: a cache left to itself takes a tenth of what has gone since the page was last changed.
AGE_SHARE = 0.1
# While it is fetched anew, an answer may be shown for a tenth longer.
REVALIDATE_SHARE = 0.1
# CDNs take some 16 kB of keys in all (Fastly, Cloudflare): fifty articles of this length stay below.
KEY_CHARACTERS_MAX = 200
# Of so many articles; a hundred bytes each.
REMEMBERED_MAX = 16_384
# What may stand in a key as it is: printable, and not what parts keys in either header, nor the sign of escapes.
_USUAL = re.compile(r"[A-Za-z0-9_./:-]+")
_PLAIN = "!\"#$&'()*+-./:;<=>?@[\\]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """In seconds: the shortest and the longest that an answer stays fresh, and how long it may outlive our failure.

    `public`: whether caches that many people share may keep it.
    """

    fresh_min_s: int
    fresh_max_s: int
    stale_if_error_s: int
    public: bool = True

    def cache_control(self, made: float, published: int) -> str:
        """Return the header of an article's block: a tenth of the article's age, within both bounds.

        `made` is when the snapshot was made and `published` is the article's time, both in seconds since 1970 (NO_TIME:
        as if of today): the same snapshot says the same at any time of the day.
        """
        age_s = 0.0 if published == NO_TIME else made - published
        fresh_s = int(min(max(age_s * AGE_SHARE, self.fresh_min_s), self.fresh_max_s))
        revalidate_s = int(fresh_s * REVALIDATE_SHARE)
        who = "public" if self.public else "private"
        stale = f"stale-while-revalidate={revalidate_s}, stale-if-error={self.stale_if_error_s}"
        return f"{who}, max-age={fresh_s}, {stale}"


def purge_keys(snapshot_id: str, article_ids: Iterable[str], site: str | None) -> tuple[str, ...]:
    """Return the names of an answer: 'snapshot:...' and 'article:...' of each article it is about or shows.

    Where the site has a name, it stands before each: a CDN that keeps several drops those of one.
    """
    of = f"{site}:" if site else ""
    return (snapshot_key(snapshot_id, site), *(f"{of}article:{_plain(article_id)}" for article_id in article_ids))


@lru_cache(REMEMBERED_MAX)
def _plain(article_id: str) -> str:
    """Return an id as it may stand in a key: escaped as in an address, or its digest if it is too long."""
    escaped = article_id if _USUAL.fullmatch(article_id) else quote(article_id, safe=_PLAIN)
    if len(escaped) <= KEY_CHARACTERS_MAX:
        return escaped
    return blake2b(article_id.encode(), digest_size=16).hexdigest()
