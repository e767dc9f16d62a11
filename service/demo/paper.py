"""A snapshot -> the stories of the demo's newspaper, as its pages show them. It does not know what a request is."""

from typing import Any
from zlib import crc32

import numpy as np
import orjson
from numpy.typing import NDArray

from seealso.article import primary_language
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot
from service.block.labels import labels_of
from service.demo.drawings import HEIGHT, WIDTH

LANGUAGE = "en-GB"

Story = dict[str, Any]


def newest(snapshot: Snapshot, section: str | None = None, most: int = 12) -> list[Story]:
    """Return the newest pieces in the paper's own language, of one section or of all, the newest first.

    What is sensitive, sponsored or taken down is on no front page.
    """
    facts = snapshot.facts
    shown = snapshot.here & ~snapshot.sensitive & ~snapshot.sponsored & (facts["published"] != NO_TIME)
    own = [
        number for number, tag in enumerate(snapshot.languages) if primary_language(tag) == primary_language(LANGUAGE)
    ]
    shown &= np.isin(facts["language"], own)
    if section is not None:
        shown &= facts["section"] == snapshot.sections.index(section)
    rows = np.flatnonzero(shown)
    return [story_of(snapshot, int(row)) for row in _latest(facts["published"][rows], rows, most)]


def _latest(times: NDArray[np.int64], rows: NDArray[np.int64], most: int) -> list[int]:
    some = np.argpartition(-times, most)[:most] if len(times) > most else np.arange(len(times))
    return [int(row) for row in rows[some[np.argsort(-times[some], kind="stable")]]]


def story_of(snapshot: Snapshot, row: int) -> Story:
    """Return a piece as a page shows it: its card, with a picture drawn for it."""
    card: Story = orjson.loads(snapshot.card(row))
    section = card["section"] or ""
    labels = labels_of(LANGUAGE)
    return card | {
        "picture": f"{section.casefold()}-{crc32(card['id'].encode()) % 100_000}" if section.isalpha() else "sea-1",
        "slug": section.casefold(),
        "day": labels.day(card["published"]) if card["published"] else None,
        "reading": labels.reading_time(card["reading_minutes"]) if card.get("reading_minutes") else None,
        "lang": card["language"] if card["language"] and primary_language(card["language"]) != "en" else None,
    }


def dressed(card: Story, url: str, picture: str) -> Story:
    """Return a card of the live block as the demo has it: it leads into the demo, and has a drawn picture."""
    drawn = {"image": picture, "image_alt": "", "image_width": WIDTH, "image_height": HEIGHT, "image_srcset": None}
    return card | drawn | {"url": url}


def section_at(snapshot: Snapshot, slug: str) -> str | None:
    """Return the section that an address names, None if there is none."""
    return next((section for section in snapshot.sections if section.casefold() == slug), None)
