"""What nights left in an index folder, as people look at it: snapshots by their manifests, and reports."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from seealso.snapshot.layout import REPORTS, current_or_none, published_ids
from seealso.snapshot.manifest import GateResult, Manifest
from seealso.snapshot.rollback import manifest_or_reason

# A night's report is named for its snapshot, or for when it began and how it ended.
_NAME = re.compile(r"\d{8}T\d{6}Z-(?:[0-9a-f]{12}|published|refused|failed)")
# A report has some 100 kB, of a very large archive some more.
REPORT_BYTES_MAX = 8_000_000


@dataclass(frozen=True, slots=True)
class Gate:
    """How a gate stood: `state` is 'passed', 'forced', 'failed' or 'not measured'; `says` puts it into a sentence."""

    name: str
    state: str
    says: str


@dataclass(frozen=True, slots=True)
class Made:
    """A snapshot as it says of itself; where that cannot be read, `manifest` is None and `reason` says why."""

    id: str
    current: bool
    manifest: Manifest | None
    reason: str
    gates: tuple[Gate, ...] = ()
    reported: bool = False

    @property
    def bytes(self) -> int:
        """Return how long its files are together."""
        return 0 if self.manifest is None else sum(entry.bytes for entry in self.manifest.files.values())

    @property
    def created(self) -> datetime | None:
        """Return when it was made."""
        return None if self.manifest is None else datetime.fromisoformat(self.manifest.created)


@dataclass(frozen=True, slots=True)
class Night:
    """A night by its report. `facts` is the report's JSON, empty where it cannot be read."""

    name: str
    facts: dict[str, Any]

    @property
    def began(self) -> datetime | None:
        """Return when it began."""
        return _moment(self.facts.get("started"))

    @property
    def minutes(self) -> float | None:
        """Return how long it took."""
        began, ended = self.began, _moment(self.facts.get("finished"))
        return None if began is None or ended is None else (ended - began).total_seconds() / 60


def snapshots_of(index: Path) -> list[str]:
    """Return the ids of all snapshots, the newest first."""
    return published_ids(index)[::-1]


def made(index: Path, snapshot_id: str) -> Made:
    """Return what a snapshot says of itself, and what the report of its night says of the gates."""
    found = manifest_or_reason(index, snapshot_id)
    current = current_or_none(index) == snapshot_id
    if not isinstance(found, Manifest):
        return Made(snapshot_id, current, None, found)
    report = read_report(index, snapshot_id)
    said = {gate.get("gate"): gate.get("says") for gate in report.get("gates") or [] if isinstance(gate, dict)}
    gates = tuple(_gate(gate, found.forced, said.get(gate.gate)) for gate in found.gates)
    return Made(snapshot_id, current, found, "", gates, bool(report))


def nights_of(index: Path) -> list[str]:
    """Return the names of all nights, the newest first."""
    return sorted((path.stem for path in (index / REPORTS).glob("*.json") if _NAME.fullmatch(path.stem)), reverse=True)


def night_named(index: Path, name: str) -> Night:
    """Return a night, by what its report says."""
    return Night(name, read_report(index, name))


def read_report(index: Path, name: str) -> dict[str, Any]:
    """Return a night's report, empty where there is none that can be read."""
    content = _read(index, name, "json")
    try:
        found = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def report_page(index: Path, name: str) -> bytes | None:
    """Return the page of a night's report, None if there is none."""
    return _read(index, name, "html")


def _read(index: Path, name: str, ending: str) -> bytes | None:
    if not _NAME.fullmatch(name):
        return None
    try:
        with (index / REPORTS / f"{name}.{ending}").open("rb") as file:
            return file.read(REPORT_BYTES_MAX)
    except OSError:
        return None


def _gate(gate: GateResult, forced: list[str], says: str | None) -> Gate:
    state = "passed" if gate.passed else "forced" if gate.gate in forced else "failed"
    if gate.value is None and gate.passed:
        return Gate(gate.gate, "not measured", says or "there was nothing to compare with")
    measured = "it can no longer be measured" if gate.value is None else f"{gate.value:.3g}"
    return Gate(gate.gate, state, says or f"{measured}; the limit is {gate.limit:.3g}")


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
