"""Links worth inserting into a text: which phrase of it leads to which article.

A phrase stands in both, word for word, begins and ends with words that both share and few others have, and lies within
one sentence. Titles and names count more than other words; one word alone counts only if it is rare and a name, or in
the article's title.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson

from seealso.passages import sentence_spans
from seealso.snapshot.snapshot import Snapshot
from seealso.term_rows import heaviest_shared
from seealso.words import word_spans, words
from service.why import Draft

LINKS_MAX = 12
PHRASE_WORDS_MAX = 6
# Among so many of the heaviest terms that text and article share a phrase begins and ends.
TERMS_LOOKED_AT = 24
# Rarity is the logarithm of one article in so many: a phrase begins and ends with words that one in ten has at most; if
# it is one word alone, one in thirty.
RARITY_MIN = 2.3
RARITY_ALONE_MIN = 3.4
# What a phrase counts more: as a whole title, within a title, as a name.
TITLE_TIMES, TITLED_TIMES, NAME_TIMES = 3.0, 1.5, 1.5
# What stands in an article and not in its title may be a thing it mentions, and a word alone that is no name says
# little: the article must be as likely as this to be related.
MENTIONED_MIN, WORD_ALONE_MIN = 0.1, 0.2
# Between two words of a phrase stands a space, or what joins them.
_JOINED = re.compile(r"[ \u00a0]|[ \u00a0]?[-‐‑–/&][ \u00a0]?|['’]|['’]s [ ]?|\. (?=[A-Z])")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+")


class Link(NamedTuple):
    """A phrase of a text and the article it may lead to. Places are in characters; `probability`: of being related."""

    row: int
    start: int
    end: int
    sentence_start: int
    sentence_end: int
    probability: float


class _Phrase(NamedTuple):
    worth: float
    words: tuple[str, ...]
    row: int
    start: int
    end: int


@dataclass(frozen=True)
class _Text:
    """A text as it is searched: its words with their places, where each word stands, and which go on into the next."""

    spans: Sequence[tuple[str, int, int]]
    places: dict[str, list[int]]
    joined: list[bool]
    named: list[bool]


def links_worth(snapshot: Snapshot, draft: Draft, rows: Sequence[int], probabilities: Sequence[float]) -> list[Link]:
    """Return the links worth inserting into a draft's text, the best first; each phrase once, and each
    article, or another that tells the same story.

    `rows`: the articles a link may lead to, with their probabilities.
    """
    sentences = sentence_spans(draft.text, draft.language)
    text = _read(draft.text, sentences)
    found: list[_Phrase] = []
    for row, probability in zip(rows, probabilities, strict=True):
        found += _phrases(snapshot, draft, text, row, probability)
    chances = dict(zip(rows, probabilities, strict=True))
    links: list[Link] = []
    used: set[Any] = set()
    for phrase in sorted(found, key=lambda each: (-each.worth, each.start, each.row)):
        story = int(snapshot.facts["story"][phrase.row])
        overlaps = any(phrase.start < link.end and link.start < phrase.end for link in links)
        if overlaps or story in used or phrase.words in used:
            continue
        used |= {story, phrase.words}
        around = next((span for span in sentences if span[0] <= phrase.start < span[1]), (phrase.start, phrase.end))
        links.append(Link(phrase.row, phrase.start, phrase.end, *around, chances[phrase.row]))
        if len(links) == LINKS_MAX:
            break
    return links


def _read(text: str, sentences: Sequence[tuple[int, int]]) -> _Text:
    spans, places = word_spans(text), defaultdict(list)
    for place, (word, _, _) in enumerate(spans):
        places[word].append(place)
    ends = [end for _, end in sentences]
    within = np.searchsorted(ends, [start for _, start, _ in spans], "right") if spans else np.empty(0, np.int64)
    addresses = [match.span() for match in _ADDRESS.finditer(text)]
    joined, named = [], []
    for place, (_, start, end) in enumerate(spans):
        following = spans[place + 1] if place + 1 < len(spans) else None
        goes_on = following is not None and within[place] == within[place + 1]
        gap = text[end : following[1]] if following else ""
        # In scripts without spaces each word begins within the one before it.
        joined.append(goes_on and ((following is not None and following[1] < end) or bool(_JOINED.fullmatch(gap))))
        first = place == 0 or within[place] != within[place - 1]
        named.append(text[start].isupper() and not first)
    for first_char, last_char in addresses:
        for place, (word, start, _) in enumerate(spans):
            if first_char <= start < last_char and place in places[word]:
                places[word].remove(place)
                joined[place] = False
                if place:
                    joined[place - 1] = False
    return _Text(spans, places, joined, named)


def _phrases(snapshot: Snapshot, draft: Draft, text: _Text, row: int, probability: float) -> Iterator[_Phrase]:
    """Yield the phrases of a text that an article has too, with what each is worth."""
    weights, rarity = _shared(snapshot, draft, row)
    article = orjson.loads(snapshot.article(row))
    title = words(article["title"])
    in_title = _runs(title, weights)
    known = in_title | _runs(words(f"{article.get('summary') or ''}\n{article['body']}"), weights)
    written = f"{article['title']}\n{article.get('summary') or ''}\n{article['body']}"
    for word in weights:
        for place in text.places.get(word, ()):
            for length in range(1, PHRASE_WORDS_MAX + 1):
                last = place + length - 1
                if last >= len(text.spans) or (length > 1 and not text.joined[last - 1]):
                    break
                phrase = tuple(span[0] for span in text.spans[place : last + 1])
                if phrase not in known or all(each.isdecimal() for each in phrase):
                    continue
                is_name = all(text.named[each] or text.spans[each][0] not in weights for each in range(place, last + 1))
                titled = phrase in in_title
                if length == 1:
                    surface = draft.text[text.spans[place][1] : text.spans[place][2]]
                    is_name = is_name and surface in written
                if not _says_enough(probability, rarity[word], length == 1, titled, is_name):
                    continue
                worth = probability**0.5 * sum(weights.get(each, 0.0) for each in set(phrase))
                worth *= (TITLED_TIMES if titled else 1.0) * (NAME_TIMES if is_name else 1.0)
                if length > 1 and list(phrase) == title:
                    worth *= TITLE_TIMES
                yield _Phrase(worth, phrase, row, text.spans[place][1], text.spans[last][2])


def _says_enough(probability: float, rarity: float, alone: bool, titled: bool, is_name: bool) -> bool:
    """Return whether a phrase tells a reader what the article is, and not only what it mentions."""
    if not titled:
        return probability >= MENTIONED_MIN and (not alone or (is_name and rarity >= RARITY_ALONE_MIN))
    return not alone or (rarity >= RARITY_ALONE_MIN and (is_name or probability >= WORD_ALONE_MIN))


def _shared(snapshot: Snapshot, draft: Draft, row: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the heaviest terms that a draft and an article share and few others have: their weights, and rarity."""
    terms, weights = heaviest_shared(draft.probes.terms, snapshot.probes(row).terms, TERMS_LOOKED_AT)
    rare = snapshot.terms.rarity[-1][terms]
    kept = np.flatnonzero(rare >= RARITY_MIN).tolist()
    names = [snapshot.terms.term(int(terms[place])) for place in kept]
    return (
        {name: float(weights[place]) for name, place in zip(names, kept, strict=True)},
        {name: float(rare[place]) for name, place in zip(names, kept, strict=True)},
    )


def _runs(article: list[str], weights: dict[str, float]) -> set[tuple[str, ...]]:
    """Return the runs of an article's words that begin and end with one of some terms."""
    runs: set[tuple[str, ...]] = set()
    for place, word in enumerate(article):
        if word not in weights:
            continue
        for length in range(1, PHRASE_WORDS_MAX + 1):
            run = article[place : place + length]
            if len(run) == length and run[-1] in weights:
                runs.add(tuple(run))
    return runs
