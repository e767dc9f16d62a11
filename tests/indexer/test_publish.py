from pathlib import Path

import pytest

from indexer.publish import clear_remains, keep_recipe, kept_recipe
from seealso.errors import SettingsInvalid
from seealso.recipe import RECIPE_DEFAULT
from seealso.snapshot.layout import current_or_none
from tests.makers import articles, index_of


def test_remains_of_killed_runs_are_cleared(tmp_path: Path) -> None:
    whole = index_of(tmp_path, articles(4)).snapshot
    (tmp_path / "snapshots/.building-99").mkdir()
    (tmp_path / "snapshots/.building-99/cards.bin").write_bytes(b"half")
    (tmp_path / "snapshots/.whole-20200101T000000Z-000000000000").write_bytes(b"of one that is gone")
    (tmp_path / "snapshots/.whole-20200101T000000Z-000000000000.7.new").write_bytes(b"half")
    (tmp_path / ".CURRENT.new").write_bytes(b"2026")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/.20261128T000000Z-failed.json.new").write_bytes(b"{")
    clear_remains(tmp_path)
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == [whole]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "CURRENT",
        "lock",
        "reports",
        "snapshots",
        "vectors.sqlite",
    ]
    assert list((tmp_path / "reports").iterdir()) == []


def test_recipe_that_is_kept_is_the_next_run_s(tmp_path: Path) -> None:
    assert kept_recipe(tmp_path) == RECIPE_DEFAULT
    other = RECIPE_DEFAULT.model_copy(update={"probability_min": 0.25})
    assert keep_recipe(tmp_path, other) == tmp_path / "recipe.json"
    assert kept_recipe(tmp_path) == other
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]


@pytest.mark.parametrize(("text", "what"), [("{", "the file"), ('{"probability_min": "high"}', "probability_min")])
def test_what_is_no_recipe_is_refused_by_name(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(SettingsInvalid, match=f"recipe.json: {what}: .*seealso tune"):
        kept_recipe(tmp_path)


def test_empty_folder_has_nothing_to_clear(tmp_path: Path) -> None:
    clear_remains(tmp_path)
    assert current_or_none(tmp_path) is None
