"""What the archive tells already."""

from typing import Any

import numpy as np
import pytest

from seealso.article import parse_time
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.covered import Covered, already_covered
from service.finding import by_meaning
from service.texts import Texts
from tests.makers import HashEncoder, article, articles, index_of

DEADLINE_S = 60.0
BODY = "The harbour wall at Netherquay gave way in the storm surge of Tuesday night and 212 homes were flooded. " * 3


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("index")
    index_of(
        folder,
        [
            *articles(20, published="2025-01-01"),
            article("flood", title="The wall gave way", body=BODY, published="2025-05-02", language="en"),
            article(
                "again", title="A wall gave way", body=BODY, published="2025-05-03", canonical="flood", language="en"
            ),
            article("undated", title="About tides", body="tides moon sea harbour " * 9),
        ],
    )
    return open_current(folder)


def covered(snapshot: Snapshot, title: str, text: str, **given: Any) -> dict[str, Covered]:
    draft = Texts(HashEncoder, 2, DEADLINE_S).draft(snapshot, title, text, None)
    found = by_meaning(snapshot, draft, snapshot.here)
    assert found.own is not None
    now = parse_time("2025-05-10").timestamp()
    return {
        snapshot.article_id(each.row): each for each in already_covered(snapshot, draft, found.own, found.rows, now)
    }


def test_draft_of_something_else_is_covered_by_nothing(snapshot: Snapshot) -> None:
    assert covered(snapshot, "Bread", "yeast oven flour and much that nobody ever wrote of before today") == {}


def test_nothing_is_covered_where_nothing_is_found(snapshot: Snapshot) -> None:
    draft = Texts(HashEncoder, 2, DEADLINE_S).draft(snapshot, "", "tides", None)
    own = by_meaning(snapshot, draft, snapshot.here).own
    assert own is not None
    assert already_covered(snapshot, draft, own, np.empty(0, np.int64), 0.0) == []


def test_same_event_told_in_other_words_is_found_with_all_its_story_and_its_days(snapshot: Snapshot) -> None:
    told = covered(
        snapshot,
        "The wall",
        "On Tuesday night the harbour wall at Netherquay gave way in the storm surge: 212 homes flooded",
    )
    assert {"flood", "again"} <= set(told)
    assert told["flood"].sure
    assert not told["flood"].same_text
    assert (told["flood"].days, told["again"].days) == (8, 7)


def test_text_that_is_in_the_archive_comes_first(snapshot: Snapshot) -> None:
    told = covered(snapshot, "The wall gave way", BODY)
    first = next(iter(told.values()))
    assert first.same_text
    assert first.sure


def test_article_without_a_date_has_no_days(snapshot: Snapshot) -> None:
    assert covered(snapshot, "About tides", "tides moon sea harbour " * 9)["undated"].days is None
