import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.gold import Gold
from indexer.quality_commands import tune as tune_command
from indexer.recipe_file import keep_recipe, kept_recipe
from indexer.tune import PAIRS_MIN, QUERIES_MIN, tune
from seealso.article import Article
from seealso.errors import NothingToIndex, SettingsInvalid
from seealso.recipe import RECIPE_DEFAULT, Recipe
from seealso.snapshot.layout import RECIPE
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from tests.makers import HashEncoder, article, index_of


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Texts of ten subjects' words."""
    folder = tmp_path_factory.mktemp("index")
    rng = np.random.default_rng(4)
    pieces = [
        article(
            f"a{number:03}",
            title=f"Piece {number}",
            body=" ".join(f"s{number % 10}w{word}" for word in rng.integers(0, 12, 5))
            + " "
            + " ".join(f"w{word}" for word in rng.integers(0, 300, 8)),
        )
        for number in range(200)
    ]
    index_of(folder, pieces, HashEncoder(window=60))
    return open_current(folder)


def gold_of(snapshot: Snapshot, queries: int) -> Gold:
    """Return three of the same subject as gold of each query."""
    return {
        f"a{number:03}": {
            f"a{other:03}": 1.0 for other in range(number % 10, 200, 10) if other != number and other < 40
        }
        for number in range(queries)
    }


def test_fit_says_before_and_after_and_is_no_worse(snapshot: Snapshot) -> None:
    tuned = tune(snapshot, gold_of(snapshot, 150))
    assert tuned.queries == 150
    assert tuned.before == RECIPE_DEFAULT
    assert tuned.weights_taken == (tuned.gain > 2 * tuned.noise)
    if not tuned.weights_taken:
        assert tuned.recipe.terms_share == RECIPE_DEFAULT.terms_share
    assert tuned.calibration_taken
    assert tuned.reliability_after.error < 0.05
    assert "150 queries" in tuned.recipe.fitted_to


def test_picks_at_random_change_no_weights(snapshot: Snapshot) -> None:
    rng = np.random.default_rng(9)
    rows = {row: snapshot.neighbours_of(row)[0] for row in range(120)}
    gold = {
        snapshot.article_id(row): {snapshot.article_id(int(each)): 1.0 for each in rng.choice(found, 3, replace=False)}
        for row, found in rows.items()
    }
    tuned = tune(snapshot, gold)
    assert abs(tuned.gain) < 5 * tuned.noise + 0.05
    assert tuned.recipe.probability(np.array([8.0]))[0] < 0.2  # even the best says nothing here


@pytest.mark.parametrize("queries", [0, 1, QUERIES_MIN - 1])
def test_too_few_picks_are_refused(snapshot: Snapshot, queries: int) -> None:
    with pytest.raises(NothingToIndex, match=f"{QUERIES_MIN} and {PAIRS_MIN} are needed"):
        tune(snapshot, gold_of(snapshot, queries))


def test_kept_recipe_is_that_of_the_next_snapshot(tmp_path: Path) -> None:
    assert kept_recipe(tmp_path) == RECIPE_DEFAULT
    fitted = Recipe(terms_share=0.5, slope=0.7, fitted_to="a test")
    keep_recipe(tmp_path, fitted)
    assert kept_recipe(tmp_path) == fitted
    index_of(tmp_path, [article("a"), article("b")])
    snapshot = open_current(tmp_path)
    assert snapshot.recipe == fitted
    assert snapshot.manifest.recipe["terms_share"] == 0.5


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "JSON"), (b'{"terms_share": 2}', "terms_share"), (b'{"teh": 1}', "teh: Extra inputs")]
)
def test_recipe_that_is_none_is_refused_by_field(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / RECIPE).write_bytes(content)
    with pytest.raises(SettingsInvalid, match=said):
        kept_recipe(tmp_path)


def test_command_tells_before_and_after_and_keeps_the_recipe(snapshot: Snapshot, tmp_path: Path) -> None:
    pieces = [Article.model_validate_json(snapshot.article(row)) for row in range(len(snapshot))]
    gold = gold_of(snapshot, 120)
    index_of(tmp_path, [piece.model_copy(update={"editor_related": list(gold.get(piece.id, {}))}) for piece in pieces])
    shown = CliRunner().invoke(tune_command, ["--dry-run", "--index", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert "nDCG@10, by new weights" in shown.stdout
    assert not (tmp_path / RECIPE).exists()
    kept = CliRunner().invoke(tune_command, ["--json", "--index", str(tmp_path)])
    assert kept_recipe(tmp_path).model_dump() == json.loads(kept.stdout)["recipe"]
    assert str(tmp_path / RECIPE) in kept.stderr
    assert {"reliability_before", "reliability_after", "gain", "noise"} <= set(json.loads(kept.stdout))
