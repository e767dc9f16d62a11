"""The bytes of a web page -> its text. The one user of charset_normalizer."""

import re

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE)
_STATED = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE)


def decode_answer(content: bytes, parameters: str) -> str:
    """Return a page's text in the encoding that HTTP states (Content-Type), else as the page itself says."""
    stated = _STATED.search(parameters)
    if stated:
        try:
            return content.decode("utf-8-sig" if stated[1].lower() in ("utf-8", "utf8") else stated[1])
        except (UnicodeDecodeError, LookupError):
            pass
    return decode_page(content)


def decode_page(raw: bytes) -> str:
    """Return a page's text: in the encoding it declares, else UTF-8, else what its bytes look like."""
    declared = _CHARSET.search(raw[:4096])
    for encoding in (declared[1].decode("ascii") if declared else "utf-8-sig", "utf-8-sig"):
        try:
            return raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    from charset_normalizer import from_bytes

    guess = from_bytes(raw).best()
    return str(guess) if guess else raw.decode("utf-8", "replace")
