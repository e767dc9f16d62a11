"""What may be shown: over a real snapshot, all rows at once and some of them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.admission import Admission
from service.wanted import Wanted
from tests.makers import article, index_of

NOON = "2025-03-02T12:00:00Z"
PIECES: dict[str, dict[str, Any]] = {
    "a": {"section": "News", "language": "pt-BR", "published": "2025-03-01"},
    "b": {"section": "Caf\u00e9", "language": "pt", "published": NOON},
    "c": {"section": "news", "language": "en", "published": "2025-03-03"},
    "d": {"section": "News", "language": "en", "sponsored": True, "published": NOON},
    "e": {"section": "News", "language": "en", "sensitive": True, "published": NOON},
    "f": {},
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder: Path = tmp_path_factory.mktemp("index")
    index_of(folder, [article(name, body=f"{name} of {name * 3}", **fields) for name, fields in PIECES.items()])
    return open_current(folder)


def admitted(snapshot: Snapshot, wanted: Wanted, **more: Any) -> str:
    """Return the ids of what may be shown: the same for all rows at once, and for some in any order."""
    admission = Admission(snapshot, wanted, **more)
    mask = admission.of(slice(None))
    some = np.array([5, 3, 0, 1, 4, 2])
    assert admission.of(some).tolist() == mask[some].tolist()
    return "".join(name for name, passed in zip(PIECES, mask, strict=True) if passed)


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Wanted(), "abcf"),
        (Wanted(sections=("NEWS",)), "ac"),
        (Wanted(sections=("News", "CAFE\u0301")), "abc"),
        (Wanted(sections=("New",)), ""),
        (Wanted(languages=("pt",)), "ab"),
        (Wanted(languages=("PT-br",)), "a"),
        (Wanted(languages=("p",)), ""),
        (Wanted(exclude=("b", "nobody", "f")), "ac"),
        (Wanted(published_after=datetime(2025, 3, 2, 12, tzinfo=UTC)), "bc"),
        (Wanted(published_after=datetime(2025, 3, 2, 12, 0, 1, tzinfo=UTC)), "c"),
        (Wanted(published_before=datetime(2025, 3, 2, 12, tzinfo=UTC)), "ab"),
        (Wanted(published_before=datetime(2025, 3, 2, 11, 59, 59, tzinfo=UTC)), "a"),
        (Wanted(published_after=datetime(1900, 1, 1, tzinfo=UTC)), "abc"),
        (Wanted(published_before=datetime(2900, 1, 1, tzinfo=UTC)), "abc"),
    ],
)
def test_what_was_not_asked_for_is_not_shown(snapshot: Snapshot, wanted: Wanted, left: str) -> None:
    assert admitted(snapshot, wanted) == left


@pytest.mark.parametrize(("ruled_out", "left"), [([0], "bcf"), ([0, 1, 2, 5], ""), ([1, 4], "acf"), ([], "abcf")])
def test_what_editors_do_not_want_is_not_shown(snapshot: Snapshot, ruled_out: list[int], left: str) -> None:
    assert admitted(snapshot, Wanted(), excluded=np.array(ruled_out, np.int64)) == left


def test_what_the_reader_has_met_is_not_shown_again_nor_as_another_telling_of_it(snapshot: Snapshot) -> None:
    facts = snapshot.facts.copy()
    facts["story"] = [0, 1, 0, 3, 4, 5]
    told = replace(snapshot, facts=facts)
    assert admitted(told, Wanted(), met=[0]) == "bf"
    assert admitted(told, Wanted(), met=[2, 5]) == "b"
    assert admitted(told, Wanted(stories="all"), met=[0]) == "bcf"
