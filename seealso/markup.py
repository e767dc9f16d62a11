"""An article's body as HTML, without a page around it -> its text, paragraphs parted by empty lines.

It takes all text for the article's own, but for a block of ours; what finds the article on a whole page is
`seealso.page`.
"""

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
    "main", "nav", "ol", "p", "pre", "section", "summary", "table", "td", "th", "tr", "ul",
))
_SILENT = frozenset((
    "-comment", "audio", "button", "canvas", "datalist", "head", "iframe", "math", "noscript", "object", "script",
    "select", "style", "svg", "template", "textarea", "title", "video",
    "seealso-block",
))
# fmt: on
_OURS = "seealso"  # the class of a block, as the service, the plugin and the recipes write it


def text_of_markup(markup: str) -> str:
    """Return the text of an HTML fragment, entities decoded; what has no tags and no entities stays as it is."""
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    paragraphs = ("".join(part).split() for part in _paragraphs(markup))
    return "\n\n".join(" ".join(words) for words in paragraphs if words)


def line_of_markup(markup: str) -> str:
    """Return the text of an HTML fragment as one line."""
    return " ".join(text_of_markup(markup).split())


def _paragraphs(markup: str) -> Iterator[list[str]]:
    """Yield the pieces of text of one paragraph after another."""
    # A lone surrogate is no character: it becomes '?'.
    root = LexborHTMLParser(markup.encode("utf-8", "replace")).body
    parts: list[str] = []
    for node, begins in _walk(root):
        tag = node.tag
        if tag == "-text":
            if begins:
                parts.append(node.text_content or "")
        elif tag == "br":
            parts.append(" ")
        elif tag in _BLOCKS:
            yield parts
            parts = []
    yield parts


def _walk(root: LexborNode | None) -> Iterator[tuple[LexborNode, bool]]:
    """Yield each node when it begins (True) and ends (False), in order; what is not read aloud is passed over.

    It keeps no stack: markup may be nested as deep as it likes.
    """
    node, depth = root, 0
    while node is not None:
        silent = node.tag in _SILENT or _is_block(node)
        if not silent:
            yield node, True
        child = None if silent else node.child
        if child is not None:
            node, depth = child, depth + 1
            continue
        if not silent:
            yield node, False
        while node is not None and depth and node.next is None:
            node, depth = node.parent, depth - 1
            if node is not None:
                yield node, False
        node = node.next if node is not None and depth else None


def _is_block(node: LexborNode) -> bool:
    return node.tag == "section" and _OURS in (node.attributes.get("class") or "").split()
