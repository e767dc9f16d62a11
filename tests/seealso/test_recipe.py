import math

import numpy as np
import pytest
from pydantic import ValidationError

from seealso.recipe import Recipe


def test_probability_rises_with_the_score() -> None:
    chances = Recipe().probability(np.array([-1e9, -5, 0, 1, 8, 1e9]))
    assert (np.diff(chances) >= 0).all()
    assert chances[0] < 1e-300
    assert chances[-1] == 1.0


@pytest.mark.parametrize("probability", [0.001, 0.05, 0.5, 0.99])
def test_score_of_a_probability_is_where_it_is_reached(probability: float) -> None:
    recipe = Recipe()
    assert recipe.probability(np.array([recipe.score_of(probability)]))[0] == pytest.approx(probability)


def test_certainty_admits_all_or_nothing() -> None:
    assert Recipe().score_of(0.0) == -math.inf
    assert Recipe().score_of(1.0) == math.inf


@pytest.mark.parametrize(
    "fields", [{"slope": 0}, {"slope": -1}, {"terms_share": 1.5}, {"intercept": math.nan}, {"x": 1}]
)
def test_recipe_that_makes_no_sense_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(fields)
