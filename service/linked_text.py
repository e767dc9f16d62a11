"""A text and links in it -> the same as HTML and as Markdown, in pieces, so that each link can be left out.

The text is plain: paragraphs are parted by empty lines, or by line ends where it has no empty line. Whatever stands in
it stays text in both forms.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import escape

_EMPTY_LINE = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_LINE_END = re.compile(r"\n[ \t]*")
# What begins a heading, a list, a quotation, or underlines a heading (CommonMark 0.31, 4 and 5); a table's row.
_LINE_START = re.compile(r"^[ \t]*(?:\d{1,9}(?=[.)](?:\s|$)))?(?P<mark>[#>+\-=.)|])", re.MULTILINE)
# What marks up text within a line, wherever it stands (6); '_' within a word does not.
_INLINE = re.compile(r"[\\`*\[\]<~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")


class Place(NamedTuple):
    """Where a link stands in a text, in characters, and where it leads."""

    start: int
    end: int
    url: str


class Piece(NamedTuple):
    """A stretch of a text in both forms; of a link also with it. `link`: its number, None for other text."""

    html: str
    markdown: str
    link: int | None = None
    html_linked: str = ""
    markdown_linked: str = ""


def pieces_of(title: str, text: str, links: Sequence[Place]) -> list[Piece]:
    """Return a title and a text in pieces, in order. Links do not overlap, and none spans two paragraphs."""
    marks = _marked_places(text)
    numbered = sorted(enumerate(links), key=lambda each: each[1].start)
    pieces = [Piece(f"<h1>{escape(title)}</h1>\n", f"# {_markdown_line(title)}\n\n")] if title.strip() else []
    for start, end in _paragraphs(text):
        pieces.append(Piece("<p>", ""))
        at = start
        for number, link in numbered:
            if start <= link.start and link.end <= end:
                pieces.append(_plain(text, at, link.start, marks))
                pieces.append(_linked(text, link, number, marks))
                at = link.end
        pieces += [_plain(text, at, end, marks), Piece("</p>\n", "\n\n")]
    return [piece for piece in pieces if piece.html or piece.markdown]


def link_as_html(phrase: str, url: str) -> str:
    """Return a link as HTML."""
    return f'<a href="{escape(url)}">{escape(phrase)}</a>'


def link_as_markdown(phrase: str, url: str) -> str:
    """Return a link as Markdown."""
    return _markdown_link(_markdown_line(phrase), url)


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Yield where paragraphs begin and end, without the space around them."""
    parting = _EMPTY_LINE if _EMPTY_LINE.search(text.strip()) else _LINE_END
    start = 0
    for end, following in [*((match.start(), match.end()) for match in parting.finditer(text)), (len(text), len(text))]:
        part = text[start:end]
        if part.strip():
            yield start + len(part) - len(part.lstrip()), start + len(part.rstrip())
        start = following


def _plain(text: str, start: int, end: int, marks: set[int]) -> Piece:
    html = str(escape(text[start:end])).replace("\n", "<br>\n")
    return Piece(html, _markdown(text, start, end, marks))


def _linked(text: str, link: Place, number: int, marks: set[int]) -> Piece:
    html, markdown, *_ = _plain(text, link.start, link.end, marks)
    return Piece(
        html, markdown, number, link_as_html(text[link.start : link.end], link.url), _markdown_link(markdown, link.url)
    )


def _markdown(text: str, start: int, end: int, marks: set[int]) -> str:
    """Return a stretch of a text as Markdown; a line's end is kept, the space that begins a line is not."""
    escaped = "".join(f"\\{text[place]}" if place in marks else text[place] for place in range(start, end))
    return _LINE_END.sub("\\\\\n", escaped)


def _markdown_line(text: str) -> str:
    line = " ".join(text.split())
    return _markdown(line, 0, len(line), _marked_places(line))


def _markdown_link(escaped: str, url: str) -> str:
    # What would end the address; the rest of an address is as it is.
    return f"[{escaped}]({quote(url, safe=_URL_SAFE)})"


_URL_SAFE = "".join(chr(code) for code in range(33, 127) if chr(code) not in '()<>\\"`')


def _marked_places(text: str) -> set[int]:
    """Return the places of the characters that would mean something in Markdown."""
    inline = {match.start() for match in _INLINE.finditer(text)}
    return inline | {match.start("mark") for match in _LINE_START.finditer(text)}
