import contextlib
import os
import signal
import time

import pytest

import seealso.extract
from seealso.extract import PageExtractor
from seealso.page import PageUnreadable
from tests.seealso.test_page import PAGE, PARAGRAPH


def test_child_ends_by_itself_if_its_parent_goes_in_the_middle_of_a_page() -> None:
    with PageExtractor(seconds_max=1) as extractor:
        extractor._start()
        assert extractor._pipe is not None
        assert extractor._child is not None
        # Some thirty seconds of work, and nobody to end it from outside.
        comments = "".join(f'<div class="comment"><p>I think {number}.</p></div>' for number in range(9_000))
        extractor._pipe.send_bytes(f"<body><article><h1>T</h1><p>{PARAGRAPH}</p></article>{comments}</body>".encode())
        extractor._child.join(20)
        assert extractor._child.exitcode == -signal.SIGALRM


def test_rubbish_does_not_bring_the_extractor_down(extractor: PageExtractor) -> None:
    for page in (
        "<div>" * 20_000,
        "<" * 5_000,
        '<script type="application/ld+json">' + "[" * 50_000,
        PAGE.replace("{", "["),
    ):
        with contextlib.suppress(PageUnreadable):
            extractor.extract(page)
    assert extractor.extract(PAGE)[0]["title"] == "Water in the kitchens of Netherquay"


def test_page_that_takes_too_long_is_given_up_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with PageExtractor(seconds_max=0.001) as extractor:
        extractor._start()
        with pytest.raises(PageUnreadable, match="longer than"):
            extractor.extract(PAGE)
        extractor._seconds_max = 60
        assert extractor.extract(PAGE)[0]["section"] == "Environment"


def test_crash_of_the_child_costs_one_page() -> None:
    with PageExtractor(seconds_max=60) as extractor:
        extractor.extract(PAGE)
        assert extractor._child is not None
        os.kill(extractor._child.pid or 0, signal.SIGSEGV)
        time.sleep(0.2)
        with pytest.raises(PageUnreadable, match="brought the parser down"):
            extractor.extract(PAGE)
        assert extractor.extract(PAGE)[0]["section"] == "Environment"


def test_child_is_renewed_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seealso.extract, "PAGES_A_CHILD_MAX", 2)
    with PageExtractor(seconds_max=60) as extractor:
        children = []
        for _ in range(3):
            extractor.extract(PAGE)
            children.append(extractor._child)
    assert children[0] is children[1]
    assert children[1] is not children[2]
