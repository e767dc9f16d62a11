"""An RSS or Atom feed, at an address or in a file -> the articles it lists, with the linked pages' texts if wanted.

The only user of feedparser, which is given bytes and never fetches. What a feed no longer lists is not gone.
"""

import calendar
import html
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.sources.address import fitting_id, shown_address
from indexer.sources.answers import Answers, open_answers
from indexer.sources.fetch import Fetched, Fetcher, FetchFailed, FetchRefused
from indexer.sources.html import read_fetched_page
from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, LeftOut, Quarantined, read_page_file
from seealso.article import LABEL_CHARACTERS_MAX, LANGUAGE_TAG, SUMMARY_CHARACTERS_MAX, is_web, join_names
from seealso.errors import SourceUnreadable
from seealso.extract import PageExtractor
from seealso.markup import text_of_markup
from seealso.page import PageCard

_END = re.compile(r"</(?:\w+:)?(?:rss|feed|rdf)\s*>|<(?:\w+:)?(?:rss|feed|rdf)\b[^<>]*/>", re.IGNORECASE)
_ENTRY = re.compile(r"<(?:\w+:)?(?:item|entry)[\s>]", re.IGNORECASE)


class Feed:
    """A feed's entries.

    `fetcher` is needed for an address and for full pages, `extractor` for full pages: then an article's body is its
    page's, and the page fills in what the entry does not say. `fields` may take an article's fields from elsewhere in
    the entry, by the names that feedparser gives them. `kept`: the file that keeps what feed and pages answered, for
    them to be asked only what has changed.
    """

    complete = False

    def __init__(
        self,
        address: str,
        fields: FieldMap,
        fetcher: Fetcher | None = None,
        extractor: PageExtractor | None = None,
        full_pages: bool = False,
        kept: Path | None = None,
    ) -> None:
        assert fetcher is not None or not (full_pages or is_web(address))
        assert extractor is not None or not full_pages
        self.name = shown_address(address)
        self._address = address
        mapped = fields.inside("entry")
        columns = {name: column for name, column in mapped.columns.items() if name != "body" or not full_pages}
        self._fields = replace(mapped, columns=columns, markup=True)
        self._fetcher = fetcher
        self._extractor = extractor
        self._full_pages = full_pages
        self._kept = kept

    def read(self) -> Iterator[Item]:
        """Yield an article for each entry, as the feed orders them."""
        with open_answers(self._kept, self.name) as answers:
            yield from self._read(answers)
            answers.forget_others()

    def _read(self, answers: Answers) -> Iterator[Item]:
        fetched = self._fetched(answers)
        language, entries = self._parse(fetched)
        answers.keep(self._address, fetched)
        records = [_fields_of(entry) | {"language": language} for entry in entries]
        for record, entry in zip(records, entries, strict=True):
            if self._fields.columns:
                record["entry"] = entry
        if self._full_pages:
            yield from self._read_pages(records, answers)
        else:
            for record in records:
                yield self._fields.read(record, self._where(record))

    def _fetched(self, answers: Answers) -> Fetched:
        if not is_web(self._address):
            content = read_page_file(Path(self._address))
            if isinstance(content, Quarantined):
                raise SourceUnreadable(self.name, content.reason)
            return Fetched(200, "", {}, content, None, None)
        assert self._fetcher is not None
        try:
            asked = answers.request(self._address)
            fetched = answers.whole(self._address, self._fetcher.fetch(asked.url, asked.etag, asked.last_modified))
        except FetchFailed as error:
            raise SourceUnreadable(self.name, error.reason) from error
        if fetched.status != 200:
            raise SourceUnreadable(self.name, f"it answers {fetched.status}")
        return fetched

    def _parse(self, fetched: Fetched) -> tuple[str | None, list[Any]]:
        """Return the feed's language and entries. Raises SourceUnreadable for what is no feed, or not all of one."""
        import feedparser

        # feedparser follows a charset that HTTP states, and takes the address for what relative links start from.
        stated = {"content-type": fetched.headers["content-type"]} if fetched.headers.get("content-type") else {}
        placed = stated | ({"content-location": fetched.url} if fetched.url else {})
        content = fetched.content
        parsed = feedparser.parse(io.BytesIO(content), response_headers=placed, sanitize_html=False)
        if placed != stated:
            # It completes a guid, too, as if it were a link: what is known by it would be another once the feed moves.
            written = feedparser.parse(io.BytesIO(content), response_headers=stated, sanitize_html=False)
            for entry, as_written in zip(parsed.entries, written.entries, strict=True):
                if as_written.get("id"):
                    entry["id"] = as_written["id"]
        if not parsed.get("version") and not parsed.entries:
            raise SourceUnreadable(self.name, "it is neither RSS nor Atom")
        # What is not XML is read by a lenient parser, which takes a cut feed for a short one.
        text = content.replace(b"\0", b"").decode("latin-1")
        ends = [match.start() for match in _END.finditer(text)]
        begun = [match.start() for match in _ENTRY.finditer(text)]
        if parsed.bozo and (not ends or (begun and ends[-1] < begun[-1])):
            raise SourceUnreadable(self.name, f"it breaks off in its {len(parsed.entries):,}th entry")
        language = str(parsed.feed.get("language") or "").strip().replace("_", "-")
        return (language if LANGUAGE_TAG.fullmatch(language) else None), list(parsed.entries)

    def _read_pages(self, records: list[dict[str, Any]], answers: Answers) -> Iterator[Item]:
        assert self._fetcher is not None
        linked = [record for record in records if is_web(record["url"])]
        requests = [answers.request(record["url"]) for record in linked]
        with closing(self._fetcher.fetch_all(requests)) as outcomes:
            for record in records:
                if is_web(record["url"]):
                    yield self._read_page(record, next(outcomes), answers)
                else:
                    yield Quarantined(self._where(record), "the entry links to no page")

    def _read_page(self, record: dict[str, Any], outcome: Fetched | FetchFailed, answers: Answers) -> Item:
        where = self._where(record)
        if isinstance(outcome, FetchRefused):
            return LeftOut(where, "robots.txt")
        if isinstance(outcome, FetchFailed):
            return Quarantined(where, outcome.reason)
        outcome = answers.whole(record["url"], outcome)
        assert self._extractor is not None
        page = read_fetched_page(where, record["url"], outcome, self._extractor)
        if isinstance(page, LeftOut | Quarantined):
            return page
        answers.keep(record["url"], outcome)
        fields, cards = page
        return self._merged(record, fields, tuple(cards), where)

    def _merged(self, record: dict[str, Any], page: dict[str, Any], cards: tuple[PageCard, ...], where: str) -> Item:
        """Return the entry's article with its page's body, and with the page's fields where the entry has none."""
        # The page's texts are plain, and are read as HTML with the entry's.
        texts = {name: html.escape(page[name], quote=False) for name in ("title", "summary", "body") if page.get(name)}
        said = {name: value for name, value in record.items() if value}
        needed = {"title": texts.get("title"), **said, "body": texts.get("body", "").replace("\n\n", "<p>")}
        merged = self._fields.read({**page, **texts, **needed}, where, cards)
        # A date or address that the page states may be no such thing.
        return merged if isinstance(merged, Found) else self._fields.read(needed, where, cards)

    def _where(self, record: dict[str, Any]) -> str:
        return f"{self.name} {record['url'] or record['id'] or 'an entry without link and id'}"


