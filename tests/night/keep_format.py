"""Keep a tiny snapshot of the format that this version writes: `python -m tests.night.keep_format`, once a format.

Run it when seealso.snapshot.manifest.FORMAT has risen, and commit the folder formats/format-N. Never make an old one
anew: it is there to show that what an earlier version wrote is still read, or refused by name. (That of format 1 was
written later, by commit dbc6ad0, the last one that wrote the format.)
"""

import shutil
import sys
import tempfile
from pathlib import Path

from seealso.snapshot.layout import snapshot_folder
from seealso.snapshot.manifest import FORMAT
from tests.makers import articles, index_of

KEPT_IN = Path(__file__).with_name("formats")
ARTICLES = 6


def main() -> None:
    """Write formats/format-N, or say that it is there."""
    kept = KEPT_IN / f"format-{FORMAT}"
    if kept.exists():
        raise SystemExit(f"{kept} is there already")
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder)
        fields = {
            "section": "News",
            "language": "en",
            "published": "2026-11-24",
            "author": "Ann Reed",
            "tags": ["Tides"],
        }
        pieces = articles(ARTICLES, **fields)
        addresses = [{"url": f"https://news.example/{piece.id}"} for piece in pieces]
        placed = [piece.model_copy(update=address) for piece, address in zip(pieces, addresses, strict=True)]
        report = index_of(index, placed)
        assert report.snapshot is not None
        shutil.copytree(snapshot_folder(index, report.snapshot), kept / report.snapshot)
    sys.stdout.write(f"{kept}\n")


if __name__ == "__main__":
    main()
