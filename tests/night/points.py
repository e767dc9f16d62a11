"""Which calls of a night a test picks: a trace of all -> one or two of each kind and file, or every one.

A call has the same name in every night: nights over the same articles differ in how often they ask SQLite's files, so
the number that a call has among all is another one's in the next night.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.night.shim import Fault

_SNAPSHOT = re.compile(r"/snapshots/(?:\.building-[^/ ]*|\d{8}T\d{6}Z-[0-9a-f]{12})")
_ID = re.compile(r"\d{8}T\d{6}Z(?:-[0-9a-f]{12})?")
_DATA = re.compile(r"\.(?:npy|bin|faiss)$|/labels\.json$")
_BUILDING = re.compile(r"(?<=/\.building-)\d+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a night: the n-th of a kind on a path, in which the shim's glob stands for what differs by night."""

    kind: str
    path: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.path} ({self.number})"

    def fault(self, action: int) -> Fault:
        """Return the fault that happens at this call."""
        return Fault(self.kind, self.number, action, path=self.path)


def calls_of(trace: Iterable[str]) -> list[Call]:
    """Return the calls of a trace, in order."""
    counts: Counter[tuple[str, str]] = Counter()
    calls = []
    for line in trace:
        kind, path = line.split(" ", 1)
        path = _BUILDING.sub("[0-9]*", _ID.sub(lambda match: re.sub("[0-9a-f]", "?", match[0]), path))
        counts[kind, path] += 1
        calls.append(Call(kind, path, counts[kind, path]))
    return calls


def name_of(line: str) -> str:
    """Return the point's name: 'kind path' without what differs from night to night; data files are all one."""
    building = ".building-" in line
    name = _SNAPSHOT.sub("/snapshots/.building" if building else "/snapshots/ID", line)
    name = _ID.sub("ID", name)
    folder = name.rpartition("/")[0]
    return f"{folder}/DATA" if _DATA.search(name) else name


def each_named(trace: Iterable[str]) -> dict[str, list[int]]:
    """Return for each name the places, from 1, that it has in the trace."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, line in enumerate(trace, 1):
        places[name_of(line)].append(place)
    return dict(places)


def first_and_last(places: list[int]) -> list[int]:
    """Return the two ends of a name's places, which may be one."""
    return sorted({places[0], places[-1]})
