"""An article page copied as text: section, title, summary, share bar, author, date, body, and its block of cards.

The lines tell by their form what they are. What is not the article (adverts, share bars, the related block) never
reaches the body; the cards of the block are kept apart.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from indexer.sources.source import Found, Quarantined, read_page_file
from seealso.article import InvalidArticle, read_article
from seealso.page import PageCard
from seealso.page_lines import is_advert, is_related_heading, is_share_bar

# A byline and a date stand near the top; a name further down is part of the text.
HEADER_LINES_MAX = 12
SECTION_WORDS_MAX = 6
DATE_CHARACTERS_MAX = 60
BYLINE_CHARACTERS_MAX = 200

# A name is a few words and no sentence: 'By midnight the water had risen.' is no byline.
_BYLINE = re.compile(
    r"(?:published by|written by|words by|by|author:?)\s+(?P<name>[^\W\d_][\w.'’-]*(?:,?\s+[\w.'’&-]+){0,7}[^.?!:;\W])",
    re.IGNORECASE,
)
_READING_TIME = re.compile(r"[-–—·|•,]?\s*\d+\s*min(ute)?s?\.?\s*read\s*$", re.IGNORECASE)
_DATE_LABEL = re.compile(r"^(?:published|updated|posted|date)(?:\s+on)?\s*:?\s+", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class PageText:
    """One page in a text file."""

    complete = True

    def __init__(self, path: Path, article_id: str) -> None:
        self._path = path
        self._id = article_id
        self.name = str(path)

    def read(self) -> Iterator[Found | Quarantined]:
        """Yield the page's article."""
        raw = read_page_file(self._path)
        if isinstance(raw, Quarantined):
            yield raw
            return
        try:
            fields, cards = parse_page_text(raw.decode("utf-8-sig"))
            article, _ = read_article(fields | {"id": self._id})
            if not article.body:
                raise InvalidArticle("body: there is no text below the title; is this a page copied as text?")
        except UnicodeDecodeError as error:
            yield Quarantined(self.name, f"the page is not UTF-8 ({error.reason} at byte {error.start})")
        except InvalidArticle as error:
            yield Quarantined(self.name, str(error))
        else:
            yield Found(article, self.name, cards=tuple(cards))


def parse_page_text(text: str) -> tuple[dict[str, object], list[PageCard]]:
    """Return the fields of the article on a page copied as text, and the cards of the page's own related block."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not is_advert(line) and not is_share_bar(line)]
    for block, line in enumerate(lines):
        # 'Read more' in the middle of a text is followed by text, a block of cards by their dates.
        cards = _read_cards(lines[block + 1 :]) if block and is_related_heading(line) else []
        if cards:
            return _read_head_and_body(lines[:block]), cards
    return _read_head_and_body(lines), []


def _read_head_and_body(lines: list[str]) -> dict[str, object]:
    fields: dict[str, object] = {"title": "", "body": ""}
    head: list[str] = []
    body_start = 0
    for place, line in enumerate(lines[:HEADER_LINES_MAX]):
        if place == 0:
            continue  # the title, or the section over it
        byline = _BYLINE.fullmatch(line) if "author" not in fields and len(line) <= BYLINE_CHARACTERS_MAX else None
        moment = parse_date_line(line) if "published" not in fields else None
        if byline:
            fields["author"] = byline["name"]
        elif moment:
            fields["published"] = moment
        elif body_start:
            break
        else:
            continue
        head = head or lines[:place]
        body_start = place + 1
    if not body_start:  # no byline, no date: the first line is the title, the rest the text
        head, body_start = lines[:1], 1
    section, title, summary, rest = _part_head(head)
    fields |= {"section": section, "title": title, "summary": summary}
    fields["body"] = "\n\n".join(rest + lines[body_start:])
    return fields


def _part_head(head: list[str]) -> tuple[str | None, str, str | None, list[str]]:
    """Return section, title, summary and what is left of the lines above the byline."""
    if not head:
        return None, "", None, []
    if len(head) == 1:
        return None, head[0], None, []
    if len(head) == 2 and not _looks_like_section(head[0]):
        return None, head[0], head[1], []
    section, title, *others = head
    return section, title, others[0] if others else None, others[1:]


def _looks_like_section(line: str) -> bool:
    return len(line.split()) <= SECTION_WORDS_MAX and line[-1] not in ".?!:…"


def _read_cards(lines: list[str]) -> list[PageCard]:
    """Return the cards of a related block: each ends with its date."""
    cards = []
    group: list[str] = []
    for line in lines:
        moment = parse_date_line(line)
        if moment is None:
            group.append(line)
            continue
        section = group.pop(0) if len(group) > 1 and _looks_like_section(group[0]) else None
        title = group.pop(0) if len(group) > 1 else None
        cards.append(PageCard(title=title, section=section, summary=" ".join(group) or None, published=moment))
        group = []
    return cards


def parse_date_line(line: str) -> datetime | None:
    """Return the moment a line names, if it is nothing but a date (and a reading time); UTC where it names no zone."""
    if len(line) > DATE_CHARACTERS_MAX or not _YEAR.search(line):
        return None
    candidate = _DATE_LABEL.sub("", _READING_TIME.sub("", line)).strip(" -–—·|•,")
    import dateparser  # half a second to import, and most sources never need it

    moment = dateparser.parse(candidate, settings={"STRICT_PARSING": True, "TIMEZONE": "UTC"})
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
