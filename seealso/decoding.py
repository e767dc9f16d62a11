"""The bytes of a web page -> its text. The one user of charset_normalizer."""

import codecs
import re
from contextlib import suppress

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE)
_STATED = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE)
# Codecs of Python's that no page is written in: they fail on any text, or take plain letters for escapes.
_NONE_OF_PAGES = frozenset({"undefined", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7"})

# What browsers read a stated encoding as (WHATWG Encoding Standard, names and labels): pages that state the narrower
# one mostly are in the wider, and those that are not have nothing in them that differs.
_WIDER = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc-kr": "cp949",
    "shift-jis": "cp932",
}


def decode_answer(content: bytes, parameters: str) -> str:
    """Return a page's text in the encoding that HTTP states (Content-Type), else as the page itself says."""
    stated = _STATED.search(parameters)
    text = _decoded(content, stated[1]) if stated else None
    return decode_page(content) if text is None else text


def decode_page(raw: bytes) -> str:
    """Return a page's text: in the encoding it declares, else UTF-8, else what its bytes look like."""
    declared = _CHARSET.search(raw[:4096])
    for encoding in (declared[1].decode("ascii") if declared else "utf-8", "utf-8"):
        if (text := _decoded(raw, encoding)) is not None:
            return text
    from charset_normalizer import from_bytes

    guess = from_bytes(raw).best()
    return str(guess) if guess else raw.decode("utf-8", "replace")


def _decoded(raw: bytes, encoding: str) -> str | None:
    """Return a text, without its byte order mark; None if it is not in an encoding, or that is none of pages."""
    try:
        name = codecs.lookup(encoding).name.replace("_", "-")
        if name in _NONE_OF_PAGES:
            return None
        with suppress(UnicodeDecodeError):
            return raw.decode(_WIDER.get(name, name) if name != "utf-8" else "utf-8-sig")
        return raw.decode(name)
    except (ValueError, LookupError):  # UnicodeError, of an encoding's own name too
        return None
