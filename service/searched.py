"""A snapshot's vectors, searched by an engine where it answers, and as they are where it does not.

Whatever the engine says, nothing is found that may not be: its answer is held against the mask, and scored anew by the
snapshot's own vectors, so that an article has the same score whoever found it.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Mask, Rows, Scores
from seealso.encoder import Vectors
from seealso.snapshot.expression import EVERYTHING, Expressions
from seealso.snapshot.vectors import VectorIndex

# Vectors, limit, expression, the share of rows for which it holds -> rows, None where there is no answer.
Ask = Callable[[Vectors, int, str, float], Rows | None]
# By whom a search was answered, and why the snapshot had to: 'short', rows were missing or wrong; 'long', the filter
# has no expression of bearable length; '' for what `ask` tells by itself.
Told = Callable[[Literal["engine", "snapshot"], Literal["", "short", "long"]], None]


class SearchedVectors(VectorIndex):
    """A snapshot's vectors, that something else searches. `facts`: files.FACT_ROW by row, as the engine has them."""

    def __init__(self, local: VectorIndex, facts: NDArray[Any], ask: Ask, told: Told = lambda _, __: None) -> None:
        super().__init__(local.index, local.cells, local.probed, local.filtered_probed)
        self._expressions = Expressions(facts)
        self._ask = ask
        self._told = told

    def search(self, vectors: Vectors, limit: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """Return the rows and inner products of the `limit` nearest to each vector, best first."""
        found = self._found(vectors, limit, allowed) if np.isfinite(vectors).all() else None
        if found is None:
            return super().search(vectors, limit, allowed)
        scores = np.where(found < 0, -1.0, self.products(vectors, np.maximum(found, 0))).astype(np.float32)
        order = np.lexsort((found, -scores, found < 0), axis=1)
        return np.take_along_axis(found, order, axis=1), np.take_along_axis(scores, order, axis=1)

    def _found(self, vectors: Vectors, limit: int, allowed: Mask | None) -> Rows | None:
        """Return what the engine finds: vectors x limit, in any order; None where that is not all that there is."""
        possible = self.count if allowed is None else int(np.count_nonzero(allowed))
        if not possible:
            return np.full((len(vectors), limit), -1, np.int64)
        expression = EVERYTHING if allowed is None else self._expressions.of(allowed)
        if expression is None:
            self._told("snapshot", "long")
            return None
        wanted = min(limit, possible)
        rows = self._ask(vectors, wanted, expression, possible / self.count)
        if rows is None:
            self._told("snapshot", "")
            return None
        found = np.full((len(vectors), limit), -1, np.int64)
        for place, answered in enumerate(rows):
            known = np.unique(answered[(answered >= 0) & (answered < self.count)])
            if allowed is not None:
                known = known[allowed[known]]
            if len(known) < wanted:  # a graph that is walked under a narrow filter may end too soon
                self._told("snapshot", "short")
                return None
            found[place, :wanted] = known[:wanted]
        self._told("engine", "")
        return found
