"""What a publisher's page loads of us -> bytes in every content coding, made once.

The script is one text: its files in their order, with the labels and the style sheet of the fragment, so that there is
one source of both. Comments and indentation are left out; nothing else is changed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import orjson

from service.answer import CODINGS, IDENTITY, Form, coded
from service.block.labels import HEADINGS

SCRIPT, SHEET = "/related.js", "/related.css"
# In this order: what comes later uses what came before.
SCRIPT_FILES = ("asking", "drawing", "placing", "counting", "element")
# So long; and while it is fetched anew, or we are away, a day more.
CACHE_CONTROL = "public, max-age={}, stale-while-revalidate=86400, stale-if-error=86400"
SCRIPT_SECONDS, SHEET_SECONDS = 3_600, 86_400
_HERE = Path(__file__).parent
# Whole lines of comment, and those that stand at the end of a line after a semicolon, a comma or a brace.
_SCRIPT_COMMENT = re.compile(r"^\s*(//.*|/\*\*.*?\*/)\n|(?<=[;,{]) // .*$", re.MULTILINE)
_STYLE_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file in every content coding."""

    forms: Mapping[str, Form]


@cache
def page_files() -> Mapping[str, PageFile]:
    """Return the files by their addresses."""
    script, sheet = make_script().encode(), bare_style(_sheet()).encode()
    return {
        SCRIPT: _page_file(script, "text/javascript; charset=utf-8", SCRIPT_SECONDS),
        SHEET: _page_file(sheet, "text/css; charset=utf-8", SHEET_SECONDS),
    }


def make_script() -> str:
    """Return the script as it is served."""
    parts = [_bare_script((_HERE / "script" / f"{name}.js").read_text()) for name in SCRIPT_FILES]
    facts = {"STYLE": bare_style(_sheet()), "LABELS": HEADINGS}
    head = "".join(f"const {name}={orjson.dumps(value).decode()};\n" for name, value in facts.items())
    return f'(()=>{{"use strict";\n{head}{"".join(parts)}}})();\n'


def _sheet() -> str:
    return (_HERE / "static" / "related.css").read_text(encoding="utf-8")


def bare_style(text: str) -> str:
    """Return a style sheet without comments and needless space."""
    return re.sub(r"\s+", " ", _STYLE_COMMENT.sub("", text)).strip()


def _bare_script(text: str) -> str:
    lines = (line.strip() for line in _SCRIPT_COMMENT.sub("", text).splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def _page_file(plain: bytes, media_type: str, seconds: int) -> PageFile:
    digest = blake2b(plain, digest_size=12).hexdigest()
    forms = {}
    for coding in (IDENTITY, *CODINGS):
        body = plain if coding == IDENTITY else coded(plain, coding, small=True)
        etag = f'"{digest}"' if coding == IDENTITY else f'"{digest}-{coding}"'
        unmodified = [
            ("ETag", etag),
            ("Cache-Control", CACHE_CONTROL.format(seconds)),
            ("Vary", "Accept-Encoding"),
            # Any site may load it, also one that is isolated from others, or checks its digest.
            ("Access-Control-Allow-Origin", "*"),
            ("Cross-Origin-Resource-Policy", "cross-origin"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        headers = [("Content-Type", media_type), ("Content-Length", str(len(body))), *unmodified]
        if coding != IDENTITY:
            headers.append(("Content-Encoding", coding))
        forms[coding] = Form(etag, headers, unmodified, body)
    return PageFile(forms)
