from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from indexer.coming_back import coming_back, taken_down
from seealso.editorial.store import Store
from seealso.editorial.takedowns import restore_in, take_down_in
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import article, articles, index_of

TEXT = " ".join(f"word{number}" for number in range(200))
LONGER = f"{TEXT} and now we know a little more of it"
OTHER = " ".join(f"other{number}" for number in range(200))


@pytest.fixture
def yesterday(tmp_path: Path) -> Snapshot:
    index_of(tmp_path, [*articles(4), article("old", body=TEXT, url="https://news.example/old"), article("kept")])
    return open_current(tmp_path)


def test_what_may_not_be_shown_now_is_known(tmp_path: Path) -> None:
    assert taken_down(None) == set()
    store, now = Store(tmp_path), datetime.now(UTC)
    with store.writing() as writing:
        take_down_in(writing, "for good", "ann", "court order", None)
        take_down_in(writing, "for a day", "ann", "court order", now + timedelta(days=1))
        take_down_in(writing, "until now", "ann", "court order", now)
        take_down_in(writing, "restored", "ann", "court order", None)
        restore_in(writing, "restored", "ann", "settled")
    assert taken_down(store) == {"for good", "for a day"}
    store.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"body": TEXT},
        {"body": LONGER, "title": "Another headline"},
        {"body": OTHER, "url": "https://news.example/old"},
        {"body": OTHER, "canonical": "https://news.example/old"},
    ],
)
def test_same_text_or_address_under_another_id_comes_back(yesterday: Snapshot, fields: dict[str, str]) -> None:
    tonight = [*articles(4), article("new", **fields), article("kept")]
    assert coming_back(tonight, yesterday, {"old", "kept", "never there"}) == [("old", "new")]
    assert coming_back(tonight, yesterday, {"old", "new"}) == []  # taken down as well
    assert coming_back(tonight, yesterday, set()) == []
    # As a feed remembers it: that one stays down, and the other would be shown.
    assert coming_back([*tonight, article("old", body=TEXT)], yesterday, {"old"}) == [("old", "new")]
    assert coming_back(tonight, None, {"old"}) == []


def test_notice_in_the_place_of_a_text_is_no_text(tmp_path: Path) -> None:
    notice = " ".join(f"subscribe{number}" for number in range(72))
    index_of(tmp_path, [*articles(4), article("old", body=notice, title="A murder trial")])
    for title, back in (("A cake recipe", []), ("A murder trial", [("old", "new")])):
        tonight = [*articles(4), article("new", body=notice, title=title)]
        assert coming_back(tonight, open_current(tmp_path), {"old"}) == back


def test_another_text_is_another_article(yesterday: Snapshot) -> None:
    tonight = [*articles(4), article("new", body=OTHER, url="https://news.example/new"), article("kept")]
    assert coming_back(tonight, yesterday, {"old"}) == []
