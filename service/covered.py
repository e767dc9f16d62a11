"""Whether a draft tells what the archive tells already: the pieces that do, and how sure that is.

The rule is that of the nights (`seealso.telling`), without its days: a draft has none yet.
"""

from typing import NamedTuple

import numpy as np

from seealso.arrays import Rows
from seealso.relatedness import Cohorts, scored
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot
from seealso.telling import are_numbers_of_a_series, tell_one_event
from service.related import PASTED_LOOKED_AT, pasted
from service.why import Draft

# What is less alike than two tellings are, and more than most pairs: of the sample newsroom four pairs, of which two
# tell one event (the flood, by three hands) and two are a report and its explainer.
LIKELY_COSINE = 0.65
LIKELY_TERMS = 0.18
LOOKED_AT = 20
DAY_SECONDS = 86_400


class Covered(NamedTuple):
    """An article that tells what a draft does. `sure`: by the measure of stories, not only nearly.

    `same_text`: it is that text; `days`: since it was published, None where that is not known.
    """

    row: int
    sure: bool
    same_text: bool
    days: int | None


def already_covered(snapshot: Snapshot, draft: Draft, own: Cohorts, rows: Rows, now: float) -> list[Covered]:
    """Return the articles that tell what a draft does: the same text, the surest, then the latest first.

    `rows`: what is most related to it, best first; `own`: its cohort; `now`: in seconds since 1970.
    """
    rows = rows[:LOOKED_AT]
    if not len(rows):
        return []
    same = pasted(snapshot, draft, rows[:PASTED_LOOKED_AT])
    plain = scored(snapshot, snapshot.recipe, draft.probes, own, rows[np.newaxis]).plain[0]
    length = float(np.sqrt(draft.probes.terms.squares()[0]))
    found: dict[int, bool] = {} if same is None else {same: True}
    for row, measures in zip(rows.tolist(), plain, strict=True):
        other = float(np.sqrt(snapshot.probes(row).terms.squares()[0]))
        cosine, shared = float(measures[0]), float(measures[1]) / max(length * other, 1e-6)
        if draft.title and are_numbers_of_a_series(draft.title, snapshot.title(row)):
            continue
        language = snapshot.language_of(row)
        if tell_one_event(0.0, cosine, shared, draft.language or language, language):
            found[row] = True
        elif cosine >= LIKELY_COSINE and shared >= LIKELY_TERMS:
            found.setdefault(row, False)
    # Who tells the same story as one that surely tells it, does so too.
    for row in [row for row, sure in found.items() if sure]:
        told = np.flatnonzero((snapshot.facts["story"] == snapshot.facts["story"][row]) & snapshot.here)
        found |= dict.fromkeys(told.tolist(), True)
    covered = [Covered(row, sure, row == same, _days(snapshot, row, now)) for row, sure in found.items()]
    return sorted(covered, key=lambda each: (not each.same_text, not each.sure, each.days is None, each.days, each.row))


def _days(snapshot: Snapshot, row: int, now: float) -> int | None:
    published = int(snapshot.facts["published"][row])
    return None if published == NO_TIME else max(0, int(now - published) // DAY_SECONDS)
