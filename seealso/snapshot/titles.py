"""The titles of a snapshot, folded, so that it is soon known which of them have a word.

To read titles from their cards takes a second or two of a million: it is done once, for the first who looks for a word.
"""

import re
import threading

import numpy as np
import orjson

from seealso.arrays import Rows
from seealso.article import folded
from seealso.lexical import Vocabulary

# They are kept so many together: those that lack a word are passed over at once.
TOGETHER = 1_000
# A title is a card's second field; a quotation mark within a text is escaped, so that these stand nowhere else.
_BEGINS, _ENDS = b',"title":', b',"url":'


class Titles:
    """The titles on the cards of a snapshot. Safe from many threads."""

    def __init__(self, cards: Vocabulary) -> None:
        self._cards = cards
        self._parts: list[bytes] = []
        self._reading = threading.Lock()

    def read(self) -> list[bytes]:
        """Return all titles, folded, TOGETHER in one, in UTF-8, a line each; they are read from the cards once."""
        with self._reading:
            if not self._parts:
                count = len(self._cards)
                self._parts = [self._part(start, min(start + TOGETHER, count)) for start in range(0, count, TOGETHER)]
            return self._parts

    def rows_with(self, word: str) -> Rows:
        """Return the rows of the articles in whose title a word stands, or several in a row, in order."""
        wanted, whole = folded(word), whole_word(word)
        encoded = wanted.encode(errors="surrogatepass")  # a lone surrogate may be asked for; no title has one
        found: list[int] = []
        for number, part in enumerate(self.read()):
            if encoded in part:
                lines = enumerate(part.decode().split("\n"), number * TOGETHER)
                found += [row for row, title in lines if wanted in title and whole.search(title)]
        return np.array(found, np.int64)

    def _part(self, start: int, end: int) -> bytes:
        return "\n".join([folded(title_in(self._cards[row])) for row in range(start, end)]).encode()


def whole_word(word: str) -> re.Pattern[str]:
    """Return what finds a word, or several in a row, in a folded text where they are no part of longer ones."""
    literal = re.escape(folded(word))
    # That it begins there is looked at last: a pattern that begins with what it finds is ten times as fast.
    return re.compile(rf"{literal}(?<!\w{literal})(?!\w)")


def title_in(card: bytes) -> str:
    """Return the title of the article that a card shows."""
    start = card.index(_BEGINS) + len(_BEGINS)
    return str(orjson.loads(card[start : card.index(_ENDS, start)]))
