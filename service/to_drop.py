"""What caches in front of the service have to drop because of a decision: by surrogate key, or by address.

A block's answer has the key of each article that it shows, and of its snapshot. What is shown again, or is new in a
block, has no key there yet: then all that shows the article whose block it is goes.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from seealso.editorial.decisions import now
from seealso.editorial.purges import snapshot_key
from seealso.editorial.rules import Wish
from seealso.snapshot.layout import published_ids
from seealso.snapshot.snapshot import Snapshot
from service.current import Current
from service.editorial import Editorial
from service.freshness import purge_keys

# What stays as it is where an id is written in an address: by our client and by PHP, by scripts (encodeURIComponent),
# and by whoever takes slashes for what they are. To a CDN each is another address.
WRITTEN = ("", "!'()*", "/:")


class ToDrop:
    """Says what caches have to drop, by what is served and decided now: `keys`, `paths` and `pages`; see api Purge."""

    def __init__(self, index: Path, site: str | None, current: Current, editorial: Editorial) -> None:
        self._index = index
        self._site = site
        self._current = current
        self._editorial = editorial

    @property
    def known(self) -> bool:
        """Return whether a snapshot is served: without one, nobody knows in whose blocks an article may stand."""
        return self._current.served is not None

    def hidden(self, article_id: str) -> dict[str, list[str]]:
        """Return what shows an article that may not be shown any more."""
        keys = purge_keys("", [article_id], self._site)[1:]
        return {"keys": [*keys], **addresses_of(self._current.served, article_id, self._hosts_of(article_id))}

    def shown(self, article_id: str, hosts: Sequence[str] | None = None) -> dict[str, list[str]]:
        """Return what shows an article, and the blocks in which it may stand from now on: of `hosts`, or where pinned.

        `hosts`: articles; None: all among whose candidates it is.
        """
        hosts = self._hosts_of(article_id) if hosts is None else hosts
        keys = [*purge_keys("", [article_id, *hosts], self._site)[1:]]
        for rule in self._editorial.decisions.rules_at(now()):
            if rule.wish.action == "pin" and rule.wish.article == article_id:
                keys += self.ruled(rule.wish, holds=True)["keys"]
        return {"keys": [*dict.fromkeys(keys)], **addresses_of(self._current.served, article_id, hosts)}

    def ruled(self, wish: Wish, holds: bool) -> dict[str, list[str]]:
        """Return the blocks that a rule may change: now that it holds, or no more."""
        served = self._current.served
        # Caches keep blocks for up to a day: those of the snapshots before are among them.
        snapshot_ids = sorted({*published_ids(self._index), *([served.id] if served else [])})
        return {"keys": keys_of_rule(wish, holds, snapshot_ids, self._site), "paths": [], "pages": []}

    def _hosts_of(self, article_id: str) -> list[str]:
        """Return the articles among whose candidates one is."""
        snapshot = self._current.served
        row = None if snapshot is None else snapshot.row_of(article_id)
        if snapshot is None or row is None:
            return []
        return [snapshot.article_id(host) for host in snapshot.hosts_of(row).tolist()]


def rule_message(wish: Wish, dropped: dict[str, list[str]]) -> dict[str, Any]:
    """Return what caches are told because of a rule."""
    return {"article": wish.under_article or wish.article, "reason": "rule", **dropped}


def keys_of_rule(wish: Wish, holds: bool, snapshot_ids: Iterable[str], site: str | None) -> list[str]:
    """Return the surrogate keys of the blocks that a rule may change: now that it holds, or no more.

    `snapshot_ids`: of all whose blocks caches may still have, and not only of the one that is served.
    """
    kept_out = wish.action in ("exclude", "sensitive", "sponsored") and wish.article is not None and holds
    if wish.under_article is None and not kept_out:
        return [snapshot_key(snapshot_id, site) for snapshot_id in snapshot_ids]
    return [*purge_keys("", [wish.under_article or wish.article or ""], site)[1:]]


def addresses_of(snapshot: Snapshot | None, article_id: str, hosts: Sequence[str]) -> dict[str, list[str]]:
    """Return where an article is found, for a CDN without keys.

    `paths`: its own, its block's, and those of the blocks of others in which it may stand; `pages`: under which these
    blocks stand, as far as that is known.
    """
    ids = (article_id, *hosts)
    blocks = [f"{path}/related{ends}" for each in ids for path in _paths_of(each) for ends in ("", ".html")]
    rows = [] if snapshot is None else [row for each in ids if (row := snapshot.row_of(each)) is not None]
    pages = [] if snapshot is None else [url for row in rows if (url := orjson.loads(snapshot.card(row))["url"])]
    return {"paths": [*_paths_of(article_id), *blocks], "pages": pages}


def _paths_of(article_id: str) -> list[str]:
    """Return an article's own path in each way in which it is written: one, but for ids with signs of addresses."""
    return [f"/v1/articles/{each}" for each in dict.fromkeys(quote(article_id, safe=safe) for safe in WRITTEN)]
