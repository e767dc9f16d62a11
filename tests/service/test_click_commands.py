import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from seealso.cli import cli
from seealso.editorial.clicks import Count, Spot, add_counts
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable

COLUMNS = ["day", "article", "item", "slot", "block", "team", "shown", "clicked"]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    store = Store(tmp_path)
    add_counts(
        store,
        {
            Spot("2026-11-27", "a", "x", 1, "below"): Count(10, 2),
            Spot("2026-11-28", "a", "Umlaut, 'ü'", 2, ""): Count(5, 0),
        },
    )
    store.close()
    return tmp_path


def run(index: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["clicks", *words, "--index", str(index)])


def test_counts_are_written_as_csv(index: Path, tmp_path: Path) -> None:
    said = run(index, str(tmp_path / "clicks.csv"))
    assert "has 2 rows" in said.stdout
    with (tmp_path / "clicks.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            COLUMNS,
            ["2026-11-27", "a", "x", "1", "below", "", "10", "2"],
            ["2026-11-28", "a", "Umlaut, 'ü'", "2", "", "", "5", "0"],
        ]


def test_counts_of_some_days_are_written_as_parquet(index: Path, tmp_path: Path) -> None:
    run(index, str(tmp_path / "clicks.parquet"), "--from", "2026-11-28", "--to", "2026-11-28")
    table = parquet.read_table(tmp_path / "clicks.parquet")
    assert table.column_names == COLUMNS
    assert table.to_pylist() == [
        {"day": "2026-11-28", "article": "a", "item": "Umlaut, 'ü'", "slot": 2, "block": "", "team": ""}
        | {"shown": 5, "clicked": 0}
    ]


def test_no_counts_are_a_table_without_rows(tmp_path: Path) -> None:
    Store(tmp_path).sequence()
    for name in ("clicks.csv", "clicks.parquet"):
        assert "has 0 rows" in run(tmp_path, str(tmp_path / name)).stdout
    assert parquet.read_table(tmp_path / "clicks.parquet").num_rows == 0


def test_no_store_is_no_table(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "mistyped", str(tmp_path / "clicks.csv")).exception, StoreUnavailable)
    assert list(tmp_path.iterdir()) == []


def test_other_kinds_of_files_are_refused(index: Path, tmp_path: Path) -> None:
    said = run(index, str(tmp_path / "clicks.xlsx"))
    assert (said.exit_code, ".csv or .parquet" in said.output) == (2, True)
