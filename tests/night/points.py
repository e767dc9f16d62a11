"""Which calls of a night a test picks: a trace of all -> one or two of each kind and file, or every one."""

import re
from collections import defaultdict
from collections.abc import Iterable

_SNAPSHOT = re.compile(r"/snapshots/(?:\.building-[^/ ]*|\d{8}T\d{6}Z-[0-9a-f]{12})")
_ID = re.compile(r"\d{8}T\d{6}Z(?:-[0-9a-f]{12})?")
_DATA = re.compile(r"\.(?:npy|bin|faiss)$|/labels\.json$")


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
