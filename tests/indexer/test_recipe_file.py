from pathlib import Path

import pytest

from indexer.recipe_file import keep_recipe, kept_recipe
from seealso.errors import SettingsInvalid
from seealso.recipe import RECIPE_DEFAULT


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