def _fields_of(entry: Any) -> dict[str, Any]:
    """Return an article's fields as an entry has them; what feedparser found no sense in is missing."""
    tags = [str(tag.get("label") or tag.get("term") or "").strip() for tag in entry.get("tags", ())]
    tags = [name for name in tags if 0 < len(name) <= LABEL_CHARACTERS_MAX]
    # Not entry.get: feedparser would answer 'updated' by 'published', with a warning.
    published = _moment(dict.get(entry, "published_parsed"))
    updated = _moment(dict.get(entry, "updated_parsed"))
    summary = _markup_of(entry.get("summary_detail"))
    content = max((_markup_of(part) for part in entry.get("content", ())), key=len, default="")
    return {
        "id": _id(entry),
        "url": entry.get("link"),
        "title": _markup_of(entry.get("title_detail")),
        "summary": summary if _is_summary(summary, content) else None,
        "body": content or summary,
        # RSS 1.0 and old Atom have one date only, which feedparser takes for that of a change.
        "published": published or updated,
        "updated": updated,
        "author": _author(entry),
        "tags": list(dict.fromkeys(tags)) or None,
        "section": tags[0] if tags else None,
        "image": _image(entry),
    }


def _id(entry: Any) -> str | None:
    """Return an entry's guid as the feed writes it, else its link; an address may be too long for an id as it is."""
    stated = entry.get("id") or entry.get("link")
    return fitting_id(stated) if is_web(stated) else stated


def _is_summary(summary: str, content: str) -> bool:
    """Return whether a description is one, and not the article itself."""
    text = text_of_markup(summary)
    return summary != content and len(text) <= SUMMARY_CHARACTERS_MAX and bool(content or "\n\n" not in text)


def _markup_of(detail: Any) -> str:
    """Return a text as HTML: one that was declared plain may hold what looks like it."""
    if not detail or not detail.get("value"):
        return ""
    value = str(detail["value"])
    return html.escape(value, quote=False) if detail.get("type") == "text/plain" else value


def _moment(parsed: Any) -> datetime | None:
    """Return a struct_time in UTC as a moment; None if it names a day that no calendar has."""
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError):
        return None


def _author(entry: Any) -> str | None:
    people = [person.get("name") for person in entry.get("authors", ()) if person.get("name")]
    return join_names(dict.fromkeys(people) or [entry.get("author")])


def _image(entry: Any) -> str | None:
    """Return the address of an entry's picture: of its media, its enclosures, or its thumbnail."""
    media = [*entry.get("media_content", ()), *entry.get("enclosures", ())]
    pictures = [
        each for each in media if each.get("medium") == "image" or str(each.get("type", "")).startswith("image/")
    ]
    addresses = (each.get("url") or each.get("href") for each in [*pictures, *entry.get("media_thumbnail", ())])
    return next((address for address in addresses if is_web(address)), None)
