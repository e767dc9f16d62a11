"""A page of another site -> its title and its text, found as the nights find those of our own pages.

A few pages are remembered for a while: whoever turns to the second page of what was found does not wait again.
"""

import re
import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from seealso.decoding import decode_answer
from seealso.errors import PageNotRead, ServiceBusy
from seealso.extract import PageExtractor
from seealso.page import PageUnreadable
from service.fetching import FetchedPage, Fetcher
from service.texts import TEXT_CHARACTERS_MAX, title_and_text

# Each holds a thread for seconds: the others are left to those who wait for nobody.
AT_ONCE_MAX = 1
# The first page of a while has the parsers loaded, on a busy machine.
EXTRACTING_SECONDS_MAX = 15.0
KEPT_SECONDS = 600.0
KEPT_MAX = 32
# Narrower than an article's: a page that says "english" has its language told by its text.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class PageElsewhere(NamedTuple):
    """What stands on a page of another site. `url`: where redirects led."""

    url: str
    title: str
    text: str
    language: str | None = None


class Elsewhere:
    """Reads pages of other sites. Safe in many threads."""

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self._free = threading.BoundedSemaphore(AT_ONCE_MAX)
        self._kept: OrderedDict[str, tuple[float, PageElsewhere]] = OrderedDict()
        self._keeping = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Return whether any page may be read."""
        return self.fetcher.is_on

    def known(self, url: str) -> PageElsewhere | None:
        """Return a page if it was read a moment ago; nobody is asked."""
        with self._keeping:
            until, page = self._kept.get(url, (0.0, None))
            return page if time.monotonic() < until else None

    def read(self, url: str) -> PageElsewhere:
        """Return what stands on a page. Raises PageNotRead, and ServiceBusy while another is being read."""
        page = self.known(url)
        if page is not None:
            return page
        if not self._free.acquire(blocking=False):
            raise ServiceBusy("pages of other sites", AT_ONCE_MAX)
        try:
            page = _read(self.fetcher.fetch(url), url)
        finally:
            self._free.release()
        with self._keeping:
            self._kept[url] = (time.monotonic() + KEPT_SECONDS, page)
            self._kept.move_to_end(url)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return page


def _read(fetched: FetchedPage, asked: str) -> PageElsewhere:
    text = decode_answer(fetched.content, fetched.parameters)
    if fetched.media_type == "text/plain":
        page = PageElsewhere(fetched.url, *title_and_text(text.strip()))
    else:
        try:
            # A child of its own for each page, which it may crash: pages are few, and no page meets the next.
            with PageExtractor(EXTRACTING_SECONDS_MAX) as extractor:
                fields, _ = extractor.extract(text)
        except PageUnreadable as error:
            raise PageNotRead(asked, f"{error}; paste the text instead") from None
        language = str(fields.get("language") or "")
        spoken = language if _LANGUAGE.fullmatch(language) else None
        page = PageElsewhere(fetched.url, str(fields["title"]), str(fields["body"]), spoken)
    if not page.title and not page.text:
        raise PageNotRead(asked, "there is no text on it")
    if len(page.text) > TEXT_CHARACTERS_MAX:
        raise PageNotRead(asked, f"its text is longer than {TEXT_CHARACTERS_MAX:,} characters; paste a part of it")
    return page
