"""Web pages are read in a child process with limits: a hostile or broken page may crash or stall the parsers.

Parent and child speak JSON over a pipe. What an article is on a page is `page`'s business.
"""

import json
import math
import multiprocessing
import resource
import signal
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from seealso.page import PageCard, PageUnreadable, read_page
from seealso.page_statements import time_or_none

# trafilatura needs some 200 MB for itself; a page that needs ten times that is no article.
CHILD_MEMORY_BYTES_MAX = 2 * 1024**3
# What a child leaks or caches ends with it.
PAGES_A_CHILD_MAX = 1_000


class PageExtractor:
    """Extracts pages in a child process, which is started when first needed and again after it died or stalled."""

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._child: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._pages = 0

    def __enter__(self) -> "PageExtractor":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def extract(self, html: str) -> tuple[dict[str, Any], list[PageCard]]:
        """Return the fields of the page's article (no id) and the cards of its related block.

        Raises PageUnreadable if the page holds no article, takes too long, or brings the parser down.
        """
        if self._child is None or self._pages >= PAGES_A_CHILD_MAX:
            self.close()
            self._start()
        self._pages += 1
        assert self._pipe is not None
        try:
            self._pipe.send_bytes(html.encode("utf-8", "replace"))
            if not self._pipe.poll(self._seconds_max):
                self.close()
                raise PageUnreadable(f"finding its text took longer than {self._seconds_max:g} s")
            answer = json.loads(self._pipe.recv_bytes())
        except (EOFError, ConnectionError):
            self.close()
            raise PageUnreadable("finding its text brought the parser down (too much memory, or a crash)") from None
        if "error" in answer:
            raise PageUnreadable(answer["error"])
        cards = [PageCard(**(card | {"published": time_or_none(card["published"])})) for card in answer["cards"]]
        return answer["fields"], cards

    def close(self) -> None:
        """End the child process."""
        if self._pipe is not None:
            self._pipe.close()
        if self._child is not None:
            self._child.kill()
            self._child.join()
        self._child, self._pipe, self._pages = None, None, 0

    def _start(self) -> None:
        # Not fork: the indexer has threads by the time it reads its sources.
        context = multiprocessing.get_context("spawn")
        self._pipe, childs_end = context.Pipe()
        self._child = context.Process(target=_serve, args=(childs_end, self._seconds_max), daemon=True)
        self._child.start()
        childs_end.close()


def _serve(pipe: Connection, seconds_max: float) -> None:
    """Answer pages until the parent goes away; should it go in the middle of a page, an alarm ends this process."""
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES_MAX, CHILD_MEMORY_BYTES_MAX))
    while True:
        try:
            html = pipe.recv_bytes().decode()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        answer: dict[str, Any]
        signal.alarm(math.ceil(seconds_max) + 1)
        try:
            fields, cards = read_page(html)
            answer = {"fields": fields, "cards": cards}
        except PageUnreadable as error:
            answer = {"error": str(error)}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, AssertionError) as error:
            answer = {"error": f"its text cannot be found ({type(error).__name__}: {error})"}
        signal.alarm(0)
        try:
            pipe.send_bytes(json.dumps(answer).encode())
        except OSError:
            return
