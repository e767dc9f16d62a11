"""The recipe: every weight and threshold of relatedness, with its reason, as a snapshot's manifest keeps it.

A snapshot keeps the recipe it was made by, and is read by that one, not by this version's defaults. `seealso tune` fits
another to a newsroom's own picks.
"""

import math
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Number = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class Recipe(BaseModel):
    """How two articles' parts become a score, and a score becomes a probability; see `relatedness` and docs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    FITTED_TO_DEFAULT: ClassVar[str] = "documentation pages' own links and a sample newsroom's picks"

    # Of 0.2 to 0.5, 0.3 to 0.4 is best on news and on documentation pages alike.
    terms_share: _Share = 0.35
    # On top of both. Documentation gains 0.015 nDCG@10; news loses 0.008 +- 0.008: headlines name less often what a
    # piece is about. `seealso tune` tells a newsroom its own.
    titles_share: _Share = 0.15
    # How far the view from the other article counts: none lets hubs in (news 0.58 nDCG@10 against 0.62), all of it
    # pushes out pages that many rightly point to (documentation 0.560 against 0.568).
    return_share: _Share = 0.5
    # What nearness itself adds, whatever the archive: it changes no list, but it keeps the best of a bad lot from
    # looking sure.
    cosine_weight: _Number = 2.0
    # probability = 1 / (1 + exp(-(slope * score + intercept))), fitted to documentation and news, of equal weight.
    slope: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 0.58
    intercept: _Number = -3.89
    # The chance to be among the few that an editor lists. Of the picks among the twenty best candidates 93 to 96 in 100
    # are above it, and of all the twenty three in ten are not.
    probability_min: _Share = 0.05
    fitted_to: str = FITTED_TO_DEFAULT

    @property
    def weights(self) -> tuple[float, float, float]:
        """Return how much vectors, terms and titles count."""
        return (1.0 - self.terms_share, self.terms_share, self.titles_share)

    def score_of(self, probability: float) -> float:
        """Return the score at which a pair has a probability: 0 and below admit every score, 1 and above none."""
        if not 0.0 < probability < 1.0:
            return -math.inf if probability <= 0.0 else math.inf
        return (math.log(probability / (1.0 - probability)) - self.intercept) / self.slope

    def probability(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Return the calibrated chance, 0 to 1, that a person would call each pair related."""
        odds = self.slope * scores.astype(np.float64) + self.intercept
        odds = np.minimum(np.maximum(odds, -700.0), 700.0)  # exp() overflows at 710
        chances: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-odds))
        return chances


RECIPE_DEFAULT = Recipe()
