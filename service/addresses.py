"""A block's address -> what it asks for, and the one key of all addresses that ask for the same.

What a query says is remembered: a website asks by few, and reading one takes a tenth of what making a block does. Long
ones, of which strangers could make up as many as there is memory for, are read each time.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import orjson

from seealso.errors import InvalidRequest
from seealso.project import BlockEntry, Placement
from service.api.inputs import BlockQuery, RelatedQuery
from service.api.reading import read_query
from service.block.fragment import BLOCK
from service.block.look import Look
from service.blocks import Asked
from service.wanted import Wanted

BLOCKS = "/v1/articles/"
JSON_ENDS, HTML_ENDS = "/related", "/related.html"
# Some kilobytes each, and no longer.
REMEMBERED_MAX = 4_096
REMEMBERED_CHARACTERS_MAX = 500


def article_in(path: str) -> str | None:
    """Return the id of the article whose block is asked for at a path, as WSGI hands it over; None if it is no such."""
    for ends in (JSON_ENDS, HTML_ENDS):
        if path.startswith(BLOCKS) and path.endswith(ends):
            try:
                # WSGI hands over bytes as Latin-1. Of '/v1/articles/related' nothing is left.
                return path[len(BLOCKS) : -len(ends)].encode("latin-1").decode() or None
            except UnicodeError:
                return None
    return None


class Addresses:
    """Reads addresses, as blocks are asked for at them. Safe from many threads."""

    def __init__(self, placements: Mapping[str, Placement], block: BlockEntry = BLOCK) -> None:
        self._placements = placements
        self._block = block
        self._wanted = lru_cache(REMEMBERED_MAX)(self._read_query)

    def read(self, path: str, query_string: str) -> tuple[Asked, str] | None:
        """Return what is asked for at an address, as WSGI hands it over, and its key among the blocks of a snapshot.

        None if that is no block, or asked for wrongly.
        """
        article_id = article_in(path)
        if article_id is None:
            return None
        form: Literal["json", "html"] = "json" if path.endswith(JSON_ENDS) else "html"
        is_short = len(query_string) <= REMEMBERED_CHARACTERS_MAX
        read = self._wanted(form, query_string) if is_short else self._read_query(form, query_string)
        if read is None:
            return None
        wanted, look, key = read
        own = blake2b(article_id.encode(), digest_size=16, key=key).hexdigest()
        return Asked(article_id, form, wanted, look), own

    def _read_query(self, form: Literal["json", "html"], query_string: str) -> tuple[Wanted, Look | None, bytes] | None:
        """Return what a block may hold, how it looks as HTML, and the key of all queries that say the same.

        None if one is wrong.
        """
        try:
            query = read_query(query_string, RelatedQuery if form == "json" else BlockQuery)
            wanted = query.wanted(self._placements)
            look = query.look(self._placements, self._block) if isinstance(query, BlockQuery) else None
            return wanted, look, blake2b(orjson.dumps([form, wanted, look]), digest_size=32).digest()
        except (InvalidRequest, UnicodeError):  # an id of an article that is no text has none
            return None
