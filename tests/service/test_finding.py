"""Searching the whole archive."""

from datetime import UTC, datetime

import pytest

from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service import finding
from service.finding import Filters, by_date, by_words, row_at
from tests.makers import article, articles, index_of


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("index")
    index_of(
        folder,
        [
            *articles(10, published="2025-01-01"),
            article("both", title="Gates", body="otter barrage barrier", published="2025-02-01"),
            article("one", title="Otter", body="swimmers in the cold", url="http://www.news.example/one/?id=7"),
            article("other", title="Barrage", body="a river in a meadow", url='https://news.example/"quoted"'),
        ],
    )
    return open_current(folder)


def ids(snapshot: Snapshot, rows: object) -> list[str]:
    return [snapshot.article_id(int(row)) for row in rows]  # type: ignore[attr-defined]


def test_articles_with_all_words_come_before_those_with_some(snapshot: Snapshot) -> None:
    found = ids(snapshot, by_words(snapshot, "barrage otter", snapshot.here).rows)
    assert found[0] == "both"
    assert set(found) == {"both", "one", "other"}


def test_words_that_nobody_wrote_find_nothing(snapshot: Snapshot) -> None:
    assert len(by_words(snapshot, "zzz", snapshot.here).rows) == 0
    assert len(by_words(snapshot, "…", snapshot.here).rows) == 0


def test_of_many_the_best_are_found_among_those_that_are_looked_for(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "BY_WORDS_MAX", 3)
    found = by_words(snapshot, "piece chess otter", snapshot.here)
    assert (len(found.rows), found.full) == (3, True)
    last = Filters(after=datetime(2025, 1, 15, tzinfo=UTC)).mask(snapshot)
    later = by_words(snapshot, "piece chess otter", last)
    assert (ids(snapshot, later.rows), later.full) == (["both"], False)


def test_undated_articles_come_last(snapshot: Snapshot) -> None:
    found = ids(snapshot, by_date(snapshot, snapshot.here).rows)
    assert found[0] == "both"
    assert set(found[-2:]) == {"one", "other"}


@pytest.mark.parametrize(
    "address",
    ["http://www.news.example/one/?id=7", "https://news.example/one/?id=7", "https://news.example/one?id=7"],
)
def test_address_is_found_as_people_copy_it(snapshot: Snapshot, address: str) -> None:
    row = row_at(snapshot, address)
    assert row is not None
    assert snapshot.article_id(row) == "one"


def test_address_that_no_article_has_is_not_found(snapshot: Snapshot) -> None:
    assert row_at(snapshot, "https://news.example/on") is None
    assert row_at(snapshot, "https://[broken") is None
    assert snapshot.row_at("") is None
