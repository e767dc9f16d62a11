"""What candidates are worth in a placement: 'background' by probability alone, 'latest' new ones, 'evergreen' those
that no day binds.
"""

import numpy as np
from numpy.typing import NDArray

from seealso.arrays import Rows
from seealso.article import parse_time
from seealso.order import Values
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.snapshot import Snapshot
from service.wanted import Mode

DAY_SECONDS = 86_400
# mode=latest: a piece loses half its chance in this time. A month keeps the last weeks together and lets a much better
# older piece through.
HALF_LIFE_DAYS = 30
# mode=evergreen: a report that is bound to its day (facts 'eventful') fades over two months; explainers do not.
NEWS_DAYS = 60
# A piece from the same three weeks of another year may be wanted again ('seasonal').
SEASON_DAYS = 21
SEASON_GAIN = 1.25
YEAR_DAYS = 365.2425
# What is not dated is taken as this old: neither fresh nor of any season.
UNDATED_DAYS = 182.0


def worth_of(snapshot: Snapshot, rows: Rows, probabilities: NDArray[np.float64], mode: Mode) -> Values:
    """Return what rows are worth in a mode, 0 and more; `probabilities`: of each."""
    if mode == "background":
        return probabilities
    facts = snapshot.facts[rows]
    made = parse_time(snapshot.manifest.created).timestamp()
    dated = facts["published"] != NO_TIME
    days = np.where(dated, (made - np.where(dated, facts["published"], 0)) / DAY_SECONDS, UNDATED_DAYS)
    if mode == "latest":
        faded: Values = probabilities * np.exp2(-np.maximum(days, 0.0) / HALF_LIFE_DAYS)
        return faded
    expired = facts["eventful"] * (1.0 - np.exp2(-np.maximum(days, 0.0) / NEWS_DAYS))
    off_season = np.abs((days + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2)
    seasonal = (off_season <= SEASON_DAYS) & (days > YEAR_DAYS / 2)
    kept: Values = probabilities * (1.0 - expired) * np.where(seasonal, SEASON_GAIN, 1.0)
    return kept
