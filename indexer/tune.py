"""Fit the recipe to a newsroom's own picks: how the parts are weighed, and what a score means.

Everything is judged on queries it was not fitted to. What does not do better there than the recipe at hand, by more
than its noise, is not taken.
"""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from indexer.calibration import Query, Reliability, queries_of, reliability, said_of
from indexer.evaluate import Values
from indexer.gold import Gold
from seealso.errors import NothingToIndex
from seealso.recipe import Recipe
from seealso.snapshot.snapshot import Snapshot

# Fewer picks say more about chance than about the newsroom: the error of nDCG@10 over 50 queries is 0.05.
QUERIES_MIN = 50
PAIRS_MIN = 100
# So many standard errors of the gain; one would pass by chance one time in six.
SURE = 2.0
TERMS_SHARES = (0.2, 0.3, 0.35, 0.4, 0.5, 0.6)
TITLES_SHARES = (0.0, 0.1, 0.15, 0.2)
RETURN_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it: the recipe to keep, and before and after on held-out queries.

    `gain` is the mean gain in nDCG@10 of newly fitted weights, `noise` its standard error; `weights_taken` and
    `calibration_taken` say what of the fit is in `recipe`.
    """

    queries: int
    pairs: int
    before: Recipe
    recipe: Recipe
    ndcg_before: float
    gain: float
    noise: float
    weights_taken: bool
    reliability_before: Reliability
    reliability_after: Reliability
    calibration_taken: bool

    @property
    def changed(self) -> bool:
        """Return whether anything of the fit was taken."""
        return self.weights_taken or self.calibration_taken

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        return asdict(self) | {"before": self.before.model_dump(), "recipe": self.recipe.model_dump()}

    def show(self, console: Console) -> None:
        """Print before and after for a person."""
        console.print(f"{self.queries:,} queries with {self.pairs:,} related articles, judged on those left out\n")
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("", "before", "after", ""):
            table.add_column(column, justify="left" if column == "" else "right", no_wrap=True)
        after = self.ndcg_before + self.gain
        taken = "taken" if self.weights_taken else f"not taken: not {SURE:g} times its noise, {self.noise:.3f}"
        table.add_row("nDCG@10, by new weights", f"{self.ndcg_before:.3f}", f"{after:.3f}", taken)
        table.add_row(
            "calibration error",
            f"{self.reliability_before.error:.3f}",
            f"{self.reliability_after.error:.3f}",
            "taken" if self.calibration_taken else "not taken: it says no more than before",
        )
        table.add_row()
        for name, was in self.before.model_dump(exclude={"fitted_to"}).items():
            table.add_row(name, f"{was:g}", f"{getattr(self.recipe, name):g}")
        console.print(table)


def tune(snapshot: Snapshot, gold: Gold) -> Tuned:
    """Fit weights and calibration to gold, cross-validated over FOLDS of queries.

    Raises NothingToIndex if there are too few queries, or related pairs among their candidates.
    """
    queries = list(queries_of(snapshot, gold))
    pairs = sum(int((query.grades > 0).sum()) for query in queries)
    if len(queries) < QUERIES_MIN or pairs < PAIRS_MIN:
        raise NothingToIndex(
            f"{len(queries)} queries with {pairs} related articles among their candidates are too few to fit to; "
            f"{QUERIES_MIN} and {PAIRS_MIN} are needed. The default recipe stays, which does well without"
        )
    before = snapshot.recipe
    recipes = _recipes(before)
    ndcg = np.array([[query.ndcg(recipe) for query in queries] for recipe in recipes])
    folds = np.array([query.fold for query in queries])
    fitted = {fold: _best(ndcg[:, folds != fold]) for fold in sorted(set(folds.tolist()))}
    gains = ndcg[[fitted[fold] for fold in folds.tolist()], np.arange(len(queries))] - ndcg[0]
    gain, noise = float(gains.mean()), float(gains.std() / np.sqrt(len(queries)))
    weights_taken = gain > SURE * noise
    kept, becomes = [], []
    for fold, best in fitted.items():
        weights = recipes[best] if weights_taken else before
        curve = _calibrated([query for query in queries if query.fold != fold], weights)
        held_out = [query for query in queries if query.fold == fold]
        kept.append(said_of(held_out, weights, before))
        becomes.append(said_of(held_out, weights, curve))
    calibration_taken = _surprise(becomes) < _surprise(kept)
    recipe = recipes[_best(ndcg)] if weights_taken else before
    recipe = _calibrated(queries, recipe) if calibration_taken else recipe
    if weights_taken or calibration_taken:
        recipe = recipe.model_copy(update={"fitted_to": f"{len(queries)} queries of snapshot {snapshot.id}"})
    return Tuned(
        queries=len(queries),
        pairs=pairs,
        before=before,
        recipe=recipe,
        ndcg_before=float(ndcg[0].mean()),
        gain=gain,
        noise=noise,
        weights_taken=weights_taken,
        reliability_before=reliability(*said_of(queries, before, before)),
        reliability_after=reliability(*_joined(becomes if calibration_taken else kept)),
        calibration_taken=calibration_taken,
    )


def _recipes(before: Recipe) -> list[Recipe]:
    """Return the recipes that are tried; the one at hand is the first."""
    return [before] + [
        before.model_copy(update={"terms_share": terms, "titles_share": titles, "return_share": back})
        for terms, titles, back in product(TERMS_SHARES, TITLES_SHARES, RETURN_SHARES)
    ]


def _best(ndcg: Values) -> int:
    """Return the recipe whose lists are best, of recipes x queries; the first of equals."""
    return int(ndcg.mean(axis=1).argmax())


def _calibrated(queries: list[Query], recipe: Recipe) -> Recipe:
    """Return the recipe with the logistic curve that fits best (Platt 1999); the same where scores tell nothing."""
    judged = [query.judged(recipe) for query in queries]
    scores = np.concatenate([scores for scores, _ in judged])
    related = np.concatenate([related for _, related in judged])
    if related.all() or not related.any():
        return recipe
    curve = LogisticRegression(C=np.inf).fit(scores[:, np.newaxis], related)
    slope, intercept = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    if slope <= 0:
        return recipe
    return recipe.model_copy(update={"slope": round(slope, 4), "intercept": round(intercept, 4)})


def _joined(said: list[tuple[Values, NDArray[np.bool_]]]) -> tuple[Values, NDArray[np.bool_]]:
    return np.concatenate([each for each, _ in said]), np.concatenate([each for _, each in said])


def _surprise(said: list[tuple[Values, NDArray[np.bool_]]]) -> float:
    """Return the mean negative logarithm of what was said of what came."""
    chances, found = _joined(said)
    return float(-np.log(np.clip(np.where(found, chances, 1.0 - chances), 1e-9, 1.0)).mean())
