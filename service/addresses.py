"""A block's address -> what it asks for, and the one key of all addresses that ask for the same.

What was read once is remembered: a website asks by few forms of address, and reading one takes as long as Redis does.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import orjson

from seealso.errors import InvalidRequest
from seealso.project import Placement
from service.api.reading import BlockQuery, RelatedQuery, read_query
from service.blocks import Asked

BLOCKS = "/v1/articles/"
JSON_ENDS, HTML_ENDS = "/related", "/related.html"
# Some kilobytes each.
REMEMBERED_MAX = 4_096


class Addresses:
    """Reads addresses, as blocks are asked for at them. Safe from many threads."""

    def __init__(self, placements: Mapping[str, Placement]) -> None:
        self._placements = placements
        self.read = lru_cache(REMEMBERED_MAX)(self._read)

    def _read(self, path: str, query_string: str) -> tuple[Asked, str] | None:
        """Return what is asked for at an address, as WSGI hands it over, and its key among the blocks of a snapshot.

        None if that is no block, or asked for wrongly.
        """
        form: Literal["json", "html"] = "json" if path.endswith(JSON_ENDS) else "html"
        ends = JSON_ENDS if form == "json" else HTML_ENDS
        if not path.startswith(BLOCKS) or not path.endswith(ends):
            return None
        try:
            query = read_query(query_string, RelatedQuery if form == "json" else BlockQuery)
            wanted = query.wanted(self._placements)
            # WSGI hands over bytes as Latin-1.
            article_id = path[len(BLOCKS) : -len(ends)].encode("latin-1").decode()
        except (InvalidRequest, UnicodeError):
            return None
        asked = Asked(article_id, form, wanted)
        return asked, blake2b(orjson.dumps([*asked]), digest_size=16).hexdigest()
