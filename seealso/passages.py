"""Article -> the passages that are embedded: the whole article, in order, the title in front of each.

Passages end where sentences end, as near as the encoder's window allows, and are about equally long, so that no
passage is a stub. It knows the encoder only as something that splits text into tokens.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from sentencex import get_sentence_boundaries

from seealso.article import primary_language

# The title goes in front of every passage; a longer one may not crowd out the text it introduces.
TITLE_SHARE_MAX = 0.25
# Some tokenizers make a token or two more where title and text meet than in both apart.
SEAM_TOKENS = 2


class Tokenizer(Protocol):
    """Splits text as the encoder will, so that the length of a passage is known before it is embedded."""

    @property
    def window(self) -> int:
        """Return how many tokens of a text the encoder reads; what is longer it cuts without a word."""
        ...

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of a text begins and ends, in characters, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of an article's text, ready to be embedded.

    `text` is the title, a line feed, and the stretch; `start` and `end` are the stretch's place in the article's text,
    in characters; `tokens` is the length of `text` in the encoder's tokens.
    """

    text: str
    start: int
    end: int
    tokens: int


def cut_passages(title: str, text: str, language: str | None, tokenizer: Tokenizer) -> list[Passage]:
    """Return the passages of an article's title and text, in order; just the title, if there is no text.

    Every token of the text is in exactly one passage. A sentence longer than the window is cut between tokens. The
    title may be empty (a pasted text); `language` is a BCP 47 tag, by which sentences end.
    """
    prefix, prefix_tokens, overhang = _title_prefix(title, tokenizer)
    text = overhang + text
    spans = tokenizer.token_spans(text)
    if not spans:
        return [Passage(prefix.rstrip("\n"), 0, 0, prefix_tokens)]
    room = tokenizer.window - prefix_tokens - SEAM_TOKENS
    passages = []
    for first, last in _cuts(spans, _sentence_ends(text, language), room):
        # Up to the next token, not to the end of this one: what makes no token of its own is kept, too.
        start = spans[first][0] if first else 0
        end = spans[last][0] if last < len(spans) else len(text)
        start += len(text[start:end]) - len(text[start:end].lstrip())
        stretch = text[start:end].rstrip()
        passages.append(
            Passage(
                text=prefix + stretch,
                start=max(0, start - len(overhang)),
                end=max(0, start + len(stretch) - len(overhang)),
                tokens=prefix_tokens + last - first,
            )
        )
    return passages


def _title_prefix(title: str, tokenizer: Tokenizer) -> tuple[str, int, str]:
    """Return what stands in front of each passage, its tokens, and the rest of a title too long for that."""
    spans = tokenizer.token_spans(title)
    tokens_max = int(tokenizer.window * TITLE_SHARE_MAX)
    if len(spans) <= tokens_max:
        return f"{title}\n" if title else "", len(spans), ""
    cut = spans[tokens_max][0]
    return f"{title[:cut].rstrip()}\n", tokens_max, f"{title[cut:]}\n\n"


def sentences(text: str, language: str | None) -> list[str]:
    """Return the sentences of a text in order, without the space around them."""
    return [text[start:end] for start, end in sentence_spans(text, language)]


def sentence_spans(text: str, language: str | None) -> list[tuple[int, int]]:
    """Return where the sentences of a text begin and end, in characters, without the space around them."""
    spans = []
    for start, end in pairwise([0, *_sentence_ends(text, language)]):
        part = text[start:end]
        if part.strip():
            spans.append((start + len(part) - len(part.lstrip()), start + len(part.rstrip())))
    return spans


def _sentence_ends(text: str, language: str | None) -> list[int]:
    """Return the places, in characters, at which sentences and paragraphs end, in order."""
    primary = primary_language(language) or "en"
    return [boundary["end_index"] for boundary in get_sentence_boundaries(primary, text)]


def _cuts(spans: list[tuple[int, int]], ends: list[int], room: int) -> list[tuple[int, int]]:
    """Return the (first, last + 1) tokens of each passage: none longer than `room`, all near the same length."""
    # A passage may end before the first token that starts at or after a sentence's end.
    starts = [start for start, _ in spans]
    stops = sorted({bisect_left(starts, end) for end in ends} | {len(spans)})
    cuts = []
    first = 0
    while first < len(spans):
        left = len(spans) - first
        wanted = first + -(-left // -(-left // room))  # an equal share of what is left
        place = bisect_left(stops, wanted)
        near = [stop for stop in stops[max(0, place - 1) : place + 1] if first < stop <= first + room]
        last = min(near, key=lambda stop: abs(stop - wanted), default=first + room)
        cuts.append((first, last))
        first = last
    return cuts
