"""What a night could not take in, as its report in the index folder tells it; the report may be gone."""

from pathlib import Path
from typing import NamedTuple

import orjson

from seealso.snapshot.layout import REPORTS

# A night's report is some 100 kB; a thousand times that is none.
REPORT_BYTES_MAX = 100_000_000


class Refusal(NamedTuple):
    """Where something was found that is no article, and why it is none."""

    where: str
    reason: str


class Quarantine(NamedTuple):
    """What was not taken in. `count`: of all; the report lists the first of many."""

    count: int
    listed: list[Refusal]


def read_quarantine(index: Path, snapshot_id: str) -> Quarantine | None:
    """Return what the night that made a snapshot could not take in; None if there is no report that tells it."""
    try:
        with (index / REPORTS / f"{snapshot_id}.json").open("rb") as file:
            told = orjson.loads(file.read(REPORT_BYTES_MAX))
        listed = [Refusal(str(each["where"]), str(each["reason"])) for each in told["quarantined"]]
        return Quarantine(int(told["quarantined_count"]), listed)
    except (OSError, ValueError, TypeError, KeyError):  # it is not there, or not as a night wrote it
        return None
