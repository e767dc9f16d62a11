"""Which articles of a snapshot have a name: a tag, or an author.

Names are compared folded (`article.folded`), in UTF-8. The night lists who has which, so that nobody has to look at
each article.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Rows
from seealso.article import folded
from seealso.lexical import Vocabulary

_NO_ROWS = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Names:
    """The rows of the articles that have each name. Safe from many threads.

    `texts`: the names, folded, in the order of their bytes; `ends`: int64, names + 1: where each name's rows end,
    and a 0 before them; `rows`: int32, rising within each name.
    """

    texts: Vocabulary
    ends: NDArray[np.int64]
    rows: NDArray[np.int32]

    def rows_of(self, name: str) -> Rows:
        """Return the rows of the articles that have exactly this name, in order."""
        wanted = _encoded(name)
        place = bisect_left(self.texts, wanted)
        return self._rows([place] if place < len(self.texts) and self.texts[place] == wanted else [])

    def rows_with(self, part: str) -> Rows:
        """Return the rows of the articles that have a name with this in it, in order."""
        wanted = _encoded(part)
        return self._rows(place for place in range(len(self.texts)) if wanted in self.texts[place])

    def _rows(self, places: Iterable[int]) -> Rows:
        found = [self.rows[self.ends[place] : self.ends[place + 1]] for place in places]
        return np.unique(np.concatenate([_NO_ROWS, *found])).astype(np.int64)


def names_of(articles: Iterable[Iterable[str]]) -> Names:
    """Return which articles have which names; given: by row, the names of each."""
    rows: dict[bytes, list[int]] = {}
    for row, own in enumerate(articles):
        for name in {_encoded(name) for name in own}:
            rows.setdefault(name, []).append(row)
    names = sorted(rows)
    ends = np.cumsum([0, *(len(rows[name]) for name in names)], dtype=np.int64)
    return Names(names, ends, np.fromiter((row for name in names for row in rows[name]), np.int32))


def _encoded(name: str) -> bytes:
    return folded(name).encode(errors="surrogatepass")  # a lone surrogate may be asked for; no article has one
