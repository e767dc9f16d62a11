"""The blocks of a Hugo site's articles, asked for once before it is built: python related.py content data/related.json

An article's id is what its front matter says as `seealso:` or `id:`, else the name of its file. Needs Python alone. If
the service does not answer, the blocks of the last build stay, and the build goes on.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from itertools import chain
from pathlib import Path
from typing import Any

SERVICE = os.environ.get("SEEALSO_SERVICE", "http://127.0.0.1:8080")
KEY = os.environ.get("SEEALSO_SERVICE_KEY", "")  # if the service has SEEALSO_READING=keyed
LIMIT = 6
AT_ONCE = 500  # as many as the service takes
SECONDS_MAX = 60
ID = re.compile(r"""^(?:seealso|id)\s*[:=]\s*["']?(.+?)["']?\s*$""", re.MULTILINE)
# `name.fr.md`, `name.pt-br.md`: Hugo calls both 'name' if it has these languages; `node.js.md` it calls 'node.js'.
LANGUAGE = re.compile(r"\.[a-z]{2}(-[a-z]{2})?$")


def pages_of(content: Path) -> list[list[str]]:
    """Return, of each page but those of lists, the ids that it may have."""
    pages = [page for page in sorted(content.rglob("*.md")) if LANGUAGE.sub("", page.stem) != "_index"]
    return list(map(article_ids, pages))


def article_ids(page: Path) -> list[str]:
    """Return a page's id, with and without what may be a language: the partial looks for it by the name that Hugo has.

    `index.md` is called as its folder is.
    """
    front = re.split(r"^(?:---|\+\+\+)\s*$", page.read_text("utf-8"), maxsplit=2, flags=re.MULTILINE)
    found = ID.search(front[1]) if len(front) == 3 else None
    if found:
        return [found[1]]
    names = dict.fromkeys((page.stem, LANGUAGE.sub("", page.stem)))
    return [page.parent.name if name == "index" else name for name in names]


def blocks_of(ids: list[str]) -> Iterator[tuple[str, list[Any]]]:
    """Yield each article that the service knows, with the cards of its block."""
    for first in range(0, len(ids), AT_ONCE):
        body = json.dumps({"articles": ids[first : first + AT_ONCE], "limit": LIMIT}).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {KEY}"} if KEY else {})
        asked = urllib.request.Request(f"{SERVICE}/v1/related", body, headers)  # noqa: S310
        with urllib.request.urlopen(asked, timeout=SECONDS_MAX) as answer:  # noqa: S310
            for block in json.load(answer)["blocks"]:
                yield block["id"], block["related"]


def main(content: Path, data: Path) -> None:
    """Write the blocks where Hugo reads its data."""
    pages = pages_of(content)
    try:
        blocks = dict(blocks_of(list(dict.fromkeys(chain.from_iterable(pages)))))
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:  # away, or no answer of the service's
        told = error.read().decode("utf-8", "replace") if isinstance(error, urllib.error.HTTPError) else repr(error)
        sys.stderr.write(f"related.py: {SERVICE} did not answer, the blocks of the last build stay ({told})\n")
        if not data.exists():
            data.parent.mkdir(parents=True, exist_ok=True)
            data.write_text("{}", "utf-8")
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    beside = data.with_suffix(".new")
    beside.write_text(json.dumps(blocks, ensure_ascii=False), "utf-8")
    beside.replace(data)
    shown = sum(not blocks.keys().isdisjoint(ids) for ids in pages)
    sys.stderr.write(f"related.py: {shown:,} of {len(pages):,} articles have a block\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
