"""The archive in numbers, over a small one that was really indexed."""

from pathlib import Path

import numpy as np
import pytest

from seealso.article import Article
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.archive import (
    LIST_LENGTH,
    NO_MONTH,
    Period,
    by_times_listed,
    coverage,
    month_counts,
    months_of,
    period_name,
    section_counts,
    stories_told,
    tellings,
    thin,
    times_listed,
)
from tests.makers import article, articles, index_of

LONG = "A sentence of six words here. " * 40


def snapshot_of(folder: Path, items: list[Article]) -> Snapshot:
    index_of(folder, items)
    return open_current(folder)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    items = [
        *articles(20, section="News", published="2025-03-31T23:00:00Z"),
        article("old", section="News", published="1969-12-31", body=LONG),
        article("storm", section="Weather", published="2025-04-01", body=LONG),
        article("copy", section="Weather", published="2025-04-02", body=LONG, canonical="storm"),
        article("undated", section="Weather"),
        article("loose", published="2024-01-15"),
    ]
    return snapshot_of(tmp_path_factory.mktemp("archive"), items)


def row(snapshot: Snapshot, article_id: str) -> int:
    found = snapshot.row_of(article_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("1970", (0, 11)),
        ("1970-01", (0, 0)),
        ("2025-03", (662, 662)),
        ("1969-12", (-1, -1)),
        ("9999", (96_348, 96_359)),
    ],
)
def test_a_period_is_a_year_or_a_month(text: str, months: tuple[int, int]) -> None:
    period = Period.of(text)
    assert period == months
    assert period_name(period.first, whole_year=len(text) == 4) == text


@pytest.mark.parametrize("text", ["25", "2025-13", "2025-00", "2025-3", "2025-03-01", "x", "２０２５", "2025\n"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a year such as 2025, or a month"):
        Period.of(text)


def test_months_are_those_of_the_calendar_before_1970_too(snapshot: Snapshot) -> None:
    months = months_of(snapshot)
    assert months[row(snapshot, "a000")] == 662
    assert months[row(snapshot, "storm")] == 663
    assert months[row(snapshot, "old")] == -1
    assert months[row(snapshot, "undated")] == NO_MONTH
    assert month_counts(snapshot) == {"2025-04": 2, "2025-03": 20, "2024-01": 1, "1969-12": 1}
    assert list(month_counts(snapshot)) == ["2025-04", "2025-03", "2024-01", "1969-12"]


def test_sections_are_counted_the_largest_first(snapshot: Snapshot) -> None:
    named = [(snapshot.sections[number] if number >= 0 else None, count) for number, count in section_counts(snapshot)]
    assert named == [("News", 21), ("Weather", 3), (None, 1)]


def test_coverage_counts_every_article_once(snapshot: Snapshot) -> None:
    found = coverage(snapshot)
    assert found.columns == ["1969", "2024", "2025", None]
    assert [snapshot.sections[number] if number >= 0 else "" for number in found.sections] == ["News", "Weather", ""]
    assert found.counts.tolist() == [[1, 0, 20, 0], [0, 0, 2, 1], [0, 1, 0, 0]]


def test_coverage_of_a_year_is_by_its_months(snapshot: Snapshot) -> None:
    found = coverage(snapshot, 2025)
    assert found.columns == [f"2025-{month:02}" for month in range(1, 13)]
    assert found.counts[:, 2:4].tolist() == [[20, 0], [0, 2]]
    assert found.counts.sum() == 22
    assert coverage(snapshot, 1999).sections == []


def test_coverage_of_many_years_sums_up_the_earliest(tmp_path: Path) -> None:
    found = coverage(
        snapshot_of(tmp_path, [article(f"y{year}", published=f"{year}-06-01") for year in range(1990, 2020)])
    )
    assert (found.columns[0], found.columns[1], found.columns[-1]) == ("", "2000", "2019")
    assert found.counts.tolist() == [[10] + [1] * 20]


def test_coverage_of_two_years_is_by_month_and_of_undated_articles_one_column(tmp_path: Path) -> None:
    few = snapshot_of(tmp_path / "few", [article("a", published="2024-01-05"), article("b", published="2025-12-05")])
    assert len(coverage(few).columns) == 24
    undated = coverage(snapshot_of(tmp_path / "undated", articles(3, section="X")))
    assert undated.columns == [None]
    assert undated.counts.tolist() == [[3]]


def test_times_listed_are_those_of_the_lists(snapshot: Snapshot) -> None:
    times = times_listed(snapshot)
    plain = [0] * len(snapshot)
    for each in range(len(snapshot)):
        for other in snapshot.neighbours_of(each)[0][:LIST_LENGTH]:
            plain[int(other)] += 1
    assert times.tolist() == plain
    most, never = by_times_listed(snapshot, times)
    assert (np.diff(times[most]) <= 0).all()
    assert (times[never] == 0).all()
    assert sorted([*most.tolist(), *never.tolist()]) == list(range(len(snapshot)))


def test_one_article_is_in_no_list(tmp_path: Path) -> None:
    alone = snapshot_of(tmp_path, articles(1))
    most, never = by_times_listed(alone, times_listed(alone))
    assert (most.tolist(), never.tolist()) == ([], [0])
    assert len(stories_told(alone, newest_first=True).names) == 0


def test_stories_are_told_by_several_articles(snapshot: Snapshot) -> None:
    found = stories_told(snapshot, newest_first=True)
    together = [{snapshot.article_id(int(each)) for each in tellings(snapshot, int(name))} for name in found.names]
    assert any({"copy", "storm"} <= story for story in together)
    assert (found.sizes > 1).all()
    assert (np.diff(found.latest.astype(float)) <= 0).all()
    assert (np.diff(stories_told(snapshot, newest_first=False).sizes) <= 0).all()
    first = tellings(snapshot, int(snapshot.facts["story"][row(snapshot, "storm")]))
    assert snapshot.article_id(int(first[0])) == "copy"  # the newest


def test_thin_articles_are_those_with_least_text(snapshot: Snapshot) -> None:
    rows = thin(snapshot)
    assert {row(snapshot, each) for each in ("old", "storm", "copy")}.isdisjoint(rows.tolist())
    assert len(rows) == len(snapshot) - 3
    assert (np.diff(snapshot.text_lengths[rows]) >= 0).all()
    assert snapshot.text_lengths[row(snapshot, "storm")] == len(LONG.strip())
