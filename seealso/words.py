"""Texts -> their words, by Unicode, in any language, in the one form under which they are compared. The one user of
regex.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Set
from itertools import pairwise

import regex

# A headline says in few words what the article is about.
TITLE_TIMES = 2

# Scripts that put no space between words: each pair of neighbouring characters is taken as a word.
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# As a group: a text is split into what has none of them and their runs, in turn.
_UNSPACED = regex.compile(rf"([{_UNSPACED_SCRIPTS}][{_UNSPACED_SCRIPTS}\p{{M}}]*)")
# In the others, letters and digits with their marks; an apostrophe parts ("reader's", "l'économie").
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*")
_CHARACTER = regex.compile(r"\X")


def words(text: str) -> list[str]:
    """Return the words of a text in order, in the one form under which they are compared."""
    found: list[str] = []
    for place, part in enumerate(_UNSPACED.split(unicodedata.normalize("NFKC", text).casefold())):
        if place % 2 == 0:
            found += _WORD.findall(part)
        else:
            characters = _CHARACTER.findall(part)
            found += [first + second for first, second in pairwise(characters)] or [part]
    return found


def word_spans(text: str) -> list[tuple[str, int, int]]:
    """Return the words of a text as `words` does, each with its place there, in characters."""
    found: list[tuple[str, int, int]] = []
    for start, part in _parts(text):
        if _UNSPACED.match(part) is None:
            # One of compatibility ('ﬁ', '½') may be none or several in the form that is compared.
            for match in _WORD.finditer(part):
                first, last = match.span()
                found += [(word, start + first, start + last) for word in words(match.group())]
        else:
            places = [start + each.start() for each in _CHARACTER.finditer(part)] + [start + len(part)]
            pairs = [(places[place], places[place + 2]) for place in range(len(places) - 2)] or [
                (places[0], places[-1])
            ]
            found += [("".join(words(text[first:last])), first, last) for first, last in pairs]
    return found


def surface_forms(text: str, wanted: Set[str]) -> dict[str, str]:
    """Return how a text writes some words (see `words`): each in the form it has most often there."""
    forms: dict[str, Counter[str]] = {}
    for _, part in _parts(unicodedata.normalize("NFKC", text)):
        for written in [part] if _UNSPACED.match(part) else _WORD.findall(part):
            if (word := written.casefold()) in wanted:
                forms.setdefault(word, Counter())[written] += 1
    return {word: found.most_common(1)[0][0] for word, found in forms.items()}


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a text that are in scripts with spaces, and in those without; before each, where it begins."""
    start = 0
    for part in _UNSPACED.split(text):
        yield start, part
        start += len(part)


def word_counts(title: str, text: str) -> Counter[str]:
    """Return how often each word stands in an article, the title counted TITLE_TIMES."""
    counts = Counter(words(text))
    for word in words(title):
        counts[word] += TITLE_TIMES
    return counts
