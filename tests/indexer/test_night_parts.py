import pytest

from indexer.night_parts import MONTHS_MAX, YEARS_MAX, part_of_months, periods_of, rows_of
from indexer.plots import Column, plot_columns, plot_histogram, plot_rows


def test_rows_are_as_wide_as_their_amounts() -> None:
    found = plot_rows("said", [("a", 4, "4", ""), ("b", 1, "1", "")], {"b": "worse"})
    assert [(row.width, row.role) for row in found.rows] == [(100, "ours"), (25, "worse")]
    assert plot_rows("said", [("a", 0, "0", "")]).rows[0].width == 0
    assert plot_rows("said", []).rows == ()


def test_histogram_stands_at_its_edges_and_columns_fill_the_width() -> None:
    histogram = plot_histogram("said", "x", "y", [0, 0.25, 1.0], [2, 8])
    first, second = histogram.bars
    assert [first.left, first.left + first.width] == pytest.approx([1.5, 23.5])
    assert (second.top, second.height) == (0, 100)
    assert first.top + first.height == 100
    columns = plot_columns("said", "x", "y", [Column("a", 12_345, "a"), Column("b", 0, "")])
    assert [bar.text for bar in columns.bars] == ["12k", "0"]
    assert [bar.said for bar in columns.bars] == ["a: 12,345", "b: 0"]
    assert [(tick.at, tick.text) for tick in columns.x] == [(25.0, "a")]
    assert all(bar.text == "" for bar in plot_columns("said", "x", "y", [Column("a", 1, "")] * 13).bars)


def test_sixty_sections_are_the_largest_and_the_rest_as_one() -> None:
    rows = rows_of({f"section {number}": 100 - number for number in range(60)}, "By section", 4230).rows
    assert len(rows) == 16
    assert (rows[-1].name, rows[-1].text, rows[-1].role) == ("45 others", f"{sum(range(41, 86)):,}", "even")
    assert sum(int(row.text.replace(",", "")) for row in rows) == 4230


def test_months_that_lack_articles_are_nought_and_many_months_are_years() -> None:
    assert periods_of({"2025-12": 1, "2026-02": 2}) == ({"2025-12": 1, "2026-01": 0, "2026-02": 2}, "month")
    long = {f"{number // 12}-{number % 12 + 1:02}": 1 for number in range(2000 * 12, 2000 * 12 + 300)}
    years, what = periods_of(long)
    assert (what, len(years), set(years.values())) == ("year", 25, {12})
    assert periods_of({"2000-01": 1, "2004-01": 1})[0] == {"2000": 1, "2001": 0, "2002": 0, "2003": 0, "2004": 1}


def test_a_date_out_of_all_reason_does_not_make_thousands_of_columns() -> None:
    dates = {f"{year}-01": 1 for year in range(1950, 2030)} | {"0001-01": 3, "9999-12": 1}
    years, _ = periods_of(dates)
    assert len(years) == YEARS_MAX + 1
    assert next(iter(years)) == "before 1991"
    assert sum(years.values()) == sum(dates.values())
    assert periods_of({"soon": 4}) == ({"no month": 4}, "month")


@pytest.mark.parametrize("count", [1, 5, 14, 15, MONTHS_MAX, MONTHS_MAX + 1, 300])
def test_few_columns_have_their_name_under_them_however_many_there_are(count: int) -> None:
    months = {f"{number // 12}-{number % 12 + 1:02}": 5 for number in range(24000, 24000 + count)}
    plot = part_of_months(months).shown
    assert plot.kind == "chart"
    assert 1 <= len(plot.x) <= 7
