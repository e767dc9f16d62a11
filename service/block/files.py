"""What a publisher's page loads of us -> bytes in every content coding, made once.

The script is one text: that of script/, in the order of `SCRIPT_FILES`, minified by esbuild into static/related.min.js
(`make script`; a test holds one against the other), with the labels and the style sheet of the fragment put in, so that
there is one source of both.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from seealso.project import BlockEntry, Placement
from service.answer import CODINGS, IDENTITY, Form, coded
from service.block.labels import HEADINGS, labels_of
from service.block.links import campaign_of
from service.block.look import Look
from service.block.pictures import DRAWN, WIDTHS

SCRIPT, SHEET = "/related.js", "/related.css"
# In this order: what comes later uses what came before.
SCRIPT_FILES = ("asking", "drawing", "placing", "counting", "element")
# An hour, and a day; while they are fetched anew, or we are away, a day more, and a week.
SCRIPT_CACHE = "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"
SHEET_CACHE = "public, max-age=86400, stale-while-revalidate=604800, stale-if-error=604800"
_HERE = Path(__file__).parent
# What is put into the minified script, as JSON, stands there as a name of its own.
_FACT = re.compile(r"\b__(STYLE|LABELS|SITE)__\b")
_STYLE_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file in every content coding."""

    forms: Mapping[str, Form]


def page_files(placements: Mapping[str, Placement], block: BlockEntry) -> Mapping[str, PageFile]:
    """Return the files by their addresses, as a website's placements and blocks are."""
    script = make_script(placements, block).encode()
    return {
        SCRIPT: _page_file(script, "text/javascript; charset=utf-8", SCRIPT_CACHE),
        SHEET: _page_file(_sheet().encode(), "text/css; charset=utf-8", SHEET_CACHE),
    }


def make_script(placements: Mapping[str, Placement], block: BlockEntry) -> str:
    """Return the script as it is served."""
    facts = {
        "STYLE": _sheet(),
        "LABELS": {language: _labels(language) for language in HEADINGS},
        "SITE": _site(placements, block),
    }
    bare = (_HERE / "static" / "related.min.js").read_text(encoding="utf-8")
    return _FACT.sub(lambda found: orjson.dumps(facts[found[1]]).decode(), bare)


def whole_script() -> str:
    """Return what is minified."""
    parts = "".join((_HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPT_FILES)
    return f'((STYLE, LABELS, SITE) => {{\n"use strict";\n{parts}}})(__STYLE__, __LABELS__, __SITE__);\n'


def _labels(language: str) -> list[str]:
    """Return a language's heading and words for reading times, and how long the words for minutes are, if not short."""
    labels = labels_of(language)
    return [labels.heading, labels.reading, *(["long"] if labels.is_long else [])]


def _site(placements: Mapping[str, Placement], block: BlockEntry) -> dict[str, Any]:
    """Return what a website's own file says of its blocks."""
    names = [name for name in asdict(Look()) if name != "json_ld"]

    def look(said: BlockEntry | Placement) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(said, name)) is not None}

    looks = {name: look(placement) for name, placement in sorted(placements.items())}  # all: a block may name no other
    pictures = block.model_dump(include={"rel", "default_image", "section_images"}, exclude_defaults=True)
    given = {"looks": {"": look(block)} | looks, "campaign": [*campaign_of(block).values()]}
    return given | {"timezone": block.timezone} | pictures | {"widths": WIDTHS, "drawn": DRAWN}


def _sheet() -> str:
    return bare_style((_HERE / "static" / "related.css").read_text(encoding="utf-8"))


def bare_style(text: str) -> str:
    """Return a style sheet without comments and needless space."""
    spaced = re.sub(r"\s+", " ", _STYLE_COMMENT.sub("", text)).strip()
    return re.sub(r" ?([{};,>]) ?|(?<=:) ", r"\1", spaced).replace(";}", "}")


@lru_cache(8)  # the same for all apps of a process, as a rule
def _page_file(plain: bytes, media_type: str, cache_control: str) -> PageFile:
    digest = blake2b(plain, digest_size=12).hexdigest()
    forms = {}
    for coding in (IDENTITY, *CODINGS):
        body = plain if coding == IDENTITY else coded(plain, coding, small=True)
        etag = f'"{digest}"' if coding == IDENTITY else f'"{digest}-{coding}"'
        unmodified = [
            ("ETag", etag),
            ("Cache-Control", cache_control),
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
