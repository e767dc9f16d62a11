"""What stands outside docs/ comes into the site, too: README.md as its first page, the others beside it, and every
file that a page links to. Links are followed as they stand in the repository, so that each text is written once.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent.parent
PAGES = ("*.md", "examples/*/README.md")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
_FROM_ELSEWHERE = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="?(?:https?:)?//|<link[^>]*\srel="?(?:stylesheet|icon)'
                             r'[^>]*\shref="?(?:https?:)?//|@import|url\((?:https?:)?//')  # fmt: skip


def on_files(files: Any, config: Any) -> Any:
    """Add what stands outside docs/: pages first, then what they and the others link to."""
    waiting = [str(path.relative_to(ROOT)) for each in PAGES for path in sorted(ROOT.glob(each))]
    waiting += [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    seen = set()
    while waiting:
        path = waiting.pop()
        if path in seen or not (ROOT / path).is_file():
            continue  # what is not there is told by the build
        seen.add(path)
        if files.get_file_from_path(_uri(path)) is None:
            files.append(File.generated(config, _uri(path), abs_src_path=str(ROOT / path)))
        if path.endswith(".md"):
            waiting += [_target(path, link) for link in _LINK.findall((ROOT / path).read_text())]
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead the links of a page to where their targets stand in the site."""
    here = _path(page.file.src_uri)

    def led(found: re.Match[str]) -> str:
        uri = _uri(_target(here, found[1]))
        return os.path.relpath(uri, PurePosixPath(page.file.src_uri).parent)

    # In a table a bar within code is written as \|, for GitHub; here it needs none.
    markdown = re.sub(r"`[^`\n]*`", lambda code: code[0].replace("\\|", "|"), markdown)
    return _LINK.sub(led, markdown)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page that would load something from another host."""
    found = _FROM_ELSEWHERE.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} would load something from another host: {found[0]}")
    return output


def _target(page: str, link: str) -> str:
    return os.path.normpath(PurePosixPath(page).parent / link)


def _uri(path: str) -> str:
    """Return where a file of the repository stands in the site's sources."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def _path(uri: str) -> str:
    if uri == "index.md":
        return "README.md"
    return uri if (ROOT / uri).is_file() else f"docs/{uri}"
