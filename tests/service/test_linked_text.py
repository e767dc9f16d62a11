"""Texts with links, as HTML and as Markdown: what is shown of them is the text, whatever stands in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from seealso.markup import text_of_markup
from service.linked_text import Piece, Place, link_as_html, link_as_markdown, pieces_of

URL = 'https://a.example/b?c=1&d=(2)"<x>'


def both(pieces: list[Piece], linked: bool) -> tuple[str, str]:
    """Return the whole text in both forms, with all its links or with none."""
    taken = [linked and piece.link is not None for piece in pieces]
    html = "".join(piece.html_linked if take else piece.html for piece, take in zip(pieces, taken, strict=True))
    markdown = "".join(
        piece.markdown_linked if take else piece.markdown for piece, take in zip(pieces, taken, strict=True)
    )
    return html, markdown


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "<script>alert(1)</script> & &amp; \"'", "# No heading", "- no list", "+ no list", "1. no list",
        "12) no list", "> no quotation", "    no code", "*no* _emphasis_ __at__ **all** ~~x~~", "snake_case_name",
        "`no code`", "[no](link)", "![no](picture)", "<https://no.example>", "no heading\n===", "no heading\n---",
        "---", "***", "| a | b |\n|---|---|", "a\\*b \\", "&copy; &#35;", "ends with two  \nspaces",
        "~~~\nno fence",
        "```\nno fence\n```", "a\n\n\n\n b\n\t c", "x *", "\\", "!", "[", "_", "__", "1.", "1.\n\nx", "=", "a\n=",
    ],
)  # fmt: skip
@pytest.mark.parametrize("title", ["", "A # title * with ` marks"])
def test_text_is_text_in_both_forms(title: str, text: str) -> None:
    html, markdown = both(pieces_of(title, text, []), linked=False)
    expected = squeezed(f"{title} {text}")
    assert squeezed(text_of_markup(html)) == expected
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    assert squeezed(text_of_markup(rendered)) == expected
    tags = set(re.findall(r"<(\w+)", html + rendered))
    assert tags <= {"h1", "p", "br"}


@given(st.text(alphabet=" \nab1.)#*_`[]<>&;!|~=+->\\(\"'", max_size=60))
def test_any_text_is_text_in_both_forms(text: str) -> None:
    html, markdown = both(pieces_of("", text, []), linked=False)
    assert squeezed(text_of_markup(html)) == squeezed(text)
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    assert squeezed(text_of_markup(rendered)) == squeezed(text)
    assert set(re.findall(r"<(\w+)", rendered)) <= {"p", "br"}


def test_links_stand_where_they_were_found_and_each_can_be_left_out() -> None:
    text = "Of tides & moon.\n\n*A storm*\nsurge came \U0001f30a of tides."
    start = text.index("storm*")
    links = [Place(start, start + 5, URL), Place(3, 15, "https://a.example/tides")]
    pieces = pieces_of("A title", text, links)
    assert [piece.link for piece in pieces if piece.link is not None] == [1, 0]
    html, markdown = both(pieces, linked=True)
    assert html == (
        '<h1>A title</h1>\n<p>Of <a href="https://a.example/tides">tides &amp; moon</a>.</p>\n<p>*A <a href="'
        'https://a.example/b?c=1&amp;d=(2)&#34;&lt;x&gt;">storm</a>*<br>\nsurge came \U0001f30a of tides.</p>\n'
    )
    assert markdown == (
        "# A title\n\nOf [tides & moon](https://a.example/tides).\n\n\\*A "
        "[storm](https://a.example/b?c=1&d=%282%29%22%3Cx%3E)\\*\\\nsurge came \U0001f30a of tides.\n\n"
    )
    assert "<a" not in both(pieces, linked=False)[0]


def test_text_without_empty_lines_has_a_paragraph_a_line() -> None:
    assert both(pieces_of("", "one\ntwo\n", []), linked=False)[0] == "<p>one</p>\n<p>two</p>\n"


def test_link_alone_is_escaped_as_one_in_a_text() -> None:
    assert link_as_html("<b>", 'https://a.example/"') == '<a href="https://a.example/&#34;">&lt;b&gt;</a>'
    assert (
        link_as_markdown("a [b]\nc", "https://a.example/(x)\u00fc") == "[a \\[b\\] c](https://a.example/%28x%29%C3%BC)"
    )
